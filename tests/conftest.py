"""What tests share: the event loops they run on."""

import pytest
from hypothesis import HealthCheck, settings

# The same examples each time, and no verdict on how fast a busy machine makes them.
settings.register_profile("poller", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("poller")


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Run asynchronous tests on both."""
    backend: str = request.param
    return backend
