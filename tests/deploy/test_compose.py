"""The Compose files: whether Compose takes them, and what must hold of them besides."""

import functools
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from poller import __version__
from poller.config import SETTINGS
from poller.simulator.options import DEMO_PRIVATE_KEY, DEMO_PUBLIC_KEY
from tests.deploy.manifests import documents
from tests.deploy.tools import DEPLOY, path_of, run

FILES = ("compose.yaml", "compose.demo.yaml")
NAME = "uphone-job-poller"
IMAGE = f"{NAME}:{__version__}"

each_file = pytest.mark.parametrize("file", FILES)


@functools.cache
def _configured(file: str) -> str:
    return run("docker-compose", "--file", str(DEPLOY / file), "config", "--format", "json")


def services(file: str) -> dict[str, dict[str, Any]]:
    """Return the services of a file as Compose understands them."""
    found: dict[str, dict[str, Any]] = json.loads(_configured(file))["services"]
    return found


def ours(file: str) -> dict[str, dict[str, Any]]:
    """Return the services that run the poller's image."""
    return {name: service for name, service in services(file).items() if "build" in service}


def mounts(service: dict[str, Any]) -> dict[str, str]:
    """Return what a service has of the checkout, by where it has it; all of it read-only."""
    binds = [each for each in service.get("volumes", []) if each["type"] == "bind"]
    assert all(each["read_only"] for each in binds)
    return {each["target"]: each["source"] for each in binds}


@each_file
def test_compose_takes_it(file: str) -> None:
    """It finds nothing wrong, and has no warning."""
    assert services(file)
    command = [path_of("docker-compose"), "--file", str(DEPLOY / file), "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@each_file
def test_the_image_is_of_this_version(file: str) -> None:
    """Made of the Dockerfile of this checkout."""
    assert {(each["image"], each["build"]["context"]) for each in ours(file).values()} == {(IMAGE, str(DEPLOY.parent))}


@each_file
def test_it_may_do_nothing(file: str) -> None:
    """Read-only, without capabilities or a way to get any, with bounded memory."""
    for service in ours(file).values():
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert service["security_opt"] == ["no-new-privileges:true"]
    assert int(ours(file)[NAME]["mem_limit"]) == 80 * 2**20


@each_file
def test_ports_are_on_the_loopback_alone(file: str) -> None:
    """Metrics have no password, and neither has the demo's Grafana."""
    ports = [port for service in services(file).values() for port in service.get("ports", [])]
    assert ports
    assert {port["host_ip"] for port in ports} == {"127.0.0.1"}


@each_file
def test_the_settings_exist(file: str) -> None:
    """The poller would refuse or warn of others."""
    assert set(services(file)[NAME]["environment"]) <= {setting.variable for setting in SETTINGS}


@each_file
def test_the_state_is_on_a_volume(file: str) -> None:
    """Else the root, which is read-only, could not hold it."""
    service = services(file)[NAME]
    [volume] = [each for each in service["volumes"] if each["type"] == "volume"]
    assert service["environment"]["POLLER_STATE_FILE"].rpartition("/")[0] == volume["target"]


def test_real_keys_are_files() -> None:
    """An environment is seen by whoever may inspect the container."""
    service = services("compose.yaml")[NAME]
    assert {each["source"] for each in service["secrets"]} == {"public-key", "private-key"}
    assert {service["environment"][f"UCLOUD_{each}_KEY_FILE"] for each in ("PUBLIC", "PRIVATE")} == {
        "/run/secrets/public-key",
        "/run/secrets/private-key",
    }


def test_the_demo_has_the_simulators_keys() -> None:
    """And no others; its probe is not asked of the simulator."""
    environment = services("compose.demo.yaml")[NAME]["environment"]
    assert (environment["UCLOUD_PUBLIC_KEY"], environment["UCLOUD_PRIVATE_KEY"]) == (DEMO_PUBLIC_KEY, DEMO_PRIVATE_KEY)
    simulator = services("compose.demo.yaml")["simulator"]
    host, _, port = environment["UCLOUD_API_BASE_URL"].removeprefix("http://").partition(":")
    assert (host, f"0.0.0.0:{port}" in simulator["command"]) == ("simulator", True)
    assert simulator["healthcheck"] == {"disable": True}


def test_what_the_demo_mounts_is_there() -> None:
    """The rules, the dashboard, and where to find them; a path that is not there would become a directory."""
    found = [source for service in services("compose.demo.yaml").values() for source in mounts(service).values()]
    assert len(found) == 4
    assert [source for source in found if not Path(source).exists()] == []


def test_the_demos_prometheus_takes_its_configuration(tmp_path: Path) -> None:
    """With the rules that it loads, and the poller as its target."""
    mounted = mounts(services("compose.demo.yaml")["prometheus"])
    text = Path(mounted["/etc/prometheus/prometheus.yml"]).read_text(encoding="utf-8")
    [config] = documents(text)
    [rules] = config["rule_files"]
    (tmp_path / "prometheus.yaml").write_text(text.replace(rules, mounted[rules]), encoding="utf-8")
    run("promtool", "check", "config", str(tmp_path / "prometheus.yaml"))
    assert [each["static_configs"] for each in config["scrape_configs"]] == [[{"targets": [f"{NAME}:10766"]}]]


def test_the_demos_grafana_finds_prometheus_and_the_dashboard() -> None:
    """By the service's name, and in the directory that is mounted."""
    demo = services("compose.demo.yaml")
    mounted = mounts(demo["grafana"])
    provisioning = Path(mounted["/etc/grafana/provisioning"])
    [sources] = documents((provisioning / "datasources/prometheus.yaml").read_text(encoding="utf-8"))
    [source] = sources["datasources"]
    assert (source["type"], source["uid"]) == ("prometheus", "prometheus")
    [host, port] = source["url"].removeprefix("http://").split(":")
    assert int(port) in {each["target"] for each in demo[host]["ports"]}
    [providers] = documents((provisioning / "dashboards/poller.yaml").read_text(encoding="utf-8"))
    [provider] = providers["providers"]
    [dashboard] = [target for target in mounted if target.endswith("/dashboard.json")]
    assert provider["options"]["path"] == dashboard.rpartition("/")[0]
    assert demo["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] == dashboard
