r"""From text to tree, by a grammar: lark, LALR(1), with a lexer that knows which words may come next.

The words are those of Segment's own lexer (@segment/fql-ts), read more kindly where nothing else can be meant: no
space is asked for around an operator (Segment's API reference has `event="my-event"`), `and` and `or` may be written
in capitals (its example for a filter's preview has `AND`), and what stands behind a dot may begin with a digit or be
a word such as `in` (the docs ask for `\` only before characters that are not `a-z A-Z 0-9 _ -`).

Strings are raw, as in that lexer: `'ab\*d'` has a backslash in it, which `match` needs. One thing is added, and changes
no text whose words stand apart: a quote with a backslash before it belongs to the string if the string could not end
there (`"say \"hi\""`), so `"C:\"`, as the trigger builder writes it, still ends where it looks like it does.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedInput, UnexpectedToken

from segment_mcp.fql.errors import FqlError
from segment_mcp.fql.functions import ARITY
from segment_mcp.fql.tree import Call, Comparison, Constant, Every, Field, Listing, Negation, Node, Some

LONGEST = 20_000
"""Characters of a query. Segment states no limit; a longer text is no filter that somebody wrote."""
DEEPEST = 30
"""Parentheses, lists, calls and negations inside each other."""

_ALL = Field(("all",))
_LONGEST_INTEGER = 300
_SHOWN = 20

# TEXT has [\\] since lark's reader takes a plain escaped backslash before a double quote for an escaped quote.
_GRAMMAR = r"""
    start: _any
    _any: some | _all
    some: _all (_OR _all)+
    _all: every | _one
    every: _one (_AND _one)+
    _one: negation | comparison | _value
    negation: BANG _one
    comparison: _value (COMPARE | IN) _value
    _value: group | list | call | field | text | number | word
    group: OPEN _any _CLOSE
    list: BRACKET (_any (_COMMA _any)*)? _BRACKET_END
    call: NAME OPEN (_any (_COMMA _any)*)? _CLOSE
    field: NAME (_DOT KEY)*
    text: TEXT
    number: NUMBER
    word: WORD

    _OR: /or(?![a-z0-9_\\-])/i
    _AND: /and(?![a-z0-9_\\-])/i
    IN: /in(?![A-Za-z0-9_\\-])/
    COMPARE: /!=|<=|>=|=|<|>/
    BANG: /!(?!=)/
    WORD.2: /(?:null|true|false)(?![A-Za-z0-9_\\-])(?!\s*[.(])/
    NAME: /(?:[A-Za-z_]|\\[\s\S])(?:[A-Za-z0-9_-]|\\[\s\S])*+/
    KEY: /(?:[A-Za-z0-9_-]|\\[\s\S])++/
    NUMBER: /[+-]?[0-9]++(?:\.[0-9]++)?/
    TEXT: /"(?:[^"\\]|\\(?!")|[\\]"(?![\s,)\]=!<>]|\Z))*+\\?"/ | /'(?:[^'\\]|\\(?!')|[\\]'(?![\s,)\]=!<>]|\Z))*+\\?'/
    OPEN: "("
    _CLOSE: ")"
    BRACKET: "["
    _BRACKET_END: "]"
    _COMMA: ","
    _DOT: "."
    %ignore /[ \t\r\n]+/
