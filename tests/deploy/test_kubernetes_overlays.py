"""The two ways of running the poller in Kubernetes: what holds of one of them alone."""

from poller.config import duration
from tests.deploy.manifests import NAME, OVERLAYS, documents, only, pod_spec, poller, rendered, settings
from tests.deploy.tools import DEPLOY


def test_a_sidecar_has_no_other_probe() -> None:
    """One would take the application out of service while the API is down."""
    assert [key for key in poller("sidecar") if key.endswith("Probe")] == ["livenessProbe"]


def test_a_deployment_has_all_probes() -> None:
    """Ready is what has read its targets."""
    paths = {key: value["httpGet"]["path"] for key, value in poller("standalone").items() if key.endswith("Probe")}
    assert paths == {"livenessProbe": "/livez", "startupProbe": "/livez", "readinessProbe": "/readyz"}


def test_a_sidecar_is_a_native_one() -> None:
    """So a job's pod ends, and the application starts after it and stops before it."""
    [container] = pod_spec("sidecar")["initContainers"]
    assert (container["name"], container["restartPolicy"]) == (NAME, "Always")


def test_a_new_pod_looks_back() -> None:
    """Its state is empty."""
    assert duration(settings("sidecar")["POLLER_LOOKBACK"]) == 3600


def test_there_is_one_poller_at_a_time() -> None:
    """Two would tell the same events, and only one can have the state file."""
    spec = only(rendered("standalone"), "Deployment")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_the_application_is_run_as_before() -> None:
    """What is added to its pod touches neither its containers nor the settings of the pod."""
    [before] = documents((DEPLOY / "kubernetes/overlays/sidecar/application.yaml").read_text(encoding="utf-8"))
    added = {"initContainers", "volumes", "enableServiceLinks"}
    assert {key: value for key, value in pod_spec("sidecar").items() if key not in added} == (
        before["spec"]["template"]["spec"]
    )


def test_both_run_the_same_container() -> None:
    """Apart from its settings and its other probes, and from what makes it a sidecar."""
    differing = {"envFrom", "restartPolicy", "startupProbe", "readinessProbe"}
    sidecar, standalone = (
        {key: value for key, value in poller(each).items() if key not in differing} for each in OVERLAYS
    )
    assert sidecar == standalone
