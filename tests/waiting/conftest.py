"""Virtual time on both backends."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.lister.conftest import Backend, virtual_time

__all__ = ["virtual_time"]


@pytest.fixture
def anyio_backend(anyio_backend: str, virtual_time: Callable[[str], Backend]) -> tuple[str, dict[str, Any]]:
    """Run on both backends, in virtual time."""
    return virtual_time(anyio_backend)
