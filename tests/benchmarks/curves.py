"""Arithmetic on what was measured: slopes, percentiles, and curves drawn in a line of text."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

_BARS: Final = "▁▂▃▄▅▆▇█"


def slope(points: Mapping[float, float]) -> float:
    """Return the exponent by which a measure grows with a size: the least-squares slope of its logarithms."""
    xs = [math.log(size) for size in points]
    ys = [math.log(measure) for measure in points.values()]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    covariance = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True))
    return covariance / sum((x - mean_x) ** 2 for x in xs)


def percentile(values: Iterable[float], share: float) -> float:
    """Return the least of the values that so large a share of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def spark(values: Sequence[float]) -> str:
    """Draw a curve from 0 up, a character a value."""
    top = max(values, default=0.0) or 1.0
    return "".join(_BARS[round(max(0.0, value) / top * (len(_BARS) - 1))] for value in values)
