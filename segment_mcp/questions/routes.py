"""What becomes of an event at one destination, as far as what was read of both tells. Pure.

An event is known wholly, as a sample is, or by its type and name only; an answer is yes, no, or None: it depends on
what is not known. In their order, from Segment's documentation (connections/destinations/destination-filters,
connections/destinations/actions, guides/filtering-data, api/public-api/fql, the discards of the delivery overview):

- A destination that is off, or that the event's own `integrations` exclude, gets nothing.
- A classic destination refuses a type that it does not take before any filter looks at the event; one of actions takes
  what its subscriptions do.
- Filters: Sample, Drop, Drop properties, Allow properties, each on what the one before it left (as analytics-next
  applies them). One whose condition is no FQL lets nothing through; `all` is the condition that always holds.
- A subscription gets the event as the filters left it, if it is enabled and its trigger matches; one of a Reverse ETL
  model gets the rows of that model and no events. Its mapping must give every field that its action requires: an
  empty string and null count as nothing (@segment/actions-core, action.js).

What runs in a browser or an app is unseen by Segment's servers. Which of both a classic destination uses that can do
either, no operation of the Public API tells.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal

from segment_mcp.fql import FqlError, Query, parse
from segment_mcp.mappings import MappingError, paths, resolve
from segment_mcp.redact import clean

Outcome = Literal["sent", "kept", "depends", "unseen", "unknown"]
"""sent: Segment sends it. kept: it does not. depends: on fields that are not known, or on chance. unseen: if anything
delivers it, that is the browser or the app. unknown: what decides it could not be read.
"""
Code = Literal[
    "DISABLED",
    "FILTERED_BY_INTEGRATIONS_OBJECT",
    "UNSUPPORTED_EVENT_TYPE",
    "FILTERED_BY_RULES",
    "NO_MATCHING_MAPPING",
    "FILTERED_AT_MAPPING",
]
"""Why an event is kept: Segment's codes, and `DISABLED`, for which Segment counts nothing."""

METHODS: Mapping[str, str] = MappingProxyType(
    {
        "track": "track",
        "identify": "identify",
        "page": "pageview",
        "screen": "pageview",
        "group": "group",
        "alias": "alias",
    }
)
"""Each event type, and what `supportedMethods` of a destination's metadata calls it."""

SHOWN_AS: Mapping[str, str] = MappingProxyType({"Page Viewed": "page", "Screen Viewed": "screen"})
"""The names under which Segment's Schema shows types, and plans may have them (protocols/faq)."""

Truth = bool | None
"""Whether something is so; None: that depends on what is not known."""

EVERYTHING = "all"
"""The condition of a filter that is about every event; it is no FQL."""
ADDED = "added-by-segment"
"""Stands for the messageId that Segment gives an event that has none."""

_ORDER = ("SAMPLE", "DROP", "DROP_PROPERTIES", "ALLOW_PROPERTIES")
_MAY_BE_NULL = "allowNull"
_GONE = object()
_UNREAD = "The destination's subscriptions could not be read."


