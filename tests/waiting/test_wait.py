"""Waiting for jobs, in virtual time."""

from collections.abc import Callable
from dataclasses import replace

import anyio
import pytest

from poller.errors import FixCredentials, FixRequest, RetryLater
from poller.models import ALL_CITIES, Job, Query, Target
from poller.waiting import Progress, Wait
from tests.waiting.bench import HERE, PS, THERE, Api, F, Life, S, wait_for

pytestmark = pytest.mark.anyio

OTHER = Life("other")
"""A job that nobody waits for, and that the API is sure to know."""


def refused(query: Query) -> None:
    """Refuse everything."""
    raise FixCredentials("171", "the signature is wrong")


def unreached(query: Query) -> None:
    """Fail everything."""
    raise RetryLater("connect", "no connection")


def from_to(since: float, until: float, fault: Callable[[Query], None]) -> Callable[[Query], None]:
    """Let a fault last from one time to another."""

    def spoil(query: Query) -> None:
        if since <= anyio.current_time() < until:
            fault(query)

    return spoil


async def test_a_job_that_ended_before_is_told_at_once() -> None:
    """One request shows that the target answers, one shows the job."""
    api = Api([OTHER, Life("a", begun=-50, ended=-20)])
    waited = await wait_for(api, "a")
    assert waited.states == {"a": "SUCCESS"}
    assert waited.seconds < 0.1
    assert len(api.asked) == 2


async def test_one_that_ended_without_an_end_time_is_told_at_once_too() -> None:
    """It had ended before anybody looked, so the time may never come."""
    waited = await wait_for(Api([Life("a", begun=-50, ended=-20, end_shown=float("inf"))]), "a")
    assert waited.seconds < 0.1
    assert waited.result.ended[0].end_time is None
    assert waited.result.ended[0].previous_state is None


async def test_a_job_is_waited_for_until_it_ends() -> None:
    """Its record is that of the event line, with the state that it was seen in before."""
    waited = await wait_for(Api([Life("a", begun=3, ended=7.5, outcome=PS)]), "a")
    assert waited.states == {"a": "PARTIAL_SUCCESS"}
    assert 7.5 <= waited.seconds < 9
    [event] = waited.told
    assert (event.event_name, event.previous_state) == ("job.finished", "RUNNING")
    assert [task.error_message for task in event.failed_tasks] == ["device is offline"]


async def test_an_end_time_that_comes_late_is_waited_for() -> None:
    """Where the job was seen to run, as the daemon waits for it: the record has the same id."""
    waited = await wait_for(Api([Life("a", ended=5, end_shown=12)]), "a")
    assert waited.result.ended[0].end_time is not None
    assert 12 <= waited.seconds < 14


async def test_an_end_time_that_never_comes_is_given_up() -> None:
    """After a minute, as in the daemon."""
    waited = await wait_for(Api([Life("a", ended=5, end_shown=float("inf"))]), "a")
    assert waited.result.ended[0].end_time is None
    assert 65 <= waited.seconds < 80


async def test_at_the_timeout_a_job_without_end_time_has_ended() -> None:
    """What is known of it is told: there is no later."""
    waited = await wait_for(Api([Life("a", ended=5, end_shown=float("inf"))]), "a", within=10)
    assert waited.states == {"a": "SUCCESS"}
    assert waited.seconds == pytest.approx(10)


async def test_a_timeout_leaves_jobs_open() -> None:
    """With the state that they were seen in, and how far their tasks are."""
    waited = await wait_for(
        Api([Life("a"), Life("b", begun=99), Life("c", begun=-9, ended=-5)]), "a", "b", "c", within=5
    )
    assert waited.states == {"c": "SUCCESS"}
    assert [(job.job_id, job.state, job.tasks) for job in waited.result.open] == [
        ("a", "RUNNING", (0, 2)),
        ("b", "PENDING", (0, 2)),
    ]
    assert waited.result.problem is None


async def test_it_looks_often_at_first_and_less_often_later() -> None:
    """From one second on, a tenth of the age, and the interval at most."""
    api = Api([Life("a", ended=200)])
    await wait_for(api, "a", interval=10)
    gaps = [round(later - earlier, 2) for earlier, later in zip(api.at[1:], api.at[2:], strict=False)]
    assert gaps[0] == pytest.approx(1, abs=0.1)
    assert gaps[-1] == pytest.approx(10, abs=0.1)
    assert gaps == sorted(gaps)


