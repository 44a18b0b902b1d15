"""A client that does what a prompt says, step by step, and a person who does what only a person can."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mcp import Client
from mcp_types import TextContent

_STEP = re.compile(r"(\d+)\. (.*)")
_CALL = re.compile(r"   (segment_\w+) (\{.*\})")
_EARLIER = re.compile(r"<(\d+)\.([^>]+)>")
_PART = re.compile(r"[^.\[\]]+|\[\d+\]")
BY_A_PERSON = "Ask the user to do this, no tool can: "

Person = Callable[["Followed"], Awaitable[None]]


@dataclass(slots=True)
class Followed:
    """What came of the steps so far.

    Attributes:
        data: what each step's call answered, by the step's number.
        failed: the codes of calls that failed.
    """

    data: dict[int, dict[str, Any]] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)

    def value(self, step: int, path: str) -> Any:
        """What stands at a path of an earlier step's answer."""
        found: Any = self.data[step]
        for part in _PART.findall(path):
            found = found[int(part[1:-1])] if part.startswith("[") else found[part]
        return found


async def follow(
    client: Client,
    name: str,
    arguments: Mapping[str, str],
    person: Mapping[int, Person],
    skip: Callable[[int, str, Followed], bool] = lambda *_: False,
) -> Followed:
    """Get a prompt and take its steps in their order.

    Args:
        client: of the server.
        name: the prompt's.
        arguments: as a person filled them in.
        person: what a person does at the steps that ask for it; every such step has to be there.
        skip: whether a step's condition says to leave it out.
    """
    prompt = await client.get_prompt(name, dict(arguments))
    (message,) = prompt.messages
    assert isinstance(message.content, TextContent)
    followed = Followed()
    number, says = 0, ""
    for line in message.content.text.splitlines():
        if step := _STEP.match(line):
            number, says = int(step[1]), step[2]
            if says.startswith(BY_A_PERSON):
                await person[number](followed)
        elif (call := _CALL.match(line)) and not skip(number, says, followed):
            await _take(client, followed, number, call[1], json.loads(call[2]))
    return followed


async def _take(client: Client, followed: Followed, number: int, tool: str, arguments: Any) -> None:
    result = await client.call_tool(tool, _filled(arguments, followed))
    envelope = result.structured_content
    assert envelope is not None
    followed.data[number] = envelope["data"]
    if not envelope["successful"]:
        followed.failed[number] = envelope["data"]["code"]


def _filled(value: Any, followed: Followed) -> Any:
    if isinstance(value, dict):
        return {name: _filled(inner, followed) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, followed) for inner in value]
    if isinstance(value, str) and (earlier := _EARLIER.fullmatch(value)):
        return followed.value(int(earlier[1]), earlier[2])
    return value
