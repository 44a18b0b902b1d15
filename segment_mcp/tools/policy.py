"""What the operator allows: decided on the tool, and on every operation that it turns out to be. Pure."""

from dataclasses import dataclass
from typing import Any, Literal

from segment_mcp.config import Confirm, Mode, Settings
from segment_mcp.errors import NotAllowed
from segment_mcp.operations import Operation, Safety
from segment_mcp.tools.tool import Tool

Agreement = Literal["person", "token"]
"""By a form where the client has one; otherwise `person`: in a terminal, `token`: by a code passed back."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The operator's decisions.

    Attributes:
        mode: `read`: only what reads; `confirm`: what destroys asks a person; `unattended`: nobody is asked.
        toolsets: the families of tools that are on.
        regulations: whether the data of people may be deleted or suppressed at all.
        confirm: how a client without forms consents: `terminal`, or `token`: the code is passed back.
        profiles: whether any connection has what the Profile API needs; without it its tools are not shown.
    """

    mode: Mode
    toolsets: tuple[str, ...]
    regulations: bool = False
    confirm: Confirm = "terminal"
    profiles: bool = False

    def lists(self, tool: Tool[Any]) -> bool:
        """Whether clients see the tool at all."""
        return self.exclusion(tool) is None and (tool.toolset != "profiles" or self.profiles)

    def exclusion(self, tool: Tool[Any]) -> NotAllowed | None:
        """Why the tool may not run here at all; None where it may."""
        if tool.toolset is not None and tool.toolset not in self.toolsets:
            return NotAllowed(
                f"{tool.name} belongs to the toolset {tool.toolset}, which SEGMENT_MCP_TOOLSETS leaves out.",
                setting="SEGMENT_MCP_TOOLSETS",
            )
        return self._mode_excludes(tool.name, tool.safety)

    def excludes(self, operation: Operation) -> NotAllowed | None:
        """Why the operation may not be sent, whichever tool wants it; None where it may."""
        if operation.regulates and not self.regulations:
            return NotAllowed(
                f"{operation.name} deletes or suppresses the data of people, and SEGMENT_MCP_REGULATIONS is off.",
                setting="SEGMENT_MCP_REGULATIONS",
            )
        return self._mode_excludes(operation.name, operation.safety)

    def agreement(self, operation: Operation) -> Agreement | None:
        """Who has to agree to the operation; None: nobody."""
        if operation.safety != "destroy":
            return None
        if operation.regulates:
            return "person"
        if self.mode != "confirm":
            return None
        return "token" if self.confirm == "token" else "person"

    def takes_codes(self) -> bool:
        """Whether a call may pass a code back."""
        return self.mode == "unattended" or (self.mode == "confirm" and self.confirm == "token")

    def _mode_excludes(self, name: str, safety: Safety) -> NotAllowed | None:
        if self.mode == "read" and safety != "read":
            return NotAllowed(f"{name} changes something, and SEGMENT_MCP_MODE is read.", setting="SEGMENT_MCP_MODE")
        return None


def policy_of(settings: Settings) -> Policy:
    """The operator's decisions, of the settings."""
    return Policy(
        settings.mcp_mode,
        settings.mcp_toolsets,
        settings.mcp_regulations,
        settings.mcp_confirm,
        profiles=settings.mcp_sandbox or any(each.has_profiles() for each in settings.connections.values()),
    )
