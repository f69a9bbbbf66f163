"""``poller run`` as a process, against the simulated API on a socket."""

import signal
from dataclasses import replace
from pathlib import Path

import pytest

from poller.simulator.options import DEMO_PRIVATE_KEY, DEMO_PUBLIC_KEY, Fault, Options, Order, TotalCount
from tests.e2e.live import LiveApi, Poller, wait_until
from tests.e2e.verdict import assert_exact
from tests.schema import Event, read_event

FLEET = Options(
    active_jobs=150,
    arrival_rate=0,
    finished_jobs=30,
    queue_time=(0.2, 1.0),
    run_time=(0.3, 1.5),
    latency=0.002,
    jitter=0.002,
)
FOREVER = replace(FLEET, active_jobs=20, queue_time=(600, 900), run_time=(600, 900))
FAULTS = (
    Fault.HTTP_503,
    Fault.HTML_502,
    Fault.RESET,
    Fault.TRUNCATED,
    Fault.GARBAGE,
    Fault.RET_CODE_110,
    Fault.RET_CODE_130,
    Fault.RET_CODE_150,
    Fault.RET_CODE_153,
)


CROWD = replace(FLEET, active_jobs=400, max_phones=8, partial_share=0.5)
"""More events than a pipe holds, each of a size that a pipe takes whole."""


def settled(api: LiveApi, poller: Poller) -> bool:
    """Tell whether every job has ended and everything due is reported."""
    return api.all_ended and api.ended().keys() <= poller.reported


@pytest.mark.parametrize("order", [Order.NEWEST_FIRST, Order.OLDEST_FIRST, Order.NONE])
def test_every_job_that_ends_gives_one_event_with_its_true_state(order: Order) -> None:
    """Nothing is missed, invented or told twice; SIGTERM ends it in time with everything written."""
    with LiveApi(replace(FLEET, order=order)) as api, Poller(api.url) as poller:
        wait_until(lambda: settled(api, poller), "every event")
        assert poller.stop() == 0
        assert_exact(api, poller.events)


@pytest.mark.parametrize("total_count", list(TotalCount))
def test_a_capped_server_that_counts_oddly_hides_no_job(total_count: TotalCount) -> None:
    """Pages of twenty, a queue that drains first in first out, and a count that is true, wrong or missing."""
    odd = replace(FLEET, active_jobs=100, run_time=(2, 4), workers=60, order=Order.OLDEST_FIRST)
    odd = replace(odd, page_cap=20, total_count=total_count)
    with LiveApi(odd) as api, Poller(api.url) as poller:
        wait_until(lambda: settled(api, poller), "every event")
        assert poller.stop() == 0
        assert_exact(api, poller.events)


def test_trouble_of_every_kind_costs_no_event() -> None:
    """With 5 % each of nine faults the events are as exact as without, and nothing is asked in a hot loop."""
    trouble = replace(FLEET, page_cap=20, run_time=(1, 4), faults=dict.fromkeys(FAULTS, 0.05))
    with LiveApi(trouble) as api, Poller(api.url, {"POLLER_LOG_LEVEL": "debug"}) as poller:
        wait_until(lambda: settled(api, poller) and api.faults == set(FAULTS), "every event and every fault")
        cycles = poller.metric("uphone_poll_cycles_total")
        assert poller.stop() == 0
        assert_exact(api, poller.events)
        assert api.requests < 250 * (cycles + 1)
        assert not any("Traceback" in line for line in poller.stderr)


def test_events_keep_the_published_schema() -> None:
    """Every line is valid JSON of the schema that `poller schema` prints, and within its bound."""
    with LiveApi(replace(FLEET, active_jobs=40)) as api, Poller(api.url) as poller:
        wait_until(lambda: settled(api, poller), "every event")
        assert poller.stop() == 0
        for line in poller.lines:
            assert len(line) <= 16_384
            read_event(line)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_middle_of_an_outage_ends_it_cleanly(number: signal.Signals) -> None:
    """Requests that nobody answers hold nothing up."""
    with LiveApi(replace(FOREVER, latency=600)) as api, Poller(api.url) as poller:
        wait_until(lambda: api.requests > 0, "a request")
        assert poller.stop(number) == 0


