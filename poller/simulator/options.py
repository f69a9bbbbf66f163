"""What a simulation is made of. Every duration is in seconds, every share and probability between 0 and 1."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Final

from poller.models import MAX_PAGE_ROWS
from poller.signature import Credentials

DEMO_PUBLIC_KEY: Final = "demo-public-key-of-the-simulator"
DEMO_PRIVATE_KEY: Final = "demo-private-key-which-is-no-secret"  # printed by `poller simulate`: it opens nothing
DEMO_CREDENTIALS: Final = Credentials(DEMO_PUBLIC_KEY, DEMO_PRIVATE_KEY)

PRODUCT_TYPES: Final = ("uphone-server", "uphone")


class Order(StrEnum):
    """How a listing is sorted, which the vendor does not document.

    Sorted is by whole seconds as the API has them: a time that has not come counts as 0, an EndTime that comes late
    too until it is there; one that rows never show is known to the API all the same. A job that is run again keeps
    its place where creation or the id decides it, however deep that is. In the orders by begin and by end it goes
    where those without that time are, and then, with its new time, to the end where the latest are.
    """

    NEWEST_FIRST = "newest-first"
    OLDEST_FIRST = "oldest-first"
    LAST_BEGUN_FIRST = "last-begun-first"
    """Jobs that wait come last."""
    LAST_ENDED_FIRST = "last-ended-first"
    """Jobs that are active come last."""
    FIRST_ENDED_FIRST = "first-ended-first"
    """Jobs that are active come first, before the one that ended first."""
    TWO_HALVES = "two-halves"
    """Newest first twice over, as two shards one after the other give it."""
    NONE = "none"
    """By a key that has nothing to do with time."""


class TotalCount(StrEnum):
    """What ``TotalCount`` counts, which the vendor does not document either."""

    FILTERED = "filtered"
    UNFILTERED = "unfiltered"
    """All jobs of the city and product type, whatever the other filters."""
    UNDERSTATED = "understated"
    """Half of what the filters match."""
    ZERO = "zero"
    OMITTED = "omitted"


class Unset(StrEnum):
    """How a row writes a time that has not come yet."""

    ZERO = "zero"
    ABSENT = "absent"
    EMPTY = "empty"
    NULL = "null"


class NoItems(StrEnum):
    """How an answer writes a list without items."""

    EMPTY = "empty"
    ABSENT = "absent"
    NULL = "null"


class Number(StrEnum):
    """How times or ``RetCode`` are written: the vendor documents integers, and strings have been seen."""

    INTEGER = "integer"
    STRING = "string"


class Fault(StrEnum):
    """What may go wrong with a request; one request suffers one fault at most."""

    HTTP_503 = "http-503"
    HTML_502 = "html-502"
    HTTP_429 = "http-429"
    RESET = "reset"
    TRUNCATED = "truncated"
    GARBAGE = "garbage"
    RET_CODE_110 = "ret-code-110"
    RET_CODE_130 = "ret-code-130"
    RET_CODE_150 = "ret-code-150"
    RET_CODE_153 = "ret-code-153"
    EMPTY_PAGE = "empty-page"
    """A success without rows and with a count of 0, where there are some."""
    DUPLICATE_ROWS = "duplicate-rows"
    """Rows given twice, which push others out of the page."""


class Outage(StrEnum):
    """What every request suffers while an outage lasts, whatever else would have become of it."""

    RESET = "reset"
    HTTP_503 = "http-503"
    SILENT = "silent"
    """The true answer, which comes only after a long time."""
    REFUSED_KEYS = "refused-keys"
    """RetCode 171, as if the signature were wrong."""


Range = tuple[float, float]
"""The shortest and the longest duration; every order of magnitude between is drawn as often as the next."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """One simulation. ``ValueError`` names the option that makes no sense.

    ``arrival_rate`` is jobs a second; ``active_jobs`` and ``finished_jobs`` are there from the start. With
    ``workers`` jobs wait for one of so many workers, first in first out, instead of for a drawn ``queue_time``.
    The rest of the outcomes is SUCCESS. ``page_cap`` silently lowers ``Limit``. ``shuffle_ties`` serves rows of one
    second in another order for each request, as a database does that sorts by whole seconds alone; those without the
    time that is sorted by keep theirs. ``blind_pending`` answers PENDING listings with a count and no rows, as the
    vendor's page says in one place. ``jitter`` is the most that is added to ``latency``. ``lag_share`` of the requests
    see the world as it was ``lag`` seconds ago. ``faults`` are probabilities per request. ``project_id``, if set, is
    the only one that exists.

    Shares of the jobs, each drawn alone: ``rerun_share`` are queued once more under their id, ``rerun_after`` their
    end; ``vanish_share`` are removed before they end; ``hide_share`` are in no answer for a ``hide_time`` that begins
    before they end; ``purge_share`` are removed ``purge_after`` their end, if that is before ``retention``. Jobs that
    were over before the world's start neither vanish nor hide, and are purged or run again as if they had ended then.
    ``late_end_share`` have an EndTime only ``late_end`` after they end, ``no_end_share`` never, and
    ``no_times_share`` none of the three times; times of their tasks are as ever. ``unlisted_state_share`` wait in a
    state that the vendor does not document, and so in no listing of PENDING ones.

    ``outages`` are from when to when, in seconds after the world's start, and what they are like; of two that overlap
    the first counts. A SILENT one delays answers by ``silence``. ``rate_limit`` is requests a second, with as many at
    once after a pause; those beyond it get RetCode 153. ``bad_row_share`` of the listings have a row more that tells
    of no job and pushes the last one out of a full page. ``date_skew`` is how far the HTTP Date is ahead of the API's
    clock; without ``send_date`` there is none.
    """

    seed: int = 0
    credentials: Credentials = DEMO_CREDENTIALS
    project_id: str | None = None
    cities: int = 1
    product_types: tuple[str, ...] = ("uphone-server",)

    arrival_rate: float = 1.0
    active_jobs: int = 20
    finished_jobs: int = 50
    queue_time: Range = (0.5, 10.0)
    run_time: Range = (0.05, 120.0)
    workers: int | None = None
    failed_share: float = 0.1
    partial_share: float = 0.05
    max_phones: int = 4
    retention: float = 3600.0
    purge_share: float = 0.0
    purge_after: Range = (1.0, 60.0)
    rerun_share: float = 0.0
    rerun_after: Range = (1.0, 300.0)
    vanish_share: float = 0.0
    hide_share: float = 0.0
    hide_time: Range = (1.0, 120.0)

    order: Order = Order.NEWEST_FIRST
    shuffle_ties: bool = False
    page_cap: int = MAX_PAGE_ROWS
    total_count: TotalCount = TotalCount.FILTERED
    blind_pending: bool = False
    times: Number = Number.INTEGER
    unset_times: Unset = Unset.ZERO
    no_items: NoItems = NoItems.EMPTY
    ret_code: Number = Number.INTEGER
    late_end_share: float = 0.0
    late_end: float = 10.0
    no_end_share: float = 0.0
    no_times_share: float = 0.0
    unlisted_state_share: float = 0.0
    bad_row_share: float = 0.0

    latency: float = 0.02
    jitter: float = 0.03
    lag: float = 0.0
    lag_share: float = 0.0
    retry_after: int = 1
    faults: Mapping[Fault, float] = field(default_factory=dict)
    outages: tuple[tuple[float, float, Outage], ...] = ()
    silence: float = 90.0
    rate_limit: float | None = None
    date_skew: float = 0.0
    send_date: bool = True

    def __post_init__(self) -> None:
        for name, least in _AT_LEAST.items():
            value = getattr(self, name)
            _require(value is None or least <= value < math.inf, name, f"must be a number from {least} up")
        for name in _SHARES:
            _require(0 <= getattr(self, name) <= 1, name, "must be between 0 and 1")
        _require(self.failed_share + self.partial_share <= 1, "failed_share", "exceeds 1 together with partial_share")
        _require(self.partial_share == 0 or self.max_phones > 1, "max_phones", "must be 2 for a job to succeed in part")
        _require(self.page_cap <= MAX_PAGE_ROWS, "page_cap", f"must be {MAX_PAGE_ROWS} at most")
        _require(self.retention > 0, "retention", "must be more than 0")
        _require(self.lag_share == 0 or self.lag > 0, "lag", "must be more than 0 for a share of requests to lag")
        _require(self.rate_limit is None or 0 < self.rate_limit < math.inf, "rate_limit", "must be more than 0")
        _require(math.isfinite(self.date_skew), "date_skew", "must be a number")
        for name in _RANGES:
            low, high = getattr(self, name)
            _require(0 <= low <= high < math.inf, name, "must be two durations, the shorter first")
        self._check_faults()
        self._check_outages()
        self._check_product_types()
        # What was checked must stay so.
        object.__setattr__(self, "faults", MappingProxyType(dict(self.faults)))

    def _check_faults(self) -> None:
        shares = self.faults.values()
        _require(all(0 <= share <= 1 for share in shares), "faults", "must each be between 0 and 1")
        # One draw decides between all of them; sums of decimal fractions are a little off.
        _require(math.fsum(shares) <= 1 + 1e-9, "faults", "exceed 1 together")

    def _check_outages(self) -> None:
        for since, until, kind in self.outages:
            _require(0 <= since < until < math.inf, "outages", "must each begin at 0 or later, and end after that")
            _require(isinstance(kind, Outage), "outages", f"must each be one of {', '.join(Outage)}")

    def outage_at(self, seconds: float) -> Outage | None:
        """Tell the outage at a time, in seconds after the world's start."""
        return next((kind for since, until, kind in self.outages if since <= seconds < until), None)

    def _check_product_types(self) -> None:
        known = bool(self.product_types) and set(self.product_types) <= set(PRODUCT_TYPES)
        _require(known, "product_types", f"must be some of {', '.join(PRODUCT_TYPES)}")

    @property
    def city_ids(self) -> tuple[str, ...]:
        """The ids that ``DescribeUPhoneCities`` tells. The first is the "current" city, asked when none is named."""
        return _city_ids(self.cities)


