"""Who can read and reach what in Kubernetes: the files by their modes, the port by its name, and the way out."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest

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
from tests.deploy.tools import DEPLOY, ROOT

USER = 65532
PORT = 10766
MONITORING = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
CLUSTER_NAMES = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}
NODE_NAMES = "169.254.20.10"
"""Where Kubernetes' cache of names on each node listens, unless told otherwise."""

each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)


def volume(overlay: str, name: str) -> Manifest:
    """Return a volume of the pod."""
    [found] = [each for each in pod_spec(overlay)["volumes"] if each["name"] == name]
    return dict(found)


def group(overlay: str) -> int | None:
    """Return the group that Kubernetes gives the pod's volumes to; None if it leaves them to root."""
    found: int | None = pod_spec(overlay).get("securityContext", {}).get("fsGroup")
    return found


def policy(overlay: str, name: str) -> Manifest:
    """Return a policy by its name."""
    [found] = [each for each in of_kind(rendered(overlay), "NetworkPolicy") if each["metadata"]["name"] == name]
    return dict(found["spec"])


def way_out(peer: dict[str, Any] | str, protocol: str, port: int) -> bool:
    """Tell whether the stand-alone poller may speak to an address, or to the pods that a peer names."""

    def meets(each: Manifest) -> bool:
        if isinstance(peer, dict) or "ipBlock" not in each:
            return bool(each == peer)
        networks = [each["ipBlock"]["cidr"], *each["ipBlock"].get("except", [])]
        inside, *excepted = (ip_address(peer) in ip_network(network) for network in networks)
        return inside and not any(excepted)

    return any(
        {"protocol": protocol, "port": port} in rule["ports"] and any(meets(each) for each in rule["to"])
        for rule in policy("standalone", f"{NAME}-egress")["egress"]
    )


@each_overlay
def test_its_user_can_read_the_keys_and_not_change_them(overlay: str) -> None:
    """By the group of the volume if that is its own, else as anybody: files of a secret are root's."""
    mode = volume(overlay, "ucloud-keys")["secret"]["defaultMode"]
    assert mode == (0o440 if group(overlay) == USER else 0o444)


def test_its_user_can_write_its_state() -> None:
    """An emptyDir is anybody's, a persistent volume is its group's."""
    assert "emptyDir" in volume("sidecar", "poller-state")
    assert group("standalone") == USER
    assert poller("standalone")["securityContext"]["runAsGroup"] == USER


@each_overlay
def test_the_secret_is_the_one_that_is_made(overlay: str) -> None:
    """By the command of the overlay and of the documents, with the files that the settings name."""
    name = volume(overlay, "ucloud-keys")["secret"]["secretName"]
    files = [settings(overlay)[f"UCLOUD_{key}_KEY_FILE"].rpartition("/")[2] for key in ("PUBLIC", "PRIVATE")]
    command = f"kubectl create secret generic {name} " + " ".join(f"--from-file={each}" for each in files)
    for page in (DEPLOY / "kubernetes/overlays" / overlay / "kustomization.yaml", ROOT / "docs/operations.md"):
        assert command in page.read_text(encoding="utf-8")


def test_the_claim_is_there() -> None:
    """Under the name that the pod asks for."""
    claimed = volume("standalone", "poller-state")["persistentVolumeClaim"]["claimName"]
    assert claimed == only(rendered("standalone"), "PersistentVolumeClaim")["metadata"]["name"]


@each_overlay
def test_the_port_is_the_pollers_own(overlay: str) -> None:
    """The one that it listens at unless told otherwise."""
    assert poller(overlay)["ports"] == [{"name": "metrics", "containerPort": PORT}]
    assert "POLLER_LISTEN" not in settings(overlay)


def test_the_service_leads_to_the_pod() -> None:
    """Whether or not it is ready: its metrics say why it is not."""
    spec = only(rendered("standalone"), "Service")["spec"]
    assert spec["selector"].items() <= pod_template("standalone")["metadata"]["labels"].items()
    assert spec["ports"] == [{"name": "metrics", "port": PORT, "targetPort": "metrics"}]
    assert spec["publishNotReadyAddresses"] is True


def test_both_are_scraped_under_one_name() -> None:
    """Prometheus' label `job` does not tell how the poller is run."""
    [endpoint] = only(rendered("sidecar"), "PodMonitor")["spec"]["podMetricsEndpoints"]
    assert endpoint["relabelings"] == [{"targetLabel": "job", "replacement": NAME}]
    label = only(rendered("standalone"), "ServiceMonitor")["spec"]["jobLabel"]
    assert only(rendered("standalone"), "Service")["metadata"]["labels"][label] == NAME


def test_it_has_no_account_of_the_cluster() -> None:
    """It asks nothing of Kubernetes; the sidecar's application may."""
    assert pod_spec("standalone")["automountServiceAccountToken"] is False


@each_overlay
def test_prometheus_alone_is_let_in(overlay: str) -> None:
    """By its namespace."""
    spec = policy(overlay, NAME)
    assert spec["policyTypes"] == ["Ingress"]
    assert spec["ingress"] == [{"from": [MONITORING], "ports": [{"protocol": "TCP", "port": PORT}]}]


@pytest.mark.parametrize("peer", [CLUSTER_NAMES, NODE_NAMES])
@pytest.mark.parametrize("protocol", ["UDP", "TCP"])
def test_it_may_ask_for_names(peer: dict[str, Any] | str, protocol: str) -> None:
    """Of the cluster, and of the cache on its node where there is one."""
    assert policy("standalone", f"{NAME}-egress")["policyTypes"] == ["Egress"]
    assert way_out(peer, protocol, 53)


@pytest.mark.parametrize("address", ["106.75.0.1", "10.0.0.1", "2001:db8::1"])
def test_it_may_ask_the_api(address: str) -> None:
    """Whose address may change, or be a private one."""
    assert way_out(address, "TCP", 443)
    assert not way_out(address, "TCP", 80)
    assert not way_out(address, "UDP", 53)


@pytest.mark.parametrize("address", ["169.254.169.254", "100.80.80.80", NODE_NAMES, "fe80::1"])
def test_it_may_not_ask_for_credentials_of_its_machine(address: str) -> None:
    """Clouds give them out at link-local addresses, UCloud tells of the machine at one of its own."""
    assert not any(way_out(address, "TCP", port) for port in (80, 443))
