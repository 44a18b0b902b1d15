"""What the operator allows: decided by a tool's safety and toolset, before anything else happens. Pure."""

from dataclasses import dataclass
from typing import Any

from segment_mcp.config import Mode
from segment_mcp.errors import ConfirmationRequired, NotAllowed
from segment_mcp.tools.tool import Tool


@dataclass(frozen=True, slots=True)
class Policy:
    """The operator's decisions.

    Attributes:
        mode: `read`: only what reads; `confirm`: what destroys asks a person; `unattended`: nobody is asked.
        toolsets: the families of tools that are on.
    """

    mode: Mode
    toolsets: tuple[str, ...]

    def lists(self, tool: Tool[Any]) -> bool:
        """Whether clients see the tool at all."""
        return self.exclusion(tool) is None

    def exclusion(self, tool: Tool[Any]) -> NotAllowed | None:
        """Why the tool may not run here at all; None where it may."""
        if tool.toolset is not None and tool.toolset not in self.toolsets:
            return NotAllowed(
                f"{tool.name} belongs to the toolset {tool.toolset}, which SEGMENT_MCP_TOOLSETS leaves out.",
                setting="SEGMENT_MCP_TOOLSETS",
            )
        if self.mode == "read" and tool.safety != "read":
            return NotAllowed(
                f"{tool.name} changes something, and SEGMENT_MCP_MODE is read.", setting="SEGMENT_MCP_MODE"
            )
        return None

    def objection(self, tool: Tool[Any]) -> ConfirmationRequired | None:
        """Why a call with valid arguments may not go through without a person; None where it may."""
        if self.mode != "confirm" or tool.safety != "destroy":
            return None
        return ConfirmationRequired(
            f"{tool.name} can't be undone, so a person has to decide, and this version can't ask one yet. The "
            "operator can run the server with SEGMENT_MCP_MODE=unattended, or do it in Segment's app.",
            setting="SEGMENT_MCP_MODE",
        )
