"""What one seed stands for: an API, a poller, and what befalls them."""

from dataclasses import dataclass
from random import Random
from typing import Final

from poller.simulator.options import Fault, NoItems, Number, Options, Order, Outage, TotalCount, Unset

START: Final = 1_700_000_000.0
"""The API's clock at the beginning, in Unix seconds."""

INTERVAL: Final = 10.0
LAG_MOST: Final = 20.0
LATE_END: Final = 15.0

Span = tuple[float, float]
"""From when to when, in seconds from the beginning."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """``lives`` are the spans in which the process runs. ``kills`` tells of each whether it ends by a kill.

    ``skew`` is how far the host's clock is ahead of the API's. ``full`` are the spans in which the disk is full,
    ``stalls`` those in which nobody reads stdout, and ``slow`` the most seconds that a reader takes for a batch of
    lines, ``slow_disk`` the most that a commit takes. Without ``keeps_state`` there is no state file.
    """

    seed: int
    options: Options
    seconds: float
    lives: tuple[Span, ...]
    kills: tuple[bool, ...]
    keeps_state: bool
    skew: float
    lookback: float
    full: tuple[Span, ...]
    stalls: tuple[Span, ...]
    slow: float
    slow_disk: float
    write_trouble: float
    max_rps: float
    sweep_interval: float
    city_ids: tuple[str | None, ...]

    @property
    def settles(self) -> float:
        """How long a sound process takes to report a completion that can be seen everywhere, in seconds at most.

        This is the time that docs/guarantees.md publishes for a poller with an interval of 10 seconds.
        """
        return 200.0


def draw(seed: int) -> Plan:
    """Draw a plan."""
    rng = Random(f"plan {seed}")
    seconds = rng.choice([250.0, 350.0, 600.0])
    keeps_state = rng.random() < 0.8
    lives, kills = _lives(rng, seconds) if keeps_state else (((0.0, seconds),), (False,))
    options = _options(seed, rng, seconds)
    return Plan(
        seed=seed,
        options=options,
        seconds=seconds,
        lives=lives,
        kills=kills,
        keeps_state=keeps_state,
        skew=rng.choice([0.0, 0.0, rng.uniform(-300, 300)]),
        lookback=rng.choice([0.0, 0.0, 120.0]),
        full=_full(rng, seconds, lives) if keeps_state else (),
        stalls=_stalls(rng, seconds),
        slow=rng.choice([0.0, 0.0, 1.0]),
        slow_disk=rng.choice([0.0, 0.3]),
        write_trouble=rng.choice([0.0, 0.2, 0.5]),
        max_rps=rng.choice([20.0, 20.0, 5.0]),
        sweep_interval=rng.choice([1, 6, 6]) * INTERVAL,
        # Without a city the API answers for the first, so that two targets list the same jobs.
        city_ids=(None, *options.city_ids) if rng.random() < 0.1 else options.city_ids,
    )


def _lives(rng: Random, seconds: float) -> tuple[tuple[Span, ...], tuple[bool, ...]]:
    """Split the time into lives, with pauses between."""
    spans, kills = [], []
    begin = 0.0
    while True:
        end = begin + rng.choice([rng.uniform(1, 60), rng.uniform(60, 600), seconds])
        if end >= seconds - 1:
            spans.append((begin, seconds))
            kills.append(False)
            return tuple(spans), tuple(kills)
        spans.append((begin, end))
        kills.append(rng.random() < 0.8)
        begin = end + rng.choice([0.0, 1.0, rng.uniform(1, 90)])
        if begin >= seconds - 1:
            return tuple(spans), tuple(kills)


def _full(rng: Random, seconds: float, lives: tuple[Span, ...]) -> tuple[Span, ...]:
    """Fill the disk for a while, within one life."""
    if rng.random() < 0.7:
        return ()
    begin, end = rng.choice(lives)
    first = rng.uniform(begin, end)
    return ((first, min(end - 30, first + rng.uniform(1, 120))),)


def _stalls(rng: Random, seconds: float) -> tuple[Span, ...]:
    if rng.random() < 0.8:
        return ()
    begin = rng.uniform(0, seconds)
    return ((begin, begin + rng.uniform(1, 120)),)


def _options(seed: int, rng: Random, seconds: float) -> Options:
    lagging = rng.random() < 0.3
    quick = rng.random() < 0.5
    busy = rng.random() < 0.3
    # Where pages are capped at a few rows there are few: how long a reading takes grows with its requests.
    small = rng.random() < 0.6
    return Options(
        seed=seed,
        cities=rng.choice([1, 1, 2]),
        active_jobs=rng.choice([0, 1, 20]) if small else rng.choice([20, 150]),
        finished_jobs=rng.choice([0, 20, 100]) if small else rng.choice([200, 500]),
        arrival_rate=rng.choice([0.3, 1.0]) if busy else rng.choice([0.02, 0.2]),
        queue_time=(0.05, rng.choice([5, 60, 600])),
        run_time=(0.05, 8 if quick else rng.choice([60, 600, 3600])),
        workers=rng.choice([None, None, 5, 50]),
        failed_share=rng.choice([0.1, 0.4]),
        partial_share=rng.choice([0.05, 0.2]),
        max_phones=2,
        retention=rng.choice([10_000, 10_000, 700]),
        rerun_share=rng.choice([0, 0, 0.1]),
        rerun_after=(1, 200),
        vanish_share=rng.choice([0, 0, 0.05]),
        hide_share=rng.choice([0, 0, 0.1]),
        hide_time=(1, 100),
        purge_share=rng.choice([0, 0, 0.1]),
        purge_after=(1, 400),
        late_end_share=rng.choice([0, 0, 0.3]),
        late_end=LATE_END,
        no_end_share=rng.choice([0, 0, 0, 0.05]),
        no_times_share=rng.choice([0, 0, 0, 0.05]),
        unlisted_state_share=rng.choice([0, 0, 0, 0.05]),
        bad_row_share=rng.choice([0, 0, 0.02]),
        order=rng.choice(list(Order)),
        shuffle_ties=rng.random() < 0.5,
        page_cap=rng.choice([10, 20, 50, 100]) if small and not busy else rng.choice([50, 100]),
        total_count=rng.choice(list(TotalCount)),
        blind_pending=rng.random() < 0.1,
        times=rng.choice(list(Number)),
        unset_times=rng.choice(list(Unset)),
        no_items=rng.choice(list(NoItems)),
        ret_code=rng.choice(list(Number)),
        latency=rng.choice([0.001, 0.05]),
        jitter=rng.choice([0, 0.5]),
        lag=rng.uniform(1, LAG_MOST) if lagging else 0.0,
        lag_share=0.3 if lagging else 0.0,
        faults={fault: rng.choice([0, 0, 0, 0.03]) for fault in Fault},
        outages=_outages(rng, seconds),
        rate_limit=rng.choice([None, 6.0]) if small and not busy else None,
        date_skew=rng.choice([0.0, 0.0, rng.uniform(-5, 5)]),
    )


def _outages(rng: Random, seconds: float) -> tuple[tuple[float, float, Outage], ...]:
    kinds = [Outage.RESET, Outage.HTTP_503, Outage.SILENT]
    outages = []
    for _ in range(rng.choice([0, 0, 1, 2])):
        begin = rng.uniform(0, seconds)
        outages.append((begin, begin + rng.choice([rng.uniform(1, 30), rng.uniform(30, 240)]), rng.choice(kinds)))
    return tuple(outages)
