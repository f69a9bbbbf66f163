"""What a simulation is made of. Every duration is in seconds, every share and probability between 0 and 1."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from poller.models import MAX_PAGE_ROWS
from poller.signature import Credentials

DEMO_PUBLIC_KEY: Final = "demo-public-key-of-the-simulator"
DEMO_PRIVATE_KEY: Final = "demo-private-key-which-is-no-secret"  # printed by `poller simulate`: it opens nothing
DEMO_CREDENTIALS: Final = Credentials(DEMO_PUBLIC_KEY, DEMO_PRIVATE_KEY)

PRODUCT_TYPES: Final = ("uphone-server", "uphone")


class Order(StrEnum):
    """How a listing is sorted, which the vendor does not document."""

    NEWEST_FIRST = "newest-first"
    OLDEST_FIRST = "oldest-first"
    LAST_ENDED_FIRST = "last-ended-first"
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


Range = tuple[float, float]
"""The shortest and the longest duration; every order of magnitude between is drawn as often as the next."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """One simulation. ``ValueError`` names the option that makes no sense.

    ``arrival_rate`` is jobs a second; ``active_jobs`` and ``finished_jobs`` are there from the start. With
    ``workers`` jobs wait for one of so many workers, first in first out, instead of for a drawn ``queue_time``.
    The rest of the outcomes is SUCCESS. ``page_cap`` silently lowers ``Limit``. ``shuffle_ties`` serves rows of one
    second in another order for each request, as a database does that sorts by whole seconds alone. ``blind_pending``
    answers PENDING listings with a count and no rows, as the vendor's page says in one place. ``jitter`` is the most
    that is added to ``latency``. ``lag_share`` of the requests see the world as it was ``lag`` seconds ago.
    ``faults`` are probabilities per request. ``project_id``, if set, is the only one that exists.
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

    order: Order = Order.NEWEST_FIRST
    shuffle_ties: bool = False
    page_cap: int = MAX_PAGE_ROWS
    total_count: TotalCount = TotalCount.FILTERED
    blind_pending: bool = False
    times: Number = Number.INTEGER
    unset_times: Unset = Unset.ZERO
    no_items: NoItems = NoItems.EMPTY
    ret_code: Number = Number.INTEGER

    latency: float = 0.02
    jitter: float = 0.03
    lag: float = 0.0
    lag_share: float = 0.0
    retry_after: int = 1
    faults: Mapping[Fault, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, least in _AT_LEAST.items():
            value = getattr(self, name)
            _require(value is None or least <= value < math.inf, name, f"must be a number from {least} up")
        for name in ("failed_share", "partial_share", "lag_share"):
            _require(0 <= getattr(self, name) <= 1, name, "must be between 0 and 1")
        _require(self.failed_share + self.partial_share <= 1, "failed_share", "exceeds 1 together with partial_share")
        _require(self.partial_share == 0 or self.max_phones > 1, "max_phones", "must be 2 for a job to succeed in part")
        _require(self.page_cap <= MAX_PAGE_ROWS, "page_cap", f"must be {MAX_PAGE_ROWS} at most")
        _require(self.retention > 0, "retention", "must be more than 0")
        _require(self.lag_share == 0 or self.lag > 0, "lag", "must be more than 0 for a share of requests to lag")
        for name in ("queue_time", "run_time"):
            low, high = getattr(self, name)
            _require(0 <= low <= high < math.inf, name, "must be two durations, the shorter first")
        self._check_faults()
        self._check_product_types()
        # What was checked must stay so.
        object.__setattr__(self, "faults", MappingProxyType(dict(self.faults)))

    def _check_faults(self) -> None:
        shares = self.faults.values()
        _require(all(0 <= share <= 1 for share in shares), "faults", "must each be between 0 and 1")
        # One draw decides between all of them; sums of decimal fractions are a little off.
        _require(math.fsum(shares) <= 1 + 1e-9, "faults", "exceed 1 together")

    def _check_product_types(self) -> None:
        known = bool(self.product_types) and set(self.product_types) <= set(PRODUCT_TYPES)
        _require(known, "product_types", f"must be some of {', '.join(PRODUCT_TYPES)}")

    @property
    def city_ids(self) -> tuple[str, ...]:
        """The ids that ``DescribeUPhoneCities`` tells. The first is the "current" city, asked when none is named."""
        made_up = (f"cn-simulated{number}" for number in range(len(_CITY_IDS), self.cities))
        return (*_CITY_IDS[: self.cities], *made_up)


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
    }
)

_CITY_IDS: Final = ("cn-hangzhou", "cn-shanghai", "cn-jinan", "cn-chengdu", "cn-wuhan", "cn-shenyang", "oversea")


def _require(condition: bool, name: str, problem: str) -> None:  # noqa: FBT001 (reads as an assertion)
    if not condition:
        raise ValueError(f"{name} {problem}")
