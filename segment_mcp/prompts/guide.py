"""A guide: what is to be reached, the steps that lead there, and what proves it. Data, and the text that it becomes.

A step is a call of a tool, or something that a person does elsewhere. A value in angle brackets comes from a step
before: `<3.source.id>` is `source.id` in the `data` that step 3 answered.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from segment_mcp.operations import Safety, get

_TOOL: Mapping[Safety, str] = {
    "read": "segment_api_read",
    "write": "segment_api_write",
    "destroy": "segment_api_destroy",
}


_HOW = (
    "Take these steps in their order. If one fails, or shows something else than it should, stop and tell the user "
    "what and why. A value in angle brackets comes from a step before: <3.source.id> is source.id in the data that "
    "step 3 answered."
)


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        does: what is done, and what to look at in the answer, in sentences.
        tool: the tool that does it; empty: a person does, where no tool reaches.
        arguments: of the call.
    """

    does: str
    tool: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)


def call(tool: str, does: str, /, **arguments: Any) -> Step:
    """A step that calls a tool with arguments by their published names; None means not given."""
    return Step(does, tool, {name: value for name, value in arguments.items() if value is not None})


def operation(name: str, does: str, /, *, select: str | None = None, **arguments: Any) -> Step:
    """A step that runs an operation of the Public API, by the tool for what it does."""
    chosen = {} if select is None else {"select": select}
    return Step(does, _TOOL[get(name).safety], {"operation": name, "arguments": arguments, **chosen})


def person(does: str) -> Step:
    """A step that a person takes elsewhere."""
    return Step(does)


@dataclass(frozen=True, slots=True)
class Guide:
    """A guided set-up.

    Attributes:
        goal: what is to be reached, in a sentence.
        steps: in their order.
        proof: what shows that it works; or that Segment can't show it, and who can.
    """

    goal: str
    steps: Sequence[Step]
    proof: str

    def text(self) -> str:
        """The guide as one message to an agent."""
        lines = [self.goal, "", _HOW, ""]
        for number, step in enumerate(self.steps, 1):
            who = "" if step.tool else "Ask the user to do this, no tool can: "
            lines.append(f"{number}. {who}{step.does}")
            if step.tool:
                lines.append(f"   {step.tool} {json.dumps(step.arguments, ensure_ascii=False)}")
        return "\n".join([*lines, "", f"Proof: {self.proof}"])
