"""The exception tree. Each class is named after its remedy, which is what a caller decides by."""


class PollerError(Exception):
    """Whatever the poller itself raises. ``str()`` is one line for a person, free of credentials."""


class ConfigError(PollerError):
    """A setting must be mended before anything can start. ``setting`` is the name a user knows it by."""

    def __init__(self, setting: str, problem: str) -> None:
        super().__init__(f"{setting}: {problem}")
        self.setting = setting


class ApiError(PollerError):
    """A request that brought no page.

    ``code`` is what the request counts as in ``uphone_api_requests_total``: the RetCode, ``http_503``,
    ``timeout``, ``connect`` or ``malformed``. ``request_id`` is the vendor's ``X-UCLOUD-REQUEST-UUID``.
    """

    def __init__(self, code: str, problem: str, *, request_id: str | None = None) -> None:
        super().__init__(problem if request_id is None else f"{problem} (request {request_id})")
        self.code = code
        self.request_id = request_id


class RetryLater(ApiError):
    """Transient: the same request may succeed later. ``retry_after`` is the server's wish, in seconds."""

    def __init__(
        self, code: str, problem: str, *, request_id: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(code, problem, request_id=request_id)
        self.retry_after = retry_after


class SlowDown(RetryLater):
    """Throttled (RetCode 153, HTTP 429): ask again, and less often."""


class Malformed(RetryLater):
    """The answer is no page: HTML, truncated JSON, wrong types, or larger than we read."""


class NeedsAction(ApiError):
    """Permanent until a person acts; asking again soon is of no use."""


class FixCredentials(NeedsAction):
    """The keys are wrong, expired or locked."""


class FixPermission(NeedsAction):
    """The keys are good, but may not do this from here, or not in this project."""


class FixRequest(NeedsAction):
    """The API refuses the request itself: a parameter, the action, or the address it was sent to."""


class SinkClosed(PollerError):
    """Nobody reads the events any more: the poller must end, since it may not drop them."""
