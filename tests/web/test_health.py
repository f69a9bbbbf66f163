"""When the poller calls itself alive and ready."""

from poller.models import ALL_CITIES, Target
from poller.stats import Deadlines, DiscoveryStats, Stats
from poller.web.health import MAX_NAMED, livez, readyz

A, B = Target(city_id="cn-a"), Target(city_id="cn-b")


def stats(*, complete: dict[Target, float] | None = None, refused: dict[Target, str] | None = None) -> Stats:
    """Return the counters of two targets, with the times of their last complete cycles and the API's refusals."""
    found = Stats([A, B], interval=10)
    for target, at in (complete or {}).items():
        found.targets[target].last_complete_at = at
    for target, why in (refused or {}).items():
        found.targets[target].refusal = why
    return found


def test_alive_before_any_task_has_promised_anything() -> None:
    """A starting poller is not stuck."""
    assert livez(Deadlines(), 0) == (200, {"status": "ok"})


def test_alive_up_to_the_deadline() -> None:
    """A task is in time at the very moment it promised."""
    deadlines = Deadlines()
    deadlines.declare("cycle", 100)
    assert livez(deadlines, 100)[0] == 200


def test_not_alive_past_a_deadline() -> None:
    """The answer names who is late."""
    deadlines = Deadlines()
    deadlines.declare("cycle b", 100)
    deadlines.declare("cycle a", 100)
    deadlines.declare("sink", 200)
    assert livez(deadlines, 101) == (503, {"status": "stuck", "late": 2, "late_tasks": ["cycle a", "cycle b"]})


def test_alive_again_once_the_task_is_back() -> None:
    """A new promise replaces the missed one."""
    deadlines = Deadlines()
    deadlines.declare("cycle", 100)
    deadlines.declare("cycle", 300)
    assert livez(deadlines, 200)[0] == 200


def test_alive_when_the_late_task_promises_nothing_any_more() -> None:
    """A lifted deadline cannot be missed: stdout may stall for as long as it likes."""
    deadlines = Deadlines()
    deadlines.declare("sink", 100)
    deadlines.lift("sink")
    assert livez(deadlines, 200)[0] == 200


def test_an_answer_names_a_bounded_number_of_tasks() -> None:
    """A thousand late tasks are counted, not listed."""
    deadlines = Deadlines()
    for number in range(1000):
        deadlines.declare(f"{number} {'x' * 1000}", 0)
    _, why = livez(deadlines, 1)
    assert (why["late"], len(why["late_tasks"])) == (1000, MAX_NAMED)
    assert max(map(len, why["late_tasks"])) == 200


def test_ready_when_every_target_is_complete() -> None:
    """Both have had a cycle, and just now."""
    status, content = readyz(stats(complete={A: 100, B: 100}), 100)
    assert (status, content) == (200, {"status": "ok", "targets": 2, "complete": 2, "refused": 0})


def test_not_ready_while_a_target_is_waited_for() -> None:
    """The answer says for which."""
    status, why = readyz(stats(complete={A: 100}), 100)
    assert (status, why["waiting_targets"]) == (503, ["city cn-b, uphone-server"])


def test_ready_when_the_rest_is_refused_for_good() -> None:
    """A target without permission does not keep the others from being served."""
    assert readyz(stats(complete={A: 100}, refused={B: "permission denied"}), 100)[0] == 200


def test_not_ready_when_all_is_refused() -> None:
    """Without one complete target there is nothing to serve, and the API's reasons are given."""
    status, why = readyz(stats(refused={A: "no such user", B: "no such user"}), 100)
    assert (status, why["waiting_targets"]) == (503, [])
    assert why["refused_targets"]["city cn-a, uphone-server"] == "no such user"


def test_not_ready_without_targets() -> None:
    """No target is known yet, so none is complete."""
    assert readyz(Stats([], interval=10), 100)[0] == 503


def test_ready_as_long_as_one_target_is_fresh() -> None:
    """One stale target among others is a matter for its own metric."""
    assert readyz(stats(complete={A: 100, B: 1000}), 1060)[0] == 200


def test_not_ready_when_the_newest_complete_cycle_is_stale() -> None:
    """The API has been down for all of them."""
    status, why = readyz(stats(complete={A: 100, B: 1000}), 1061)
    assert (status, why["reason"]) == (503, "no target has had a complete cycle for too long")


def test_a_target_refused_later_counts_as_complete_while_it_is_fresh() -> None:
    """Readiness is not lost at the first refusal."""
    assert readyz(stats(complete={A: 100, B: 100}, refused={B: "locked"}), 100)[0] == 200


def test_readiness_names_a_bounded_number_of_targets() -> None:
    """A thousand targets and the longest refusals fit in a small answer."""
    many = Stats([Target(city_id=f"{number}{'x' * 1000}") for number in range(1000)], interval=10)
    for number, own in enumerate(many.targets.values()):
        own.refusal = "y" * 10_000 if number % 2 else None
    _, why = readyz(many, 0)
    assert (why["targets"], why["refused"], len(why["waiting_targets"])) == (1000, 500, MAX_NAMED)
    assert len(str(why)) < 20_000


ALL = Target(city_id=ALL_CITIES)


def test_not_ready_before_the_cities_are_known() -> None:
    """The first answer with them is part of the start."""
    found = stats(complete={A: 100, B: 100})
    found.discoveries[ALL] = DiscoveryStats()
    status, why = readyz(found, 100)
    assert (status, why["reason"]) == (503, "the cities are not known yet")
    assert why["waiting_targets"] == ["city all, uphone-server"]
    found.discoveries[ALL].done = True
    assert readyz(found, 100)[0] == 200


def test_a_refused_discovery_is_told_and_not_waited_for() -> None:
    """As a refused target is."""
    found = Stats(interval=10)
    found.discoveries[ALL] = DiscoveryStats(refusal="permission denied")
    status, why = readyz(found, 100)
    assert (status, why["refused_targets"]) == (503, {"city all, uphone-server": "permission denied"})


def test_a_city_that_appears_later_is_not_waited_for() -> None:
    """Readiness is not lost to what is new."""
    found = stats(complete={A: 100})
    found.targets[B].late = True
    assert readyz(found, 100)[0] == 200
