"""The Compose files, brought up for real as far as images can be had: by Compose itself, on podman's Docker API."""

import json
import os
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.daemon import Container, wait_until
from tests.deploy.engine import BASE, Engine, free_port
from tests.deploy.fleet import keys, settings, simulated
from tests.deploy.manifests import NAME
from tests.deploy.tools import DEPLOY, need, path_of

pytestmark = pytest.mark.slow

DEMO = ("simulator", NAME, "prometheus")
"""All but Grafana, of which there is no package."""

NAMES_PLUGIN = Path("/usr/lib/cni/dnsname")


def beside(url: str, port: int, mounted: Path) -> str:
    """Write what differs here for the poller alone: the host's network, where the simulator is, and its keys."""
    variables = {name: value for name, value in settings(url, port=port).items() if not name.endswith("_FILE")}
    service = {"network_mode": "host", "environment": variables}
    secrets = {name: {"file": str(mounted / name)} for name in ("public-key", "private-key")}
    written = json.dumps({"services": {NAME: service}, "secrets": secrets})
    # No JSON can say that the ports of the other file are not wanted.
    return written.replace('"network_mode"', '"ports": !reset [], "network_mode"')


def instead(poller: int, prometheus: int) -> str:
    """Write what differs here: free ports, and Debian's Prometheus, which the host has, on Debian's base."""
    program = path_of("prometheus")
    return f"""
services:
  uphone-job-poller:
    ports: !override ["127.0.0.1:{poller}:10766"]
  prometheus:
    image: {BASE}
    entrypoint: [{program}, --config.file=/etc/prometheus/prometheus.yml, --storage.tsdb.path=/prometheus]
    ports: !override ["127.0.0.1:{prometheus}:9090"]
    volumes: ["{program}:{program}:ro"]
"""


@contextmanager
def docker_api(engine: Engine) -> Iterator[str]:
    """Serve podman as Docker is served, and give the address."""
    socket = engine.directory / "docker.sock"
    command = [*engine.command, "system", "service", "--time=0", f"unix://{socket}"]
    with subprocess.Popen(command, env=engine.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as api:
        try:
            wait_until(socket.exists, "podman's API")
            yield f"unix://{socket}"
        finally:
            api.terminate()


@contextmanager
def up(address: str, services: Sequence[str], *files: Path) -> Iterator[None]:
    """Bring services up, and take them down with their volumes and networks."""
    environment = {**os.environ, "DOCKER_HOST": address}
    command = [path_of("docker-compose"), *(f"--file={file}" for file in files)]

    def compose(*arguments: str) -> None:
        done = subprocess.run(
            [*command, *arguments], env=environment, capture_output=True, text=True, timeout=180, check=False
        )
        assert done.returncode == 0, done.stderr

    try:
        compose("up", "--detach", "--no-build", *services)
        yield
    finally:
        compose("down", "--volumes", "--timeout=5")


def ask(port: int, path: str, parameters: Mapping[str, str]) -> Any:  # noqa: ANN401 (JSON)
    """Ask Prometheus; None while it does not answer."""
    url = f"http://127.0.0.1:{port}{path}?{urllib.parse.urlencode(parameters)}"
    with suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)["data"]
    return None


def test_the_demo_shows_events_in_prometheus(engine: Engine, tmp_path: Path) -> None:
    """The poller finds the simulator by its name, Prometheus the poller, and the rules are loaded."""
    need("iptables", "prometheus")
    if "cni" in engine.podman("info", "--format={{.Host.NetworkBackend}}") and not NAMES_PLUGIN.exists():
        pytest.skip("not on this machine: apt install golang-github-containernetworking-plugin-dnsname")
    poller, prometheus = free_port(), free_port()
    override = tmp_path / "override.yaml"
    override.write_text(instead(poller, prometheus), encoding="utf-8")

    def told() -> bool:
        answer = ask(prometheus, "/api/v1/query", {"query": "sum(uphone_jobs_finished_total) > 0"})
        return bool(answer and answer["result"])

    with docker_api(engine) as address, up(address, DEMO, DEPLOY / "compose.demo.yaml", override):
        wait_until(told, "jobs that have finished")
        assert ask(prometheus, "/api/v1/rules", {})["groups"]
        cities = ask(prometheus, "/api/v1/query", {"query": "count(uphone_target_up == 1)"})
        assert [each["value"][1] for each in cities["result"]] == ["3"]


def test_the_poller_alone_has_its_keys_from_files(engine: Engine, tmp_path: Path) -> None:
    """With the state on a volume of its own, read-only and as nobody."""
    port = free_port()
    override = tmp_path / "override.yaml"
    with simulated() as url, docker_api(engine) as address:
        override.write_text(beside(url, port, keys(tmp_path)), encoding="utf-8")
        with up(address, [NAME], DEPLOY / "compose.yaml", override):
            [name] = engine.podman("ps", "--quiet").split()
            container = Container(engine, name, port)
            container.await_events(1)
            assert container.inside("ls", "/var/lib/poller").split()[0] == "state.db"
            assert container.status["Uid"].split() == ["65532"] * 4
            assert container.engine.inspect("container", name)["HostConfig"]["Memory"] == 80 * 2**20
