"""Which write key is meant: a key, a configured name, or a masked key as a tool showed it."""

from collections.abc import Mapping, Sequence
from typing import Any

from segment_mcp.adapter.client import SegmentClient
from segment_mcp.config import DEFAULT_WRITE_KEY
from segment_mcp.errors import InvalidArguments, InvalidResponse, NotConfigured
from segment_mcp.operations import get
from segment_mcp.redact import is_masked, mask_write_key

_IDENTITY = ("id", "slug", "name", "enabled")
_LIST_SOURCES, _GET_SOURCE = get("listSources"), get("getSource")


class KnownWriteKeys:
    """The configured write keys of a connection, and a way to find the others.

    Args:
        configured: by name; the default one is called `default`.
        segment: asked for keys that are not configured here.
    """

    def __init__(self, configured: Mapping[str, str], segment: SegmentClient) -> None:
        self._configured = dict(configured)
        self._segment = segment

    def names(self) -> Sequence[str]:
        """See `ports.WriteKeys.names`."""
        return tuple(self._configured)

    async def resolve(self, given: str | None, *, source_id: str | None = None) -> str:
        """See `ports.WriteKeys.resolve`."""
        if given is None:
            if DEFAULT_WRITE_KEY not in self._configured:
                named = f" (configured by name: {', '.join(self._configured)})" if self._configured else ""
                raise NotConfigured("SEGMENT_WRITE_KEY", f"an event without a writeKey argument{named}")
            return self._configured[DEFAULT_WRITE_KEY]
        if given in self._configured:
            return self._configured[given]
        if not is_masked(given):
            return given
        fitting = {key for key in await self._candidates(source_id) if mask_write_key(key) == given}
        if len(fitting) != 1:
            number = "no write key" if not fitting else f"{len(fitting)} write keys"
            raise InvalidArguments(
                [{"field": "writeKey", "message": f"the masked key fits {number} here; pass the whole key"}]
            )
        return fitting.pop()

    async def owners(self) -> Mapping[str, dict[str, Any] | None]:
        """See `ports.WriteKeys.owners`."""
        owner_of: dict[str, dict[str, Any]] = {}
        for source in await self._all_sources():
            identity = {name: source[name] for name in _IDENTITY if name in source}
            owner_of |= dict.fromkeys(source["writeKeys"], identity)
        return {name: owner_of.get(key) for name, key in self._configured.items()}

    async def _candidates(self, source_id: str | None) -> list[str]:
        if source_id is not None:
            answer = await self._segment.call(_GET_SOURCE, {"sourceId": source_id})
            return [key for source in self._sources([answer["source"]]) for key in source["writeKeys"]]
        keys = list(self._configured.values())
        return keys + [key for source in await self._all_sources() for key in source["writeKeys"]]

    async def _all_sources(self) -> list[dict[str, Any]]:
        return self._sources((await self._segment.walk(_LIST_SOURCES)).items)

    def _sources(self, listed: Any) -> list[dict[str, Any]]:
        """Sources with their write keys.

        Raises:
            InvalidResponse: what was listed is something else.
        """
        if isinstance(listed, list) and all(map(_is_source, listed)):
            return listed
        raise InvalidResponse(f"{self._segment.host} answered sources of another shape.", host=self._segment.host)


def _is_source(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("enabled"), bool):
        return False
    keys = value.get("writeKeys")
    return isinstance(keys, list) and all(isinstance(key, str) for key in keys)
