"""Redaction: which values are secrets, what happens to them, and that nothing else changes."""

import base64
import json
import logging
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segment_mcp.redact import (
    MASK,
    SEGMENT_MASK,
    Scrubber,
    ScrubbingFormatter,
    clean,
    is_masked,
    mask_answer,
    mask_settings,
    mask_write_key,
)

CANARY = "cAnArY/9f+8e=7d"

SPECIAL_NAMES = {"settings", "writeKeys", "writeKey"}
NAMES = st.text().filter(lambda name: name not in SPECIAL_NAMES)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


# Names


@pytest.mark.parametrize(
    "name",
    [
        "apiKey", "apikey", "api_key", "APIKey", "API_KEY", "api-key", "X-API-KEY", "x-api-key", "restApiKey",
        "sharedSecret", "clientSecret", "secret", "APISecret", "secretKey",
        "writeKey", "accessToken", "authToken", "refreshToken", "token", "apiToken",
        "privateKey", "private_key", "accessKey", "awsSecretAccessKey", "accountKey", "signingKey", "encryptionKey",
        "password", "passwd", "pwd", "dbPassword", "passphrase", "privateKeyPassphrase",
        "credentials", "serviceAccount", "connectionString", "authorization", "Authorization", "hmac", "dsn", "key",
    ],
)  # fmt: skip
def test_a_setting_with_a_secrets_name_is_masked(name: str) -> None:
    assert mask_settings({name: CANARY}) == {name: MASK}


@pytest.mark.parametrize(
    "name",
    [
        "endpoint", "orgId", "keyPrefix", "url", "webhookUrl", "region", "bucket", "username", "clientId", "accountId",
        "deploy", "keyword", "monkey", "hockeyTeam", "eventName", "mode", "database", "host", "port", "trackingId",
    ],
)  # fmt: skip
def test_a_setting_with_an_ordinary_name_is_shown(name: str) -> None:
    assert mask_settings({name: "ordinary"}) == {name: "ordinary"}


# Values


@pytest.mark.parametrize(
    "value",
    [
        "-----BEGIN PRIVATE KEY-----\nMIIE",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
        "prefix\n-----BEGIN EC PRIVATE KEY-----",
        f"https://user:{quote(CANARY, safe='')}@example.com/hook",
        "postgres://segment:hunter2@db.example.com:5432/events",
        "https://0123456789abcdef@errors.example.com/42",
    ],
    ids=["pem", "pem-rsa", "pem-after-text", "url-with-password", "database-url", "url-with-token"],
)
def test_a_value_that_looks_like_a_secret_is_masked_whatever_its_name(value: str) -> None:
    assert mask_settings({"target": value}) == {"target": MASK}


@pytest.mark.parametrize(
    "value",
    ["https://example.com/hook", "https://example.com/@handle", "mailto:someone@example.com", "a:b@c",
     "-----BEGIN PUBLIC KEY-----", "someone@example.com"],
)  # fmt: skip
def test_a_value_that_only_resembles_one_is_shown(value: str) -> None:
    assert mask_settings({"target": value}) == {"target": value}


@pytest.mark.parametrize("value", [None, True, False, "", SEGMENT_MASK * 10, MASK, "*" * 8, SEGMENT_MASK + "*"])
def test_what_tells_nothing_stays_as_it_is(value: Any) -> None:
    assert mask_settings({"apiKey": value}) == {"apiKey": value}


def test_a_number_can_be_a_secret() -> None:
    assert mask_settings({"apiKey": 12345678}) == {"apiKey": MASK}


