"""What a mapping makes of an event: each directive, as mapping-kit renders it."""

import re
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

from segment_mcp.mappings.checking import (
    LONGEST_PATTERN,
    is_directive,
    is_too_deep,
    refusal,
    whole_mapping,
)
from segment_mcp.mappings.javascript import (
    UNDEFINED,
    as_sent,
    blank,
    decode,
    encode,
    entries_of,
    folded,
    length_of,
    read,
    text_of,
    truthy,
    type_of,
    without_undefined,
)
from segment_mcp.mappings.limits import DEEPEST_MAPPING, Budget, Place, named
from segment_mcp.mappings.templates import DOUBLE, LONGEST_LIQUID, TRIPLE, placeholders

_MARK = re.compile(r"(\$[$&`'])")
_Directive = Callable[[Any, Any, Place], Any]
"""What a directive makes of its arguments, the event (or what stands in for it below), and its place."""


def resolve(mapping: Any, event: Mapping[str, Any]) -> Any:
    """The payload that a mapping makes of an event.

    A key whose value is missing is left out; a missing value in a list is None, and so is a whole payload that is
    missing. Numbers are those that JavaScript, which has doubles only, would write. The event is not changed, and
    the payload shares nothing with it.

    Args:
        mapping: of a subscription, as Segment keeps it.
        event: as Segment received it.

    Raises:
        MappingError: Segment refuses the mapping, or fails to render it. Not `certain`: it takes more than `limits`
            allows, or holds a template of `@liquid`.
    """
    return as_sent(_transformed(mapping, dict(event), Place("", Budget())))


def _transformed(mapping: Any, payload: Any, place: Place) -> Any:
    if payload is UNDEFINED:
        payload = {}
    if not isinstance(payload, dict):
        raise place.error(f"works on an object, and is given {type_of(payload)}")
    try:
        whole = whole_mapping(mapping)
    except ValueError as error:
        raise place.error(f"its directive for the whole mapping {error}") from None
    if is_too_deep(whole):
        raise place.untold(f"is nested more than {DEEPEST_MAPPING} deep; make it flatter")
    refused = refusal(whole)
    if refused is not None:
        at = place if not refused.field else place.under_path(refused.field)
        raise at.error(refused.message)
    return without_undefined(_resolved(whole, payload, place), place)


def _resolved(mapping: Any, payload: Any, place: Place) -> Any:
    place.step()
    if isinstance(mapping, list):
        return [_resolved(item, payload, place.under(at)) for at, item in enumerate(mapping)]
    if not isinstance(mapping, dict):
        return mapping
    if is_directive(mapping):
        name = next(key for key in mapping if key.startswith("@"))
        render = _DIRECTIVES.get(name)
        if render is None:
            raise place.error(f"holds {named(name)}, which is no directive")
        return render(mapping[name], payload, place.under(name))
    return {key: _resolved(item, payload, place.under(key)) for key, item in mapping.items()}


def _arguments(options: Any, place: Place) -> dict[str, Any]:
    if not isinstance(options, dict):
        raise place.error(f"needs an object of arguments, and has {type_of(options)}")
    return options


def _argument(options: dict[str, Any], key: str, place: Place) -> Any:
    """An argument that must be there, as it stands."""
    value = options.get(key)
    if not truthy(value):
        raise place.error(f"needs {key}; it is missing or empty")
    return value


def _string(options: Any, payload: Any, place: Place) -> str:
    text = _resolved(options, payload, place)
    if not isinstance(text, str):
        raise place.error(f"needs a string, and is given {type_of(text)}")
    place.text(len(text))
    return text


def _if(options: Any, payload: Any, place: Place) -> Any:
    arguments = _arguments(options, place)
    if not truthy(arguments.get("exists")) and not truthy(arguments.get("blank")):
        raise place.error("needs exists or blank, with what is to be looked at")
    if "exists" in arguments:
        value = _resolved(arguments["exists"], payload, place.under("exists"))
        holds = value is not UNDEFINED and value is not None
    else:
        holds = not blank(_resolved(arguments["blank"], payload, place.under("blank")), place)
    if holds and "then" in arguments:
        return _resolved(arguments["then"], payload, place.under("then"))
    if not holds and truthy(arguments.get("else")):
        return _resolved(arguments["else"], payload, place.under("else"))
    return UNDEFINED