async def test_thousands_of_jobs_take_few_requests() -> None:
    """A hundred ids each, and one for the target."""
    api = Api([Life(f"j{number}", begun=-9, ended=-5) for number in range(2500)])
    waited = await wait_for(api, *(f"j{number}" for number in range(2500)))
    assert len(waited.states) == 2500
    assert len(api.asked) <= 30
    assert max(len(query.job_ids) for query in api.asked) <= 100


async def test_jobs_that_have_ended_are_asked_for_no_more() -> None:
    """Only those that are open, and one that the API must know."""
    ended = [f"j{number}" for number in range(50)]
    api = Api([*(Life(job_id, begun=-9, ended=-5) for job_id in ended), Life("b", ended=5)])
    await wait_for(api, *ended, "b")
    assert len(api.look_ups[-1].job_ids) == 2


async def test_a_lower_cap_loses_nothing() -> None:
    """Look-ups have pages like any listing."""
    api = Api([Life(f"j{number}", begun=-9, ended=-5) for number in range(60)], cap=20)
    assert len((await wait_for(api, *(f"j{number}" for number in range(60)))).states) == 60


async def test_an_unknown_job_is_given_up_after_a_minute() -> None:
    """Where another job shows that the answers can be trusted."""
    waited = await wait_for(Api([OTHER]), "nope")
    assert waited.result.unknown == ("nope",)
    assert 60 <= waited.seconds < 75
    [event] = waited.told
    assert (event.event_name, event.previous_state) == ("job.unresolved", None)
    assert event.message == "Job nope is not known to the API"


async def test_a_job_that_has_ended_shows_that_answers_can_be_trusted() -> None:
    """The one that is waited for beside the unknown one will do."""
    waited = await wait_for(Api([Life("a", begun=-9, ended=-5)]), "a", "nope")
    assert (waited.states, waited.result.unknown) == ({"a": "SUCCESS"}, ("nope",))
    assert waited.seconds < 75


async def test_an_unknown_job_of_an_empty_target_takes_ten_minutes() -> None:
    """Nothing shows that the answers can be trusted."""
    waited = await wait_for(Api(), "nope")
    assert waited.result.unknown == ("nope",)
    assert 600 <= waited.seconds < 630


async def test_a_job_that_is_shown_late_is_no_unknown_one() -> None:
    """An API may take a while until it lists what it has just been given."""
    waited = await wait_for(Api([OTHER, Life("a", shown=40, ended=50)]), "a")
    assert waited.states == {"a": "SUCCESS"}


async def test_a_job_that_vanishes_becomes_unknown() -> None:
    """Its record has what was seen of it."""
    waited = await wait_for(Api([OTHER, Life("a", gone=20)]), "a")
    assert waited.result.unknown == ("a",)
    [event] = waited.told
    assert (event.event_name, event.previous_state) == ("job.unresolved", "RUNNING")


async def test_an_unknown_job_that_turns_up_has_ended_after_all() -> None:
    """As long as others are waited for it is asked for now and then."""
    lives = [Life("a", shown=300, ended=310), Life("b", ended=2000)]
    waited = await wait_for(Api(lives), "a", "b")
    assert waited.states == {"a": "SUCCESS", "b": "SUCCESS"}
    assert waited.result.unknown == ()
    assert [event.event_name for event in waited.told] == ["job.unresolved", "job.finished", "job.finished"]


async def test_every_target_is_asked() -> None:
    """Each job is told with the target that it is in, and asked for there alone from then on."""
    lives = [Life("a", ended=5), Life("b", ended=9, city="there", outcome=F)]
    api = Api([OTHER, Life("another", city="there"), *lives])
    waited = await wait_for(api, "a", "b", targets=(HERE, THERE))
    assert {(event.job_id, event.city_id, event.state) for event in waited.told} == {
        ("a", "here", "SUCCESS"),
        ("b", "there", "FAILED"),
    }
    assert {query.target for query in api.look_ups if "b" in query.job_ids and query.offset == 0} == {HERE, THERE}
    assert all("a" not in query.job_ids for query in api.look_ups[4:] if query.target == THERE)


