"""Reads the body of an answer up to a bound, whatever its encoding inflates to."""

import zlib
from collections.abc import Iterator
from contextlib import aclosing
from typing import Final

import httpx2

from poller.errors import Malformed

MAX_BODY: Final = 16 * 1024 * 1024
"""Bytes of an answer, decompressed, beyond which it is refused."""

_STEP = 65_536


async def read_body(response: httpx2.Response) -> bytes:
    """Read a body of at most `MAX_BODY` bytes, or raise `Malformed`; close it either way."""
    parts, size = [], 0
    # The response is closed before its iterator, which has nothing left to wait for then.
    async with aclosing(response.aiter_raw()) as chunks, aclosing(response):
        inflater = _inflater(response)
        async for chunk in chunks:
            for part in inflater.feed(chunk) if inflater else (chunk,):
                size += len(part)
                if size > MAX_BODY:
                    raise Malformed("malformed", f"the answer is larger than {MAX_BODY} bytes")
                parts.append(part)
        if inflater:
            inflater.end()
    return b"".join(parts)


def _inflater(response: httpx2.Response) -> "_Inflater | None":
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    # Nobody looks into the body of an answer other than 200, so that its encoding does not matter.
    if response.status_code != 200 or encoding in ("identity", ""):
        return None
    if encoding in ("gzip", "x-gzip", "deflate"):
        return _Inflater()
    raise Malformed("malformed", "the answer has a content encoding that was not asked for")


class _Inflater:
    """Inflates gzip or zlib in steps, so that a small chunk cannot blow up past the bound at once."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Inflate a chunk."""
        while chunk:
            # Whatever follows the end would be kept by the decompressor, without bound.
            if self._stream.eof:
                raise Malformed("malformed", "the answer goes on where its compression has ended")
            try:
                yield self._stream.decompress(chunk, _STEP)
            except zlib.error:
                raise Malformed("malformed", "the answer's compression is broken") from None
            chunk = self._stream.unused_data or self._stream.unconsumed_tail

    def end(self) -> None:
        """Check that nothing is missing."""
        if not self._stream.eof:
            raise Malformed("malformed", "the answer's compression broke off")
