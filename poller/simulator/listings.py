"""``DescribeUPhoneJob``: from a request's parameters to a page, and what may be wrong with that page."""

from typing import Final

from poller.models import State
from poller.simulator.lots import Lots
from poller.simulator.options import Fault, Options, TotalCount
from poller.simulator.parameters import Listing, Parameters, read_listing
from poller.simulator.replica import Slice
from poller.simulator.rows import BAD_ROWS, RowWriter
from poller.simulator.world import World

Document = dict[str, str]
"""The fields of an answer: names, and values as JSON."""

_NONE: Final[list[str]] = []


class Listings:
    """Shows pages of a world's jobs."""

    def __init__(self, options: Options, world: World) -> None:
        self._options = options
        self._world = world
        self._rows = RowWriter(options)

    def page(self, params: Parameters, now: float, lots: Lots) -> Document:
        """Show a page as the parameters ask for; ``Refusal`` if they make no sense."""
        listing = read_listing(params, self._options)
        replica = self._world.replica(now, lagging=lots.lagging)
        limit = min(listing.limit, self._options.page_cap)
        ties = lots.rng("ties") if self._options.shuffle_ties else None
        found = replica.page(listing.filter, offset=listing.offset, limit=limit, ties=ties)
        document = Document()
        jobs = self._rows.array(_NONE if self._lies(listing, lots) else self._show(found, replica.time, limit, lots))
        if jobs is not None:
            document["Jobs"] = jobs
        if self._options.total_count is not TotalCount.OMITTED:
            document["TotalCount"] = str(0 if lots.fault is Fault.EMPTY_PAGE else self._total_count(found))
        return document

    def _lies(self, listing: Listing, lots: Lots) -> bool:
        blind = self._options.blind_pending and listing.filter.state is State.PENDING
        return blind or lots.fault is Fault.EMPTY_PAGE

    def _show(self, found: Slice, at: float, limit: int, lots: Lots) -> list[str]:
        rows = [self._rows.job(job, at) for job in found.jobs]
        if lots.fault is Fault.DUPLICATE_ROWS and rows:
            twice = lots.rng("duplicate row").randrange(len(rows))
            rows.insert(twice, rows[twice])
        if lots.bad_row:
            rng = lots.rng("bad row")
            rows.insert(rng.randint(0, len(rows)), rng.choice(BAD_ROWS))
        # Whatever adds a row to a page is held to the same Limit.
        return rows[:limit]

    def _total_count(self, found: Slice) -> int:
        match self._options.total_count:
            case TotalCount.UNFILTERED:
                return found.unfiltered
            case TotalCount.UNDERSTATED:
                return found.filtered // 2
            case TotalCount.ZERO:
                return 0
            case _:
                return found.filtered
