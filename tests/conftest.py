"""What tests share: the event loops they run on."""

import pytest


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Run asynchronous tests on both."""
    backend: str = request.param
    return backend
