"""Plans in which all is calm but for one situation, so that what fails in it does so within a few seeds."""

from typing import Any, Final

from poller.simulator.options import Fault, NoItems, Options, Order, Outage, TotalCount
from tests.simulation.plan import INTERVAL, Plan, Span

_BRIEF: Final = (0.05, 2.0)
"""Seconds: who waits and runs for so long lives between two sweeps more often than not."""


def calm(seed: int, *lives: Span, options: dict[str, Any], **trouble: Any) -> Plan:  # noqa: ANN401 (fields of a plan)
    """Make a plan in which nothing goes wrong but what is named.

    Every life but the last ends by a kill, and there is a state file where there are several.
    """
    usual: dict[str, Any] = {"arrival_rate": 1.0, "active_jobs": 0, "finished_jobs": 0, "latency": 0.01, "jitter": 0.0}
    made = Options(seed=seed, **usual | options)
    defaults: dict[str, Any] = {
        "keeps_state": len(lives) > 1,
        "skew": 0.0,
        "lookback": 0.0,
        "full": (),
        "stalls": (),
        "slow": 0.0,
        "slow_disk": 0.0,
        "write_trouble": 0.0,
        "max_rps": 20.0,
        "sweep_interval": INTERVAL,
        "city_ids": made.city_ids,
    }
    return Plan(
        seed=seed,
        options=made,
        seconds=lives[-1][1],
        lives=lives,
        kills=tuple(life is not lives[-1] for life in lives),
        **defaults | trouble,
    )


def brief_jobs(seed: int) -> Plan:
    """Jobs that no sweep shows, and old ones before them."""
    return calm(seed, (0, 300), options={"finished_jobs": 30, "queue_time": _BRIEF, "run_time": _BRIEF})


def jobs_that_begin_while_they_are_read(seed: int) -> Plan:
    """Let a sweep last long enough for jobs to move on in it."""
    options = {"arrival_rate": 2.0, "queue_time": (5, 20), "run_time": (30, 120), "page_cap": 50, "latency": 0.3}
    return calm(seed, (0, 300), options=options)


def brief_jobs_oldest_first(seed: int) -> Plan:
    """Put the news at the listing's end."""
    options = {"finished_jobs": 150, "queue_time": _BRIEF, "run_time": _BRIEF, "order": Order.OLDEST_FIRST}
    return calm(seed, (0, 600), options=options)


def brief_jobs_in_two_halves(seed: int) -> Plan:
    """Put news at the front and into the middle."""
    options = {
        "arrival_rate": 0.3,
        "finished_jobs": 200,
        "queue_time": _BRIEF,
        "run_time": _BRIEF,
        "page_cap": 20,
        "order": Order.TWO_HALVES,
    }
    return calm(seed, (0, 700), options=options)


def brief_jobs_shown_late(seed: int) -> Plan:
    """Jobs that no sweep shows, and that most replicas show late."""
    options = {"queue_time": _BRIEF, "run_time": _BRIEF, "lag": 20.0, "lag_share": 0.9}
    return calm(seed, (0, 400), options=options)


def brief_jobs_in_an_outage_that_returns(seed: int) -> Plan:
    """More of them than a page holds, and too little time, at first, to read them all."""
    options = {
        "queue_time": _BRIEF,
        "run_time": _BRIEF,
        "page_cap": 20,
        "latency": 0.2,
        "outages": tuple((begin, end, Outage.HTTP_503) for begin, end in ((80, 260), (262, 302), (304, 344))),
    }
    return calm(seed, (0, 620), options=options)


def brief_among_long_jobs(seed: int) -> Plan:
    """Make a pause in which brief jobs come and go, and small pages on which none but old ones have ended."""
    options = {
        "arrival_rate": 0.1,
        "active_jobs": 300,
        "finished_jobs": 60,
        "queue_time": (0.05, 1.0),
        "run_time": (1.0, 900.0),
        "failed_share": 0.0,
        "partial_share": 0.0,
        "order": Order.LAST_ENDED_FIRST,
        "page_cap": 4,
    }
    return calm(seed, (0, 250), (550, 800), options=options)


