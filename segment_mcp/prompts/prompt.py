"""A prompt is one object: what a client shows of it, and the text that it becomes."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_TOOL = re.compile(r"\bsegment_[a-z_]*[a-z]\b")
_FILLED = "x"


class PromptArguments(ValueError):
    """The arguments are not the prompt's; the message names each one, and never a value."""


@dataclass(frozen=True, slots=True)
class Argument:
    """What a person fills in. Its values are completed where its name is that of a resource's variable.

    Attributes:
        name: such as `sourceId`.
        description: what it is for.
        required: whether it must be filled in.
    """

    name: str
    description: str
    required: bool


@dataclass(frozen=True, slots=True)
class Prompt:
    """A guided set-up.

    Attributes:
        name: as in `prompts/list`.
        title: for people.
        description: one or two sentences.
        arguments: in the order in which they are asked for.
        write: makes the text of arguments that were checked; one that was not filled in is missing.
    """

    name: str
    title: str
    description: str
    arguments: tuple[Argument, ...]
    write: Callable[[Mapping[str, str]], str]

    @property
    def tools(self) -> frozenset[str]:
        """The tools that its text names, with all of its arguments or with those only that it needs.

        It is listed where all of them are.
        """
        needed = {argument.name: _FILLED for argument in self.arguments if argument.required}
        every = {argument.name: _FILLED for argument in self.arguments}
        return frozenset(_TOOL.findall(f"{self.render(needed)}\n{self.render(every)}"))

    def render(self, arguments: Mapping[str, str]) -> str:
        """The prompt as one message of the user's. An empty argument counts as left out.

        Raises:
            PromptArguments: one is missing, or is none of this prompt's.
        """
        given = {name: value for name, value in arguments.items() if value.strip()}
        problems = [
            *(f"{argument.name} is required" for argument in self.arguments if self._lacks(argument, given)),
            *(f"{name[:40]!r} is no argument of {self.name}" for name in given if name not in self._names()),
        ]
        if problems:
            raise PromptArguments(f"{'; '.join(problems)}.")
        return self.write(given)

    def _lacks(self, argument: Argument, given: Mapping[str, str]) -> bool:
        return argument.required and argument.name not in given

    def _names(self) -> set[str]:
        return {argument.name for argument in self.arguments}
