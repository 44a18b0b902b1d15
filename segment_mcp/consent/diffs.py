"""What would be different: before and after, of lists and of objects. Pure; secrets are never shown."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from segment_mcp.ports import Data
from segment_mcp.redact import MASK, mask_settings

MOST_NAMES = 20
"""Names of one list that are shown."""

Entries = Mapping[Any, tuple[str, Any]]
"""What a list holds: by what makes an entry the same one, its name and what it says."""


def listing(names: Iterable[str]) -> Data:
    """`{count, names}`: in alphabetical order, at most twenty of them."""
    ordered = sorted(names, key=lambda name: (name.casefold(), name))
    return {"count": len(ordered), "names": ordered[:MOST_NAMES]}


def by(items: Iterable[Any], name: Callable[[Any], str]) -> Entries:
    """Entries that their names tell apart, and that say nothing else."""
    return {name(item): (name(item), None) for item in items}


@dataclass(frozen=True, slots=True)
class Diff:
    """What a new list makes of an old one, by name.

    Attributes:
        added: is only in the new one.
        removed: is only in the old one.
        changed: is in both, and says something else.
        unchanged: how many are in both, and say the same.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: int

    def shown(self) -> Data:
        """`{added, removed, changed, unchanged}`, the first three as `listing`."""
        return {
            "added": listing(self.added),
            "removed": listing(self.removed),
            "changed": listing(self.changed),
            "unchanged": self.unchanged,
        }


def lists(before: Entries, after: Entries) -> Diff:
    """What the second list makes of the first; where an entry says a text, that stands behind its name."""
    both = [key for key in after if key in before]
    changed = tuple(_turned(before[key][1], *after[key]) for key in both if not same(before[key][1], after[key][1]))
    return Diff(
        added=tuple(_with_text(*entry) for key, entry in after.items() if key not in before),
        removed=tuple(_with_text(*entry) for key, entry in before.items() if key not in after),
        changed=changed,
        unchanged=len(both) - len(changed),
    )


def counted(count: int, thing: str) -> str:
    """`1 user`, `3 users`."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def warning(before: int, after: int, removed: int, thing: str) -> Data:
    """`{warning}` where a replacement drops something, else nothing; it belongs before all other facts."""
    if not removed:
        return {}
    return {"warning": f"Replaces {counted(before, thing)} by {after}: {removed} would be gone."}


def fields(before: Mapping[str, Any], after: Mapping[str, Any], whole: Iterable[str] = ()) -> Data:
    """Each field that would be something else: `{before, after}`, of lists `{added, removed, changed, unchanged}`.

    Members of objects stand by their path, such as `track.allowUnplannedEvents`. A secret that is given counts as
    changed: nobody can read the old one.

    Args:
        before: the object as it is.
        after: the fields that are given; what is not among them stays.
        whole: paths of objects that are replaced as a whole: what is not among their members goes.
    """
    full = _filled(before, after, "", tuple(whole))
    return _fields(mask_settings(before), mask_settings(full), full, "")


def removed_from(changes: Mapping[str, Any]) -> int:
    """How many entries of lists go, in what `fields` found."""
    return sum(change["removed"]["count"] for change in changes.values() if "removed" in change)


def words(value: Any) -> str:
    """A JSON value in one line, without its punctuation."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {words(inner)}" for name, inner in sorted(value.items()))
    if isinstance(value, list | tuple):
        return " ".join(words(item) for item in value)
    return json.dumps(value, default=str)


def same(left: Any, right: Any) -> bool:
    """Whether two JSON values say the same, however their members are ordered."""
    return _canonical(left) == _canonical(right)


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _turned(was: Any, name: str, becomes: Any) -> str:
    return f"{name}: {was} -> {becomes}" if isinstance(was, str) and isinstance(becomes, str) else name


def _with_text(name: str, says: Any) -> str:
    return f"{name}: {says}" if isinstance(says, str) else name


def _filled(before: Any, after: Mapping[str, Any], path: str, whole: tuple[str, ...]) -> Data:
    """The new object, with null for what goes with the objects that it replaces."""
    known = before if isinstance(before, Mapping) else {}
    replaced = any(path.startswith(f"{one}.") for one in whole)
    full = {**dict.fromkeys(known), **after} if replaced else dict(after)
    return {
        name: _filled(known.get(name), value, f"{path}{name}.", whole) if isinstance(value, Mapping) else value
        for name, value in full.items()
    }


def _fields(before: Any, after: Mapping[str, Any], raw: Mapping[str, Any], path: str) -> Data:
    """Differences below one path; `raw` is `after` with its secrets, which tell where one is given."""
    known = before if isinstance(before, Mapping) else {}
    found: Data = {}
    for name, given in raw.items():
        here, was, becomes = f"{path}{name}", known.get(name), after.get(name)
        if isinstance(given, Mapping) and isinstance(becomes, Mapping) and isinstance(was, Mapping | None):
            found |= _fields(was, becomes, given, f"{here}.")
        elif not same(given, becomes):
            found[here] = {"before": None if was is None else MASK, "after": MASK}
        elif not same(was, becomes):
            found[here] = _change(was, becomes)
    return found


def _change(was: Any, becomes: Any) -> Data:
    if isinstance(becomes, list) and isinstance(was, list | None):
        return lists(_entries(was or []), _entries(becomes)).shown()
    return {"before": _plain(was), "after": _plain(becomes)}


def _entries(items: list[Any]) -> Entries:
    return {_canonical(item): (words(item), None) for item in items}


def _plain(value: Any) -> Any:
    return words(value) if isinstance(value, Mapping | list) else value