"""

_NAMES = {
    "NAME": "a field, a value, a function or (",
    "KEY": "the next part of the field's path",
    **dict.fromkeys(("COMPARE", "IN"), "a comparison (= != > >= < <= in)"),
    "_AND": "and",
    "_OR": "or",
    "_COMMA": "a comma",
    "_CLOSE": ")",
    "_BRACKET_END": "]",
    "$END": "the end",
}
"""What a person calls the words that may come next; those that it leaves out go without saying."""
_HINTS = (
    ("=", "equality is one =, and a comparison has two sides"),
    ("&", "write and"),
    ("|", "write or"),
    ('"', "no quote closes this text"),
    ("'", "no quote closes this text"),
    ("\\", "a backslash escapes one character of a field's name"),
)


@dataclass(frozen=True, slots=True)
class _Part:
    """A node and how deep the deepest thing in it lies."""

    node: Node
    depth: int


def _enclosed(node: Node, parts: Iterable[_Part], opening: Token) -> _Part:
    depth = 1 + max((part.depth for part in parts), default=0)
    if depth > DEEPEST:
        position = opening.start_pos or 0
        raise FqlError(f"nested more than {DEEPEST} deep at character {position}; write it flatter", position)
    return _Part(node, depth)


def _nodes(parts: Iterable[_Part]) -> tuple[Node, ...]:
    return tuple(part.node for part in parts)


def _deepest(parts: Iterable[_Part]) -> int:
    return max(part.depth for part in parts)


def _unescaped(name: str) -> str:
    """The name without its escapes: the character behind a backslash is itself."""
    characters = iter(name)
    return "".join(next(characters) if character == "\\" else character for character in characters)


def _number(digits: str) -> int | float:
    return float(digits) if "." in digits or len(digits) > _LONGEST_INTEGER else int(digits)


@v_args(inline=True)
class _Builder(Transformer[Token, _Part]):
    """Builds nodes while the parser reduces, so that no tree has to be walked and no depth is a danger."""

    def start(self, whole: _Part) -> _Part:
        return _Part(Constant(value=True), 0) if whole.node == _ALL else whole

    def some(self, *operands: _Part) -> _Part:
        return _Part(Some(_nodes(operands)), _deepest(operands))

    def every(self, *operands: _Part) -> _Part:
        return _Part(Every(_nodes(operands)), _deepest(operands))

    def negation(self, bang: Token, operand: _Part) -> _Part:
        return _enclosed(Negation(operand.node), (operand,), bang)

    def comparison(self, left: _Part, operator: Token, right: _Part) -> _Part:
        return _Part(Comparison(str(operator), left.node, right.node), _deepest((left, right)))

    def group(self, opening: Token, whole: _Part) -> _Part:
        return _enclosed(whole.node, (whole,), opening)

    def list(self, opening: Token, *items: _Part) -> _Part:
        return _enclosed(Listing(_nodes(items)), items, opening)

    def call(self, name: Token, opening: Token, *arguments: _Part) -> _Part:
        position = name.start_pos or 0
        wanted = ARITY.get(name)
        if wanted is None:
            known = ", ".join(ARITY)
            raise FqlError(f"no function is called {_shown(name)} (character {position}); there are {known}", position)
        if wanted != len(arguments):
            raise FqlError(
                f"{name} takes {wanted} argument(s), not {len(arguments)} (character {position}); mind the commas",
                position,
            )
        return _enclosed(Call(str(name), _nodes(arguments)), arguments, opening)

    def field(self, *names: Token) -> _Part:
        return _Part(Field(tuple(_unescaped(name) for name in names)), 0)

    def text(self, quoted: Token) -> _Part:
        quote = quoted[0]
        return _Part(Constant(quoted[1:-1].replace("\\" + quote, quote)), 0)

    def number(self, digits: Token) -> _Part:
        return _Part(Constant(_number(digits)), 0)

    def word(self, word: Token) -> _Part:
        return _Part(Constant({"null": None, "true": True, "false": False}[word]), 0)


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", lexer="contextual", transformer=_Builder(), maybe_placeholders=False)


def _shown(text: str) -> str:
    return ascii(text[:_SHOWN])


def _expected(text: str, position: int) -> list[str]:
    """What could stand at this position, where the text stops making sense.

    The words before it are read once more, since a word that does not fit has changed the parser's state.
    """
    parser: Any = _parser().parse_interactive(text)
    with suppress(UnexpectedInput):
        for token in parser.lexer_thread.lex(parser.parser_state):
            if token.start_pos >= position:
                break
            parser.feed_token(token)
    accepted = parser.accepts()
    return list(dict.fromkeys(meaning for name, meaning in _NAMES.items() if name in accepted))


def _position(text: str, failure: UnexpectedInput) -> int:
    if isinstance(failure, UnexpectedToken) and failure.token.type == "$END":
        return len(text)
    return int(getattr(failure, "pos_in_stream", None) or 0)


def _failure(text: str, failure: UnexpectedInput) -> FqlError:
    position = _position(text, failure)
    expected = ", ".join(_expected(text, position))
    found = _shown(text[position:]) if position < len(text) else "the end"
    hint = next((f" ({hint})" for start, hint in _HINTS if text.startswith(start, position)), "")
    return FqlError(f"expected {expected} at character {position}, found {found}{hint}", position)


def read(text: str) -> Node:
    """The tree of a query.

    Raises:
        FqlError: the text is no query, is longer than `LONGEST` or nested deeper than `DEEPEST`.
    """
    if len(text) > LONGEST:
        raise FqlError(f"a query of {len(text)} characters; at most {LONGEST} are read", LONGEST)
    try:
        part: object = _parser().parse(text)
    except UnexpectedInput as failure:
        raise _failure(text, failure) from None
    assert isinstance(part, _Part)
    return part.node
