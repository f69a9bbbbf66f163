"""What the queries have in common: which labels make a series one thing, and what the variables select.

Several pollers of one project count the same jobs. So the greatest over the instances comes first, with every label
of the metric kept, and only then is anything summed. What is each poller's own is never added up over instances.
"""

from typing import Final

TARGET: Final = "project_id, region, city_id, product_type"
"""The labels of one target."""

OF_TARGET: Final = 'project_id=~"$project", city_id=~"$city", product_type=~"$product_type"'
OF_JOBS: Final = f'{OF_TARGET}, job_type=~"$job_type"'
OF_PRODUCT: Final = 'project_id=~"$project", product_type=~"$product_type"'
OF_POLLER: Final = 'job=~"$job"'

NO_CITY: Final = "Histograms have no city: that variable has no effect here."


def counted(metric: str, window: str, labels: str = OF_JOBS, by: str = f"{TARGET}, job_type, state") -> str:
    """Count what a counter grew by within a window, once however many pollers have seen it."""
    return f"max by ({by}) (increase({metric}{{{labels}}}[{window}]))"


def quantile(share: float, metric: str, window: str, *, over: str, labels: str, apart: str = "") -> str:
    """Estimate a quantile of a histogram whose labels are ``over``, for each value of the label ``apart``."""
    by = ", ".join(filter(None, (apart, "le")))
    buckets = f"max by ({over}, le) (rate({metric}_bucket{{{labels}}}[{window}]))"
    return f"histogram_quantile({share}, sum by ({by}) ({buckets}))"
