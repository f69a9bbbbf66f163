"""The status of a real poller, over a real socket."""

import json
from contextlib import ExitStack
from typing import Any

from poller.simulator.options import Options
from tests.e2e.live import LiveApi, Poller, wait_until

OPTIONS = Options(seed=5, active_jobs=6, queue_time=(0.5, 2.0), run_time=(0.5, 3.0))


def status(poller: Poller) -> dict[str, Any]:
    """Ask for the status."""
    code, body = poller.get("/status.json")
    assert code == 200
    found: dict[str, Any] = json.loads(body)
    return found


def test_the_status_tells_what_the_poller_has_reported() -> None:
    """From the API's rows to the newest completion."""
    with LiveApi(OPTIONS) as api, Poller(api.url) as poller:
        wait_until(lambda: bool(status(poller)["newest_completions"]), "a completion", every=0.1)
        found = status(poller)
        assert poller.get("/")[0] == 200
        assert (found["status"], found["ready"], found["target_counts"]["ok"]) == ("ok", True, 1)
        assert {each["job_id"] for each in found["newest_completions"]} <= poller.reported
        assert found["targets"][0]["outcome"] == "complete"
        assert found["state_file"] is None


def test_the_status_tells_that_the_api_is_gone() -> None:
    """With the line that a log would have, and the code of the metric."""
    with ExitStack() as stack:
        api = LiveApi(OPTIONS)
        serving = stack.enter_context(ExitStack())
        serving.enter_context(api)
        poller = stack.enter_context(Poller(api.url))
        wait_until(lambda: status(poller)["ready"], "the first cycle", every=0.1)
        serving.close()
        wait_until(lambda: status(poller)["api"]["error_message"], "the outage to be noticed", every=0.1)
        trouble = status(poller)["api"]
    assert "no connection to" in trouble["error_message"]
    assert trouble["failing_since"]