@pytest.mark.parametrize(
    ("settings", "masked"),
    [
        ({"apiKey": [CANARY, CANARY]}, {"apiKey": [MASK, MASK]}),
        ({"outer": {"inner": {"apiKey": CANARY}}}, {"outer": {"inner": {"apiKey": MASK}}}),
        ({"hooks": [{"sharedSecret": CANARY, "url": "u"}]}, {"hooks": [{"sharedSecret": MASK, "url": "u"}]}),
        ({"hooks": [[{"password": CANARY}]]}, {"hooks": [[{"password": MASK}]]}),
        (
            {"outer": [{"headers": {"Accept": CANARY, "X": [CANARY]}}]},
            {"outer": [{"headers": {"Accept": MASK, "X": [MASK]}}]},
        ),
        ({"headers": [{"key": "X-Any", "value": CANARY}]}, {"headers": [{"key": MASK, "value": MASK}]}),
        ({"requestHeaders": f"X-Any: {CANARY}"}, {"requestHeaders": MASK}),
    ],
    ids=["list", "map-in-map", "list-of-maps", "list-of-lists", "headers", "list-of-headers", "text-of-headers"],
)
def test_secrets_are_found_at_any_depth(settings: dict[str, Any], masked: dict[str, Any]) -> None:
    assert mask_settings(settings) == masked


@pytest.mark.parametrize(
    ("header", "masked"),
    [
        ({"@path": "$.userId"}, {"@path": "$.userId"}),
        ({"@path": CANARY}, {"@path": MASK}),
        ({"@path": "$.a", "value": CANARY}, {"@path": MASK, "value": MASK}),
        ({"@template": f"{CANARY} {{{{userId}}}}"}, {"@template": MASK}),
        (
            {"@case": {"operator": "lower", "value": {"@path": "$.userId"}}},
            {"@case": {"operator": "lower", "value": {"@path": "$.userId"}}},
        ),
        ({"@case": {"operator": CANARY, "value": "lower"}}, {"@case": {"operator": MASK, "value": MASK}}),
    ],
    ids=["path", "no-path", "path-and-more", "template", "directive", "directive-with-secret"],
)
def test_of_a_mapping_to_a_header_only_what_it_reads_and_how_is_shown(header: Any, masked: Any) -> None:
    assert mask_settings({"headers": {"X-Any": header}}) == {"headers": {"X-Any": masked}}


@pytest.mark.parametrize(
    "settings",
    [
        {"credentials": {"id": "reader", "json": CANARY}},
        {"secret": {"current": CANARY, "previous": [CANARY]}},
        {"authorization": {"type": "basic", "value": CANARY}},
        {"headers": [{"key": "Authorization", "value": CANARY}]},
        {"headers": [{"name": "X-Api-Key", "value": CANARY}]},
    ],
    ids=["credentials-map", "secret-map", "authorization-map", "key-and-value", "name-and-value"],
)
def test_a_secret_inside_of_a_structure_that_is_named_as_one_is_masked(settings: dict[str, Any]) -> None:
    assert CANARY not in json.dumps(mask_settings(settings))


# Write keys


@pytest.mark.parametrize(
    ("key", "masked"),
    [
        ("", "****"),
        ("short", "****"),
        ("x" * 7 + "last", "****"),
        ("x" * 8 + "last", "****last"),
        ("a" * 28 + "b1C2", "****b1C2"),
    ],
    ids=["empty", "five", "eleven", "twelve", "thirty-two"],
)
def test_a_write_key_keeps_its_end_where_that_gives_little_away(key: str, masked: str) -> None:
    assert mask_write_key(key) == masked
    assert is_masked(masked)


@pytest.mark.parametrize("text", ["", "***", "abcd****", SEGMENT_MASK * 4, "web"])
def test_other_texts_are_no_masked_keys(text: str) -> None:
    assert not is_masked(text)


def test_an_answers_write_keys_are_masked_wherever_they_stand() -> None:
    key = "k" * 28 + "a1B2"
    answer = {"sources": [{"id": "s", "writeKeys": [key, None]}], "writeKey": key, "token": key}
    assert mask_answer(answer) == {
        "sources": [{"id": "s", "writeKeys": ["****a1B2", None]}],
        "writeKey": "****a1B2",
        "token": key,
    }


