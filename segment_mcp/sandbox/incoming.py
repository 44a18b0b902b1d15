"""Reads request bodies without taking in more than the API takes."""

import zlib

from starlette.requests import Request


class TooLargeError(Exception):
    """The body, or what it unpacks to, is larger than allowed."""


class UnreadableError(Exception):
    """The body is not the gzip that its header says."""


async def read(request: Request, limit: int) -> bytes:
    """The body, unpacked if it came with `Content-Encoding: gzip`.

    Args:
        request: the request, whose body was not read yet.
        limit: bytes, of the body as it came and as it unpacks.

    Raises:
        TooLargeError: beyond the limit.
        UnreadableError: not gzip, or cut short.
    """
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > limit:
            raise TooLargeError
    if request.headers.get("content-encoding", "").strip().lower() == "gzip":
        return _unpacked(bytes(received), limit)
    return bytes(received)


def _unpacked(packed: bytes, limit: int) -> bytes:
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        text = unpacker.decompress(packed, limit + 1)
    except zlib.error as error:
        raise UnreadableError from error
    if len(text) > limit:
        raise TooLargeError
    if not unpacker.eof:
        raise UnreadableError
    return text
