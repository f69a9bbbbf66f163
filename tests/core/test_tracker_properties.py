"""What holds for every sequence of sightings, from sweeps and from listings of finished jobs."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from poller.models import Completion, Instant, Job, Sighting, State
from poller.tracker import Tracker, decode_job
from tests.core.sightings import ENDS, P, R, U, at, row, tracker

FRONTIER = 300
Times = st.sampled_from([None, 100, 200, 300, 400])


@st.composite
def sightings(draw: st.DrawFn) -> Sighting:
    """Draw a row, in any state and with any times on either side of the frontier."""
    job_id, state = draw(st.sampled_from("abc")), draw(st.sampled_from(State))
    kind = Job if state in ENDS else Sighting
    return kind(job_id, state, "A", created=draw(Times), begun=draw(Times), ended=draw(Times))


Histories = st.lists(sightings(), max_size=30)


@given(Histories, st.data())
def test_how_rows_are_split_into_pages_does_not_matter(rows: list[Sighting], data: st.DataObject) -> None:
    """Pages are an accident of reading."""
    whole, split = tracker(FRONTIER), tracker(FRONTIER)
    expected = whole.sight(rows, at(1))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(rows)))) | {0, len(rows)})
    found: list[Completion] = []
    for start, end in pairwise(cuts):
        found += split.sight(rows[start:end], at(1))
    assert found == expected
    assert split.jobs == whole.jobs
    assert split.overdue(at(100)) == whole.overdue(at(100))


@given(Histories, st.lists(sightings(), unique_by=lambda sighting: sighting.job_id))
def test_what_is_shown_again_yields_nothing(history: list[Sighting], shown: list[Sighting]) -> None:
    """Be it a sweep or a head: what is known already is no news."""
    known = tracker(FRONTIER)
    known.sight(history, at(0))
    known.sight(shown, at(1))
    jobs = dict(known.jobs)
    assert known.sight(shown, at(2)) == []
    assert known.jobs == jobs


@given(Histories)
def test_no_run_is_reported_twice(history: list[Sighting]) -> None:
    """What is reported of a job again is of a run that ended later, whatever is shown of it in between."""
    known = tracker(FRONTIER)
    news = known.sight(history, at(0)) + known.overdue(at(1000)) + known.sight(history, at(1001))
    for job_id in "abc":
        told = [completion.job for completion in news if completion.job.job_id == job_id]
        for earlier, later in pairwise(told):
            if later.end_time is not None and earlier.end_time is not None:
                assert later.end_time > earlier.end_time
                continue
            assert any(sighting.state in (P, R) for sighting in history)


@given(Histories)
def test_nothing_is_invented(history: list[Sighting]) -> None:
    """What is reported was shown so, by a row that says that its run is over."""
    known = tracker(FRONTIER)
    news = known.sight(history, at(0)) + known.farewell(at(1))
    assert all(completion.job in history and completion.job.state in ENDS for completion in news)


@given(Histories)
def test_a_run_that_nobody_saw_active_is_news_only_from_the_frontier_on(history: list[Sighting]) -> None:
    """Unless it follows one that was reported."""
    known = tracker(FRONTIER)
    finished = [sighting for sighting in history if sighting.state in ENDS]
    news = known.sight(finished, at(0)) + known.farewell(at(1))
    for completion in news:
        job = completion.job
        assert completion.previous_state is None
        assert max(job.end_time or 0, job.create_time or 0, job.begin_time or 0) >= FRONTIER


Simple = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(State)), max_size=40)


@given(Simple)
def test_each_event_is_of_a_job_that_was_seen_active_in_the_first_end_that_was_shown(
    history: list[tuple[str, State]],
) -> None:
    """Where no frontier is known."""
    known = tracker()
    news = known.sight([row(job_id, state) for job_id, state in history], at(0))
    ids = [completion.job.job_id for completion in news]
    assert len(ids) == len(set(ids))
    for job_id in "abc":
        states = [state for name, state in history if name == job_id]
        active = next((index for index, state in enumerate(states) if state in (P, R, U)), len(states))
        ended = next((state for state in states[active:] if state in ENDS), None)
        told = next((completion.job.state for completion in news if completion.job.job_id == job_id), None)
        assert told is ended


class Life(Struct, frozen=True):
    """A job's truth: its times, how it ended, and in which of its active states it was shown at all."""

    created: int
    begun: int
    ended: int
    state: State
    shown: frozenset[State]

    def rows(self, job_id: str) -> list[Sighting]:
        """Return what is shown of it, in the order of its life; its end is, and more than once."""
        active = [Sighting(job_id, state, "A", created=self.created) for state in (P, R) if state in self.shown]
        end = Job(job_id, self.state, "A", created=self.created, begun=self.begun, ended=self.ended)
        return [*active, end, end]


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """Draw a job."""
    created, begun, ended = sorted(draw(st.lists(st.integers(100, 500), min_size=3, max_size=3)))
    shown = draw(st.frozensets(st.sampled_from([P, R])))
    return Life(created, begun, ended, draw(st.sampled_from(ENDS)), shown)


