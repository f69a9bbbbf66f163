"""The nouns, and how times are read."""

import pytest

from poller.models import Job, RawTime, Sighting, State, Target, unix_time


@pytest.mark.parametrize(
    ("raw", "seconds"),
    [
        (1_700_000_000, 1_700_000_000),
        ("1700000000", 1_700_000_000),
        (" 1700000000 ", 1_700_000_000),
        (1_700_000_000.9, 1_700_000_000),
        (1, 1),
        (253_402_300_799, 253_402_300_799),
    ],
)
def test_a_time_is_read_in_each_of_its_forms(raw: RawTime, seconds: int) -> None:
    """Documented as an integer, shown as a string; a fraction of a second is dropped."""
    assert unix_time(raw) == seconds


@pytest.mark.parametrize(
    "raw",
    [
        None,
        "",
        0,
        "0",
        0.0,
        -1,
        "-5",
        "SLNnpmiZ",
        "2026-11-24",
        253_402_300_800,
        1_700_000_000_000,
        10**400,
        "9" * 5000,
        float("inf"),
        float("nan"),
    ],
)
def test_what_is_no_time_is_not_said(raw: RawTime) -> None:
    """0, empty, missing, words and seconds that no RFC 3339 timestamp can show are all None."""
    assert unix_time(raw) is None


def test_a_sighting_reads_its_times() -> None:
    """Each property reads its own field."""
    sighting = Sighting(job_id="uj-1", created="10", begun=11, ended=0)
    assert (sighting.create_time, sighting.begin_time, sighting.end_time) == (10, 11, None)


def test_a_row_needs_nothing_but_its_id() -> None:
    """Every other field of the vendor's page is optional."""
    assert Job(job_id="uj-1") == Job(job_id="uj-1", state=State.UNKNOWN, job_type="", tasks=None, uphone_ids=None)


@pytest.mark.parametrize("text", ["", "CANCELLED", "running", "UNKNOWN"])
def test_a_state_that_the_page_does_not_list_is_unknown(text: str) -> None:
    """The set is the vendor's, letter by letter."""
    assert State(text) is State.UNKNOWN


def test_a_target_names_its_parts() -> None:
    """What is not set goes without saying."""
    assert str(Target(project_id="org-x", city_id="cn-hz")) == "project org-x, city cn-hz, uphone-server"
