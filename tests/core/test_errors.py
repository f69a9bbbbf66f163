"""The exception tree, whose branches are what a caller decides by."""

import pytest

from poller.errors import (
    ApiError,
    ConfigError,
    FixCredentials,
    FixPermission,
    FixRequest,
    Malformed,
    NeedsAction,
    PollerError,
    RetryLater,
    SinkClosed,
    SlowDown,
)


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [
        (SlowDown, RetryLater),
        (Malformed, RetryLater),
        (FixCredentials, NeedsAction),
        (FixPermission, NeedsAction),
        (FixRequest, NeedsAction),
    ],
)
def test_an_api_error_either_passes_or_needs_a_person(kind: type[ApiError], remedy: type[ApiError]) -> None:
    """No error is both."""
    assert issubclass(kind, remedy)
    assert issubclass(kind, RetryLater) != issubclass(kind, NeedsAction)


@pytest.mark.parametrize("kind", [ApiError, ConfigError, SinkClosed])
def test_all_have_one_root(kind: type[Exception]) -> None:
    """Whatever the poller raises itself can be told from a bug."""
    assert issubclass(kind, PollerError)


def test_a_configuration_error_names_its_setting() -> None:
    """In its text and as data."""
    error = ConfigError("POLLER_INTERVAL", "is not a duration")
    assert (str(error), error.setting) == ("POLLER_INTERVAL: is not a duration", "POLLER_INTERVAL")


def test_an_api_error_names_its_request() -> None:
    """The vendor's support asks for that id."""
    error = RetryLater("150", "unavailable", request_id="uuid-1", retry_after=3.0)
    assert str(error) == "unavailable (request uuid-1)"
    assert (error.code, error.request_id, error.retry_after) == ("150", "uuid-1", 3.0)
    assert str(NeedsAction("171", "wrong")) == "wrong"