async def test_a_job_is_unknown_when_no_target_knows_it() -> None:
    """The last one to say so decides."""
    waited = await wait_for(Api([OTHER, Life("another", city="there")]), "nope", targets=(HERE, THERE))
    assert waited.result.unknown == ("nope",)
    assert len(waited.told) == 1


async def test_a_job_of_two_targets_that_overlap_is_told_once() -> None:
    """The first one to show it tells its end."""
    waited = await wait_for(Api([Life("a", ended=5)]), "a", targets=(HERE, Target()))
    assert len(waited.told) == 1


async def test_all_cities_are_asked() -> None:
    """The API tells which there are."""
    api = Api([Life("a", city="there", ended=3)])
    waited = await wait_for(api, "a", targets=(Target(city_id=ALL_CITIES),))
    assert waited.result.ended[0].city_id == "there"


async def test_without_cities_nothing_is_known() -> None:
    """Which is no proof that there is no such job."""
    api = Api(city_ids=lambda: ())
    waited = await wait_for(api, "a", targets=(Target(city_id=ALL_CITIES),))
    assert (waited.open, waited.result.problem) == (["a"], "city all, uphone-server: the API lists no city")


@pytest.mark.parametrize("fault", [refused, unreached])
async def test_a_target_that_never_answers_ends_the_wait(fault: Callable[[Query], None]) -> None:
    """A retry is of no use, or has been used."""
    waited = await wait_for(Api([Life("a")], fault=fault), "a")
    assert waited.seconds < 1
    assert waited.open == ["a"]
    assert waited.result.problem is not None


async def test_an_address_that_is_none_is_not_asked_for_each_job() -> None:
    """What refuses every request refuses no job in particular."""

    def no_such_action(query: Query) -> None:
        raise FixRequest("161", "the Action is unknown")

    api = Api(fault=no_such_action)
    waited = await wait_for(api, *map(str, range(100)))
    assert waited.result.problem is not None
    assert len(api.asked) == 1


async def test_a_refused_id_is_unknown() -> None:
    """The others are asked for without it."""

    def fault(query: Query) -> None:
        if "bad" in query.job_ids:
            raise FixRequest("230", "a parameter is refused")

    waited = await wait_for(Api([OTHER, Life("a", ended=5)], fault=fault), "a", "bad")
    assert (waited.states, waited.result.unknown) == ({"a": "SUCCESS"}, ("bad",))


@pytest.mark.parametrize(("fault", "lasts"), [(refused, 30), (unreached, 400)])
async def test_an_outage_is_outlasted(fault: Callable[[Query], None], lasts: float) -> None:
    """Keys may be rotated, and what is down may come up."""
    api = Api([Life("a", ended=20)], fault=from_to(10, 10 + lasts, fault))
    assert (await wait_for(api, "a")).states == {"a": "SUCCESS"}


@pytest.mark.parametrize(("fault", "patience"), [(refused, 60), (unreached, 600)])
async def test_an_outage_is_not_outlasted_for_ever(fault: Callable[[Query], None], patience: float) -> None:
    """After a minute, or ten."""
    api = Api([Life("a", ended=20)], fault=from_to(10, float("inf"), fault))
    waited = await wait_for(api, "a")
    assert waited.result.problem is not None
    assert patience <= waited.seconds - 10 < patience + 25


async def test_a_timeout_during_an_outage_tells_of_the_outage() -> None:
    """It is why nothing is known."""
    waited = await wait_for(Api([Life("a")], fault=from_to(10, 99, unreached)), "a", within=30)
    assert waited.result.problem == "city here, uphone-server: no connection"


async def test_a_target_that_refuses_holds_up_no_other() -> None:
    """What the others tell of all jobs is enough."""

    def fault(query: Query) -> None:
        if query.target == THERE:
            refused(query)

    api = Api([OTHER, Life("a", ended=5)], fault=fault)
    waited = await wait_for(api, "a", targets=(HERE, THERE))
    assert (waited.states, waited.result.problem) == ({"a": "SUCCESS"}, None)
    lost = await wait_for(api, "a", "nope", targets=(HERE, THERE))
    assert (lost.result.unknown, lost.open) == ((), ["nope"])
    assert lost.result.problem == "city there, uphone-server: the signature is wrong"


