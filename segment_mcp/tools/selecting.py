"""Picks what is needed out of an answer, by a JMESPath expression that the caller writes."""

import json
from functools import cache, lru_cache
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from segment_mcp.errors import InvalidArguments
from segment_mcp.ports import Data
from segment_mcp.redact import clean
from segment_mcp.tools.fitting import size

LONGEST = 1_000
MOST_REPEATS = 1_000
MOST_CHARACTERS = 10_000_000
DEEPEST = 100
_BESIDE = ("pagination", "truncated", "attempts", "connectedWarehouses", "note")


def _compiles(expression: str) -> str:
    """Refuse what is no JMESPath expression.

    Raises:
        ValueError: it is none.
    """
    _compiled(expression)
    return expression


Selection = Annotated[str, Field(min_length=1, max_length=LONGEST), AfterValidator(_compiles)]


def select(data: Data, expression: str | None) -> Data:
    """What the expression picks.

    Args:
        data: Segment's data, with its secrets masked already.
        expression: JMESPath; None: everything.

    Returns:
        The data; or `{selected, pagination?, truncated?, ...}`: what says that there is more stays beside it.

    Raises:
        InvalidArguments: the expression does not work on this data.
    """
    if expression is None:
        return data
    from jmespath import Options
    from jmespath.exceptions import JMESPathError

    compiled, repeats = _compiled(expression)
    try:
        _bound(repeats, data)
        selected = compiled.search(data, Options(custom_functions=_functions()))
        _answerable(selected)
    except (JMESPathError, RecursionError, ArithmeticError, TypeError, ValueError) as error:
        problem = clean(f"does not work on this data: {error}", 300)
        raise InvalidArguments([{"field": "select", "message": problem}], read=True) from None
    beside: Data = {name: data[name] for name in _BESIDE if name in data}
    return {"selected": selected, **beside}


def select_of_done(data: Data, expression: str | None) -> Data:
    """The same of a change that was made: it is told as what it is, also where the expression does not work on it.

    Returns:
        As `select`, or the whole data with `notSelected`, which says why.
    """
    try:
        return select(data, expression)
    except InvalidArguments as error:
        return {**data, "notSelected": error.message}


def _bound(repeats: int, data: Data) -> None:
    """Refuse what would make far more of the data than there is.

    Raises:
        ValueError: it would.
    """
    if repeats > 1 and repeats * size(data) > MOST_CHARACTERS:
        raise ValueError("it repeats too much of it")


def _answerable(selected: Any) -> None:
    """Refuse what no answer can carry.

    Raises:
        ValueError: it is nested too deep, or holds something that JSON does not know.
        RecursionError, TypeError: likewise.
    """
    json.dumps(selected, allow_nan=False, ensure_ascii=False).encode()
    layer = [selected]
    for _ in range(DEEPEST):
        layer = [
            inner
            for outer in layer
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    if layer:
        raise ValueError("what it selects is nested too deep")


@lru_cache(maxsize=64)
def _compiled(expression: str) -> tuple[Any, int]:
    """The expression, ready to search, and how often it repeats what it reads.

    Raises:
        ValueError: it is no JMESPath, or would repeat what it reads too often.
    """
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        compiled = jmespath.compile(expression)
        repeats = _repeats(compiled.parsed)
    except (JMESPathError, RecursionError, ValueError) as error:
        raise ValueError(f"is no JMESPath expression: {clean(str(error), 200)}") from None
    if repeats > MOST_REPEATS:
        raise ValueError("repeats the data too often")
    return compiled, repeats


def _repeats(node: Any) -> int:
    """How often, at most, an expression says again what it reads."""
    inner = [_repeats(child) for child in node["children"] if isinstance(child, dict)]
    if node["type"] in {"multi_select_list", "multi_select_dict"}:
        return max(1, sum(inner))
    found = 1
    for each in inner:
        found = min(found * each, MOST_REPEATS + 1)
    return found


@cache
def _functions() -> Any:
    """JMESPath's own functions; those that make texts longer or numbers of texts keep within bounds."""
    from jmespath.functions import Functions, signature

    class Bounded(Functions):
        @signature({"types": ["string"]}, {"types": ["array-string"]})
        def _func_join(self, glue: str, parts: list[str]) -> str:
            if len(glue) * len(parts) + sum(map(len, parts)) > MOST_CHARACTERS:
                raise ValueError("join makes a text that is too long")
            return glue.join(parts)

        @signature({"types": []})
        def _func_to_string(self, value: Any) -> str:
            text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
            if len(text) > MOST_CHARACTERS:
                raise ValueError("to_string makes a text that is too long")
            return text

    return Bounded()
