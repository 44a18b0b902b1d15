"""Reads requests: where they were sent, and bodies of no more than the API takes, as strict JSON.

Python's own reading of JSON is laxer than JSON: `NaN`, `Infinity` and numbers beyond a float are refused
here, since no answer could hold them.
"""

import base64
import binascii
import json
import math
import zlib
from collections.abc import Mapping
from typing import Any, NoReturn

from starlette.requests import ClientDisconnect, Request

from segment_mcp.sandbox import refusals

MAX_BODY_BYTES = 1024 * 1024  # ours: the Public API documents the 413, not the size
DEEPEST = 100
"""Levels of a Public API body."""


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


def write_key(request: Request, body: Mapping[str, Any]) -> str:
    """The key of the body, or the user of Basic authentication, or nothing."""
    key = body.get("writeKey")
    if isinstance(key, str) and key:
        return key
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")[0]
    except (binascii.Error, ValueError):
        return ""


async def json_of(request: Request) -> Any:
    """The body as JSON, `{}` if there is none.

    Raises:
        RefusalError: as the Public API refuses a body that is no JSON, or too large.
    """
    try:
        raw = await read(request, MAX_BODY_BYTES)
        value = parse(raw) if raw else {}
    except TooLargeError:
        raise refusals.too_large() from None
    except UnreadableError:
        raise refusals.malformed() from None
    if _is_deeper(value, DEEPEST):  # it could be read, and never be written again
        raise refusals.malformed()
    return value


async def read(request: Request, limit: int) -> bytes:
    """The body, unpacked if it came with `Content-Encoding: gzip`.

    Args:
        request: the request, whose body was not read yet.
        limit: bytes, of the body as it came and as it unpacks.

    Raises:
        TooLargeError: beyond the limit.
        UnreadableError: not gzip, or cut short; or the client went away.
    """
    received = bytearray()
    try:
        async for chunk in request.stream():
            received += chunk
            if len(received) > limit:
                raise TooLargeError
    except ClientDisconnect:
        raise UnreadableError from None
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


def _is_deeper(value: Any, levels: int) -> bool:
    layer = [value] if isinstance(value, dict | list) else []
    for _ in range(levels):
        layer = [
            inner
            for outer in layer
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    return bool(layer)


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
