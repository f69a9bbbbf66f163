"""The image, built and run for real: read-only, without capabilities, within 64 MiB, stopped, killed and scraped."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from poller import __version__
from poller.simulator.options import DEMO_PRIVATE_KEY, Options
from tests.deploy.daemon import Container, running, wait_until
from tests.deploy.engine import BASE, IMAGE, Engine, free_port
from tests.deploy.fleet import keys, simulated
from tests.e2e.live import LiveApi
from tests.e2e.verdict import assert_repeats_are_verbatim, assert_true
from tests.schema import read_event

pytestmark = pytest.mark.slow

MIB = 2**20
LIMIT = 64 * MIB
LARGEST_IMAGE_MB = 160
EVENTS = 40

STREAM = Options(arrival_rate=10, active_jobs=20, finished_jobs=50, queue_time=(0.1, 0.5), run_time=(0.1, 1.0))
"""Jobs that come all the time."""

INSTALLERS = "pip pip3 gcc cc c++ make git ld"


def say(text: str) -> None:
    """Print a measurement; ``-rP`` shows it."""
    sys.stdout.write(f"measured: {text}\n")


@pytest.fixture(scope="module")
def limits(engine: Engine) -> tuple[str, ...]:
    """Return the options that limit memory to 64 MiB; none where this machine cannot."""
    options = (f"--memory={LIMIT}", f"--memory-swap={LIMIT}")
    tried = engine.attempt("run", "--rm", "--network=host", *options, IMAGE, "--version")
    return () if tried.returncode else options


@pytest.fixture(scope="module")
def polling(engine: Engine, limits: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    """Run the image on a simulated fleet until it has written events, for all tests that only look at it."""
    mounted = keys(tmp_path_factory.mktemp("mounted"))
    with simulated() as url, running(engine, url, mounted, *limits, port=free_port()) as container:
        container.await_events(EVENTS)
        yield container


def test_it_is_small(engine: Engine) -> None:
    """Here its base is made of Debian's packages; what is added to the base is a tenth."""
    size, base = (engine.inspect("image", name)["Size"] / 1e6 for name in (IMAGE, BASE))
    say(f"image {size:.0f} MB, {size - base:.0f} MB of them added to the base")
    assert size < LARGEST_IMAGE_MB


def test_it_tells_how_to_run_it(engine: Engine) -> None:
    """User, signal, health check, version and commit."""
    image = engine.inspect("image", IMAGE)
    config = image["Config"]
    assert (config["User"], config["StopSignal"], config["Entrypoint"]) == ("65532:65532", "SIGTERM", ["poller"])
    assert image["Healthcheck"]["Test"] == ["CMD", "poller", "health"]
    labels = {name.rpartition(".")[2]: value for name, value in config["Labels"].items() if name.startswith("org.open")}
    assert labels["version"] == __version__
    assert len(labels["revision"]) == 40


def test_it_has_no_installer_and_no_cache(polling: Container) -> None:
    """Nothing that could bring more into it, and nothing left of its making."""
    script = f"""for name in {INSTALLERS}; do command -v $name; done
    find / -xdev '(' -name '*.whl' -o -name 'pip*' -o -name 'setuptools*' -o -name '.cache' ')' 2>/dev/null
    find /var/lib/apt/lists /var/cache/apt -type f -size +0 2>/dev/null
    find / -xdev -path '/src*' 2>/dev/null; true"""
    assert polling.inside("sh", "-c", script).split() == []


def test_it_is_nobody_who_may_do_anything(polling: Container) -> None:
    """No root, no capability, no way to get one, and a filter on system calls."""
    status = polling.status
    assert status["Uid"].split() == status["Gid"].split() == ["65532"] * 4
    assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")


def test_it_writes_nowhere(polling: Container) -> None:
    """Its root is read-only, /tmp too."""
    attempts = "for each in / /tmp /opt/poller /var/lib/poller; do touch $each/x && echo $each; done 2>/dev/null; true"
    assert polling.inside("sh", "-c", attempts) == ""


