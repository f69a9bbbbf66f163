"""Job ids as they are given, and how often to look."""

import pytest

from poller.waiting import job_ids, pause


def test_ids_are_taken_once_each() -> None:
    """In the order in which they were given."""
    assert job_ids(["b", "a", "b"]) == ("b", "a")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty"),
        (" ", "empty"),
        ("a b", "one id at a time"),
        ("a\x1b[2J", "one id at a time"),
        ("a\udcff", "one id at a time"),
        ("é" * 129, "256 bytes"),
    ],
)
def test_what_no_id_can_be_is_refused(text: str, problem: str) -> None:
    """The problem says why, in printable words."""
    with pytest.raises(ValueError, match=problem) as caught:
        job_ids([text])
    assert str(caught.value).isprintable()


def test_256_bytes_are_an_id() -> None:
    """No more is what a row may have."""
    assert job_ids(["é" * 128]) == ("é" * 128,)


@pytest.mark.parametrize(
    ("age", "interval", "seconds"), [(0, 10, 1), (10, 10, 1), (50, 10, 5), (1000, 10, 10), (1000, 0.5, 0.5)]
)
def test_the_pause_grows_with_the_age(age: float, interval: float, seconds: float) -> None:
    """A second, then a tenth of the age, and the interval at most."""
    assert pause(age, interval) == pytest.approx(seconds)
