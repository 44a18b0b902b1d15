"""Where a schema's reference leads."""

from collections.abc import Mapping
from typing import Any

_PREFIX = "#/$defs/"

Schema = Mapping[str, Any]


def resolved(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """The schema itself, or the one that its `$ref` names in the end.

    Raises:
        KeyError: no such definition.
    """
    while "$ref" in schema:
        schema = definitions[schema["$ref"].removeprefix(_PREFIX)]
    return schema
