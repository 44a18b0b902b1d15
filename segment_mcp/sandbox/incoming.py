"""Reads requests: where they were sent, and bodies of no more than the API takes, as strict JSON.

Python's own reading of JSON is laxer than JSON: `NaN`, `Infinity` and numbers beyond a float are refused
here, since no answer could hold them.
"""

import json
import math
import zlib
from typing import Any, NoReturn

from starlette.requests import Request


class TooLargeError(Exception):
    """The body, or what it unpacks to, is larger than allowed."""


class UnreadableError(Exception):
    """The body is not JSON, or not the gzip that its header says."""


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)


_JSON = json.JSONDecoder(parse_constant=_no_number, parse_float=_finite)


def host_of(request: Request) -> str:
    """The host name that the request was sent to, without its port."""
    return request.headers.get("host", "").partition(":")[0].lower()


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


def parse(raw: bytes) -> Any:
    """The JSON value that the bytes spell.

    Raises:
        UnreadableError: they spell none, or one that is nested too deep to read.
    """
    try:
        return _JSON.decode(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise UnreadableError from error


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
