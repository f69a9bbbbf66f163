"""What of a target outlives its process, over a restart."""

from collections.abc import Callable, Iterable, Sequence

import anyio
import pytest

from poller.cycle import Edges, TargetPoller, check_entries
from poller.frontier import Floor
from poller.models import Instant, Job, News, Target
from poller.stats import Deadlines, Stats
from tests.cycle.bench import EPOCH, TARGET, Bench, P, R, S, newest_created_first, newest_first

pytestmark = pytest.mark.anyio


class Store:
    """Keeps entries, as a state file does."""

    def __init__(self) -> None:
        self.entries: dict[str, bytes] = {}
        self.written: list[str] = []
        self._collect: Callable[[], Iterable[tuple[str, bytes | None]]] = tuple

    def attach(self, scope: str, collect: Callable[[], Iterable[tuple[str, bytes | None]]]) -> None:
        """Take the one scope that there is."""
        self._collect = collect

    def forget(self, scope: str) -> None:
        """Delete all."""
        self.entries.clear()

    async def save(self) -> bool:
        """Keep what has changed."""
        changes = list(self._collect())
        self.written = [key for key, _ in changes]
        for key, value in changes:
            if value is None:
                self.entries.pop(key, None)
            else:
                self.entries[key] = value
        check_entries(self.entries.items())
        return True


class Remembering(Bench):
    """A bench whose poller can be killed; another takes its place."""

    def __init__(self) -> None:
        super().__init__()
        self.store = Store()
        self.start()

    def start(self, target: Target = TARGET) -> None:
        """Begin another process, with what the last one has left."""
        self.stats = Stats([target], interval=10)
        self.poller = TargetPoller(
            target,
            Edges(pages=self.api, reports=self, keys=lambda: None, now=self.now, saves=self.store),
            stats=self.stats,
            deadlines=Deadlines(),
            window=4,
            floor=Floor(self.time),
            kept=list(self.store.entries.items()),
        )

    async def report(self, target: Target, news: Sequence[News]) -> None:
        """Write at once."""
        self.reported.news += news


async def test_what_finished_while_no_process_ran_is_reported_after_the_restart() -> None:
    """Tracked or not; and what was reported is not reported again."""
    bench = Remembering()
    bench.api.listed = newest_first
    bench.api.backlog(120)
    bench.api.put("tracked", R)
    await bench.cycle()
    bench.api.finish("before", 15)
    await bench.cycle()
    bench.api.put("tracked", S)
    bench.api.finish("unseen", 600)
    bench.time += 1000
    bench.start()
    await bench.cycles(3)
    assert sorted(bench.reported.ids) == ["before", "tracked", "unseen"]


async def test_the_frontier_goes_on_from_where_it_was() -> None:
    """A restart neither moves it to the present nor back to the first start."""
    bench = Remembering()
    await bench.cycles(40)
    before = bench.frontier()
    assert before > 100
    bench.start()
    assert bench.frontier() == before


@pytest.mark.parametrize("listed", [newest_first, newest_created_first])
async def test_an_order_outlives_the_process(listed: Callable[[list[Job]], list[Job]]) -> None:
    """A large backlog is not read whole again."""
    bench = Remembering()
    bench.api.listed = listed
    bench.api.put("waits", P)
    bench.api.backlog(500)
    await bench.cycles(20)
    bench.start()
    bench.api.asked.clear()
    await bench.cycles(10)
    assert set(bench.api.offsets(S)) == {0}


async def test_a_quiet_cycle_writes_no_job() -> None:
    """Nor does the one after a restart: the cost follows what has changed."""
    bench = Remembering()
    for number in range(50):
        bench.api.put(f"j{number}", R)
    await bench.cycle()
    assert len(bench.store.written) == 51
    await bench.cycle()
    assert bench.store.written == []
    bench.start()
    await bench.cycle()
    assert bench.store.written == [""]


async def test_a_job_type_that_is_added_begins_where_the_last_process_ended() -> None:
    """What ended before was left out on purpose."""
    bench = Remembering()
    old, new = Target(TARGET.product_type, job_types=("A",)), Target(TARGET.product_type, job_types=("A", "B"))
    bench.start(old)
    await bench.cycle()
    ended = int(bench.time)
    bench.time += 100
    bench.api.finish("A-before", ended - 5, job_type="A")
    bench.api.finish("B-before", ended - 5, job_type="B")
    bench.api.finish("B-after", ended + 5, job_type="B")
    bench.start(new)
    await bench.cycle()
    assert sorted(bench.reported.ids) == ["A-before", "B-after"]


async def test_a_process_that_ended_before_it_knew_the_time_left_its_start() -> None:
    """News begins with the first one."""
    bench = Remembering()
    bench.time += 5
    bench.start()
    await bench.store.save()
    bench.api.finish("meanwhile", 50)
    bench.time += 100
    bench.start()
    await bench.cycle()
    assert bench.reported.ids == ["meanwhile"]
    assert bench.reported.completions[0].job.end_time == EPOCH + 50


class PutBack(Remembering):
    """A bench whose wall clock may be put ``back`` by some seconds; that of the API is right."""

    back = 0.0

    def now(self) -> Instant:
        """Read the clock."""
        return Instant(EPOCH + self.time - self.back, self.time)


async def test_a_clock_that_was_put_back_does_not_put_news_off() -> None:
    """A start in the future cannot be; what ends from now on is news at least."""
    bench = PutBack()
    bench.api.date = lambda: EPOCH + int(bench.time)
    await bench.store.save()
    bench.time, bench.back = 100, 5000
    bench.start()
    bench.api.finish("a", 105)
    await bench.cycle()
    assert bench.reported.ids == ["a"]


async def test_a_job_held_at_the_end_is_kept_for_the_next_process() -> None:
    """It may still learn when the job has ended."""
    bench = Remembering()
    bench.api.put("a", R)
    await bench.cycle()
    bench.api.put("a", S, end=None)
    await bench.cycle()
    bench.store.entries.clear()
    bench.poller.tracker.book.touch("a")
    with anyio.move_on_after(0):
        await bench.poller.run()
    assert bench.reported.news == []
    assert "a" in bench.store.entries


async def test_a_target_that_is_gone_for_good_reports_what_it_held() -> None:
    """Nobody will ask for its EndTime any more."""
    bench = Remembering()
    bench.api.put("a", R)
    await bench.cycle()
    bench.api.put("a", S, end=None)
    await bench.cycle()
    await bench.poller.forget()
    assert bench.reported.ids == ["a"]


async def test_a_target_that_is_gone_for_good_leaves_nothing_behind() -> None:
    """Its entries would be taken up by one of that name."""
    bench = Remembering()
    bench.api.put("a", R)
    await bench.cycle()
    await bench.poller.forget()
    assert not bench.store.entries