def test_write_keys_are_shown_where_that_was_decided_and_settings_are_masked_all_the_same() -> None:
    answer = {"source": {"writeKeys": ["k" * 32], "settings": {"writeKey": CANARY, "apiKey": CANARY}}}
    assert mask_answer(answer, reveal_write_keys=True) == {
        "source": {"writeKeys": ["k" * 32], "settings": {"writeKey": MASK, "apiKey": MASK}}
    }


def test_names_count_only_inside_of_settings() -> None:
    answer = {"event": {"apiKey": "a trait of that name"}, "settings": {"apiKey": CANARY}}
    assert mask_answer(answer) == {"event": {"apiKey": "a trait of that name"}, "settings": {"apiKey": MASK}}


@pytest.mark.parametrize("reveal", [False, True])
@pytest.mark.parametrize(
    "answer",
    [
        {"function": {"previewWebhookUrl": f"https://fn.segmentapis.com/?b={CANARY}"}},
        {"functions": [{"previewWebhookUrl": CANARY}]},
        {"instances": [{"encryptedSettings": {"apiKey": CANARY}}]},
        {"instance": {"encryptedSettings": {"salt": CANARY, "nested": {"region": [CANARY]}}}},
        {"destination": {"connectionSettings": {"password": CANARY}}},
        {"credential": {"settings": {"serviceAccount": {"client": CANARY}}}},
        {"subscriptions": [{"settings": {"headers": {"Authorization": CANARY}}}]},
        {"transformation": {"hashPropertiesConfiguration": {"algorithm": "HMAC_SHA256", "key": CANARY, "paths": []}}},
    ],
    ids=[
        "webhook-url", "webhook-urls", "encrypted", "encrypted-of-any-name", "connection", "credential",
        "subscription", "hmac-key",
    ],
)  # fmt: skip
def test_a_secret_of_an_answer_is_masked_whatever_is_revealed(answer: dict[str, Any], *, reveal: bool) -> None:
    assert CANARY not in json.dumps(mask_answer(answer, reveal_write_keys=reveal))


SIGNED = {
    "s3": "https://b.s3.amazonaws.com/a.gz?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=2&X-Amz-Signature={}",
    "s3-of-old": "https://b.s3.amazonaws.com/a.gz?AWSAccessKeyId=A&Expires=1&Signature={}",
    "s3-credential-first": "https://b.s3.amazonaws.com/a.gz?X-Amz-Credential={}&X-Amz-Expires=3600",
    "google": "https://storage.googleapis.com/b/a.gz?GoogleAccessId=g&Expires=1&Signature={}",
    "azure": "https://a.blob.core.windows.net/b/a.gz?sv=2022-11-02&se=2026&sr=b&sp=r&sig={}",
    "cloudfront": "https://d1.cloudfront.net/a.gz?Policy=p&Signature={}&Key-Pair-Id=k",
    "token": "https://hook.example/in?token={}",
    "upper-case": "HTTPS://HOOK.EXAMPLE/IN?ACCESS_TOKEN={}",
    "in-a-sentence": "fetched https://hook.example/in?id=1&api_key={} twice",
    "password": "https://user:{}@hook.example/in",
}


@pytest.mark.parametrize("kind", SIGNED)
def test_a_url_that_carries_its_own_permission_is_masked(kind: str) -> None:
    url = SIGNED[kind].format("cAnArY0123456789")
    masked = mask_answer({"download": {"urls": [url, "https://b.s3.amazonaws.com/a.gz"]}})
    assert "cAnArY" not in json.dumps(masked)
    assert masked["download"]["urls"][0].startswith(url[:8])
    assert masked["download"]["urls"][1] == "https://b.s3.amazonaws.com/a.gz"


