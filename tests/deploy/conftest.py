"""What the tests of deploy/ share: an engine with the image built, once a session."""

from collections.abc import Iterator

import pytest

from tests.deploy.engine import Engine, need_engine


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Build the image, and remove all that was made of it in the end."""
    need_engine()
    made = Engine(tmp_path_factory.mktemp("engine"))
    try:
        made.build()
        yield made
    finally:
        made.close()
