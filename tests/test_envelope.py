"""The envelope: one shape, as a dictionary and as the same JSON."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError

from segment_mcp.envelope import ENVELOPE_SCHEMA, Envelope
from segment_mcp.errors import Internal, InvalidArguments, RateLimited, SegmentMcpError

SCHEMA = Draft202012Validator(ENVELOPE_SCHEMA)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)

FAILURES = [
    Internal("It broke."),
    InvalidArguments([{"field": "event", "message": "is required"}]),
    RateLimited("Too many.", host="api.segmentapis.com", status=429, retryAfterSeconds=3),
]


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(ENVELOPE_SCHEMA)


@pytest.mark.parametrize(
    "wrong",
    [{}, {"successful": True}, {"data": {}}, {"successful": "yes", "data": {}}, {"successful": False, "data": []}],
    ids=str,
)
def test_the_schema_refuses_what_is_no_envelope(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SCHEMA.validate(wrong)


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: error.code)
def test_a_failure_has_code_and_sentence(error: SegmentMcpError) -> None:
    envelope = Envelope.failure(error)
    assert envelope.as_dict() == {"successful": False, "data": error.data(), "error": str(error)}
    SCHEMA.validate(envelope.as_dict())


def test_a_success_has_no_error_member() -> None:
    assert Envelope.success({"source": {"id": "s"}}).as_dict() == {"successful": True, "data": {"source": {"id": "s"}}}


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text(), DOCUMENTS, max_size=3))
def test_the_json_says_what_the_dictionary_says(data: dict[str, Any]) -> None:
    envelope = Envelope.success(data)
    SCHEMA.validate(envelope.as_dict())
    assert json.loads(envelope.as_json()) == envelope.as_dict()


@settings(max_examples=40, deadline=None)
@given(st.text(), st.dictionaries(st.text(), DOCUMENTS, max_size=3))
def test_a_failures_json_says_what_its_dictionary_says(said: str, data: dict[str, Any]) -> None:
    envelope = Envelope(successful=False, data=data, error=said)
    assert json.loads(envelope.as_json()) == envelope.as_dict()


def test_the_json_is_one_line() -> None:
    assert "\n" not in Envelope.success({"a": "x\ny\r\u2028"}).as_json().replace("\\n", "")


def test_an_envelope_can_not_be_changed() -> None:
    envelope = Envelope.success({})
    with pytest.raises(AttributeError):
        envelope.successful = False  # type: ignore[misc]  # that it is refused is the point
