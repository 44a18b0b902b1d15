"""What Command AI's webhook records, as its help page says, and nothing that it doesn't say."""

from typing import Any

import pytest

from segment_mcp.mappings import resolve
from segment_mcp.mappings.command_ai import user_properties


@pytest.mark.parametrize(
    ("payload", "properties"),
    [
        ({"type": "identify", "userId": "u", "traits": {"plan": "pro", "age": 3, "a": {"b": None}}}, None),
        ({"type": "identify", "userId": "u"}, {}),
        ({"type": "identify", "userId": "u", "traits": "pro"}, {}),
        ({"type": "track", "userId": "u", "traits": {"plan": "pro"}}, {}),
        ({"userId": "u", "traits": {"plan": "pro"}}, {}),
        ({"type": "track", "userId": "u", "user_property.plan": "pro"}, {"plan": "pro"}),
        ({"type": "page", "userId": 7, "user_property.a.b": {"c": 1}}, {"a.b": {"c": 1}}),
        ({"userId": "u", "user_property.": 1, "user_property": 2, "xuser_property.y": 3}, {}),
        ({"userId": "u", "properties": {"user_property.plan": "pro", "user_property_event": "x"}}, {}),
        ({"type": "track", "userId": "u", "user_property_event": "extension installed"}, {"extension installed": True}),
        ({"userId": "u", "user_property_event": " "}, {}),
        ({"userId": "u", "user_property_event": {"name": "x"}}, {}),
        ({"type": "identify", "userId": "u", "traits": {"p": 1}, "user_property.p": 2}, {"p": 2}),
        ({"userId": "u", "user_property.x": 1, "user_property_event": "x"}, {"x": True}),
    ],
)
def test_user_properties_come_from_traits_prefixes_and_the_event(
    payload: dict[str, Any], properties: dict[str, Any] | None
) -> None:
    recorded = user_properties(payload)
    assert recorded.ignored is None
    assert recorded.properties == (payload["traits"] if properties is None else properties)


@pytest.mark.parametrize("user_id", [{}, {"userId": None}, {"userId": " "}, {"userId": True}, {"userId": {"id": "u"}}])
def test_an_event_without_a_user_is_ignored(user_id: dict[str, Any]) -> None:
    recorded = user_properties({"type": "identify", "traits": {"a": 1}, "user_property.b": 2, **user_id})
    assert recorded.ignored == "The payload has no userId, so Command AI ignores it; map userId to $.userId."
    assert recorded.properties == {}


@pytest.mark.parametrize("payload", [None, "u", [{"userId": "u"}]])
def test_what_is_no_object_is_ignored(payload: Any) -> None:
    recorded = user_properties(payload)
    assert recorded.ignored is not None
    assert "no object" in recorded.ignored
    assert recorded.properties == {}


def test_the_pages_example_makes_its_property() -> None:
    mapping = {
        "userId": {"@path": "$.userId"},
        "user_property.plan": {"@path": "$.properties.plan"},
        "user_property_event": {"@path": "$.event"},
    }
    event = {"type": "track", "event": "extension installed", "userId": "u", "properties": {"plan": "pro"}}
    assert user_properties(resolve(mapping, event)).properties == {"plan": "pro", "extension installed": True}


def test_the_payload_keeps_its_traits_to_itself() -> None:
    payload = {"type": "identify", "userId": "u", "traits": {"a": 1}}
    user_properties(payload).properties["b"] = 2
    assert payload["traits"] == {"a": 1}
