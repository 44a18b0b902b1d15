"""Reads a body up to a bound, packed and unpacked: an answer's size is Segment's choice, memory is ours."""

import zlib
from collections.abc import AsyncIterator

LARGEST = 32 * 1024 * 1024
"""Bytes of one answer, as received and as unpacked."""

ENCODINGS = ("gzip", "identity")
"""What is asked for, and so what is understood."""


class UnreadableBody(Exception):
    """The body is too large, or not packed as its header says.

    Args:
        kind: `too_large` or `wrong_encoding`.
    """

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


async def read(chunks: AsyncIterator[bytes], encoding: str, largest: int) -> bytes:
    """The body, unpacked.

    Args:
        chunks: as received.
        encoding: the `Content-Encoding`, if any.
        largest: bytes, as received and as unpacked.

    Raises:
        UnreadableBody: it is larger, or packed otherwise than it says.
    """
    named = encoding.strip().lower() or "identity"
    if named not in ENCODINGS:
        raise UnreadableBody("wrong_encoding")
    received = bytearray()
    async for chunk in chunks:
        received += chunk
        if len(received) > largest:
            raise UnreadableBody("too_large")
    return bytes(received) if named == "identity" else _unpacked(bytes(received), largest)


def bounded(content: bytes, largest: int) -> bytes:
    """The content, if it is not too large.

    Raises:
        UnreadableBody: it is.
    """
    if len(content) > largest:
        raise UnreadableBody("too_large")
    return content


def _unpacked(packed: bytes, largest: int) -> bytes:
    """The content of a gzip stream, never more of it at once than allowed."""
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        content = unpacker.decompress(packed, largest + 1)
    except zlib.error:
        raise UnreadableBody("wrong_encoding") from None
    bounded(content, largest)
    if not unpacker.eof:
        raise UnreadableBody("wrong_encoding")
    return content