async def test_a_job_that_is_run_again_is_waited_for_again() -> None:
    """A held end that was contradicted was an earlier run's."""
    first, again = Life("a", begun=-30, ended=2, end_shown=float("inf")), Life("a", begun=9, ended=30, outcome=F)

    class Rerun(Life):
        def row(self, at: float) -> Job:
            return (first if at < 8 else again).row(at)

    waited = await wait_for(Api([Rerun("a")]), "a")
    assert waited.states == {"a": "FAILED"}


async def test_progress_counts_jobs_and_tasks() -> None:
    """A job that waits has a task to come for each of its phones."""
    seen: list[Progress] = []

    async def look(waiting: Wait) -> None:
        await anyio.sleep(5)
        seen.append(waiting.progress())

    lives = [Life("a", ended=3), Life("b", begun=99), replace(Life("c"), tasks=4)]
    await wait_for(Api(lives), "a", "b", "c", "d", within=6, meanwhile=look)
    [progress] = seen
    assert (progress.jobs, progress.ended, progress.tasks) == (4, 1, (2, 8))
    assert dict(progress.states) == {"PENDING": 1, "RUNNING": 1, "UNKNOWN": 1}
    assert progress.share == pytest.approx(2 / 9)


async def test_a_control_is_asked_for_only_while_it_is_needed() -> None:
    """Once every job has been seen, each look-up is of these alone."""
    api = Api([OTHER, Life("a", ended=30)])
    await wait_for(api, "a")
    assert {query.job_ids for query in api.look_ups[1:]} == {("a",)}


async def test_a_job_that_vanishes_before_its_end_time_comes_has_ended() -> None:
    """The API has shown it to be over."""
    waited = await wait_for(Api([OTHER, Life("a", ended=5, end_shown=float("inf"), gone=20)]), "a")
    assert waited.states == {"a": "SUCCESS"}


async def test_a_job_without_any_time_is_told_at_once() -> None:
    """That it is over is enough."""

    class Timeless(Life):
        def row(self, at: float) -> Job:
            return Job(self.job_id, S)

    waited = await wait_for(Api([OTHER, Timeless("a")]), "a")
    assert waited.states == {"a": "SUCCESS"}
    assert waited.seconds < 0.1


async def test_an_answer_ends_an_outage() -> None:
    """Two short ones are no long one."""

    def fault(query: Query) -> None:
        from_to(10, 55, refused)(query)
        from_to(65, 110, refused)(query)

    assert (await wait_for(Api([Life("a", ended=120)], fault=fault), "a")).states == {"a": "SUCCESS"}


async def test_a_job_that_two_targets_show_at_once_is_told_once() -> None:
    """Whichever answer comes first."""
    waited = await wait_for(Api([OTHER, Life("a", begun=-9, ended=-5)]), "a", targets=(HERE, Target()))
    assert len(waited.told) == 1


async def test_a_job_may_be_in_a_city_that_could_not_be_asked_for() -> None:
    """So it is not unknown, though every target that answers lacks it."""
    targets = (HERE, Target(city_id=ALL_CITIES, product_type="uphone"))
    waited = await wait_for(Api([OTHER], city_ids=lambda: ()), "nope", targets=targets)
    assert (waited.result.unknown, waited.open, waited.told) == ((), ["nope"], [])
    assert waited.result.problem == "city all, uphone: the API lists no city"


async def test_trouble_elsewhere_is_none_of_a_jobs_that_is_found() -> None:
    """At the timeout it is late, and nothing else."""

    def fault(query: Query) -> None:
        if query.target == THERE:
            refused(query)

    lives = [OTHER, Life("a", shown=5)]
    waited = await wait_for(Api(lives, fault=fault), "a", targets=(HERE, THERE), within=30)
    assert (waited.open, waited.result.problem) == (["a"], None)


async def test_a_job_that_is_held_counts_as_running() -> None:
    """It is over, but has not been told yet."""
    seen: list[Progress] = []

    async def look(waiting: Wait) -> None:
        await anyio.sleep(9)
        seen.append(waiting.progress())

    await wait_for(Api([Life("a", ended=5, end_shown=99)]), "a", within=10, meanwhile=look)
    assert (seen[0].ended, dict(seen[0].states)) == (0, {"RUNNING": 1})