def test_a_stalled_reader_makes_it_wait_and_loses_nothing() -> None:
    """Events wait for their reader, probes are answered meanwhile, and all come once the reader goes on."""
    with LiveApi(CROWD) as api, Poller(api.url, reads=False) as poller:
        wait_until(lambda: api.all_ended and poller.metric("uphone_poller_events_pending") > 0, "a full pipe")
        written = poller.metric("uphone_poller_events_written_total")
        assert poller.get("/livez")[0] == 200
        assert poller.metric("uphone_poller_events_written_total") == written
        poller.read()
        wait_until(lambda: settled(api, poller), "every event")
        assert poller.stop() == 0
        assert_exact(api, poller.events)


def test_a_stalled_reader_does_not_keep_it_from_ending() -> None:
    """SIGTERM ends it in time, with exit code 1 and the number of events that were left."""
    with LiveApi(CROWD) as api, Poller(api.url, reads=False) as poller:
        wait_until(lambda: api.all_ended and poller.metric("uphone_poller_events_pending") > 0, "a full pipe")
        known = poller.metric("uphone_poller_events_pending") + poller.metric("uphone_poller_events_written_total")
        poller.process.send_signal(signal.SIGTERM)
        assert poller.process.wait(5) == 1
        poller.read()
        assert poller.ended() == 1
        assert poller.logs[-1]["events"] == known - len(poller.events)


def test_a_reader_that_goes_on_during_the_drain_gets_everything() -> None:
    """SIGTERM leaves events a moment to be written; with all of them out, it is a clean end."""
    with LiveApi(CROWD) as api, Poller(api.url, reads=False) as poller:
        wait_until(lambda: api.all_ended and poller.metric("uphone_poller_events_pending") > 0, "a full pipe")
        known = poller.metric("uphone_poller_events_pending") + poller.metric("uphone_poller_events_written_total")
        poller.process.send_signal(signal.SIGTERM)
        wait_until(lambda: any(log["message"] == "ending" for log in poller.logs), "the drain")
        poller.read()
        assert poller.ended() == 0
        assert len(poller.events) >= known


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_does_not_cut_the_drain_short(number: signal.Signals) -> None:
    """An impatient operator still gets the exit code and the number of events that were left."""
    with LiveApi(CROWD) as api, Poller(api.url, reads=False) as poller:
        wait_until(lambda: api.all_ended and poller.metric("uphone_poller_events_pending") > 0, "a full pipe")
        poller.process.send_signal(number)
        wait_until(lambda: any(log["message"] == "ending" for log in poller.logs), "the drain")
        poller.process.send_signal(number)
        assert poller.process.wait(5) == 1
        poller.read()
        assert poller.ended() == 1
        assert poller.logs[-1]["events"] > 0


def test_a_proxy_that_is_none_is_told_before_any_request() -> None:
    """One line that names the variables, not the proxy, whose address may hold a password."""
    environment = {"POLLER_TRUST_ENV": "on", "ALL_PROXY": "socks5://user:pass-word@127.0.0.1:1"}
    with Poller("http://127.0.0.1:1", environment) as poller:
        assert poller.ended() == 2
        assert "ALL_PROXY" in poller.stderr[-1]
        assert "pass-word" not in "".join(poller.stderr)


def test_a_closed_reader_ends_it() -> None:
    """Nobody would hear of what ends, which is an error and not a reason to go on."""
    with LiveApi(FLEET) as api, Poller(api.url, reads=False) as poller:
        wait_until(lambda: poller.metric("uphone_target_up") == 1, "a complete cycle")
        assert poller.process.stdout is not None
        poller.process.stdout.close()
        assert poller.ended() == 1
        assert poller.logs[-1]["message"].startswith("ended")
        assert "stdout" in poller.logs[-1]["why"]


def test_events_go_to_a_file_that_is_rotated(tmp_path: Path) -> None:
    """A file that is renamed away is left, and a new one begun; no event is lost between them."""
    path = tmp_path / "events.jsonl"
    with LiveApi(FLEET) as api, Poller(api.url, {"POLLER_EVENTS": str(path)}) as poller:
        wait_until(lambda: path.exists() and path.stat().st_size > 0, "a first event")
        path.rename(tmp_path / "events.jsonl.1")

        def written() -> list[Event]:
            return [read_event(line) for each in sorted(tmp_path.iterdir()) for line in each.read_text().splitlines()]

        wait_until(
            lambda: api.all_ended and api.ended().keys() <= {event["job_id"] for event in written()}, "every event"
        )
        assert poller.stop() == 0
        assert_exact(api, written())
        assert path.exists()


