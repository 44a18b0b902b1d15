"""Puts a whole answer together again from its pages, knowing no more than a reader of the resource does."""

import json
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any


def rebuilt(pages: Iterable[str | Mapping[str, Any]]) -> Any:
    """The answer of pages whose entries are `{path, value}`, `{path, from, items}` or `{path, from, text}`.

    A path is a list of names and places. Items and pieces of a text follow one another where they begin.
    """
    root: dict[str, Any] = {"": {}}
    for page in pages:
        for entry in entries_of(page):
            _put(root, ["", *entry["path"]], entry)
    return root[""]


def entries_of(page: str | Mapping[str, Any]) -> list[dict[str, Any]]:
    """The entries of a page, which is JSON text or was read from it already."""
    read = json.loads(page) if isinstance(page, str) else page
    entries: list[dict[str, Any]] = read["entries"]
    return entries


def _put(root: Any, path: list[str | int], entry: Mapping[str, Any]) -> None:
    holder = root
    for step, following in pairwise(path):
        holder = _below(holder, step, [] if isinstance(following, int) else {})
    if "value" in entry:
        _set(holder, path[-1], entry["value"])
    else:
        piece = entry["items"] if "items" in entry else entry["text"]
        begun = _below(holder, path[-1], type(piece)())
        assert len(begun) == entry["from"]
        _set(holder, path[-1], begun + piece)


def _below(holder: Any, step: str | int, empty: Any) -> Any:
    if isinstance(step, int):
        assert step <= len(holder)
        if step == len(holder):
            holder.append(empty)
        return holder[step]
    return holder.setdefault(step, empty)


def _set(holder: Any, step: str | int, value: Any) -> None:
    if isinstance(step, int) and step == len(holder):
        holder.append(value)
    else:
        holder[step] = value
