"""Lines of an exposition, in Prometheus's text format 0.0.4 and in OpenMetrics 1.0, where they are the same.

https://prometheus.io/docs/instrumenting/exposition_formats/ and
https://prometheus.io/docs/specs/om/open_metrics_spec/

The library's own writing takes five times as long, and the event loop waits for it at every scrape.
"""

from collections.abc import Callable
from functools import lru_cache

from prometheus_client.utils import floatToGoString

from poller.metrics.scrape import Labels

number: Callable[[float], str] = floatToGoString
"""Writes a value, or the bound of a bucket."""

_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def sample(name: str, names: Labels, values: Labels, value: float) -> str:
    """Write a sample with its newline."""
    return f"{name}{_braces(names, values)} {number(value)}\n"


def heading(name: str, kind: str, text: str) -> str:
    """Write what stands before a metric's samples. The text is one of ours, with nothing to escape."""
    return f"# HELP {name} {text}\n# TYPE {name} {kind}\n"


# The same from scrape to scrape, where targets are not too many.
@lru_cache(maxsize=2048)
def _braces(names: Labels, values: Labels) -> str:
    if not names:
        return ""
    return "{" + ",".join(sorted(map(_pair, names, values))) + "}"


@lru_cache(maxsize=1024)
def _pair(name: str, value: str) -> str:
    # A job type may hold a lone surrogate, and so may an environment variable: one would fail the whole scrape.
    sound = value if value.isascii() else value.encode(errors="backslashreplace").decode()
    return f'{name}="{sound.translate(_ESCAPES)}"'
