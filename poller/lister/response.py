"""What a client brings back, however it got there."""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

MAX_BODY: Final = 16 * 1024 * 1024
"""Bytes of an answer, compressed or not, beyond which it is refused."""

CONNECT_SECONDS: Final = 5.0
"""How long connecting may take, within the time that a whole exchange has."""


class Response(NamedTuple):
    """An answer over HTTP, its body as it was sent."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes

    def header(self, name: bytes) -> str:
        """Return the first header of a name, which is given in lower case; empty where there is none."""
        value = next((value for key, value in self.headers if key.lower() == name), b"")
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value.decode("latin-1")


class Client(Protocol):
    """Sends forms to the API's address. What goes wrong is httpx2's ``TransportError``, or ``ssl.SSLError``."""

    @property
    def peer(self) -> str:
        """Whom it speaks to: host and port."""
        ...

    async def post(self, form: bytes) -> Response:
        """Send a form and return the answer, whose body has at most `MAX_BODY` bytes."""
        ...

    async def aclose(self) -> None:
        """Close its connections."""
        ...
