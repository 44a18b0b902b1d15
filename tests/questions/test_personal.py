"""What counts as personal data, by a field's name, by a value's shape, and by what is known to lead to somebody."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segment_mcp.questions.personal import Mask
from segment_mcp.redact import MASK

NOBODY = Mask([])
JANE = Mask(["u-1001", "Jane.Doe@customer.example", "+12025550147", "u1"])


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
        ("plan", "plus"), ("Campaign Name", "Organic"), ("emails_opened_last_30_days", 33), ("createdAt", "2026-01-31"),
        ("company", {"employees": 3}), ("page", "/home"), ("usage", 7), ("language", "fr"), ("total_spent", 143.4),
        ("frequent_buyers", True), ("product_name", "Kettle"), ("zipper", "x"), ("recipe", "x"), ("order_id", "10342"),
        ("version", "4.12.0"), ("at", "2026-03-14T09:26:53.000Z"), ("day", "2026-03-14"), ("price", "1234567.89"),
        ("sku", "SKU-1187"), ("count", "1234567"), ("when", "14.3.2026"), ("url", "https://shop.example/p/1?a=b"),
        ("none", None), ("empty", ""), ("list", []), ("mention", "write to us @home"), ("handle", "@shop"),
    ],
)  # fmt: skip
def test_what_is_about_nobody_stays(name: str, value: Any) -> None:
    assert NOBODY.traits({name: value}) == {name: value}
    assert NOBODY.data({name: value}) == {name: value}


def test_where_not_every_id_is_known_no_text_is_shown() -> None:
    doubting = Mask(["u1"], are_all=False)
    assert doubting.traits({"plan": "plus", "seats": 3, "beta": True, "none": "", "tags": ["a"]}) == {
        "plan": MASK, "seats": 3, "beta": True, "none": "", "tags": [MASK],
    }  # fmt: skip
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
    ],
)
def test_a_value_is_masked_by_its_shape(text: str, shown: str) -> None:
    assert NOBODY.traits({"note": text}) == {"note": shown}
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
