"""Reads one answer after the other from the bytes of a connection, within bounds."""

from typing import Final

import httpx2
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from poller.lister.response import Response

MAX_SILENT: Final = 100 * 1024
"""Bytes without any of a body among them - headers, interim answers, trailers - beyond which an answer is refused."""

MAX_HEADERS: Final = 256
"""Headers of an answer beyond which it is refused."""


class Answer:
    """What has come of the answer to one request: fed with bytes, read by its attributes once it is ``whole``.

    ``max_body`` is in bytes. One more answer may follow on the same connection after `expect`, if it is `reusable`.
    """

    def __init__(self, max_body: int) -> None:
        self._parser = HttpResponseParser(self)
        self._max_body = max_body
        self.expect()

    def expect(self) -> None:
        """Begin with the next answer."""
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = bytearray()
        self.whole = False
        self.reusable = False
        self._begun = False
        self._silent = 0
        self._problem: str | None = None

    def response(self) -> Response:
        """Return the answer, once it is whole."""
        return Response(self.status, self.headers, bytes(self.body))

    def feed(self, data: bytes) -> None:
        """Take the bytes that came, or raise RemoteProtocolError."""
        self._silent += len(data)
        self._begun = True
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._refuse(self._problem or f"not HTTP: {error}")
        if self._silent > MAX_SILENT:
            self._refuse(f"no body in {MAX_SILENT} bytes")

    def end(self) -> None:
        """Take it that nothing more will come: the answer is whole now where only that ends it, or it broke off."""
        if not self._begun:
            raise httpx2.RemoteProtocolError("the server closed the connection without an answer")
        if not self._ends_with_connection():
            raise httpx2.RemoteProtocolError(f"the server closed the connection after {len(self.body)} bytes of a body")
        self.whole = True

    def _ends_with_connection(self) -> bool:
        names = {name.lower() for name, _ in self.headers}
        return bool(self.status) and names.isdisjoint((b"content-length", b"transfer-encoding"))

    def _refuse(self, problem: str) -> None:
        # Whatever follows a whole answer was not asked for, and is not of it.
        self.reusable = False
        if not self.whole:
            raise httpx2.RemoteProtocolError(problem)

    def on_message_begin(self) -> None:
        """Obey the parser: an answer begins, the one asked for, an interim one before it, or one that nobody wants."""
        if self.whole:
            raise ValueError
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Obey the parser: a header has come, or a trailer, which nobody reads."""
        if self.status:
            return
        if len(self.headers) == MAX_HEADERS:
            self._problem = f"more than {MAX_HEADERS} headers"
            raise ValueError
        self.headers.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        """Obey the parser: a head has come, which may be that of an interim answer."""
        status = self._parser.get_status_code()
        if status < 100:
            self._problem = f"the status {status} is none"
            raise ValueError
        self.status = status if status >= 200 else 0

    def on_body(self, part: bytes) -> None:
        """Obey the parser: a part of the body has come."""
        if not self.status:
            return
        self._silent = 0
        self.body += part
        if len(self.body) > self._max_body:
            self._problem = f"larger than {self._max_body} bytes"
            raise ValueError

    def on_message_complete(self) -> None:
        """Obey the parser: the answer is whole, unless it was an interim one."""
        if self.status:
            self.whole = True
            self.reusable = self._parser.should_keep_alive()
