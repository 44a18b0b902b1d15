"""What a person copies: it exists, it is complete, and it is read by the very code that it configures."""

import json
import re
from pathlib import Path

import click
import pytest

from segment_mcp import __version__
from segment_mcp.commands import cli
from segment_mcp.config import (
    CONFIG_VARIABLE,
    TOOLSETS,
    Connection,
    Settings,
    load,
    parse_toml,
    unknown_variables,
    variable_of,
)
from segment_mcp.errors import SettingsError
from segment_mcp.sandbox import API_TOKEN, WRITE_KEYS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MCP_JSON = json.loads((ROOT / "mcp.json").read_text(encoding="utf-8"))


def test_every_setting_is_documented() -> None:
    names = {variable_of(name) for name in {*Connection.model_fields, *Settings.model_fields} - {"connections"}}
    assert {name for name in {*names, CONFIG_VARIABLE} if f"`{name}`" not in README} == set()


def test_no_documented_variable_is_unknown() -> None:
    documented = dict.fromkeys(re.findall(r"SEGMENT_MCP_[A-Z_]+", README), "x")
    assert unknown_variables(documented) == []


def test_the_tables_row_of_toolsets_names_them_all() -> None:
    assert f"`{','.join(TOOLSETS)}`" in README


@pytest.mark.parametrize("name", MCP_JSON["mcpServers"])
def test_an_entry_of_mcp_json_starts_the_server(name: str) -> None:
    entry = MCP_JSON["mcpServers"][name]
    filled = {variable: re.sub(r"\$\{.*\}", "a-value", value) for variable, value in entry["env"].items()}
    assert entry["command"] == "segment-mcp"
    assert unknown_variables(filled) == []
    load(filled)


def test_a_placeholder_that_the_client_did_not_fill_in_is_told() -> None:
    with pytest.raises(SettingsError, match="placeholder"):
        load(MCP_JSON["mcpServers"]["segment"]["env"])


def test_the_toml_example_is_valid() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    assert set(parse_toml(example)["connections"]) == {"production", "staging"}


def test_every_command_is_in_the_readme() -> None:
    assert isinstance(cli, click.Group)
    assert [name for name in cli.commands if f"segment-mcp {name}" not in README] == []


def test_the_sandboxs_credentials_are_the_ones_that_the_readme_shows() -> None:
    assert API_TOKEN in README
    assert WRITE_KEYS["http"] in README


def test_the_changelog_has_this_version() -> None:
    assert f"## {__version__} " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