def _case(options: Any, payload: Any, place: Place) -> Any:
    arguments = _arguments(options, place)
    operator = _argument(arguments, "operator", place)
    if not truthy(arguments.get("value")):
        return UNDEFINED
    value = _resolved(arguments["value"], payload, place.under("value"))
    if not isinstance(value, str):
        return value
    place.text(len(value))
    if operator == "lower":
        return value.lower()
    if operator == "upper":
        return value.upper()
    raise place.under("operator").error("must be lower or upper")


def _replace(options: Any, payload: Any, place: Place) -> Any:
    arguments = _arguments(options, place)
    pattern = _argument(arguments, "pattern", place)
    if not truthy(arguments.get("value")):
        return UNDEFINED
    value = _resolved(arguments["value"], payload, place.under("value"))
    if isinstance(value, bool | int | float):
        value = text_of(value, place)
    replacement = _or(arguments, "replacement", default="")
    ignoring_case = _or(arguments, "ignorecase", default=False)
    everywhere = _or(arguments, "global", default=True)
    texts = isinstance(value, str) and isinstance(pattern, str) and isinstance(replacement, str)
    if not (texts and isinstance(ignoring_case, bool) and isinstance(everywhere, bool)):
        return ""
    value = _replaced(value, (pattern, replacement), place, ignoring_case=ignoring_case, everywhere=everywhere)
    second, instead = arguments.get("pattern2"), _or(arguments, "replacement2", default="")
    if second and isinstance(second, str) and isinstance(instead, str):
        value = _replaced(value, (second, instead), place, ignoring_case=ignoring_case, everywhere=everywhere)
    return value


def _or(arguments: dict[str, Any], key: str, *, default: Any) -> Any:
    """An argument; the default where it is missing or null."""
    value = arguments.get(key)
    return default if value is None else value


def _replaced(text: str, change: tuple[str, str], place: Place, *, ignoring_case: bool, everywhere: bool) -> str:
    """A text in which the pattern, taken literally, is replaced; in one pass from left to right."""
    pattern, replacement = change
    for what, given in (("pattern", pattern), ("replacement", replacement)):
        if length_of(given) > LONGEST_PATTERN:
            raise place.error(f"may have a {what} of at most {LONGEST_PATTERN} characters")
    searched, wanted = (folded(text), folded(pattern)) if ignoring_case else (text, pattern)
    between: list[str] = []
    ends = [0]
    found = searched.find(wanted)
    while found >= 0:
        between.append(text[ends[-1] : found])
        ends.append(found + len(wanted))
        found = searched.find(wanted, ends[-1]) if everywhere else -1
    between.append(text[ends[-1] :])
    place.text(len(text))
    marked = _MARK.split(replacement)
    if len(marked) == 1:
        place.text(len(replacement) * len(ends))
        return replacement.join(between)
    inserted = [_inserted(marked, text, (end - len(wanted), end), place) for end in ends[1:]]
    return "".join(chain.from_iterable(zip(between, [*inserted, ""], strict=True)))


def _inserted(marked: list[str], text: str, found: tuple[int, int], place: Place) -> str:
    """A replacement whose marks stand for parts of the text: what was found, what is before it, what after it."""
    start, end = found
    spans = {"$&": (start, end), "$`": (0, start), "$'": (end, len(text))}
    pieces: list[str] = []
    for part in marked:
        piece = slice(*spans[part]) if part in spans else None
        place.text(spans[part][1] - spans[part][0] if piece else len(part))
        pieces.append(text[piece] if piece else part.replace("$$", "$"))
    return "".join(pieces)


def _array_path(options: Any, payload: Any, place: Place) -> Any:
    if not isinstance(options, list):
        raise place.error(f"needs a list, and has {type_of(options)}")
    path, shape = (*options, UNDEFINED, UNDEFINED)[:2]
    root = _read(path, payload, place) if isinstance(path, str) else _resolved(path, payload, place.under(0))
    if not isinstance(root, dict | list) or not isinstance(shape, dict) or not shape:
        return root
    inner = place.under(1)
    return [_resolved(shape, item, inner) for item in (root if isinstance(root, list) else [root])]


def _read(path: str, payload: Any, place: Place) -> Any:
    place.step()
    place.text(len(path))
    value = read(payload, path.replace("$.", "", 1), place)
    if isinstance(value, str):
        place.text(len(value))
    return value


def _path(options: Any, payload: Any, place: Place) -> Any:
    return _read(_string(options, payload, place), payload, place)


