"""Unify spaces, and their users' messaging subscriptions."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from segment_mcp.sandbox import refusals, windows
from segment_mcp.sandbox.api.frame import Call, Data, Handler, State, page
from segment_mcp.sandbox.engage import Contact, Space, Standing, Subscription
from segment_mcp.sandbox.people import is_email, key_of

_PHONE = re.compile(r"\+[1-9][0-9]{1,14}")


def space_of(state: State, call: Call) -> Space:
    """The space that the call names.

    Raises:
        RefusalError: 404.
    """
    found = state.engage.spaces.get(call.arguments["spaceId"])
    if found is None:
        raise refusals.not_found("Space")
    return found


def _list_spaces(state: State, call: Call) -> Data:
    return page("spaces", [_answer(space) for space in state.engage.spaces.values()], call)


def _get_space(state: State, call: Call) -> Data:
    """Answer a space. The schema also allows null for it; an unknown one is 404 here, as of every operation."""
    return {"space": _answer(space_of(state, call))}


def _replace_subscriptions(state: State, call: Call) -> Data:
    """Take down what people want; what they wanted at that address or number before is replaced as a whole.

    An address that is none, or a group that the space does not have, fails alone. Segment announced the end of this
    operation for the end of 2025; the sandbox goes on answering it.
    """
    space = space_of(state, call)
    successes: list[Data] = []
    failures: list[Data] = []
    for given in call.body["subscriptions"]:
        wanted = {name: given[name] for name in ("key", "type", "status") if name in given}
        groups = {each["name"]: each["status"] for each in given.get("groups", ())}
        errors = _errors_of_key(given) + _errors_of_groups(space, groups)
        if errors:
            failures.append({**wanted, "errors": errors})
            continue
        contact = _contact(space, given)
        before = state.engage.subscriptions.get(contact, Subscription(None, {}))
        now = windows.iso(call.now)
        state.engage.subscriptions[contact] = Subscription(
            _standing(before.overall, given["status"], now) if "status" in given else None,
            {name: _standing(before.groups.get(name), status, now) for name, status in groups.items()},
        )
        shown = [
            {"id": space.subscription_groups[name], "name": name, "status": status} for name, status in groups.items()
        ]
        successes.append({**wanted, "groups": shown} if shown else wanted)
    return {"successes": successes, "failures": failures}


def _query_subscriptions(state: State, call: Call) -> Data:
    """Say what people want. An address or number that the space does not know has no status, as documented."""
    space = space_of(state, call)
    successes: list[Data] = []
    failures: list[Data] = []
    for given in call.body["subscriptions"]:
        asked = {"key": given["key"], "type": given["type"]}
        if errors := _errors_of_key(given):
            failures.append({**asked, "errors": errors})
        else:
            known = state.engage.subscriptions.get(_contact(space, given))
            successes.append({**asked, **(_subscription_answer(space, known) if known else {})})
    return {"successes": successes, "failures": failures, "errors": []}


def _subscription_answer(space: Space, known: Subscription) -> Data:
    answer: Data = {}
    if known.overall:
        answer |= {"status": known.overall.status, "updatedAt": known.overall.since}
    if known.groups:
        answer["groups"] = [
            {
                "id": space.subscription_groups[name],
                "name": name,
                "status": standing.status,
                "updatedAt": standing.since,
            }
            for name, standing in known.groups.items()
        ]
    return answer


def _standing(before: Standing | None, status: str, now: str) -> Standing:
    return before if before and before.status == status else Standing(status, now)


def _contact(space: Space, given: Mapping[str, Any]) -> Contact:
    return space.id, given["type"], key_of(given["key"]) if given["type"] == "EMAIL" else given["key"]


def _errors_of_key(given: Mapping[str, Any]) -> list[Data]:
    match given["type"]:
        case "EMAIL":
            fits = is_email(given["key"])
        case "SMS" | "WHATSAPP":
            fits = bool(_PHONE.fullmatch(given["key"]))
        case _:
            fits = True  # the keys of push messages are tokens, of any shape
    if fits:
        return []
    return [{"code": "INVALID_KEY", "message": f"The key is not valid for {given['type']}"}]


def _errors_of_groups(space: Space, groups: Mapping[str, str]) -> list[Data]:
    return [
        {"code": "GROUP_NOT_FOUND", "message": f'There is no subscription group "{name}"'}
        for name in groups
        if name not in space.subscription_groups
    ]


def _answer(space: Space) -> Data:
    return {"id": space.id, "slug": space.slug, "name": space.name}


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "listSpaces": _list_spaces,
        "getSpace": _get_space,
        "replaceMessagingSubscriptionsInSpaces": _replace_subscriptions,
        "batchQueryMessagingSubscriptionsForSpace": _query_subscriptions,
    }
)
