"""The stand-alone Deployment, run for real: podman makes the pod, its volume and its settings of what is rendered."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.deploy.daemon import Container, wait_until
from tests.deploy.engine import Engine, free_port
from tests.deploy.fleet import keys, settings, simulated
from tests.deploy.manifests import NAME, Manifest, of_kind, only, rendered
from tests.deploy.tools import need

pytestmark = pytest.mark.slow

EVENTS = 20
LIMIT = 80 * 2**20
CLAIM = "PersistentVolumeClaim"


def playable(url: str, keys: Path, port: int) -> list[Manifest]:
    """Return what podman can make of the overlay: settings, volume and Deployment, asking a simulator on the host.

    Without a bridge podman maps no ports and knows no names of them; and Debian's reads secrets without decoding them.
    """
    manifests = rendered("standalone")
    only(manifests, "ConfigMap")["data"].update(settings(url, port=port))
    pod = only(manifests, "Deployment")["spec"]["template"]["spec"]
    pod["hostNetwork"] = True
    [container] = pod["containers"]
    del container["ports"]
    for name in [name for name in container if name.endswith("Probe")]:
        container[name]["httpGet"]["port"] = port
    [secret] = [volume for volume in pod["volumes"] if "secret" in volume]
    secret["hostPath"] = {"path": str(keys), "type": "Directory"}
    del secret["secret"]
    return [each for kind in ("ConfigMap", CLAIM, "Deployment") for each in of_kind(manifests, kind)]


class Pod:
    """The Deployment's pod, which can be brought up and taken down again."""

    def __init__(self, engine: Engine, manifests: list[Manifest], port: int) -> None:
        self._engine = engine
        self._port = port
        self._file = self._write("pod.yaml", [each for each in manifests if each["kind"] != CLAIM])
        # On its own: Debian's podman refuses a claim that it has met before.
        self._engine.podman("kube", "play", self._write("claim.yaml", of_kind(manifests, CLAIM)))

    def _write(self, name: str, manifests: list[Manifest]) -> str:
        file = self._engine.directory / name
        # JSON is YAML.
        file.write_text("---\n".join(f"{json.dumps(each)}\n" for each in manifests), encoding="utf-8")
        return str(file)

    @contextmanager
    def up(self) -> Iterator[Container]:
        """Make the pod and give the poller's container; take it down in the end, and leave its volume."""
        self._engine.podman("kube", "play", self._file)
        try:
            [name] = self._engine.podman("ps", "--quiet", f"--filter=name={NAME}$").split()
            yield Container(self._engine, name, self._port)
        finally:
            self._engine.podman("kube", "down", self._file)


@pytest.fixture
def pod(engine: Engine, tmp_path: Path) -> Iterator[Pod]:
    """Have a simulator on the host, and the pod that asks it, not yet made."""
    need("catatonit", "kubectl")
    port = free_port()
    with simulated() as url:
        try:
            yield Pod(engine, playable(url, keys(tmp_path), port), port)
        finally:
            engine.podman("volume", "rm", NAME)


def test_the_pod_polls_and_is_ready(pod: Pod) -> None:
    """As the manifest has it: its user, its limit, its settings, its read-only root."""
    with pod.up() as container:
        container.await_events(EVENTS)
        assert {event["project_id"] for event in container.events} == {"org-x"}
        wait_until(lambda: container.answers("/readyz"), "a complete cycle, which may end after its events")
        assert container.get("/livez")
        assert container.status["Uid"].split() == ["65532"] * 4
        host = container.engine.inspect("container", container.name)["HostConfig"]
        assert (host["ReadonlyRootfs"], host["Memory"]) == (True, LIMIT)


def test_the_next_pod_goes_on(pod: Pod) -> None:
    """The volume outlives the pod, and what was told is not told again."""
    with pod.up() as container:
        container.await_events(EVENTS)
    with pod.up() as container:
        container.await_events(EVENTS)
        said = [line["message"] for line in container.diagnostics]
        assert "started" in said
        assert not [message for message in said if message.startswith("a first start")]