def _template(options: Any, payload: Any, place: Place) -> str:
    template = _string(options, payload, place)
    values = {} if payload is UNDEFINED else payload
    return _filled(_filled(template, TRIPLE, values, place), DOUBLE, values, place)


def _filled(template: str, braces: int, payload: Any, place: Place) -> str:
    pieces: list[str] = []
    start = 0
    for placeholder in placeholders(template, braces):
        place.step()
        value = read(payload, placeholder.path, place)
        filling = "" if value is None or value is UNDEFINED else text_of(value, place)
        pieces += [template[start : placeholder.start], filling]
        start = placeholder.end
    pieces.append(template[start:])
    place.text(len(template))
    return "".join(pieces)


def _literal(options: Any, payload: Any, place: Place) -> Any:
    return _resolved(options, payload, place)


def _flatten(options: Any, payload: Any, place: Place) -> Any:
    arguments = _arguments(options, place)
    _argument(arguments, "separator", place)
    separator = _string(arguments["separator"], payload, place.under("separator"))
    value = _resolved(arguments.get("value", UNDEFINED), payload, place.under("value"))
    whole = (dict,) if truthy(arguments.get("omitArrays")) else (dict, list)
    flat: dict[str, Any] = {}

    def flatten(inner: Any, name: str, depth: int) -> None:
        place.step(depth)
        place.text(len(name))
        if not isinstance(inner, whole):
            flat[name] = inner
            return
        for key, item in entries_of(inner):
            flatten(item, f"{name}{separator}{key}" if name else key, depth + 1)

    flatten(value, "", 0)
    return flat


def _json(options: Any, payload: Any, place: Place) -> Any:
    arguments = _arguments(options, place)
    mode = _argument(arguments, "mode", place)
    value = _resolved(_argument(arguments, "value", place), payload, place.under("value"))
    if mode == "encode":
        return UNDEFINED if value is UNDEFINED else encode(value, place)
    if mode == "decode":
        return decode(value, place) if isinstance(value, str) else value
    return UNDEFINED


def _merge(options: Any, payload: Any, place: Place) -> Any:
    arguments = _arguments(options, place)
    direction = _resolved(_argument(arguments, "direction", place), payload, place.under("direction"))
    objects = _argument(arguments, "objects", place)
    if not isinstance(objects, list):
        raise place.under("objects").error(f"must be a list, and is {type_of(objects)}")
    resolved = [_resolved(item, payload, place.under("objects").under(at)) for at, item in enumerate(objects)]
    merged: dict[str, Any] = {}
    for item in reversed(resolved) if direction == "left" else resolved:
        for key, value in entries_of(item):
            place.step()
            merged[key] = value
    return merged


def _transform(options: Any, payload: Any, place: Place) -> Any:
    arguments = _arguments(options, place)
    mapping = _argument(arguments, "mapping", place)
    apply = _argument(arguments, "apply", place)
    if not isinstance(apply, dict):
        raise place.under("apply").error(f"must be an object, and is {type_of(apply)}")
    return _resolved(mapping, _transformed(apply, payload, place.under("apply")), place.under("mapping"))


def _exclude_when_null(options: Any, payload: Any, place: Place) -> Any:
    value = _resolved(options, payload, place)
    return UNDEFINED if value is None else _without_null(value, place)


def _without_null(value: Any, place: Place, depth: int = 0) -> Any:
    """An object without the keys that hold null, in the objects below it too; lists keep theirs."""
    place.step(depth)
    if not isinstance(value, dict):
        return value
    return {key: _without_null(item, place, depth + 1) for key, item in value.items() if item is not None}


def _liquid(options: Any, _payload: Any, place: Place) -> str:
    """Not rendered, for another engine's text would look right where it is wrong; only what surely fails, fails."""
    if not isinstance(options, str):
        raise place.error(f"needs a string, and has {type_of(options)}")
    if length_of(options) > LONGEST_LIQUID:
        raise place.error(f"may have a template of at most {LONGEST_LIQUID} characters")
    if options:
        raise place.untold("is rendered by Segment with LiquidJS, which is not there; test this field in Segment's app")
    return ""


_DIRECTIVES: dict[str, _Directive] = {
    "@arrayPath": _array_path,
    "@case": _case,
    "@excludeWhenNull": _exclude_when_null,
    "@flatten": _flatten,
    "@if": _if,
    "@json": _json,
    "@liquid": _liquid,
    "@literal": _literal,
    "@merge": _merge,
    "@path": _path,
    "@replace": _replace,
    "@template": _template,
    "@transform": _transform,
}
