"""Options: what makes no sense is refused by name."""

import math
from typing import Any

import pytest

from poller.simulator.options import Fault, Options, Outage


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("cities", {"cities": 0}),
        ("arrival_rate", {"arrival_rate": -1}),
        ("arrival_rate", {"arrival_rate": math.nan}),
        ("active_jobs", {"active_jobs": -1}),
        ("workers", {"workers": 0}),
        ("max_phones", {"max_phones": 0}),
        ("max_phones", {"max_phones": 1, "partial_share": 0.1}),
        ("page_cap", {"page_cap": 0}),
        ("page_cap", {"page_cap": 101}),
        ("failed_share", {"failed_share": 1.1}),
        ("partial_share", {"partial_share": -0.1}),
        ("failed_share", {"failed_share": 0.6, "partial_share": 0.6}),
        ("queue_time", {"queue_time": (2, 1)}),
        ("run_time", {"run_time": (-1, 1)}),
        ("retention", {"retention": 0}),
        ("latency", {"latency": -1}),
        ("jitter", {"jitter": -1}),
        ("lag", {"lag_share": 0.5}),
        ("lag_share", {"lag": 1, "lag_share": 2}),
        ("retry_after", {"retry_after": -1}),
        ("purge_share", {"purge_share": 1.1}),
        ("purge_after", {"purge_after": (2, 1)}),
        ("rerun_share", {"rerun_share": -0.1}),
        ("rerun_after", {"rerun_after": (-1, 1)}),
        ("vanish_share", {"vanish_share": 2}),
        ("hide_share", {"hide_share": math.nan}),
        ("hide_time", {"hide_time": (1, math.inf)}),
        ("late_end_share", {"late_end_share": 2}),
        ("late_end", {"late_end": -1}),
        ("no_end_share", {"no_end_share": 2}),
        ("no_times_share", {"no_times_share": 2}),
        ("unlisted_state_share", {"unlisted_state_share": 2}),
        ("bad_row_share", {"bad_row_share": 2}),
        ("rate_limit", {"rate_limit": 0}),
        ("rate_limit", {"rate_limit": math.nan}),
        ("date_skew", {"date_skew": math.inf}),
        ("silence", {"silence": -1}),
        ("outages", {"outages": ((5, 5, Outage.RESET),)}),
        ("outages", {"outages": ((-5, 5, Outage.RESET),)}),
        ("outages", {"outages": ((5, math.inf, Outage.RESET),)}),
        ("outages", {"outages": ((5, 9, Fault.RESET),)}),
        ("faults", {"faults": {Fault.RESET: 1.5}}),
        ("faults", {"faults": {Fault.RESET: 0.6, Fault.GARBAGE: 0.6}}),
        ("product_types", {"product_types": ()}),
        ("product_types", {"product_types": ("phone",)}),
    ],
)
def test_refuses(name: str, bad: dict[str, Any]) -> None:
    """An option out of bounds is refused in a line that begins with its name."""
    with pytest.raises(ValueError, match=f"^{name} "):
        Options(**bad)


def test_faults_may_make_up_every_request() -> None:
    """Ten faults of a tenth each are 1, though their floats add up to something else."""
    faults = dict.fromkeys(list(Fault)[:10], 0.1)
    assert Options(faults=faults).faults == faults


def test_faults_stay_as_they_were_checked() -> None:
    """Changing the mapping that was passed in changes no options."""
    faults = {Fault.RESET: 0.1}
    options = Options(faults=faults)
    faults[Fault.RESET] = 7
    assert options.faults == {Fault.RESET: 0.1}


@pytest.mark.parametrize("count", [1, 7, 30])
def test_cities_are_distinct(count: int) -> None:
    """There are as many cities as asked for."""
    assert len(set(Options(cities=count).city_ids)) == count
