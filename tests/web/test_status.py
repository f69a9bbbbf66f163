"""What the status says, read off fleets made by hand."""

from datetime import UTC, datetime

import anyio
import pytest

from poller.cycle.reporter import ending
from poller.models import Completion, Instant, Job, State, Target, Task, Unresolved
from poller.stats import MAX_ERRORS, DiscoveryStats, Errors, Problem
from poller.tracker import Tracker
from poller.web.status.markup import Markup, element, join, outside, style, text
from poller.web.status.oldest import KEPT_SECONDS, Oldest
from poller.web.status.pages import Pages
from poller.web.status.reading import read
from poller.web.status.record import Status
from poller.web.status.words import counted, cut, duration
from tests.web.fleets import NOW, Fleet, healthy, large, one, outage


def status(fleet: Fleet) -> Status:
    """Read a fleet's status, without its oldest jobs."""
    return read(fleet.source, ())


async def seen(fleet: Fleet) -> dict[str, list[dict[str, object]]]:
    """Return what ``/status.json`` says."""
    return await Pages(fleet.source).data()


def test_a_healthy_fleet_is_ok() -> None:
    """Nothing is amiss, and it is ready."""
    found = status(healthy())
    assert (found.status, found.problems, found.ready, found.ready_reason) == ("ok", [], True, None)


def test_a_fleet_before_its_first_cycle_is_starting() -> None:
    """It says what it waits for, and nothing of jobs."""
    found = status(one())
    assert (found.status, found.ready) == ("starting", False)
    assert found.ready_reason == "some targets have had no complete cycle yet"
    assert found.jobs.targets_known == 0
    assert found.targets[0].active_jobs is None


def test_an_outage_names_every_trouble() -> None:
    """Causes first."""
    found = status(outage())
    assert found.status == "down"
    assert found.problems == [
        "No request has succeeded for 12 min 28 s: no connection to api.ucloud.cn: Connection refused",
        "The API throttles requests: 2.5 a second instead of 20",
        "The API refuses 1 target",
        "2 targets without a complete cycle for too long; nothing is said of their jobs",
        "37 events cannot be written: the reader of stdout has stalled",
        "The state cannot be saved: database or disk is full",
    ]


def test_one_failing_target_degrades_the_whole() -> None:
    """The others are known still."""
    fleet = healthy()
    fleet.fail(fleet.targets[1], "http_503", "HTTP 503")
    found = status(fleet)
    assert (found.status, found.problems) == ("degraded", ["1 target whose last cycle was not complete"])


def test_a_request_that_fails_once_is_no_trouble_yet() -> None:
    """It is made again."""
    fleet = outage()
    calm = healthy()
    calm.stats.api.trouble = fleet.stats.api.trouble
    assert calm.stats.api.trouble is not None
    calm.now = Instant(calm.stats.api.trouble.since + NOW.wall - NOW.mono + 9, calm.stats.api.trouble.since + 9)
    assert not any("No request" in each for each in status(calm).problems)


def test_cities_that_cannot_be_discovered_are_a_trouble() -> None:
    """There is no target to show it at."""
    fleet = healthy()
    fleet.stats.discoveries[Target(city_id="all")] = DiscoveryStats(done=True, refusal="RetCode 171")
    assert status(fleet).problems == ["The cities of city all, uphone-server cannot be discovered: RetCode 171"]


@pytest.mark.parametrize(
    ("number", "standing"), [(0, "ok"), (1, "failing"), (2, "stale"), (3, "refused"), (4, "waiting")]
)
def test_the_standings(number: int, standing: str) -> None:
    """What of a target's stats makes which word."""
    fleet = large(targets=5, jobs=1)
    fleet.fail(fleet.targets[1], "http_503", "HTTP 503")
    fleet.complete(fleet.targets[2], ago=3600)
    fleet.stats.targets[fleet.targets[3]].refusal = "RetCode 171"
    waiting = fleet.stats.targets[fleet.targets[4]]
    waiting.outcome = waiting.last_complete_at = None
    shown = {each.city_id: each.standing for each in status(fleet).targets}
    assert shown[f"city-{number:03}"] == standing


def test_targets_in_trouble_come_first() -> None:
    """However many there are, what needs a look is shown."""
    fleet = large()
    found = status(fleet)
    assert len(found.targets) == 50
    assert [each.standing for each in found.targets[:6]] == ["failing"] * 5 + ["ok"]
    assert found.targets[0].error_message == "HTTP 503, the API is overloaded"


def test_active_jobs_are_added_up_by_state_and_type() -> None:
    """From the trackers' own counts."""
    found = status(healthy())
    assert (found.jobs.active.pending, found.jobs.active.running, found.jobs.active.unknown) == (15, 27, 0)
    assert sum(each.active_jobs.pending for each in found.jobs.by_type) == 15
    assert sum(each.ended_jobs.failed for each in found.jobs.by_type) == found.jobs.ended.failed


