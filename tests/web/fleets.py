"""Fleets as the status page may find them, made by hand."""

from dataclasses import dataclass

from poller import __version__
from poller.models import Instant, State, Target
from poller.runs import Tracked
from poller.stats import KNOWN_JOB_TYPES, Ending, Problem, Stats, Trouble
from poller.tracker import Tracker
from poller.web.status.source import Source

NOW = Instant(wall=1_800_000_000.0, mono=10_000.0)

HOSTILE = (
    "<script>document.title='run'</script><img src=x onerror=alert(1)>\"'&\x00\x1b[31m\u202e\u2066\u2028\ud800\x85"
)
"""Whatever an API could put into a text."""


@dataclass
class Fleet:
    """Targets, and all that a page is read from."""

    targets: list[Target]
    interval: float = 10.0
    keeps_state: bool = False
    now: Instant = NOW

    def __post_init__(self) -> None:
        self.stats = Stats(self.targets, interval=self.interval)
        self.stats.api.rate_limit = 20.0
        self.trackers = {target: Tracker(self.stats.job_types) for target in self.targets}

    @property
    def source(self) -> Source:
        """What the page is given."""
        return Source(
            stats=self.stats,
            trackers=self.trackers,
            now=lambda: self.now,
            started=Instant(NOW.wall - 93_780, NOW.mono - 93_780),
            version=__version__,
            max_rps=20.0,
            keeps_state=self.keeps_state,
        )

    def add(self, target: Target, job_id: str, state: State, *, age: int, job_type: str = "INSTALL_APP") -> None:
        """Let a job have waited, or run, for so many seconds."""
        since = int(self.now.wall) - age
        begun = None if state is State.PENDING else since
        self.trackers[target].book.take_up(job_id, Tracked(state, job_type, since, begun, self.now.mono))

    def complete(self, target: Target, *, ago: float = 4.0) -> None:
        """Let a target have had a complete cycle."""
        own = self.stats.targets[target]
        own.up, own.outcome, own.problem = True, "complete", None
        own.last_complete_at, own.last_complete_timestamp = self.now.mono - ago, self.now.wall - ago
        own.last_cycle_seconds = 0.42

    def fail(self, target: Target, code: str, message: str, *, ago: float = 3.0) -> None:
        """Let a target's last cycle have failed."""
        own = self.stats.targets[target]
        own.up, own.outcome, own.problem = False, "failed", Problem(code, message)
        own.last_cycle_seconds = 65.2
        self.stats.errors.note(own.problem, target, self.now.wall - ago)

    def end(self, target: Target, job_id: str, state: State | None, *, ago: float, error: str | None = None) -> None:
        """Let a job have been reported."""
        seen = self.now.wall - ago
        job_type = KNOWN_JOB_TYPES[len(job_id) % len(KNOWN_JOB_TYPES)]
        self.stats.newest.append(
            Ending(
                target=target,
                job_id=job_id,
                job_type=job_type,
                state=state,
                seen_at=seen,
                begin_time=int(seen) - 119,
                end_time=None if state is None else int(seen) - 2,
                error_message=error,
            )
        )
        own = self.stats.targets[target]
        if state is None:
            own.unresolved[job_type] += 1
        else:
            own.finished[job_type, state] += 1


def one() -> Fleet:
    """Return a fleet of one target that has had no cycle yet."""
    return Fleet([Target(project_id="org-x", city_id="cn-hangzhou")])


def healthy() -> Fleet:
    """Return three targets with some jobs."""
    cities = ("cn-hangzhou", "cn-shanghai2", "hk")
    fleet = Fleet([Target(project_id="org-8d2k1f", city_id=city) for city in cities], keeps_state=True)
    for number, target in enumerate(fleet.targets):
        fleet.complete(target, ago=2 + 3 * number)
        _fill(fleet, target, number)
    fleet.stats.events.written = sum(sum(own.finished.values()) for own in fleet.stats.targets.values())
    fleet.stats.state.last_save = NOW.wall - 2
    fleet.stats.api.requests.update({("DescribeUPhoneJob", "0"): 81_930, ("DescribeUPhoneJob", "153"): 12})
    fleet.stats.errors.note(Problem("partial", "a listing moved too fast"), fleet.targets[1], NOW.wall - 7000)
    return fleet


