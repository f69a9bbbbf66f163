"""Reads the body of an answer within a bound, whatever its encoding inflates to."""

import zlib

from poller.errors import Malformed
from poller.lister.response import MAX_BODY, Response

_STEP = 65_536


def read_body(response: Response) -> bytes:
    """Return the body of an answer without its encoding, at most `MAX_BODY` bytes, or raise `Malformed`."""
    encoding = response.header(b"content-encoding").strip().lower()
    # Nobody looks into the body of an answer other than 200, so that its encoding does not matter.
    if response.status != 200 or encoding in ("identity", ""):
        return response.body
    if encoding in ("gzip", "x-gzip", "deflate"):
        return _inflate(response.body)
    raise Malformed("malformed", "the answer has a content encoding that was not asked for")


def _inflate(body: bytes) -> bytes:
    """Inflate gzip or zlib in steps, so that a small body cannot blow up past the bound at once."""
    stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    parts, size, left = [], 0, body
    while left:
        if stream.eof:
            raise Malformed("malformed", "the answer goes on where its compression has ended")
        try:
            parts.append(stream.decompress(left, _STEP))
        except zlib.error:
            raise Malformed("malformed", "the answer's compression is broken") from None
        size += len(parts[-1])
        if size > MAX_BODY:
            raise Malformed("malformed", f"the answer is larger than {MAX_BODY} bytes")
        left = stream.unused_data or stream.unconsumed_tail
    if not stream.eof:
        raise Malformed("malformed", "the answer's compression broke off")
    return b"".join(parts)
