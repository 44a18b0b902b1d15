"""Masks personal data in what Unify tells of a person.

Of traits, only what is surely about nobody is shown: whether something is so, small numbers, dates, and the texts of
the few traits that Segment reserves for accounts and that name no one (connections/spec/group). Anybody may call a
trait what they like, so all other texts are masked.

Of an event's properties, what is personal is masked: by a field's name, by a value's shape, and by known identifiers.
Names are Segment's reserved traits (connections/spec/identify) and their usual spellings. What is about nobody by
itself stays: a product's name, a price, a page.
"""

import ipaddress
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from segment_mcp.redact import MASK, mask_settings

_HUMP = re.compile(r"(?<=[^\W_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_BETWEEN_WORDS = re.compile(r"[\W\d_]+")

_PERSONAL_WORDS = re.compile(
    r"age|alter|apellido|apellidos|bday|birthyear|born|city|cognome|contact|correo|dob|fax|firma|forename|fname"
    r"|geboren|gender|geschlecht|iban|idfa|idfv|imei|ip|lat|latitude|lng|lname|lon|longitude|mail|mobile|msisdn"
    r"|nachname|nombre|nom|ort|plz|prenom|sobrenome|ssn|stadt|street|surname|tel|vorname|wohnort|zip|адрес|имя"
    r"|отчество|почта|телефон|фамилия"
)
"""Words that make a value personal wherever they stand in its name."""
_PERSONAL_PARTS = re.compile(
    r"email|phone|mobilenumber|whatsapp|telefon|telegram|address|adress|direccion|indirizzo|endereco|strasse|streetname"
    r"|post(al)?code|zipcode|birth|geburt|рожд|passport|taxid|socialsecurity|creditcard|cardnumber|accountnumber"
    r"|(first|middle|last|full|given|family|maiden|nick|user|contact|recipient|customer|company|real|screen|login)name"
    r"|(user|anonymous|external|device|advertising|customer)ids?|pushtoken|geolocation|coordinates"
)
"""Parts of a name, written without spaces, that do so as well."""
_IN_TRAITS = re.compile(
    r"avatar|bio|description|display|house|id|income|location|name|pin|religion|salary|title|username|website"
    r"|weight|height"
)
"""Words that are personal in a trait: elsewhere they are a page's title, a product's name."""
_COUNTED = frozenset({"bounced", "clicked", "count", "delivered", "opened", "received", "sent", "unsubscribed"})
"""Words of a computed trait that counts what was done with an e-mail or an address: its number is none."""
_TEXTS_SHOWN = frozenset({"plan", "industry", "employees"})
_LONGEST_SHOWN = 64
_FEWEST_PERSONAL_DIGITS = 7
"""Digits of the shortest number that may be a phone's, and of a coordinate that finds a house."""
_MOMENT = re.compile(r"(19|20)\d\d-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII)

_PART = r"[^\s@\"'<>()\[\],;:/?&=%]"
_EMAIL = re.compile(rf"{_PART}{{1,100}}(?:@|%40){_PART}{{1,200}}\.\w{{2,24}}")
_TIME = r"(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?Z?)?"
_DAY_OR_AMOUNT = rf"(?:\d{{4}}-\d\d-\d\d{_TIME}|\d{{1,2}}[./]\d{{1,2}}[./]\d{{2,4}}{_TIME}|\d{{1,9}}\.\d{{1,2}})"
_STARTS, _ENDS = r"(?:(?<![^\W_])|(?<=%[0-9A-Fa-f]{2}))", r"(?![^\W_])"
_PHONE = re.compile(
    rf"{_STARTS}(?P<other>{_DAY_OR_AMOUNT}){_ENDS}(?![.\-/ ]?\d)"
    rf"|{_STARTS}\+?\(?\d[\d\s().\-/]{{5,22}}\d(?:\s?(?:x|ext\.?)\s?\d{{1,6}})?{_ENDS}"
)
_PLACE = re.compile(r"-?\d{1,3}\.\d{3,20}\s?[,;]\s?-?\d{1,3}\.\d{3,20}")
_IP = re.compile(
    r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?!\d|\.\d)|(?<![\w:.])[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]{1,38}(?!\w)", re.ASCII
)
_FEWEST_PLAIN_DIGITS = 10
_JSON = re.compile(r"\s*(\{|\[\s*[\[{\"'])")
_SHORTEST_WITHIN = 6
"""Characters of an identifier that is also masked within a longer text."""


class Mask:
    """Masks personal data.

    Args:
        identifiers: values that are known to lead to somebody.
        are_all: whether there are no others; if there may be, no text or number that might be one is shown.
    """

    def __init__(self, identifiers: Iterable[str], *, are_all: bool = True) -> None:
        self._are_all = are_all
        known = {form for each in identifiers if each for form in (each, _folded(each), _folded(each).casefold())}
        self._whole = frozenset(form.casefold() for form in known)
        long = {form for each in known if len(each) >= _SHORTEST_WITHIN for form in (each, quote(each, safe=""))}
        longest_first = sorted(long, key=len, reverse=True)
        self._within = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE) if long else None

    def traits(self, traits: Mapping[str, Any]) -> dict[str, Any]:
        """A map of traits without personal data."""
        return {self.text(name): self._trait(_Name(name), value) for name, value in traits.items()}

    def data(self, value: Any) -> Any:
        """Other JSON values, such as an event's properties, without personal data."""
        if isinstance(value, Mapping):
            return {self.text(name): self._member(name, member) for name, member in value.items()}
        if isinstance(value, list | tuple):
            return [self.data(item) for item in value]
        if value is None or isinstance(value, bool) or value == "":
            return value
        if not self._are_all:
            return MASK
        if isinstance(value, str):
            return self.text(value)
        return value if self.text(_digits_of(value)) == _digits_of(value) else MASK

    def _trait(self, name: "_Name", value: Any) -> Any:
        if _tells_nothing(value):
            return value
        is_number = isinstance(value, int | float)
        if name.is_personal_trait and not (is_number and name.counts):
            return MASK
        if is_number:
            return value if self._is_small(value) else MASK
        if isinstance(value, Mapping):
            return self.traits(value)
        if isinstance(value, list | tuple):
            return [self._trait(name, item) for item in value]
        return self._text_of_a_trait(name, str(value))

    def _text_of_a_trait(self, name: "_Name", text: str) -> str:
        if not self._are_all or self.text(text) != text:
            return MASK
        is_listed = "_".join(name.words) in _TEXTS_SHOWN and len(text) <= _LONGEST_SHOWN
        return text if is_listed or _is_moment(text) else MASK

    def _is_small(self, number: float) -> bool:
        """Whether a number is too short to be a phone's or a card's, and leads to nobody."""
        digits = _digits_of(number)
        few = sum(map(str.isdigit, digits)) < _FEWEST_PERSONAL_DIGITS
        return self._are_all and few and self.text(digits) == digits

    def _member(self, name: str, value: Any) -> Any:
        known = _Name(name)
        if known.words == ("traits",):
            return self._trait(known, value)
        if not known.is_personal or _tells_nothing(value):
            return self.data(value)
        return self.data(value) if known.counts and isinstance(value, int) and self._is_small(value) else MASK

    def text(self, text: str) -> str:
        """A text without e-mail addresses, phone numbers, IPs, secrets in URLs and known identifiers.

        JSON in a text is masked as JSON is; what only begins like it is masked whole.
        """
        folded = _folded(text)
        if folded.strip().casefold() in self._whole:
            return MASK
        shown = self._json(folded) if _JSON.match(folded) else self._plain(folded)
        return text if shown == folded else shown

    def _json(self, text: str) -> str:
        try:
            value = json.loads(text)
            shown = self.data(value)
        except (ValueError, RecursionError):
            return MASK
        return text if shown == value else json.dumps(shown, ensure_ascii=False)

    def _plain(self, text: str) -> str:
        plain = self._within.sub(MASK, text) if self._within is not None else text
        plain = _EMAIL.sub(MASK, plain) if "@" in plain or "%40" in plain else plain
        plain = _PLACE.sub(MASK, _IP.sub(_without_ip, plain))
        plain = _PHONE.sub(_without_phone, plain)
        # A name that tells nothing: only what the text itself looks like counts.
        return str(mask_settings({"": plain})[""])


