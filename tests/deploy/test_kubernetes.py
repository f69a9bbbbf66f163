"""The Kubernetes manifests: what the schemas say of them, and what must hold of them besides."""

from typing import Any

import pytest

from poller import __version__
from poller.config import SETTINGS
from tests.deploy.manifests import (
    NAME,
    OVERLAYS,
    Manifest,
    of_kind,
    only,
    pod_spec,
    pod_template,
    poller,
    rendered,
    settings,
)

VERSIONS = [f"1.{minor}" for minor in range(29, 38)]
"""From the first with sidecars that need no switch to the last whose schemas are installed."""

PORT = 10766

MONITOR_KEYS = {
    "PodMonitor": ({"selector", "podMetricsEndpoints"}, {"port", "interval", "relabelings"}),
    "ServiceMonitor": ({"selector", "endpoints", "jobLabel"}, {"port", "interval"}),
}
"""What the Prometheus Operator's kinds may have, as far as it is used: no package has schemas of them."""

pytestmark = pytest.mark.parametrize("overlay", OVERLAYS)


def built_in(overlay: str) -> list[Manifest]:
    """Return the manifests of the kinds that every cluster knows."""
    return [each for each in rendered(overlay) if each["kind"] not in MONITOR_KEYS]


def validator() -> Any:  # noqa: ANN401 (it has no types)
    """Return the package that has the schemas."""
    return pytest.importorskip("kubernetes_validate", reason="not installed: make .venv/deploy.stamp")


@pytest.mark.parametrize("version", VERSIONS)
def test_the_schemas_of_kubernetes_allow_it(overlay: str, version: str) -> None:
    """Strictly: a field that this version does not know is an error."""
    manifests = built_in(overlay)
    assert {validator().validate(each, version, strict=True) for each in manifests} == {version}


def test_the_schemas_would_find_a_slip(overlay: str) -> None:
    """A field with a letter too many is refused."""
    manifest = only(rendered(overlay), "Deployment")
    manifest["spec"]["template"]["spec"]["enableServiceLinkss"] = False
    with pytest.raises(validator().ValidationError, match="enableServiceLinkss"):
        validator().validate(manifest, VERSIONS[-1], strict=True)


def test_what_is_scraped_is_there(overlay: str) -> None:
    """The monitor selects the pods or the service by labels that they have, and by a port that they name."""
    manifests = rendered(overlay)
    [monitor] = [each for each in manifests if each["kind"] in MONITOR_KEYS]
    keys, endpoint_keys = MONITOR_KEYS[monitor["kind"]]
    assert (monitor["apiVersion"], set(monitor["spec"])) == ("monitoring.coreos.com/v1", keys)
    [endpoint] = monitor["spec"].get("podMetricsEndpoints") or monitor["spec"]["endpoints"]
    assert set(endpoint) == endpoint_keys
    scraped = only(manifests, "Service") if "endpoints" in monitor["spec"] else pod_template(overlay)
    assert monitor["spec"]["selector"]["matchLabels"].items() <= scraped["metadata"]["labels"].items()
    ports = scraped["spec"].get("ports") or poller(overlay)["ports"]
    assert [each["name"] for each in ports] == [endpoint["port"]]


def test_the_image_is_of_this_version(overlay: str) -> None:
    """The tag is what a release is known by."""
    assert poller(overlay)["image"] == f"{NAME}:{__version__}"


def test_it_may_do_nothing(overlay: str) -> None:
    """As the restricted Pod Security Standard asks, and with a root that is read-only."""
    assert poller(overlay)["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def test_its_resources_are_bounded(overlay: str) -> None:
    """No CPU limit: being throttled would fail its probes."""
    assert poller(overlay)["resources"]["limits"] == {"memory": "80Mi"}
    assert set(poller(overlay)["resources"]["requests"]) == {"cpu", "memory"}


def test_services_set_no_variables(overlay: str) -> None:
    """One named poller would set POLLER_PORT."""
    assert pod_spec(overlay)["enableServiceLinks"] is False


def test_the_settings_exist(overlay: str) -> None:
    """And the keys are not among them, but in files."""
    assert set(settings(overlay)) <= {setting.variable for setting in SETTINGS}
    assert not {"UCLOUD_PUBLIC_KEY", "UCLOUD_PRIVATE_KEY"} & set(settings(overlay))
    assert "env" not in poller(overlay)
    assert [each["configMapRef"]["name"] for each in poller(overlay)["envFrom"]] == [
        only(rendered(overlay), "ConfigMap")["metadata"]["name"]
    ]


@pytest.mark.parametrize(
    ("volume", "variable"),
    [
        ("ucloud-keys", "UCLOUD_PUBLIC_KEY_FILE"),
        ("ucloud-keys", "UCLOUD_PRIVATE_KEY_FILE"),
        ("poller-state", "POLLER_STATE_FILE"),
    ],
)
def test_a_file_is_on_its_volume(overlay: str, volume: str, variable: str) -> None:
    """The keys read-only, the state not."""
    [mount] = [each for each in poller(overlay)["volumeMounts"] if each["name"] == volume]
    assert settings(overlay)[variable].rpartition("/")[0] == mount["mountPath"]
    assert mount.get("readOnly", False) is (volume == "ucloud-keys")
    kinds = {each["name"]: set(each) - {"name"} for each in pod_spec(overlay)["volumes"]}
    state = {"emptyDir"} if overlay == "sidecar" else {"persistentVolumeClaim"}
    assert kinds == {"ucloud-keys": {"secret"}, "poller-state": state}


def test_liveness_asks_livez(overlay: str) -> None:
    """Which answers when the API is down, too."""
    assert poller(overlay)["livenessProbe"]["httpGet"] == {"path": "/livez", "port": "metrics"}


def test_only_the_monitoring_reaches_the_port(overlay: str) -> None:
    """No other rule names it, and a sidecar's application keeps all of its ports."""
    policies = of_kind(rendered(overlay), "NetworkPolicy")
    rules = [rule for policy in policies for rule in policy["spec"].get("ingress", [])]
    fenced = [rule for rule in rules if "from" in rule]
    assert [[port["port"] for port in rule["ports"]] for rule in fenced] == [[PORT]]
    open_ports = {
        number
        for rule in rules
        if "from" not in rule
        for each in rule["ports"]
        if each["protocol"] == "TCP"
        for number in range(each["port"], each.get("endPort", each["port"]) + 1)
    }
    assert open_ports == (set(range(1, 65536)) - {PORT} if overlay == "sidecar" else set())


def test_the_policies_select_the_pod(overlay: str) -> None:
    """By labels that it has."""
    labels = pod_template(overlay)["metadata"]["labels"].items()
    policies = of_kind(rendered(overlay), "NetworkPolicy")
    assert policies
    assert all(each["spec"]["podSelector"]["matchLabels"].items() <= labels for each in policies)
