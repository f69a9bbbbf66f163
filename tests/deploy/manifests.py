"""The Kubernetes manifests as they are rendered, and where to find things in them."""

import functools
from collections.abc import Sequence
from typing import Any, Final

import pytest

from tests.deploy.tools import DEPLOY, run

Manifest = dict[str, Any]

OVERLAYS: Final = ("sidecar", "standalone")
NAME: Final = "uphone-job-poller"


def documents(text: str) -> list[Manifest]:
    """Read the documents of a YAML stream."""
    yaml = pytest.importorskip("yaml", reason="not installed: make .venv/deploy.stamp")
    return [each for each in yaml.safe_load_all(text) if each]


@functools.cache
def _rendered(overlay: str) -> str:
    return run("kubectl", "kustomize", str(DEPLOY / "kubernetes/overlays" / overlay))


def rendered(overlay: str) -> list[Manifest]:
    """Render an overlay; the caller may change what it gets."""
    return documents(_rendered(overlay))


def of_kind(manifests: Sequence[Manifest], kind: str) -> list[Manifest]:
    """Return the manifests of one kind."""
    return [each for each in manifests if each["kind"] == kind]


def only(manifests: Sequence[Manifest], kind: str) -> Manifest:
    """Return the one manifest of a kind."""
    [found] = of_kind(manifests, kind)
    return found


def pod_template(overlay: str) -> Manifest:
    """Return the pod that an overlay makes, with its labels."""
    found: Manifest = only(rendered(overlay), "Deployment")["spec"]["template"]
    return found


def pod_spec(overlay: str) -> Manifest:
    """Return what that pod is made of."""
    return dict(pod_template(overlay)["spec"])


def poller(overlay: str) -> Manifest:
    """Return the poller's container, wherever in the pod it is."""
    spec = pod_spec(overlay)
    [found] = [each for each in [*spec["containers"], *spec.get("initContainers", [])] if each["name"] == NAME]
    return dict(found)


def settings(overlay: str) -> dict[str, str]:
    """Return the variables that the poller gets."""
    found: dict[str, str] = only(rendered(overlay), "ConfigMap")["data"]
    return found