@dataclass(frozen=True, slots=True)
class Known:
    """An event as far as it is known.

    Attributes:
        fields: its top-level fields, each of them wholly.
        whole: whether it has no others.
    """

    fields: Mapping[str, Any]
    whole: bool

    def decide(self, query: Query) -> Truth:
        """Whether a query is true of it."""
        return query.matches(self.fields) if self.whole else query.decide(self.fields)

    def open(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of some paths that are not known; the empty one is the event itself."""
        if self.whole:
            return ()
        return tuple(sorted(name for name in names if name and name.partition(".")[0] not in self.fields))


def sample(event: Mapping[str, Any], received: str | None = None) -> Known:
    """An event of which everything is known.

    Args:
        event: as it was sent, or as Segment has it.
        received: a moment; what Segment adds to each event on receipt is then added where it is missing.
    """
    if received is None:
        return Known(event, whole=True)
    sent = event.get("timestamp")
    added = {"messageId": ADDED, "receivedAt": received, "timestamp": received}
    return Known({**added, **({"originalTimestamp": sent} if sent else {}), **event}, whole=True)


def named(kind: str, name: str | None = None) -> Known:
    """An event of which only its type is known and, of track events, its name: no other type has one."""
    return Known({"type": kind, "event": name if kind == "track" else None}, whole=False)


@dataclass(frozen=True, slots=True)
class Triggered:
    """What a subscription does with an event.

    Attributes:
        subscription: as Segment shows it.
        action: its action in the destination's metadata; empty where the metadata has none with that ID.
        fires: whether it is enabled, takes events and its trigger matches.
        because: why, in a sentence.
        fields: what decides it and is not known.
        missing: fields that the action requires, and that the mapping does not give.
        needs: what the required fields are made from and is not known.
        failure: why its mapping can't be rendered.
        certain: whether Segment fails at that, too; a mapping that can't be rendered here alone delivers, or not.
        payload: what the mapping makes of a whole event, fields that are empty included; None of another.
    """

    subscription: Mapping[str, Any]
    action: Mapping[str, Any]
    fires: Truth
    because: str
    fields: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    failure: str | None = None
    payload: Any = None
    certain: bool = True

    @property
    def on_device(self) -> bool:
        """Whether the browser or the app runs the action."""
        return self.action.get("platform") in {"WEB", "MOBILE"}

    @property
    def delivers(self) -> Truth:
        """Whether it fires and its mapping gives what the action requires."""
        if self.failure is not None and not self.certain:
            return None if self.fires else self.fires
        return False if self.missing or self.failure else self.fires


@dataclass(frozen=True, slots=True)
class Filtered:
    """What one action of a filter does with an event.

    Attributes:
        filter: as Segment shows it.
        action: such as `DROP`.
        applies: whether its condition is true of the event.
        stops: whether the event goes no further.
        because: why, in a sentence.
        fields: what decides it and is not known.
    """

    filter: Mapping[str, Any]
    action: str
    applies: Truth
    stops: Truth
    because: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of an event at a destination.

    Attributes:
        outcome: see there.
        because: why, in a sentence.
        code: why it is kept.
        fields: what it depends on, where that is known.
        subscriptions: what each does with it, as far as they could be read.
        filters: what those do that are enabled, up to the one that stops it.
        on_either: whether the destination can run on the device too: then what is sent may come from there.
        filtered: whether a filter changed the event's fields, or may.
    """

    outcome: Outcome
    because: str
    code: Code | None = None
    fields: tuple[str, ...] = ()
    subscriptions: tuple[Triggered, ...] = ()
    filters: tuple[Filtered, ...] = ()
    on_either: bool = False
    filtered: bool = False


@dataclass(frozen=True, slots=True)
class _Passed:
    """What the filters did, and the event as they left it."""

    known: Known
    filters: tuple[Filtered, ...] = ()
    stops: Truth = False
    changed: bool = False

    @property
    def undecided(self) -> tuple[Filtered, ...]:
        return tuple(each for each in self.filters if each.stops is None)


@dataclass(frozen=True, slots=True)
class _Evaluated:
    """What is known beside the outcome."""

    subscriptions: tuple[Triggered, ...]
    passed: _Passed
    on_either: bool

    def fate(self, outcome: Outcome, because: str, code: Code | None = None, names: Iterable[str] = ()) -> Fate:
        return Fate(
            outcome,
            because,
            code,
            tuple(sorted(set(names))),
            self.subscriptions,
            self.passed.filters,
            self.on_either,
            self.passed.changed,
        )


def fate(
    known: Known,
    destination: Mapping[str, Any],
    subscriptions: Sequence[Mapping[str, Any]] | None,
    filters: Sequence[Mapping[str, Any]] | None,
) -> Fate:
    """What becomes of an event that left its source.

    Args:
        known: the event.
        destination: as Segment shows it, with its metadata.
        subscriptions: all of them; None where they could not be read.
        filters: all of them; None where they could not be read.
    """
    passed = _passing(known, filters or ())
    triggered = tuple(triggers(passed.known, destination, subscriptions or ()))
    found = _Evaluated(triggered, passed, on_either(destination))
    early = _kept_before_filters(known, destination)
    if early is not None:
        code, because = early
        return found.fate("kept", because, code)
    if on_device(destination):
        return _on_device(found, destination, subscriptions)
    stopping = next((each for each in passed.filters if each.stops), None)
    if stopping is not None:
        return found.fate("kept", stopping.because, "FILTERED_BY_RULES")
    return _sent(found, destination, subscriptions, filters)


def on_device(destination: Mapping[str, Any]) -> bool:
    """Whether only a browser or an app can deliver to a destination, which Segment's servers don't see."""
    platforms = _mapping(_metadata(destination).get("supportedPlatforms"))
    return not platforms.get("server", True)


def has_actions(destination: Mapping[str, Any]) -> bool:
    """Whether subscriptions decide what it gets; a classic destination gets every event of a type that it takes."""
    return bool(_metadata(destination).get("actions"))


def action_of(destination: Mapping[str, Any], subscription: Mapping[str, Any]) -> Mapping[str, Any]:
    """A subscription's action in its destination's metadata; empty where there is none with that ID."""
    actions = _metadata(destination).get("actions") or ()
    return next((each for each in actions if each.get("id") == subscription.get("actionId")), {})


def triggers(
    known: Known, destination: Mapping[str, Any], subscriptions: Sequence[Mapping[str, Any]]
) -> Iterator[Triggered]:
    """What each subscription does with an event, as the filters left it."""
    for subscription in subscriptions:
        yield _triggered(known, subscription, action_of(destination, subscription))


def rendered(known: Known, settings: Mapping[str, Any], action: Mapping[str, Any]) -> Triggered:
    """What a mapping makes of an event, and what its action misses in it; the trigger is taken to match."""
    return _mapped(known, Triggered({"settings": settings}, action, fires=True, because=""))


def condition(text: Any) -> Query | str:
    """A condition in FQL, or in words why it is none."""
    return _condition(text) if isinstance(text, str) else "it is empty"


@lru_cache(maxsize=2048)
def _condition(text: str) -> Query | str:
    try:
        return parse(text)
    except FqlError as error:
        return clean(str(error), 160)


def _kept_before_filters(known: Known, destination: Mapping[str, Any]) -> tuple[Code, str] | None:
    if not destination.get("enabled"):
        return "DISABLED", "The destination is switched off."
    metadata = _metadata(destination)
    names = [metadata.get("name"), *(metadata.get("previousNames") or ())]
    if not _wanted(names, known.fields.get("integrations")):
        return "FILTERED_BY_INTEGRATIONS_OBJECT", "The event's own integrations object excludes this destination."
    kind = str(known.fields.get("type"))
    takes = _mapping(metadata.get("supportedMethods")).get(METHODS.get(kind, ""))
    if takes is False and not has_actions(destination):
        return "UNSUPPORTED_EVENT_TYPE", f"The destination takes no {clean(kind, 20)} events."
    return None


def _wanted(names: Sequence[Any], integrations: Any) -> bool:
    if not isinstance(integrations, Mapping):
        return True
    own = next((integrations[name] for name in names if name in integrations), None)
    return integrations.get("All") is not False if own is None else own is not False


def _on_device(
    found: _Evaluated, destination: Mapping[str, Any], subscriptions: Sequence[Mapping[str, Any]] | None
) -> Fate:
    silent = all(each.fires is False for each in found.subscriptions)
    if has_actions(destination) and subscriptions is not None and silent:
        return found.fate("kept", _no_trigger(found.subscriptions), "NO_MATCHING_MAPPING")
    if has_actions(destination) and subscriptions is None:
        return found.fate("unknown", _UNREAD)
    return found.fate(
        "unseen", "Only the browser or the app delivers to this destination; Segment's servers don't see it."
    )


def _sent(
    found: _Evaluated,
    destination: Mapping[str, Any],
    subscriptions: Sequence[Mapping[str, Any]] | None,
    filters: Sequence[Mapping[str, Any]] | None,
) -> Fate:
    """The fate in cloud mode, where no filter surely stops the event."""
    if not has_actions(destination):
        return _as_filters_say(found, filters, (), "The destination takes every event of this type.")
    if subscriptions is None:
        return found.fate("unknown", _UNREAD)
    firing = [each for each in found.subscriptions if each.fires is not False]
    if not firing:
        return found.fate("kept", _no_trigger(found.subscriptions), "NO_MATCHING_MAPPING")
    able = [each for each in firing if each.delivers is not False]
    if not able:
        return found.fate("kept", _no_payload(firing), "FILTERED_AT_MAPPING")
    return _served(found, [each for each in able if not each.on_device], filters)


def _served(found: _Evaluated, served: Sequence[Triggered], filters: Sequence[Mapping[str, Any]] | None) -> Fate:
    """The fate where some subscription may take the event; `served` are those that Segment's servers run."""
    if not served:
        return found.fate("unseen", "The mappings that fit run in the browser or the app; Segment does not see them.")
    sure = [each for each in served if each.delivers]
    if sure:
        return _as_filters_say(found, filters, (), sure[0].because)
    names = [name for each in served for name in each.fields]
    if not names:
        return found.fate("depends", _no_payload(served))
    return _as_filters_say(found, filters, names, served[0].because)


def _as_filters_say(
    found: _Evaluated, filters: Sequence[Mapping[str, Any]] | None, names: Sequence[str], because: str
) -> Fate:
    """The fate of what a subscription takes or, where there are names, may take."""
    if filters is None:
        return found.fate("unknown", "The destination's filters could not be read.", names=names)
    undecided = found.passed.undecided
    if undecided:
        names = [*names, *(name for each in undecided for name in each.fields)]
        return found.fate("depends", undecided[0].because, names=names)
    return found.fate("depends" if names else "sent", because, names=names)


def _no_trigger(triggered: Sequence[Triggered]) -> str:
    if not triggered:
        return "The destination has no subscription."
    if not any(each.subscription.get("enabled") for each in triggered):
        return "None of the destination's subscriptions is enabled."
    return "No enabled subscription has a trigger that matches."


def _no_payload(firing: Sequence[Triggered]) -> str:
    first = firing[0]
    if first.failure is not None:
        return f"The mapping of {_title(first.subscription)} can't be rendered here: {first.failure}."
    return f"The mapping of {_title(first.subscription)} gives nothing for {', '.join(first.missing[:5])}, as it must."


def _passing(known: Known, filters: Sequence[Mapping[str, Any]]) -> _Passed:
    """What the enabled filters do with an event, in Segment's order, up to the one that stops it."""
    actions = [
        (each, action)
        for each in filters
        if each.get("enabled")
        for action in each.get("actions") or ()
        if isinstance(action, Mapping)
    ]
    passed = _Passed(known)
    for each, action in sorted(actions, key=lambda pair: _rank(pair[1])):
        passed = _filtered(passed, each, action)
        if passed.stops:
            break
    return passed


def _rank(action: Mapping[str, Any]) -> int:
    kind = action.get("type")
    return _ORDER.index(kind) if kind in _ORDER else len(_ORDER)


def _filtered(passed: _Passed, each: Mapping[str, Any], action: Mapping[str, Any]) -> _Passed:
    known, kind = passed.known, str(action.get("type"))
    held = _holds(known, each.get("if"))
    if isinstance(held, str):
        because = f"The condition of filter {_title(each)} is no FQL ({held}), so Segment sends nothing."
        return _with(passed, Filtered(each, kind, applies=None, stops=True, because=because))
    applies, names = held
    if applies is False:
        because = f"Filter {_title(each)} does not match."
        return _with(passed, Filtered(each, kind, applies=False, stops=False, because=because))
    if kind in {"DROP_PROPERTIES", "ALLOW_PROPERTIES"}:
        what = "drops some fields" if kind == "DROP_PROPERTIES" else "lets only some fields through"
        because = f"Filter {_title(each)} {what}{_if_so(applies, names)}."
        left = _left(known, action, certain=bool(applies))
        return _with(passed, Filtered(each, kind, applies, stops=False, because=because, fields=names), left)
    if kind == "SAMPLE":
        return _with(passed, _sampled(each, action, applies, names))
    if kind == "DROP":
        because = f"Filter {_title(each)} drops it{_if_so(applies, names)}."
        return _with(passed, Filtered(each, kind, applies, stops=applies, because=because, fields=names))
    because = f"What filter {_title(each)} does, {clean(kind, 30)}, is not known here."
    return _with(passed, Filtered(each, kind, applies, stops=None, because=because, fields=names))


def _holds(known: Known, text: Any) -> tuple[Truth, tuple[str, ...]] | str:
    """Whether a filter's condition holds, and what that hangs on; or in words why it is none."""
    if text == EVERYTHING:
        return True, ()
    query = condition(text)
    if isinstance(query, str):
        return query
    holds = known.decide(query)
    return holds, known.open(query.fields()) if holds is None else ()


def _with(passed: _Passed, filtered: Filtered, left: Known | None = None) -> _Passed:
    known = passed.known if left is None else left
    undecided = passed.stops is None or filtered.stops is None
    stops = True if filtered.stops else None if undecided else False
    return _Passed(known, (*passed.filters, filtered), stops, passed.changed or known.fields != passed.known.fields)


def _if_so(applies: Truth, names: Sequence[str]) -> str:
    return "" if applies else f" if its condition is true, which depends on {', '.join(names[:5])}"


def _sampled(each: Mapping[str, Any], action: Mapping[str, Any], applies: Truth, names: tuple[str, ...]) -> Filtered:
    """A sample lets through the given share of what matches; of one path, always the same ones."""
    share, path = action.get("percent"), action.get("path")
    title = _title(each)
    if isinstance(share, int | float) and share >= 1:
        return Filtered(each, "SAMPLE", applies, stops=False, because=f"Filter {title} lets all of it through.")
    if isinstance(share, int | float) and share <= 0:
        because = f"Filter {title} lets none of it through{_if_so(applies, names)}."
        return Filtered(each, "SAMPLE", applies, stops=applies, because=because, fields=names)
    part = f"{share:.0%}" if isinstance(share, int | float) else "some"
    chosen = f", always the same by {clean(path, 80)}" if isinstance(path, str) and path else ""
    because = f"Filter {title} lets {part} of what matches through{chosen}."
    return Filtered(each, "SAMPLE", applies, stops=None, because=because, fields=names)


def _left(known: Known, action: Mapping[str, Any], *, certain: bool) -> Known:
    """What a filter of properties leaves of an event; where it may not apply, only what it leaves alone is known."""
    fields = known.fields
    for path, listed in _mapping(action.get("fields")).items():
        names = {name for name in listed if isinstance(name, str)} if isinstance(listed, list) else set()
        keeps = action.get("type") == "ALLOW_PROPERTIES"
        fields = _changed(fields, path.split(".") if path else [], names, keeps=keeps)
    if certain:
        return Known(fields, known.whole)
    same = {name: value for name, value in known.fields.items() if fields.get(name, _GONE) == value}
    return Known(same, whole=False)


def _changed(value: Any, steps: Sequence[str], names: set[str], *, keeps: bool) -> Any:
    """A copy in which the object at a path, or each object of the list there, keeps or loses the named members."""
    if steps:
        name = steps[0]
        below = value.get(name, _GONE) if isinstance(value, Mapping) else _GONE
        return value if below is _GONE else {**value, name: _changed(below, steps[1:], names, keeps=keeps)}
    if isinstance(value, list):
        return [_changed(item, (), names, keeps=keeps) if isinstance(item, Mapping) else item for item in value]
    if not isinstance(value, Mapping):
        return value
    return {name: member for name, member in value.items() if (name in names) is keeps}


def _triggered(known: Known, subscription: Mapping[str, Any], action: Mapping[str, Any]) -> Triggered:
    if not subscription.get("enabled"):
        return Triggered(subscription, action, fires=False, because="It is switched off.")
    if subscription.get("modelId"):
        because = "It takes the rows of a Reverse ETL model, and no events."
        return Triggered(subscription, action, fires=False, because=because)
    query = condition(subscription.get("trigger"))
    if isinstance(query, str):
        return Triggered(subscription, action, fires=False, because=f"Its trigger is no FQL: {query}.")
    fires = known.decide(query)
    if fires is False:
        return Triggered(subscription, action, fires=False, because="Its trigger does not match.")
    names = known.open(query.fields()) if fires is None else ()
    title = _title(subscription)
    because = (
        f"The trigger of {title} matches."
        if fires
        else f"The trigger of {title} matches or not, which depends on {', '.join(names[:5])}."
    )
    return _mapped(known, Triggered(subscription, action, fires, because, names))


def _mapped(known: Known, triggered: Triggered) -> Triggered:
    """The same, with what the mapping gives."""
    subscription, action = triggered.subscription, triggered.action
    settings = _mapping(subscription.get("settings"))
    required = {
        str(each.get("fieldKey")): bool(each.get(_MAY_BE_NULL))
        for each in action.get("fields") or ()
        if each.get("required") is True
    }
    payload, failure, certain = None, None, True
    if known.whole:
        try:
            payload = resolve(dict(settings), dict(known.fields))
        except MappingError as error:
            failure, certain = clean(str(error), 200), error.certain
        given = payload if isinstance(payload, Mapping) else {}
        missing = [key for key, null in required.items() if _is_empty(given.get(key, _GONE), null=null)]
    else:
        missing = [key for key in required if key not in settings]
    needs = {name for key in required if key in settings for name in known.open(paths(settings[key]))}
    return Triggered(
        subscription,
        action,
        triggered.fires,
        triggered.because,
        triggered.fields,
        () if failure else tuple(missing),
        tuple(sorted(needs)),
        failure,
        payload,
        certain,
    )


def _is_empty(value: Any, *, null: bool) -> bool:
    return value is _GONE or value == "" or (value is None and not null)


def on_either(destination: Mapping[str, Any]) -> bool:
    """Whether it may run on the device as well as on Segment's servers."""
    features = _mapping(_metadata(destination).get("supportedFeatures"))
    return features.get("deviceModeInstances") in {"1", "SINGLE"} and not on_device(destination)


def _metadata(destination: Mapping[str, Any]) -> Mapping[str, Any]:
    return _mapping(destination.get("metadata"))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _title(thing: Mapping[str, Any]) -> str:
    """What a subscription or a filter is called, in quotes: the words are somebody else's."""
    return f'"{clean(str(thing.get("name") or thing.get("title") or thing.get("id")), 60)}"'
