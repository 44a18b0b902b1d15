"""A tool is one object: its name is the handler's, its description the docstring, its schema the arguments'.

    @tool(title="Update source", safety="write", toolset="sources", idempotent=True, open_world=False)
    async def segment_update_source(args: UpdateSource, segment: Segment) -> Data:
        \"\"\"Change a source ...\"\"\"

The handler's parameters after `args` name the ports that it gets.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from segment_mcp.operations import Safety
from segment_mcp.ports import Data
from segment_mcp.tools.args import Args

A = TypeVar("A", bound=Args)


@dataclass(frozen=True, slots=True)
class Tool(Generic[A]):
    """What the model sees, and what runs.

    Attributes:
        name: as in `tools/list`.
        title: for people.
        description: one or two sentences, with "Use this when".
        safety: `read`, `write` or `destroy`.
        toolset: the family that the operator switches on and off; None: always on.
        idempotent: whether repeating a call changes nothing more.
        open_world: whether it reaches others than the workspace: events go on to destinations.
        args: the model that checks the arguments.
        handler: takes the arguments and ports, returns `data`, raises `SegmentMcpError`.
        needs: the ports that the handler names.
    """

    name: str
    title: str
    description: str
    safety: Safety
    toolset: str | None
    idempotent: bool
    open_world: bool
    args: type[A]
    handler: Callable[..., Awaitable[Data]]
    needs: tuple[str, ...]

    async def run(self, args: A, ports: Mapping[str, Any]) -> Data:
        """Run the handler with checked arguments and the ports that it names.

        Args:
            args: checked.
            ports: of this call, by name.

        Raises:
            SegmentMcpError: whatever the handler raises.
        """
        return await self.handler(args, *(ports[port] for port in self.needs))

    def annotations(self) -> dict[str, bool]:
        """All four of MCP's hints."""
        return {
            "readOnlyHint": self.safety == "read",
            "destructiveHint": self.safety == "destroy",
            "idempotentHint": self.idempotent,
            "openWorldHint": self.open_world,
        }


def tool(
    *, title: str, safety: Safety, toolset: str | None, idempotent: bool, open_world: bool
) -> Callable[[Callable[..., Awaitable[Data]]], Tool[Any]]:
    """Make a tool of a handler; see `Tool` for the arguments."""

    def make(handler: Callable[..., Awaitable[Data]]) -> Tool[Any]:
        parameters = inspect.signature(handler).parameters
        return Tool(
            name=handler.__name__,
            title=title,
            description=" ".join((handler.__doc__ or "").split()),
            safety=safety,
            toolset=toolset,
            idempotent=idempotent,
            open_world=open_world,
            args=parameters["args"].annotation,
            handler=handler,
            needs=tuple(name for name in parameters if name != "args"),
        )

    return make
