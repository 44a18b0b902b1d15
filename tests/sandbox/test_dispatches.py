"""What a person is shown of a delivery: all of it but its secrets."""

import json
from typing import Any

import pytest

from segment_mcp.sandbox.dispatches import Dispatch, shown
from segment_mcp.sandbox.settings import MASK


def payload_of(**payload: Any) -> Any:
    return shown(Dispatch(1, "d", "s", "first_attempt", 1, "successes.attempt.1", payload))["payload"]


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        ("https://u:SECRET@h/?token=SECRET", "https://h/…"),
        ("http://[::1]:8080/SECRET", "http://[::1]:8080/…"),
        ("postgres://u:SECRET@db:5432/x", "postgres://db:5432/…"),
        ("see https://u:SECRET@h/", MASK),
        ("https://h SECRET/", MASK),
        ("https://h:SECRET/", MASK),
        ("://SECRET", MASK),
        ('{"db": {"password": "SECRET"}}', MASK),
        ('[{"a": 1}, {"apiKey" : "SECRET"}]', MASK),
        (json.dumps(json.dumps({"token": "SECRET"})), MASK),
        ('{"client_secret": "SECRET", "cut off', MASK),
        ("Authorization: Bearer SECRET", MASK),
        ("a=1&access_token=SECRET", MASK),
    ],
)
def test_a_text_is_shown_without_the_secrets_in_it(value: str, seen: str) -> None:
    assert payload_of(link=value) == {"link": seen}
    assert payload_of(data={"list": [{"link": value}, value]}) == {"data": {"list": [{"link": seen}, seen]}}


@pytest.mark.parametrize("name", ["auth", "basicAuth", "Authorization", "proxy_authorization", "bearer", "password"])
def test_what_is_named_like_a_secret_is_bullets_in_all_depth(name: str) -> None:
    secret = {name: "SECRET"}
    assert payload_of(**secret, data=[{"in": {name: {"x": "SECRET"}}}]) == {name: MASK, "data": [{"in": {name: MASK}}]}


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Paid: 5 EUR",
        '{"plan": "pro", "author": "Ann"}',
        "author: Ann",
        "the password",
        "12:30",
        5,
        None,
        True,
        [1.5],
    ],
)
def test_the_rest_is_shown_as_it_is(value: Any) -> None:
    assert payload_of(author=value, data={"x": value}) == {"author": value, "data": {"x": value}}