def test_keys_are_told_to_nobody() -> None:
    """Not in events, diagnostics, metrics or the process list, whatever goes wrong."""
    wrong = {"UCLOUD_PRIVATE_KEY": "wrong-private-key-Zm9vYmFy", "POLLER_LOG_LEVEL": "debug"}
    with LiveApi(replace(FLEET, faults={Fault.RESET: 0.3})) as api, Poller(api.url, wrong) as poller:
        wait_until(lambda: any(log["level"] == "error" for log in poller.logs), "the refusal")
        _, metrics = poller.get("/metrics")
        command = Path(f"/proc/{poller.process.pid}/cmdline").read_text()
        assert poller.stop() == 0
        told = "".join([*map(bytes.decode, poller.lines), *poller.stderr, metrics, command])
        assert "171" in told
        for secret in (DEMO_PUBLIC_KEY, DEMO_PRIVATE_KEY, wrong["UCLOUD_PRIVATE_KEY"]):
            assert secret not in told


def test_wrong_keys_keep_it_waiting_for_right_ones() -> None:
    """The refusal is said once, with its remedy; the target is down and the process lives."""
    with LiveApi(FLEET) as api, Poller(api.url, {"UCLOUD_PRIVATE_KEY": "wrong"}) as poller:
        wait_until(lambda: any(log["level"] == "error" for log in poller.logs), "the refusal")
        assert poller.metric("uphone_target_up") == 0
        assert poller.get("/livez")[0] == 200
        status, why = poller.get("/readyz")
        assert (status, "UCLOUD_PRIVATE_KEY" in why) == (503, True)
        assert api.requests == 1
        assert poller.stop() == 0


def test_a_port_that_is_taken_is_told_before_any_request() -> None:
    """One line that names the setting, and exit code 2."""
    with LiveApi(FOREVER) as api, Poller(api.url, {"POLLER_LISTEN": api.url.removeprefix("http://")}) as poller:
        assert poller.ended() == 2
        [line] = poller.stderr
        assert line.startswith("poller: error: POLLER_LISTEN: ")
        assert api.requests == 0


def test_an_address_that_no_client_takes_is_told_before_any_request() -> None:
    """One line that names the setting, and exit code 2: what only the HTTP library finds wrong included."""
    with Poller("http://☃.test") as poller:
        assert poller.ended() == 2
        assert poller.stderr[-1].startswith("poller: error: UCLOUD_API_BASE_URL: ")


def test_readiness_comes_with_the_first_complete_cycle() -> None:
    """Before it, and why not, is told as JSON."""
    with LiveApi(FOREVER) as api, Poller(api.url) as poller:
        wait_until(lambda: poller.get("/readyz")[0] == 200, "readiness")
        assert poller.get("/healthz")[0] == 200
        assert poller.stop() == 0


def test_all_cities_are_discovered_and_polled() -> None:
    """Every city's jobs are reported under it."""
    with LiveApi(replace(FLEET, cities=5)) as api, Poller(api.url, {"POLLER_CITY_IDS": "all"}) as poller:
        wait_until(lambda: settled(api, poller), "every event")
        wait_until(lambda: poller.get("/readyz")[0] == 200, "readiness")
        assert (poller.metric("uphone_targets"), poller.metric("uphone_target_up")) == (5, 5)
        _, metrics = poller.get("/metrics")
        assert 'uphone_api_requests_total{action="DescribeUPhoneCities",code="0"} 1.0' in metrics
        assert poller.stop() == 0
        assert_exact(api, poller.events)
        assert len({event["city_id"] for event in poller.events}) == 5


def test_one_process_polls_two_hundred_targets() -> None:
    """Each of them completes, and what ends in any is reported."""
    ids = ",".join(replace(FLEET, cities=200).city_ids)
    settings = {"POLLER_CITY_IDS": ids, "POLLER_INTERVAL": "4s", "POLLER_MAX_RPS": "1000"}
    fleet = replace(FLEET, cities=200, active_jobs=600, queue_time=(2, 6), run_time=(5, 15))
    with LiveApi(fleet) as api, Poller(api.url, settings) as poller:
        # Looking is work for all three, so there is little of it.
        wait_until(lambda: poller.metric("uphone_target_up") == 200, "every target", every=0.5)
        wait_until(lambda: settled(api, poller), "every event", every=0.5)
        assert poller.stop() == 0
        assert_exact(api, poller.events)