@pytest.mark.parametrize(
    "text",
    [
        "https://app.segment.com/shop/sources?tab=settings&page=2",
        "https://docs.example/#token",
        "// https://segment.com/docs\nconst plan = traits?.plan ?? 'free'\nconst apiKey = settings.apiKey",
        "fetch('https://hook.example/in'); const to = paid ? 'a' : 'b'; const signature = sign(to)",
        "Is it https://hook.example? The key = the value.",
        "SELECT 'https://a.example/' || path, CASE WHEN id = ? THEN token END FROM t WHERE secret = 1",
    ],
    ids=["query", "fragment", "optional-chaining", "conditional", "sentence", "sql"],
)
def test_code_and_other_texts_with_a_url_in_them_stay_whole(text: str) -> None:
    assert mask_answer({"function": {"code": text}}) == {"function": {"code": text}}


@pytest.mark.parametrize("mask", [mask_answer, mask_settings])
@pytest.mark.parametrize("piece", ["?key ", "?&", "?", "?a=b&", "://", "a://", "token&"])
def test_a_text_made_to_be_slow_is_masked(mask: Callable[[Any], Any], piece: str) -> None:
    text = "a://" + piece * (4_000 // len(piece))
    assert isinstance(mask({"text": text})["text"], str)


@settings(max_examples=50, deadline=None)
@given(DOCUMENTS)
def test_an_answer_without_the_special_names_stays_equal(document: Any) -> None:
    assert mask_answer(document) == document


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shape(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_shape(item) for item in value]
    return None


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.sampled_from(["settings", "writeKeys", "writeKey", "apiKey", "secret", "x"]), DOCUMENTS))
def test_masking_never_changes_an_answers_shape(document: dict[str, Any]) -> None:
    assert _shape(mask_answer(document)) == _shape(document)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.sampled_from(["settings", "writeKeys", "apiKey"]), DOCUMENTS))
def test_masking_leaves_the_answer_itself_alone(document: dict[str, Any]) -> None:
    before = json.dumps(document)
    mask_answer(document)
    assert json.dumps(document) == before


# Words of others


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x00b\x1b[31mc", "a b [31mc"),
        ("a\r\nb\tc", "a b c"),
        ("a\x7f\x85b", "a b"),
        ("a\u200bb\u200dc\u2060d\ufeffe", "a b c d e"),
        ("a\u202eb\u2066c\u2069d\u061ce", "a b c d e"),
        ("a\U000e0041\U000e0042b", "a b"),
        ("a\ufe0fb", "a b"),
        ("a\U000e0100\U000e01efb", "a b"),
        ("a\u00adb", "a b"),
        ("a\ud800b", "a b"),
        ("a\u2028b\u2029c", "a b c"),
        ("  a   b  ", "a b"),
        ("Gr\u00fc\u00dfe \u4f60\u597d", "Gr\u00fc\u00dfe \u4f60\u597d"),
        ("", ""),
        ("\u200b\u202e", ""),
    ],
    ids=[
        "control", "line-ends", "delete-and-c1", "zero-width", "bidirectional", "tags", "variation-selector",
        "variation-selectors-supplement", "soft-hyphen", "surrogate", "separators", "blanks", "other-scripts",
        "empty", "nothing-visible",
    ],
)  # fmt: skip
def test_invisible_characters_do_not_survive(text: str, shown: str) -> None:
    assert clean(text) == shown


@pytest.mark.parametrize(("length", "shown"), [(300, "x" * 300), (301, "x" * 299 + "\u2026")], ids=["fits", "too-long"])
def test_a_text_is_shortened_at_the_limit(length: int, shown: str) -> None:
    assert clean("x" * length) == shown


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters()), st.integers(min_value=1, max_value=40))
def test_cleaning_keeps_to_the_limit_and_is_done_after_once(text: str, limit: int) -> None:
    once = clean(text, limit)
    assert len(once) <= limit
    assert clean(once, limit) == once
    assert once.isprintable() or not once.isascii()
    once.encode()


