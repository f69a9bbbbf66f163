"""What is counted and measured."""

import pytest

from poller.models import State, Target
from poller.stats import (
    KNOWN_JOB_TYPES,
    OTHER,
    ApiStats,
    Deadlines,
    Histogram,
    Histograms,
    Stats,
    TargetStats,
    Vocabulary,
    label,
)


def test_an_observation_counts_in_the_bucket_that_it_fits() -> None:
    """A bound is inclusive, as Prometheus has it; what is over the last goes to the rest."""
    histogram = Histogram((1, 2))
    for value in (0.5, 1, 1.5, 2, 99):
        histogram.observe(value)
    assert (histogram.counts, histogram.count, histogram.total) == ([2, 2, 1], 5, 104)


def test_a_negative_duration_counts_as_none() -> None:
    """Two clocks that disagree by a second have not gone back in time."""
    histogram = Histogram((1, 2))
    histogram.observe(-1, 0, 1.5)
    assert (histogram.counts, histogram.total) == ([2, 1, 0], 1.5)


def test_a_series_exists_from_its_first_observation() -> None:
    """Asking makes it, and the next one who asks gets the same."""
    series = Histograms((1,))
    series["a",].observe(0.5)
    series["a",].observe(2)
    assert {labels: histogram.counts for labels, histogram in series.items()} == {("a",): [1, 1]}


def test_words_past_the_limit_are_other() -> None:
    """Known words count towards the limit, and a word that was let in stays."""
    words = Vocabulary(("known",), limit=3)
    assert [words.word(text) for text in ("a", "b", "c", "a", "known")] == ["a", "b", OTHER, "a", "known"]


@pytest.mark.parametrize("text", ["", "x" * 65])
def test_a_word_that_is_no_label_is_other(text: str) -> None:
    """To Prometheus an empty value is no label; a long one is not a word."""
    assert Vocabulary().word(text) == OTHER


def test_the_pollers_own_codes_always_have_a_label() -> None:
    """However many RetCodes have been seen."""
    codes = ApiStats().codes
    for code in range(100, 200):
        codes.word(str(code))
    assert [codes.word(code) for code in ("0", "timeout", "connect", "malformed")] == [
        "0",
        "timeout",
        "connect",
        "malformed",
    ]
    assert codes.word("150") == OTHER


@pytest.mark.parametrize(("text", "value"), [("org-x", "org-x"), ("", "default"), (None, "default")])
def test_a_part_of_a_target_that_is_not_set_is_the_default(text: str | None, value: str) -> None:
    """An empty label value would be no label."""
    assert label(text) == value


def test_gauges_are_shown_from_the_first_complete_cycle_on() -> None:
    """Before it nothing is known."""
    assert not TargetStats().complete_within(0.0, interval=10)


@pytest.mark.parametrize(
    ("interval", "duration", "shown_for"), [(1.0, 0.5, 60.0), (20.0, 1.0, 100.0), (10.0, 30.0, 150.0)]
)
def test_gauges_are_shown_while_they_are_fresh(interval: float, duration: float, shown_for: float) -> None:
    """Five times the larger of the interval and the last cycle, and a minute at least."""
    stats = TargetStats(last_complete_at=1000.0, last_cycle_seconds=duration)
    assert stats.complete_within(1000.0 + shown_for, interval=interval)
    assert not stats.complete_within(1000.1 + shown_for, interval=interval)


def test_every_target_has_its_own_counts() -> None:
    """Nothing is shared between two targets."""
    here, there = Target(city_id="a"), Target(city_id="b")
    stats = Stats([here, there], interval=10)
    stats.targets[here].finished["INSTALL_APP", State.SUCCESS] += 1
    assert stats.targets[there].finished == {}
    assert stats.interval == 10
    assert all(stats.job_types.word(job_type) == job_type for job_type in KNOWN_JOB_TYPES)


def test_a_deadline_is_missed_once_it_has_passed() -> None:
    """On the dot is in time; a new promise replaces the old one."""
    deadlines = Deadlines()
    deadlines.declare("cycle", by=10.0)
    deadlines.declare("sink", by=20.0)
    assert list(deadlines.missed(10.0)) == []
    assert list(deadlines.missed(15.0)) == ["cycle"]
    deadlines.declare("cycle", by=30.0)
    assert list(deadlines.missed(25.0)) == ["sink"]


def test_a_lifted_deadline_cannot_be_missed() -> None:
    """Lifting one that was never declared is no error."""
    deadlines = Deadlines()
    deadlines.declare("cycle", by=10.0)
    deadlines.lift("cycle")
    deadlines.lift("cycle")
    assert list(deadlines.missed(1000.0)) == []