def test_events_alone_are_on_stdout(polling: Container) -> None:
    """Each line is one event; diagnostics are JSON on stderr."""
    assert {event["event_name"] for event in polling.events} == {"job.finished"}
    assert all("event_name" not in line for line in polling.diagnostics)


def test_metrics_are_scraped(polling: Container) -> None:
    """The target is up, and as many events are counted as were seen."""
    text = polling.get("/metrics")
    assert 'uphone_target_up{city_id="cn-hangzhou"' in text
    [written] = [line for line in text.splitlines() if line.startswith("uphone_poller_events_written_total ")]
    assert float(written.split()[1]) >= EVENTS


def test_the_health_check_passes(polling: Container) -> None:
    """`poller health`, as the image has the runtime ask."""
    variables = {f"POLLER_LISTEN=127.0.0.1:{polling.port}"}
    assert variables <= set(polling.engine.inspect("container", polling.name)["Config"]["Env"])
    assert polling.engine.attempt("healthcheck", "run", polling.name).returncode == 0


def test_it_lives_within_64_mib(polling: Container) -> None:
    """With health checks in the same cgroup; the kernel has not killed anything."""
    say(f"resident {polling.resident():.1f} MiB, peak {polling.resident('VmHWM'):.1f} MiB")
    assert polling.resident("VmHWM") < LIMIT / MIB
    if polling.cgroup("memory.limit_in_bytes", "memory.max") != LIMIT:
        pytest.skip(
            f"NOT LIMITED: no memory cgroup here; measured instead: {polling.resident('VmHWM'):.1f} MiB at most"
        )
    for _ in range(3):
        polling.inside("poller", "health")
    peak = polling.cgroup("memory.max_usage_in_bytes", "memory.peak")
    say(f"cgroup peak {(peak or 0) / MIB:.1f} MiB, with file cache")
    assert polling.get("/livez")
    assert polling.engine.inspect("container", polling.name)["State"]["OOMKilled"] is False


def test_the_key_is_nowhere_to_be_seen(polling: Container) -> None:
    """Neither in what the runtime knows, nor in what is printed or served."""
    shown = json.dumps([polling.engine.inspect("container", polling.name), polling.lines, polling.diagnostics])
    command = (polling.process / "cmdline").read_text(encoding="utf-8")
    assert DEMO_PRIVATE_KEY not in shown + command + polling.get("/metrics") + polling.get("/")


def test_sigterm_ends_it_in_order(engine: Engine, tmp_path: Path) -> None:
    """Exit 0, with the last event whole."""
    with simulated() as url, running(engine, url, keys(tmp_path), port=free_port()) as container:
        container.await_events(1)
        assert container.end("TERM") == 0
        assert container.events
        assert container.diagnostics[-1]["level"] == "info"


def test_no_kill_loses_an_event(engine: Engine, tmp_path: Path) -> None:
    """With the state on a volume, the next container goes on: every run is told, under one id, in the same bytes."""
    mounted, port = keys(tmp_path), free_port()
    options = (f"--volume=state-{port}:/var/lib/poller",)
    more = {"POLLER_STATE_FILE": "/var/lib/poller/state.db"}
    lines: list[bytes] = []
    with LiveApi(STREAM) as api:
        for _ in range(3):
            with running(engine, api.url, mounted, *options, port=port, more=more) as container:
                container.await_events(EVENTS)
                assert container.end("KILL") == 137
                lines += [line.encode() for line in container.lines]
        due = api.ended()
        with running(engine, api.url, mounted, *options, port=port, more=more) as container:

            def told() -> set[str]:
                return {read_event(line)["job_id"] for line in [*lines, *map(str.encode, container.lines)]}

            wait_until(lambda: due.keys() <= told(), "all that has ended")
            assert container.end("TERM") == 0
            lines += [line.encode() for line in container.lines]
        assert_true(api, [read_event(line) for line in lines])
    assert_repeats_are_verbatim(lines)
