"""What counts as personal data, by a field's name, by a value's shape, and by what is known to lead to somebody."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segment_mcp.questions.personal import Mask
from segment_mcp.redact import MASK

NOBODY = Mask([])
JANE = Mask(["u-1001", "Jane.Doe@customer.example", "+12025550147", "u1"])


def wide(text: str) -> str:
    """In the full-width forms of Unicode."""
    return "".join(chr(ord(each) + 0xFEE0) for each in text)


@pytest.mark.parametrize(
    "name",
    ["email", "Email", "userEmail", "work_email", "e-mail", "Email Address", "emails", "phone", "phoneNumber",
     "mobile_phone", "msisdn", "firstName", "first_name", "First Name", "lastname", "surname", "fullName", "nick_name",
     "username", "userName", "address", "shipping_address", "billingAddress", "addresses", "street", "postalCode",
     "zip", "birthday", "birthDate", "date_of_birth", "age", "gender", "ip", "ipAddress", "ip_address", "latitude",
     "userId", "anonymous_id", "externalIds", "idfa", "advertisingId", "push_token", "device_id", "ssn"],
)  # fmt: skip
@pytest.mark.parametrize("value", ["x", 34, 1.5, ["x"], {"a": {"b": 1}}])
def test_a_personal_name_masks_its_value_wherever_it_stands(name: str, value: Any) -> None:
    assert NOBODY.traits({name: value}) == {name: MASK}
    assert NOBODY.data({"deep": [{name: value}]}) == {"deep": [{name: MASK}]}


@pytest.mark.parametrize("name", ["name", "Name", "id", "avatar", "description", "website", "title", "displayName"])
def test_some_names_are_personal_as_traits_only(name: str) -> None:
    assert NOBODY.traits({name: "Kettle", "company": {name: "Kettle"}}) == {name: MASK, "company": {name: MASK}}
    assert NOBODY.data({name: "Kettle"}) == {name: "Kettle"}
    assert NOBODY.data({"context": {"traits": {name: "Kettle"}}}) == {"context": {"traits": {name: MASK}}}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("plan", "plus"), ("industry", "Retail"), ("employees", "11-50"), ("emails_opened_last_30_days", 33),
        ("createdAt", "2026-01-31"),
        ("company", {"employees": 3}), ("usage", 7), ("total_spent", 143.4), ("frequent_buyers", True), ("zipper", 5),
        ("last_seen", "2026-03-14T09:26:53+01:00"), ("number_of_orders", 4), ("recipe", [1, 2]), ("debt", -3.5),
        ("at", "2026-03-14T09:26:53.000Z"), ("day", "2026-03-14"), ("none", None), ("empty", ""),
        ("list", []),
    ],
)  # fmt: skip
def test_what_is_about_nobody_stays(name: str, value: Any) -> None:
    assert NOBODY.traits({name: value}) == {name: value}
    assert NOBODY.data({name: value}) == {name: value}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Campaign Name", "Organic"), ("page", "/home"), ("language", "fr"), ("product_name", "Kettle"),
        ("order_id", "10342"), ("order_id", 10342), ("version", "4.12.0"), ("price", "1234567.89"),
        ("revenue", 1234567),
        ("sku", "SKU-1187"), ("count", "1234567"), ("when", "14.3.2026"), ("when", "on 2026-03-14 09:26"),
        ("url", "https://shop.example/p/1?a=b"), ("mention", "write to us @home"), ("handle", "@shop"), ("n", 12.345),
        ("visit", "5f0c8e1a-7d42-4b19-9c55-2a6e1f3b8d70"), ("at", "09:26:53"), ("call", "std::map :: x"),
        ("product", "[Sale] Kettle"), ("more", '{"plan": "x",  "n": 1}'), ("wide", wide("Kettle")),
        ("location", "header"),
    ],
)  # fmt: skip
def test_what_an_event_tells_of_nobody_stays(name: str, value: Any) -> None:
    assert NOBODY.data({name: value}) == {name: value}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("contact", 4155551234), ("n", 1234567), ("n", -4155551234), ("card", 4111111111111111), ("n", 4155551234.0),
        ("home", 48.856613), ("lat", 48.85), ("crm", 4242), ("crm", 4242.0), ("house", 12), ("birth_year", 1988),
        ("postcode_home", 75001), ("zip2", 75001), ("ssn_last4", 1234), ("home_phone_2", 1),
        ("name2", 7), ("order_id", 7),
        ("birthDay", "1988-01-31"), ("date_birth", "1988-01-31"), ("Geburtsdatum", "1988-01-31"),
        ("дата_рождения", "1988-01-31"), ("возраст", 34), ("PIN", 1234), ("token", 7), (wide("age"), 34), ("userID", 7),
        ("IPAddress", 7), ("note", "Jane"), ("note", "x"), ("note", "1"), ("note", '{"plan":"x"}'), ("tags", ["Jane"]),
        ("plan", "x" * 65), ("plan", "jane@b.example"), ("plan", "4242"), ("plan", "call +1 415 555 1234"),
        ("day", "2026-02-31"), ("day", "Jane 2026-02-01"), ("company_name", "Kettle Ltd"), ("city", "Paris"),
    ],
)  # fmt: skip
def test_of_a_trait_that_may_be_personal_nothing_but_the_name_is_shown(name: str, value: Any) -> None:
    shown = Mask(["4242"]).traits({name: value, "company": {name: value}})
    assert list(shown) == [name, "company"]
    for each in (shown[name], shown["company"][name]):
        assert MASK in json.dumps(each)
        assert not any(told in json.dumps(each) for told in ("1", "Jane", "x", "4242", "Paris"))


@pytest.mark.parametrize(
    "name",
    ["address_line_1", "addressLine1", "address2", "home_phone_2", "ssn_last4", "postcode_home", "birthDay",
     "date_birth", "fname", "lname", "forename", "Vorname", "имя", "Имя", wide("email"), "e\u00admail", "city",
     "company_name",
     "prénom", "IPAddress", "token", "password", "access_token", "accessToken", "apiKey", "email_of_friend", "userID2"],
)  # fmt: skip
def test_a_property_is_masked_whatever_stands_around_the_personal_word(name: str) -> None:
    assert list(NOBODY.data({name: "Jane"}).values()) == [MASK]
    assert list(NOBODY.data({name: 7}).values()) == [MASK]
    assert list(NOBODY.traits({name: "Jane"}).values()) == [MASK]


@pytest.mark.parametrize("number", [4155551234, -4155551234, 4155551234.0, 4111111111111111, 4242, 4242.0])
def test_a_number_in_an_event_is_looked_at_as_its_text_is(number: float) -> None:
    assert Mask(["4242"]).data({"n": number, "list": [number]}) == {"n": MASK, "list": [MASK]}


def test_where_not_every_id_is_known_no_text_or_number_is_shown() -> None:
    doubting = Mask(["u1"], are_all=False)
    values = {"plan": "plus", "seats": 3, "day": "2026-01-31", "beta": True, "none": "", "tags": ["a"]}
    shown = {"plan": MASK, "seats": MASK, "day": MASK, "beta": True, "none": "", "tags": [MASK]}
    assert doubting.traits(values) == shown
    assert doubting.data(values) == shown
    assert doubting.text("Chat Opened") == "Chat Opened"


@pytest.mark.parametrize("value", [True, False, None, "", [], {}])
def test_whether_something_is_so_or_missing_is_shown(value: Any) -> None:
    assert NOBODY.traits({"phone": value, "email": value}) == {"phone": value, "email": value}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a@b.example", MASK),
        ("Write to jane.doe+x@mail.customer.example, please", f"Write to {MASK}, please"),
        ("https://x.example/?to=jane%40b.example&n=1", f"https://x.example/?to={MASK}&n=1"),
        ("<a@b.example>;c@d.example", f"<{MASK}>;{MASK}"),
        ("+12025550147", MASK),
        ("+1 (202) 555-0147", MASK),
        ("0049 30 901820", MASK),
        ("2025550147", MASK),
        ("4111111111111111", MASK),
        ("203.0.113.24", MASK),
        ("2001:db8::1", MASK),
        ("call +1 415 555 1234", f"call {MASK}"),
        ("call +1 415 555 1234x12 now", f"call {MASK} now"),
        ("tel:+14155551234", f"tel:{MASK}"),
        ("?tel=%2B14155551234", f"?tel=%2B{MASK}"),
        ("01.23.45.67.89", MASK),
        ("on 2026-03-14 2025550147", f"on {MASK}"),
        ("4155551234.00", MASK),
        ("from 10.1.2.3.", f"from {MASK}."),
        ("from 2001:db8::1 again", f"from {MASK} again"),
        ("at 48.8566, 2.3522", f"at {MASK}"),
        ("jane" + wide("@") + "b.example", MASK),
        (wide("+14155551234"), MASK),
        ('{"email": "x", "n": [1, {"to": "a@b.example"}]}', f'{{"email": "{MASK}", "n": [1, {{"to": "{MASK}"}}]}}'),
        (' [{"first_name": "Jane"}]', f'[{{"first_name": "{MASK}"}}]'),
        ("{'email': 'x'}", MASK),
        ('{"a": ' * 5_000, MASK),
        ("https://u:p@x.example/", f"https://u:{MASK}/"),
        ("https://x.example/?access_token=abc", MASK),
    ],
)
def test_a_value_is_masked_by_its_shape(text: str, shown: str) -> None:
    assert NOBODY.traits({"note": text}) == {"note": MASK}
    assert NOBODY.data({"note": text}) == {"note": shown}
    assert NOBODY.data(["x", text]) == ["x", shown]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("u-1001", MASK),
        ("U-1001", MASK),
        ("crm/U-1001/edit", f"crm/{MASK}/edit"),
        ("u1", MASK),
        ("menu1 and u1 within", "menu1 and u1 within"),
        ("u-100", "u-100"),
    ],
)
def test_a_known_identifier_is_masked_as_a_value_and_a_long_one_within(text: str, shown: str) -> None:
    assert JANE.data({"crm_reference": text}) == {"crm_reference": shown}


def test_a_name_with_an_address_in_it_is_masked_too() -> None:
    assert NOBODY.traits({"seen_by_a@b.example": True}) == {f"{MASK}": True}
    assert JANE.data({"u-1001": 3}) == {MASK: 3}


@settings(max_examples=40)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_nothing_known_is_left_in_any_value(value: Any) -> None:
    wrapped = {"a": [value, "x u-1001 y", {"mail": "jane.doe@customer.example"}]}
    shown = repr(JANE.data(wrapped)).lower()
    assert "u-1001" not in shown
    assert "customer.example" not in shown


def test_a_long_text_takes_no_long_time() -> None:
    text = "a" * 100_000 + "@" + "b." * 1_000
    assert isinstance(NOBODY.text(text), str)
    assert NOBODY.text("1" * 50_000) == "1" * 50_000