def host_clock_ahead(seed: int) -> Plan:
    """Take a host whose clock is five minutes ahead, and jobs that no sweep shows."""
    return calm(seed, (0, 300), options={"queue_time": _BRIEF, "run_time": _BRIEF}, skew=300.0)


def outage(seed: int) -> Plan:
    """Make an outage that is longer than a reported job has to be remembered while there is none."""
    options = {"run_time": (1.0, 30.0), "outages": ((100.0, 520.0, Outage.HTTP_503),)}
    return calm(seed, (0, 700), options=options)


def long_tail(seed: int) -> Plan:
    """Make a long RUNNING listing, newest first, whose last jobs are there before us."""
    options = {
        "arrival_rate": 0.1,
        "active_jobs": 150,
        "finished_jobs": 60,
        "run_time": (60.0, 600.0),
        "page_cap": 20,
        "total_count": TotalCount.UNDERSTATED,
    }
    return calm(seed, (0, 600), options=options)


def long_tail_and_empty_pages(seed: int) -> Plan:
    """Make one whose pages are empty now and then."""
    options = {
        "arrival_rate": 0.1,
        "active_jobs": 150,
        "finished_jobs": 60,
        "run_time": (60.0, 600.0),
        "page_cap": 10,
        "total_count": TotalCount.OMITTED,
        "faults": {Fault.EMPTY_PAGE: 0.2},
    }
    return calm(seed, (0, 600), options=options)


def rows_leave_a_listing_without_order(seed: int) -> Plan:
    """Make a listing that has to be read whole, slowly, while many of its rows are purged."""
    options = {
        "arrival_rate": 3.0,
        "queue_time": _BRIEF,
        "run_time": _BRIEF,
        "order": Order.NONE,
        "page_cap": 50,
        "latency": 2.0,
        "retention": 230.0,
    }
    return calm(seed, (0, 600), options=options)


def empty_look_ups(seed: int) -> Plan:
    """Take a few jobs that run on, and answers that are empty more often than not."""
    options = {
        "arrival_rate": 0.0,
        "active_jobs": 3,
        "run_time": (2000.0, 3000.0),
        "faults": {Fault.EMPTY_PAGE: 0.93},
        "no_items": NoItems.EMPTY,
    }
    return calm(seed, (0, 900), options=options)


def reruns_on_lagging_replicas(seed: int) -> Plan:
    """Jobs that are run again soon, while replicas show how they ended first."""
    options = {
        "arrival_rate": 0.5,
        "queue_time": (0.05, 5.0),
        "run_time": (20.0, 60.0),
        "rerun_share": 1.0,
        "rerun_after": (20.0, 60.0),
        "lag": 15.0,
        "lag_share": 0.4,
    }
    return calm(seed, (0, 500), options=options)


def restart(seed: int) -> Plan:
    """Make a pause of some minutes between two lives."""
    return calm(seed, (0, 60), (240, 500), options={"run_time": (1.0, 60.0)})


def short_writes(seed: int) -> Plan:
    """Take a reader who takes a part of what is written."""
    return calm(seed, (0, 120), options={"run_time": (1.0, 10.0)}, write_trouble=0.5)


def kills_while_written(seed: int) -> Plan:
    """Targets that save in turns, a reader who stops reading now and then, and a kill each time."""
    lives = [(begin, begin + 50.0) for begin in range(0, 300, 50)]
    options = {"cities": 3, "arrival_rate": 0.5, "run_time": (1.0, 10.0)}
    stalls = tuple((begin + 20.0, begin + 60.0) for begin in range(0, 250, 50))
    return calm(seed, *lives, (300.0, 560.0), options=options, stalls=stalls)


def kills_with_a_full_disk(seed: int) -> Plan:
    """Lines that are written while nothing can be saved, and a kill."""
    return calm(seed, (0, 100), (101, 300), options={"run_time": (1.0, 20.0)}, full=((30.0, 105.0),))


def many_pages(seed: int) -> Plan:
    """More pages than there is budget for in an interval."""
    return calm(seed, (0, 60), options={"active_jobs": 500, "run_time": (100.0, 200.0), "page_cap": 10}, max_rps=5.0)