@st.composite
def shown_in_turns(draw: st.DrawFn, truth: Sequence[Life]) -> list[Sighting]:
    """Draw an order in which the rows of all jobs come, each job's in that of its life."""
    left = {f"j{number}": life.rows(f"j{number}") for number, life in enumerate(truth)}
    rows = []
    while left:
        job_id = draw(st.sampled_from(sorted(left)))
        rows.append(left[job_id].pop(0))
        if not left[job_id]:
            del left[job_id]
    return rows


@given(st.lists(lives(), max_size=6), st.data())
def test_replaying_the_events_rebuilds_the_final_states(truth: list[Life], data: st.DataObject) -> None:
    """Of every job that was seen active, or that ended from the frontier on; of no other; and once."""
    known = tracker(FRONTIER)
    news = known.sight(data.draw(shown_in_turns(truth)), at(0))
    rebuilt = {completion.job.job_id: (completion.job.state, completion.job.end_time) for completion in news}
    assert len(rebuilt) == len(news)
    assert rebuilt == {
        f"j{number}": (life.state, life.ended)
        for number, life in enumerate(truth)
        if life.shown or life.ended >= FRONTIER
    }


@given(Histories)
def test_counts_are_those_of_the_tracked_jobs(history: list[Sighting]) -> None:
    """The gauges are kept as jobs move, and agree with a recount."""
    known = tracker(FRONTIER)
    known.sight(history, at(0))
    for (_, state), count in known.counts.items():
        assert count == sum(run.state is state for run in known.jobs.values())


class Turn(Struct, frozen=True):
    """What comes after some seconds: rows, answers that lack every job, the end of a cycle, another process."""

    wait: float
    rows: list[Sighting]
    absent: bool
    settles: bool
    restarts: bool


Turns = st.lists(
    st.builds(
        Turn,
        wait=st.sampled_from([0, 1, 30, 60, 250, 90_000]),
        rows=st.lists(sightings(), max_size=6),
        absent=st.booleans(),
        settles=st.booleans(),
        restarts=st.booleans(),
    ),
    max_size=12,
)


def later(now: Instant, seconds: float) -> Instant:
    """Let time pass on all clocks; the API's is 300 seconds ahead of the monotonic one."""
    return Instant(now.wall + seconds, now.mono + seconds, 300 + now.mono + seconds)


def places(known: Tracker) -> list[str]:
    """Name the jobs in every part of the book, those that are in two of them twice."""
    book = known.book
    reported = [job_id for job_id in "abc" if job_id in book.ledger]
    return [*book.jobs, *book.held, *book.dormant, *reported]


@given(Turns)
def test_a_job_is_in_one_part_of_the_book_at_a_time(turns: list[Turn]) -> None:
    """A row of a tracked job is looked up nowhere else for that reason."""
    known, now = tracker(FRONTIER), at(0)
    for turn in turns:
        known.book.recording = True
        now = later(now, turn.wait)
        known.sight(turn.rows, now)
        known.overdue(now)
        for _ in range(3 * turn.absent):
            now = later(now, 301)
            known.absent(list(known.jobs), (), None, now)
        if turn.settles:
            known.settle(now, margin=30)
        if turn.restarts:
            known = again(known, now)
        assert len(places(known)) == len(set(places(known)))


def again(old: Tracker, now: Instant) -> Tracker:
    """Take up what was recorded of every job, as another process does."""
    known = tracker(FRONTIER)
    for job_id in places(old):
        old.book.touch(job_id)
    for job_id, record in old.book.changes(now):
        if record is not None:
            known.book.restore(job_id, decode_job(record), now)
    return known