_AT_LEAST: Final = MappingProxyType(
    {
        "cities": 1,
        "arrival_rate": 0,
        "active_jobs": 0,
        "finished_jobs": 0,
        "workers": 1,
        "max_phones": 1,
        "page_cap": 1,
        "latency": 0,
        "jitter": 0,
        "lag": 0,
        "retry_after": 0,
        "late_end": 0,
        "silence": 0,
    }
)

_SHARES: Final = (
    "failed_share",
    "partial_share",
    "purge_share",
    "rerun_share",
    "vanish_share",
    "hide_share",
    "late_end_share",
    "no_end_share",
    "no_times_share",
    "unlisted_state_share",
    "bad_row_share",
    "lag_share",
)
_RANGES: Final = ("queue_time", "run_time", "purge_after", "rerun_after", "hide_time")
_CITY_IDS: Final = ("cn-hangzhou", "cn-shanghai", "cn-jinan", "cn-chengdu", "cn-wuhan", "cn-shenyang", "oversea")


@cache
def _city_ids(number: int) -> tuple[str, ...]:
    made_up = (f"cn-simulated{nth}" for nth in range(len(_CITY_IDS), number))
    return (*_CITY_IDS[:number], *made_up)


def _require(condition: bool, name: str, problem: str) -> None:  # noqa: FBT001 (reads as an assertion)
    if not condition:
        raise ValueError(f"{name} {problem}")