def test_jobs_of_a_stale_target_are_not_counted() -> None:
    """What is not known any more is not repeated."""
    fleet = healthy()
    fleet.complete(fleet.targets[0], ago=3600)
    found = status(fleet)
    assert (found.jobs.targets_known, found.jobs.active.pending) == (2, 10)


def test_the_apis_own_counts_are_added_up_where_every_target_has_one() -> None:
    """A sum that lacks one would mislead."""
    fleet = healthy()
    assert status(fleet).jobs.listed == {"pending": 15, "running": 27}
    del fleet.stats.targets[fleet.targets[0]].listed[State.RUNNING]
    assert status(fleet).jobs.listed == {"pending": 15}


def test_the_longest_wait_and_run_of_a_type_are_over_all_targets() -> None:
    """As the metric of the oldest job's age has them."""
    fleet = healthy()
    fleet.add(fleet.targets[0], "uj-old", State.PENDING, age=9000, job_type="UPLOAD_FILE")
    fleet.add(fleet.targets[1], "uj-older", State.PENDING, age=9001, job_type="UPLOAD_FILE")
    [found] = [each for each in status(fleet).jobs.by_type if each.job_type == "UPLOAD_FILE"]
    assert (found.oldest_pending_seconds, found.oldest_running_seconds) == (9001, None)


def test_the_newest_completion_comes_first() -> None:
    """With its error, and how long it ran."""
    fleet = healthy()
    fleet.end(fleet.targets[0], "uj-last", State.FAILED, ago=1, error="no such phone")
    found = status(fleet).newest_completions[0]
    assert (found.job_id, found.state, found.error_message) == ("uj-last", "FAILED", "no such phone")
    assert (found.run_seconds, found.age_seconds) == (117, 1)
    assert found.timestamp == datetime.fromtimestamp(NOW.wall - 1, UTC)


def test_an_unresolved_job_has_no_state() -> None:
    """How it ended cannot be known."""
    fleet = healthy()
    fleet.end(fleet.targets[0], "uj-gone", None, ago=1)
    found = status(fleet)
    assert (found.newest_completions[0].state, found.jobs.ended.unresolved) == (None, 1)


def test_no_more_completions_are_kept_than_are_shown() -> None:
    """A burst of ten thousand leaves twenty."""
    fleet = healthy()
    for number in range(10_000):
        fleet.end(fleet.targets[0], f"uj-{number}", State.SUCCESS, ago=0)
    shown = [each.job_id for each in status(fleet).newest_completions]
    assert shown == [f"uj-{number}" for number in range(9_999, 9_979, -1)]


def test_without_a_state_file_nothing_is_said_of_one() -> None:
    """Null, not a save that never was."""
    assert status(one()).state_file is None
    assert status(healthy()).state_file is not None


def test_an_empty_fleet_has_a_status() -> None:
    """Cities may not be known yet."""
    assert status(Fleet([])).target_counts.total == 0


@pytest.mark.anyio
async def test_the_oldest_jobs_are_found_over_all_targets() -> None:
    """Each by its own state's clock, the oldest first."""
    fleet = healthy()
    for age in range(2000, 2012):
        fleet.add(fleet.targets[age % 3], f"uj-{age}", State.PENDING, age=age)
    fleet.add(fleet.targets[0], "uj-strange", State.UNKNOWN, age=5000)
    shown = (await seen(fleet))["oldest_jobs"]
    assert [each["age_seconds"] for each in shown] == [5000, *range(2011, 2002, -1)]
    assert shown[0]["state"] == "UNKNOWN"


@pytest.mark.anyio
async def test_jobs_without_a_time_are_not_among_the_oldest() -> None:
    """Nobody knows how old they are."""
    fleet = healthy()
    for tracker in fleet.trackers.values():
        for run in tracker.jobs.values():
            run.create_time = run.begin_time = None
    assert (await seen(fleet))["oldest_jobs"] == []


@pytest.mark.anyio
async def test_a_job_that_has_ended_is_left_out_at_once() -> None:
    """Though the search is not made again for every request."""
    fleet = healthy()
    pages = Pages(fleet.source)
    first = (await pages.data())["oldest_jobs"][0]["job_id"]
    fleet.trackers[fleet.targets[0]].book.drop(first)
    assert first not in [each["job_id"] for each in (await pages.data())["oldest_jobs"]]


@pytest.mark.anyio
async def test_jobs_are_searched_again_after_a_while() -> None:
    """What is kept is a few seconds old at most."""
    fleet, oldest = healthy(), Oldest()
    await oldest.find(fleet.trackers, NOW.mono)
    fleet.add(fleet.targets[0], "uj-old", State.PENDING, age=9000)
    kept = await oldest.find(fleet.trackers, NOW.mono + KEPT_SECONDS - 0.1)
    found = await oldest.find(fleet.trackers, NOW.mono + KEPT_SECONDS)
    assert "uj-old" not in [old.job_id for old in kept]
    assert found[0].job_id == "uj-old"


