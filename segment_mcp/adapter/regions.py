"""Which region knows a token: asked once a connection, and remembered."""

from collections.abc import Awaitable, Callable

import anyio

from segment_mcp.adapter.hosts import PUBLIC_API, REGIONS, Region, host_of
from segment_mcp.errors import Unauthorized, UpstreamError

Ask = Callable[[Region, float], Awaitable[None]]
"""Asks a region's Public API who the token belongs to, until that moment at the latest; raises what it answers."""

_NOT_ASKED = object()


class RegionFinder:
    """Finds the region of one token.

    Args:
        ask: asks one region.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._found: Region | None = None
        self._elsewhere: dict[Region, bool] = {}
        self._one_at_a_time = anyio.Lock()

    async def find(self, until: float) -> Region:
        """The region that knows the token; both are asked at the first call, and the first yes decides.

        Args:
            until: the moment of the adapter's clock at which the call that needs it is over.

        Raises:
            Unauthorized: neither knows it.
            UpstreamError: one does not, and the other could not be asked.
        """
        if self._found is None:
            async with self._one_at_a_time:
                if self._found is None:
                    self._found = await self._ask_all(until)
        return self._found

    async def knows(self, region: Region, until: float) -> bool:
        """Whether that region knows the token, as far as it can be told; what it said is remembered."""
        if region not in self._elsewhere:
            async with self._one_at_a_time:
                if region not in self._elsewhere:
                    try:
                        await self._ask(region, until)
                    except Unauthorized:
                        self._elsewhere[region] = False
                    except UpstreamError:
                        return False
                    else:
                        self._elsewhere[region] = True
        return self._elsewhere[region]

    async def _ask_all(self, until: float) -> Region:
        outcomes: dict[Region, UpstreamError | None] = {}

        async def ask(region: Region) -> None:
            try:
                await self._ask(region, until)
            except UpstreamError as error:
                outcomes[region] = error
            else:
                outcomes[region] = None
                group.cancel_scope.cancel()  # a token belongs to one workspace: the other region need not answer

        async with anyio.create_task_group() as group:
            for region in REGIONS:
                group.start_soon(ask, region)
        for region in REGIONS:
            if outcomes.get(region, _NOT_ASKED) is None:
                return region
        for outcome in outcomes.values():
            if outcome is not None and not isinstance(outcome, Unauthorized):
                raise outcome
        tried = " and ".join(PUBLIC_API[region] for region in REGIONS)
        raise Unauthorized(f"Neither {tried} knows the API token.", host=host_of(PUBLIC_API["us"]), status=401)