# Known secrets


@pytest.mark.parametrize(
    "form",
    [
        CANARY,
        quote(CANARY, safe=""),
        base64.b64encode(f"{CANARY}:".encode()).decode(),
        base64.b64encode(f"{CANARY}:".encode()).decode().rstrip("="),
    ],
    ids=["plain", "percent-encoded", "basic", "basic-unpadded"],
)
def test_a_secret_is_taken_out_in_every_form_in_which_it_travels(form: str) -> None:
    scrubber = Scrubber([CANARY])
    said = f"GET https://api.segment.io/{form}/x failed; {form}"
    assert scrubber.finds_in(said)
    assert form.rstrip("=") not in scrubber.text(said)
    assert scrubber.text(said).count(MASK) == 2


@pytest.mark.parametrize("length", range(6, 14))
def test_basic_credentials_are_found_at_every_length_of_the_key(length: int) -> None:
    key = "Kk9" * 5
    header = base64.b64encode(f"{key[:length]}:".encode()).decode()
    assert Scrubber([key[:length]]).text(f"Basic {header}").rstrip("=") == f"Basic {MASK}"


@pytest.mark.parametrize("secret", ['with"quote', "back\\slash", "umlaut\u00fcs"])
def test_a_secret_is_found_as_json_writes_it(secret: str) -> None:
    assert Scrubber([secret]).text(json.dumps({"k": secret})) == '{"k": "****"}'


def test_data_is_scrubbed_in_names_and_values_at_any_depth() -> None:
    value = {"a": [f"x {CANARY}", {"b": (CANARY, 1, None, True)}], CANARY: 1.5}
    assert Scrubber([CANARY]).data(value) == {"a": ["x ****", {"b": [MASK, 1, None, True]}], MASK: 1.5}


@pytest.mark.parametrize("secret", ["", "a", "12345"])
def test_a_secret_too_short_to_be_one_garbles_nothing(secret: str) -> None:
    text = "a 12345 ordinary text"
    assert Scrubber([secret]).text(text) == text
    assert not Scrubber([secret]).finds_in(text)


@pytest.mark.parametrize("order", [("secret-one", "secret-one-more"), ("secret-one-more", "secret-one")], ids=str)
def test_the_longer_of_two_overlapping_secrets_goes_first(order: tuple[str, str]) -> None:
    assert Scrubber(order).text("secret-one-more secret-one") == "**** ****"


def test_without_secrets_nothing_changes() -> None:
    scrubber = Scrubber([])
    assert scrubber.text(CANARY) == CANARY
    assert scrubber.data({"a": [CANARY]}) == {"a": [CANARY]}
    assert not scrubber.finds_in(CANARY)


@settings(max_examples=50, deadline=None)
@given(DOCUMENTS)
def test_scrubbing_leaves_other_data_equal(document: Any) -> None:
    assert Scrubber([CANARY]).data(document) == document


@settings(max_examples=50, deadline=None)
@given(st.text(min_size=6), st.text(), st.text())
def test_no_text_keeps_a_whole_secret(secret: str, before: str, after: str) -> None:
    scrubber = Scrubber([secret])
    if secret not in MASK * 3:
        assert secret not in scrubber.text(before + secret + after) or secret in MASK + after + before


def _refuse(secret: str) -> None:
    raise RuntimeError(f"token {secret} refused")


def test_a_logged_traceback_has_no_secret() -> None:
    path = f"/writekey/{quote(CANARY, safe='')}"
    try:
        _refuse(CANARY)
    except RuntimeError:
        record = logging.LogRecord("n", logging.ERROR, __file__, 1, "calling %s", (path,), sys.exc_info())
    line = ScrubbingFormatter("%(levelname)s %(message)s", Scrubber([CANARY])).format(record)
    assert line.startswith("ERROR calling /writekey/****\n")
    assert "RuntimeError: token **** refused" in line
    assert CANARY not in line