@pytest.mark.anyio
async def test_a_search_lets_others_run_and_bears_what_they_change() -> None:
    """Polling goes on between its slices; a target may go, and so may its jobs."""
    fleet = large(targets=2, jobs=20_000)
    turns = 0

    async def poll() -> None:
        nonlocal turns
        while True:
            turns += 1
            for tracker in fleet.trackers.values():
                tracker.book.drop(next(reversed(tracker.jobs), ""))
            fleet.trackers[Target(city_id=f"new-{turns}")] = Tracker(fleet.stats.job_types)
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as group:
        group.start_soon(poll)
        found = await Oldest().find(fleet.trackers, NOW.mono)
        group.cancel_scope.cancel()
    assert turns >= 19
    assert [old.since for old in found] == sorted(old.since for old in found)
    assert len(found) == 10


def test_errors_of_a_kind_are_one_entry() -> None:
    """With how many there were, since when, and the last one's words."""
    errors, first, second = Errors(), Target(city_id="a"), Target(city_id="b")
    errors.note(Problem("153", "one"), first, 10.0)
    errors.note(Problem("timeout", "two"), first, 11.0)
    errors.note(Problem("153", "three"), second, 12.0)
    kept = errors["153"]
    assert (kept.cycles, kept.first, kept.last, kept.target, kept.message) == (2, 10.0, 12.0, second, "three")
    assert list(errors) == ["timeout", "153"]


def test_of_many_kinds_of_errors_the_newest_are_kept() -> None:
    """An API may answer any number."""
    errors = Errors()
    for number in range(1000):
        errors.note(Problem(str(number), "x" * 10_000), Target(), 0.0)
    assert list(errors) == [str(number) for number in range(1000 - MAX_ERRORS, 1000)]
    assert len(errors["999"].message) < 1000


def test_of_a_completion_its_first_failure_is_kept() -> None:
    """And no more of a text than can be shown."""
    tasks = [
        Task(state=State.SUCCESS, error_message="fine"),
        Task(state=State.FAILED, error_message="x" * 10_000),
        Task(state=State.FAILED, error_message="later"),
    ]
    job = Job(job_id="uj-1", job_type="Y" * 10_000, state=State.FAILED, begun=5, ended=9, tasks=tasks)
    kept = ending(Target(), Completion(job=job, previous_state=None, seen_at=10.0))
    assert (kept.job_id, kept.state, kept.begin_time, kept.end_time) == ("uj-1", State.FAILED, 5, 9)
    assert (kept.error_message, kept.job_type) == ("x" * 400, "Y" * 400)


def test_of_an_unresolved_job_its_begin_is_kept() -> None:
    """It has no end."""
    kept = ending(Target(), Unresolved("uj-1", "REBOOT", State.RUNNING, 4, 5, 10.0))
    assert (kept.state, kept.begin_time, kept.end_time, kept.error_message) == (None, 5, None, None)


def test_text_is_escaped_unless_an_element_made_it() -> None:
    """Joined or formatted, markup is a text again."""
    made = element("b", "1 < 2", title='"&')
    assert made == '<b title="&quot;&amp;">1 &lt; 2</b>'
    assert join(made, "<i>") == f"{made}&lt;i&gt;"
    assert element("p", f"{made}!") == "<p>&lt;b title=&quot;&amp;quot;&amp;amp;&quot;&gt;1 &amp;lt; 2&lt;/b&gt;!</p>"


def test_an_attribute_that_is_none_is_left_out() -> None:
    """And one that a language has taken is spelt with a dash or a stroke."""
    assert element("a", class_="x", data_label="y", id=None) == '<a class="x" data-label="y"></a>'


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("实例不存在", "实例不存在"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\u202eabc\u2066", "\\u202eabc\\u2066"),
        ("\x9b31m\x7f", "\\x9b31m\\x7f"),
        ("\udcff", "\\udcff"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_what_does_not_print_is_shown_by_its_number(given: str, shown: str) -> None:
    """A reader sees that it is there, and it does nothing."""
    assert text(given) == shown


def test_a_text_from_outside_is_isolated() -> None:
    """One that is written from right to left stays in its place; an empty one is nothing."""
    assert outside("שלום") == "<bdi>שלום</bdi>"
    assert outside("") == Markup()


def test_a_style_sheet_cannot_end_itself() -> None:
    """It is ours, but a slip would be quiet."""
    with pytest.raises(ValueError, match="could end its element"):
        style("</style>")


def test_cutting_mends_what_no_encoding_can_hold() -> None:
    """A lone surrogate would fail the whole answer."""
    assert cut("a\udcffb") == "a\\udcffb"
    assert cut("x" * 101) == "x" * 99 + "…"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (125, "2 min 5 s"),
        (3600, "1 h"),
        (7_260, "2 h 1 min"),
        (86_400, "1 d"),
        (273_600, "3 d 4 h"),
    ],
)
def test_durations_are_told_in_two_units(seconds: float, told: str) -> None:
    """As people say them."""
    assert duration(seconds) == told


def test_one_is_not_several() -> None:
    """And thousands are set apart."""
    assert (counted(1, "target"), counted(1200, "target")) == ("1 target", "1,200 targets")