def _fill(fleet: Fleet, target: Target, number: int) -> None:
    for index in range(14):
        kind = KNOWN_JOB_TYPES[(index * index + number) % 5]
        state = State.PENDING if index % 3 == 0 else State.RUNNING
        fleet.add(
            target, f"uj-{number}{index:02}c4e1b{index * 7919 % 65536:04x}", state, age=7 + 61 * index, job_type=kind
        )
    pending = sum(count for (_, state), count in fleet.trackers[target].counts.items() if state is State.PENDING)
    own = fleet.stats.targets[target]
    own.listed = {State.PENDING: pending, State.RUNNING: 14 - pending}
    for index, kind in enumerate(KNOWN_JOB_TYPES[:6]):
        own.finished[kind, State.SUCCESS] += 1_391 // (index + 1 + number)
        own.finished[kind, State.FAILED] += 17 // (index + 1)
    ends: list[State] = [State.SUCCESS, State.SUCCESS, State.PARTIAL_SUCCESS, State.SUCCESS, State.FAILED]
    for index, end in enumerate(ends):
        error = None if end is State.SUCCESS else "no space left on device"
        job_id = f"uj-{number}{index}f09{'b' * (index % 3)}{index * 104729 % 65536:04x}"
        fleet.end(target, job_id, end, ago=300 - 100 * number - 17 * index, error=error)


def outage() -> Fleet:
    """Return the same three, one refused, and an API that does not answer any more."""
    fleet = healthy()
    for target in fleet.targets:
        fleet.complete(target, ago=754)
        fleet.fail(target, "connect", "no connection to api.ucloud.cn: Connection refused")
    refused = fleet.stats.targets[fleet.targets[2]]
    refused.refusal = "RetCode 171, the signature is wrong: check UCLOUD_PRIVATE_KEY"
    fleet.fail(fleet.targets[2], "171", refused.refusal)
    fleet.stats.api.trouble = Trouble(NOW.mono - 748, "no connection to api.ucloud.cn: Connection refused")
    fleet.stats.api.rate_limit = 2.5
    fleet.stats.api.requests["DescribeUPhoneJob", "connect"] = 2_113
    fleet.stats.api.rows_skipped = 3
    fleet.stats.events.pending = 37
    fleet.stats.events.obstacle = "the reader of stdout has stalled"
    fleet.stats.state.problem = "database or disk is full"
    fleet.stats.state.failures = 71
    fleet.end(fleet.targets[0], "uj-gone", None, ago=812)
    return fleet


def large(targets: int = 200, jobs: int = 500) -> Fleet:
    """Return very many targets with very many jobs, some in trouble."""
    fleet = Fleet([Target(project_id="org-8d2k1f", city_id=f"city-{number:03}") for number in range(targets)])
    for number, target in enumerate(fleet.targets):
        fleet.complete(target, ago=number % 9)
        for index in range(jobs):
            state = State.PENDING if index % 4 else State.RUNNING
            kind = KNOWN_JOB_TYPES[index % 8]
            fleet.add(target, f"uj-{number:03}{index:06}", state, age=(index * 7919 + number) % 50_000, job_type=kind)
        if number % 40 == 7:
            fleet.fail(target, "http_503", "HTTP 503, the API is overloaded")
    return fleet


def hostile() -> Fleet:
    """Return a fleet whose every text is an attack, and as long as it can be."""
    long = HOSTILE + "W" * 400
    target = Target(project_id="org-x", city_id=HOSTILE)
    fleet = Fleet([target, Target(city_id="W" * 300)], keeps_state=True)
    fleet.complete(target)
    fleet.fail(fleet.targets[1], HOSTILE, long)
    for state in (State.PENDING, State.RUNNING, State.UNKNOWN):
        fleet.add(target, f"{state}{HOSTILE}"[:128].ljust(256, "x"), state, age=5, job_type=HOSTILE)
    for end in (State.FAILED, None):
        fleet.end(target, HOSTILE, end, ago=1, error=long)
    fleet.stats.api.requests[HOSTILE, HOSTILE] += 1
    fleet.stats.api.trouble = Trouble(NOW.mono - 60, long)
    fleet.stats.events.obstacle = long
    fleet.stats.state.problem = long
    return fleet
