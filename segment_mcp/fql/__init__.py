r"""Segment's filter query language (FQL): what destination filters (`if`) and subscriptions (`trigger`) are written in.

`parse` reads a text, `Query.matches` asks it about an event, `Query.decide` about an event of which only some fields
are known. The door of this room; nothing else of it is for others.

Sources, the higher one decides where they differ:
1. The docs, api/public-api/fql.md: operators, functions, paths, glob patterns, answers to null.
2. The examples of the Public API's reference: `AND` in capitals, no spaces around `=`.
3. @segment/tsub, Segment's evaluator of filters in browsers: types are strict, only `true` is true (a text, a number
   or null as an operand of `and`, `or`, `!` or as the whole query counts as false), objects, `semver`.
4. @segment/fql-ts, Segment's lexer: words, raw strings, numbers with sign and fraction, paths over several lines.
5. @segment/destination-subscriptions, which writes and evaluates triggers: what it writes is read here.

So these are as the docs say, and differ from the trigger library: `in`, nested parentheses and functions beyond
`contains` and `match` exist; single quotes delimit a text; `and` binds tighter than `or` when mixed without parentheses
(the docs only advise parentheses; the library takes the last of them for all); `!` negates whatever follows, to the
next `and` or `or`; `!contains(x, y)` and `!match(x, y)` are true, not false, where x is missing or no text; `x != 5` is
true where x is no number; `userId`, `event`, `name` and `type` are compared by type too; a glob may have `*` anywhere.
And these differ from @segment/tsub: a missing field is null; `typeof` says `bool`, `list` and `null`; `length` counts
bytes; an escaped dot belongs to a key; a list in the event can be searched with `in`; calls may stand inside calls.

An empty text is no query: the trigger library fails on it, and @segment/tsub matches nothing. `all`, alone, is true of
every event: stored filters have it as their `if`, and @segment/tsub knows rules of the type `all`.
"""

from segment_mcp.fql.errors import FqlError
from segment_mcp.fql.query import Query, parse

__all__ = ["FqlError", "Query", "parse"]