class _Name:
    """What the name of a field says of its value.

    Attributes:
        words: in lower case, without digits.
        is_personal: wherever it stands.
        is_personal_trait: as a trait's name.
        counts: whether a number of it is one of things done.
    """

    __slots__ = ("counts", "is_personal", "is_personal_trait", "words")

    def __init__(self, name: str) -> None:
        split = _BETWEEN_WORDS.split(_HUMP.sub("_", _without_marks(_folded(name))).casefold())
        self.words = tuple(word for word in split if word)
        written = set(self.words) | {word.removesuffix("s") for word in self.words}
        self.is_personal = (
            any(map(_PERSONAL_WORDS.fullmatch, written))
            or _PERSONAL_PARTS.search("".join(self.words)) is not None
            or mask_settings({"_".join(self.words): "x"}) == {"_".join(self.words): MASK}
        )
        # A word in a script that these lists hardly know may say anything.
        is_foreign = not "".join(self.words).isascii()
        self.is_personal_trait = self.is_personal or is_foreign or any(map(_IN_TRAITS.fullmatch, written))
        self.counts = not written.isdisjoint(_COUNTED)


def _folded(text: str) -> str:
    """With wide and other compatible characters as the usual ones, and without invisible ones."""
    if text.isascii():
        return text
    return "".join(each for each in unicodedata.normalize("NFKC", text) if unicodedata.category(each) != "Cf")


def _without_marks(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(each for each in decomposed if unicodedata.category(each) != "Mn"))


def _tells_nothing(value: Any) -> bool:
    """Whether a value only says that something is so, or that nothing is there: that tells nobody's name."""
    return value is None or isinstance(value, bool) or value in ("", [], {})


def _digits_of(number: float) -> str:
    return str(abs(int(number) if isinstance(number, int) or number.is_integer() else number))


def _is_moment(text: str) -> bool:
    if not _MOMENT.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _without_phone(found: re.Match[str]) -> str:
    """Nothing of a number that may be a phone's: as people write it, or of many digits without any sign between."""
    if found["other"] is not None:
        return found[0]
    fewest = _FEWEST_PLAIN_DIGITS if found[0].isdigit() else _FEWEST_PERSONAL_DIGITS
    return MASK if sum(map(str.isdigit, found[0])) >= fewest else found[0]


def _without_ip(found: re.Match[str]) -> str:
    try:
        ipaddress.ip_address(found[0])
    except ValueError:
        return found[0]
    return MASK if found[0].strip(":") else found[0]
