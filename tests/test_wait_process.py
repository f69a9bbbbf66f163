"""``poller wait`` and ``poller jobs`` as processes, against the simulated API on a socket."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace

import jsonschema
import pytest

from poller import events
from poller.models import State
from poller.simulator.options import DEMO_PRIVATE_KEY, DEMO_PUBLIC_KEY, Fault, Options
from poller.web.server import bind
from tests.e2e.live import LiveApi, wait_until

QUIET = Options(
    retention=1e6,
    active_jobs=0,
    finished_jobs=40,
    arrival_rate=0,
    failed_share=0.3,
    partial_share=0.3,
    latency=0.001,
    jitter=0.001,
)
ACTIVE = replace(QUIET, active_jobs=3, queue_time=(600, 900), run_time=(600, 900))


def environment(url: str, **more: str) -> dict[str, str]:
    """Configure a command as a script would."""
    return {
        "PATH": os.environ["PATH"],
        "UCLOUD_API_BASE_URL": url,
        "UCLOUD_PUBLIC_KEY": DEMO_PUBLIC_KEY,
        "UCLOUD_PRIVATE_KEY": DEMO_PRIVATE_KEY,
        "POLLER_CITY_IDS": "cn-hangzhou",
        **more,
    }


def poller(url: str, *arguments: str, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [sys.executable, "-m", "poller", *arguments]
    return subprocess.run(
        command, env=environment(url, **more), input=stdin, capture_output=True, text=True, check=False, timeout=100
    )


def rows(url: str, *filters: str) -> list[Mapping[str, object]]:
    """List jobs as a program would."""
    done = poller(url, "jobs", "--json", *filters)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def api() -> Iterator[LiveApi]:
    """Serve an API whose jobs stay as they are."""
    with LiveApi(ACTIVE) as served:
        yield served


def ids(api: LiveApi, *states: State) -> list[str]:
    """Return the ids of the jobs in some states."""
    return [str(row["job_id"]) for row in rows(api.url, *(word for state in states for word in ("--state", state)))]


def test_all_success_is_0(api: LiveApi) -> None:
    """Each job has a line."""
    some = ids(api, State.SUCCESS)
    done = poller(api.url, "wait", *some)
    assert done.returncode == 0
    assert {word for line in done.stdout.splitlines() for word in line.split() if word in some} == set(some)


@pytest.mark.parametrize("state", [State.FAILED, State.PARTIAL_SUCCESS])
def test_a_failure_is_1_and_tells_the_reasons(api: LiveApi, state: State) -> None:
    """In a table of the failed tasks."""
    [row] = rows(api.url, "--state", state, "--limit", "1")
    done = poller(api.url, "wait", str(row["job_id"]))
    assert done.returncode == 1
    assert "JOB" in done.stdout
    assert str(row["error_message"]) in done.stdout


def test_wrong_usage_is_2(api: LiveApi) -> None:
    """So is a wrong setting."""
    assert poller(api.url, "wait", "").returncode == 2
    assert poller(api.url, "wait", "a", POLLER_INTERVAL="10").returncode == 2
    assert poller(api.url, "jobs", "--state", "DONE").returncode == 2
    assert poller(api.url, "jobs", "--since", "1").returncode == 2
    assert poller(api.url, "jobs", UCLOUD_PUBLIC_KEY="").returncode == 2


def test_a_timeout_is_3(api: LiveApi) -> None:
    """With the state of what is open; a failure does not hide it."""
    [active, *_] = ids(api, State.PENDING, State.RUNNING)
    [failed, *_] = ids(api, State.FAILED)
    done = poller(api.url, "wait", active, failed, "--timeout", "500ms")
    assert done.returncode == 3
    assert f"{active} is " in done.stderr


IMPATIENT = """
import sys
from poller.tracker import absences
absences.MISSED_FOR = 1.0
from poller.__main__ import main
sys.exit(main())
"""


def test_an_unknown_job_is_4(api: LiveApi) -> None:
    """After the minute that the rule asks for, which is a second here."""
    command = [sys.executable, "-c", IMPATIENT, "wait", "nope", "--json"]
    done = subprocess.run(command, env=environment(api.url), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 4, done.stderr
    [event] = map(json.loads, done.stdout.splitlines())
    jsonschema.validate(event, events.schema(), format_checker=jsonschema.FormatChecker())
    assert (event["event_name"], event["job_id"]) == ("job.unresolved", "nope")


def test_refused_keys_are_5(api: LiveApi) -> None:
    """And the setting is named, but not its value."""
    for command in (("wait", "a"), ("jobs",)):
        done = poller(api.url, *command, UCLOUD_PRIVATE_KEY="wrong-key")
        assert done.returncode == 5
        assert "UCLOUD_PRIVATE_KEY" in done.stderr
        assert "wrong-key" not in done.stderr


def test_no_api_is_5() -> None:
    """After the retries, or at the timeout if that is sooner."""
    with bind("127.0.0.1", 0)[0] as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    assert poller(url, "wait", "a").returncode == 5
    assert poller(url, "wait", "a", "--timeout", "200ms").returncode == 5
    done = poller(url, "jobs")
    assert (done.returncode, done.stdout) == (5, "")
    assert "no connection" in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("as_json", [True, False])
def test_an_interrupt_ends_it_at_once(api: LiveApi, number: signal.Signals, code: int, *, as_json: bool) -> None:
    """Without a traceback, and with what was known."""
    [active, *_] = ids(api, State.PENDING, State.RUNNING)
    [ended, *_] = ids(api, State.SUCCESS)
    command = [sys.executable, "-m", "poller", "wait", active, ended, *(["--json"] if as_json else [])]
    with subprocess.Popen(
        command, env=environment(api.url), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert ended in process.stdout.readline()
        process.send_signal(number)
        _, stderr = process.communicate(timeout=20)
    assert process.returncode == code
    assert "1 of 2 jobs have ended: 1 SUCCESS" in stderr
    assert "Traceback" not in stderr


def test_ids_come_from_stdin_and_records_go_to_stdout(api: LiveApi) -> None:
    """As JSON lines and nothing else, which keep the schema of the event line."""
    some = ids(api, State.SUCCESS, State.FAILED)
    done = poller(api.url, "wait", "-", "--json", stdin="\n".join([*some, some[0]]))
    assert done.returncode == 1
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted(event["job_id"] for event in told) == sorted(some)
    for event in told:
        jsonschema.validate(event, events.schema(), format_checker=jsonschema.FormatChecker())


def test_a_job_that_runs_is_waited_for() -> None:
    """From its creation to its end."""
    lively = replace(QUIET, finished_jobs=0, active_jobs=4, queue_time=(0.1, 2), run_time=(0.1, 2), failed_share=0)
    with LiveApi(replace(lively, partial_share=0)) as api:
        some = [str(row["job_id"]) for row in rows(api.url)]
        done = poller(api.url, "wait", *some, "--json")
        assert done.returncode == 0, done.stderr
        told = [json.loads(line) for line in done.stdout.splitlines()]
        assert {event["job_id"]: event["state"] for event in told} == {
            run.job_id: run.outcome for run in api.runs.values()
        }


def test_at_the_timeout_a_job_without_end_time_has_ended() -> None:
    """It was seen to be over; only the time of it is waited for."""
    timeless = replace(QUIET, finished_jobs=0, active_jobs=2, queue_time=(2, 3), run_time=(0.1, 1), no_end_share=1)
    with LiveApi(replace(timeless, failed_share=0, partial_share=0)) as api:
        done = poller(api.url, "wait", *(str(row["job_id"]) for row in rows(api.url)), "--timeout", "7s")
    assert done.returncode == 0, done.stderr


def test_trouble_changes_nothing() -> None:
    """Pages that are empty, short or broken, while jobs run and end."""
    faults = {Fault.EMPTY_PAGE: 0.1, Fault.HTTP_503: 0.1, Fault.DUPLICATE_ROWS: 0.1, Fault.TRUNCATED: 0.05}
    restless = replace(QUIET, active_jobs=30, queue_time=(0.1, 3), run_time=(0.1, 3), page_cap=7, faults=faults)
    with LiveApi(restless) as api:
        some = [str(row["job_id"]) for row in rows(api.url, "--limit", "1000")]
        done = poller(api.url, "wait", "-", "--json", stdin="\n".join(some), POLLER_MAX_RPS="100")
        assert done.returncode == 1, done.stderr
        told = {event["job_id"]: event["state"] for event in map(json.loads, done.stdout.splitlines())}
        assert told == {job_id: api.runs[job_id].outcome for job_id in some}


def test_sigterm_before_the_start_is_no_success(api: LiveApi) -> None:
    """A process that still reads its ids has not seen any job end."""
    command = [sys.executable, "-m", "poller", "wait", "-"]
    with subprocess.Popen(
        command, env=environment(api.url), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        process.stdin.write(b" " * 1_000_000)  # more than a pipe holds, so that it is read by now
        # One that comes between two reads is noticed at the next, and another may find the interpreter leaving.
        wait_until(lambda: _terminated(process), "its end", every=0.2)
    assert process.returncode in {143, -signal.SIGTERM}


def _terminated(process: subprocess.Popen[bytes]) -> bool:
    process.terminate()
    return process.poll() is not None


def test_jobs_are_a_table(api: LiveApi) -> None:
    """Active ones first, with the reasons of those that failed."""
    done = poller(api.url, "jobs")
    assert done.returncode == 0
    heading, *lines = done.stdout.splitlines()
    assert heading.split() == ["JOB", "TYPE", "STATE", "CREATED", "DURATION", "TASKS", "ERROR"]
    assert len(lines) == 43
    assert {line.split()[2] for line in lines[:3]} <= {"PENDING", "RUNNING"}
    assert "\x1b" not in done.stdout


def test_jobs_of_several_targets_tell_which(api: LiveApi) -> None:
    """In a column of their own."""
    done = poller(api.url, "jobs", POLLER_CITY_IDS="cn-hangzhou,cn-shanghai")
    assert "TARGET" in done.stdout.splitlines()[0]
    assert "city cn-hangzhou" in done.stdout


def test_jobs_can_be_filtered(api: LiveApi) -> None:
    """By state, type, id and number."""
    failed = rows(api.url, "--state", "failed")
    assert failed
    assert {row["state"] for row in failed} == {"FAILED"}
    kind = str(failed[0]["job_type"])
    assert {row["job_type"] for row in rows(api.url, "--type", kind)} == {kind}
    assert len(rows(api.url, "--limit", "2")) == 2
    [one] = rows(api.url, "--job-id", str(failed[0]["job_id"]))
    assert one == failed[0]
    assert rows(api.url, "--since", "0s", "--state", "FAILED") == []


def test_an_interrupt_ends_a_listing() -> None:
    """While it waits for an answer."""
    with LiveApi(replace(ACTIVE, latency=30)) as api:
        command = [sys.executable, "-m", "poller", "jobs"]
        with subprocess.Popen(command, env=environment(api.url), stderr=subprocess.PIPE, text=True) as process:
            wait_until(lambda: api.requests > 0, "a request")
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert time.monotonic() - began < 20
