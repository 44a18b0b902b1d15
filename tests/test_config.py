"""Settings: what is accepted, what is refused, and that no refusal repeats what was given."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from segment_mcp.config import (
    TOOLSETS,
    Connection,
    Settings,
    check,
    load,
    merge,
    parse_environment,
    parse_toml,
    unknown_variables,
)
from segment_mcp.errors import SettingsError

CANARY = "cAnArY9f8e7d6c5b"


def of_file(text: str, **environment: str) -> Settings:
    return check(merge(parse_toml(text), parse_environment(environment)))


def default(settings: Settings) -> Connection:
    return settings.connections["default"]


def refused(environment: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as caught:
        load(environment)
    return str(caught.value)


# The environment


def test_nothing_set_is_a_working_configuration() -> None:
    settings = load({})
    assert list(settings.connections) == ["default"]
    assert default(settings) == Connection.model_validate({})
    assert default(settings).region == "auto"
    assert (settings.mcp_mode, settings.mcp_toolsets) == ("confirm", TOOLSETS)
    assert (settings.mcp_reveal_write_keys, settings.mcp_sandbox) == (False, False)


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("SEGMENT_REGION", CANARY, "'us', 'eu' or 'auto'"),
        ("SEGMENT_REGION", f"us,{CANARY}", "'us', 'eu' or 'auto'"),
        ("SEGMENT_API_TOKEN", f"{CANARY} {CANARY}", "characters that no Segment credential has"),
        ("SEGMENT_API_TOKEN", f"Bearer {CANARY}", "characters that no Segment credential has"),
        ("SEGMENT_API_TOKEN", f"{CANARY}\nx", "characters that no Segment credential has"),
        ("SEGMENT_API_TOKEN", f"{CANARY}\u00e9", "characters that no Segment credential has"),
        ("SEGMENT_API_TOKEN", "${SEGMENT_API_TOKEN}", "placeholder"),
        ("SEGMENT_API_TOKEN", "${input:segment_token}", "placeholder"),
        ("SEGMENT_API_TOKEN", "<your token>", "placeholder"),
        ("SEGMENT_API_TOKEN", "YOUR_API_TOKEN", "placeholder"),
        ("SEGMENT_GENERIC_API_KEY", f"{CANARY}\t{CANARY}", "characters that no Segment credential has"),
        ("SEGMENT_WRITE_KEY", f"{CANARY}\u200b", "characters that no Segment credential has"),
        ("SEGMENT_WRITE_KEY", "your_write_key", "placeholder"),
        ("SEGMENT_WRITE_KEYS", CANARY, "NAME=KEY,NAME=KEY"),
        ("SEGMENT_WRITE_KEYS", f"={CANARY}", "NAME=KEY,NAME=KEY"),
        ("SEGMENT_WRITE_KEYS", f"{CANARY}=", "NAME=KEY,NAME=KEY"),
        ("SEGMENT_WRITE_KEYS", f"my web={CANARY}", "NAME=KEY,NAME=KEY"),
        ("SEGMENT_WRITE_KEYS", f"web={CANARY};ios={CANARY},x", "NAME=KEY,NAME=KEY"),
        ("SEGMENT_WRITE_KEYS", f"web={CANARY},web={CANARY}", "twice"),
        ("SEGMENT_WRITE_KEYS", f"web={CANARY} x", "characters that no Segment credential has"),
        ("SEGMENT_WRITE_KEYS", "web=${WEB_KEY}", "placeholder"),
        ("SEGMENT_PROFILE_TOKEN", f"{CANARY} {CANARY}", "characters that no Segment credential has"),
        ("SEGMENT_PROFILE_TOKEN", "your_profile_token", "placeholder"),
        ("SEGMENT_PROFILE_SPACE_ID", f"{CANARY}/traits", "must be a space's ID"),
        ("SEGMENT_PROFILE_SPACE_ID", f"{CANARY}?x", "must be a space's ID"),
        ("SEGMENT_PROFILE_SPACE_ID", "..", "must be a space's ID"),
        ("SEGMENT_PROFILE_SPACE_ID", "${SPACE_ID}", "placeholder"),
        ("SEGMENT_PROFILE_URL", f"http://{CANARY}.example.com", "must be https"),
        ("SEGMENT_PUBLIC_API_URL", CANARY, "https://api.segmentapis.com"),
        ("SEGMENT_PUBLIC_API_URL", f"https://user:{CANARY}@example.com", "without credentials"),
        ("SEGMENT_PUBLIC_API_URL", f"https://{CANARY}@example.com", "without credentials"),
        ("SEGMENT_PUBLIC_API_URL", f"https://example.com/?token={CANARY}", "without credentials or a query"),
        ("SEGMENT_PUBLIC_API_URL", f"https://example.com/#{CANARY}", "https://api.segmentapis.com"),
        ("SEGMENT_PUBLIC_API_URL", f"ftp://{CANARY}.example.com", "https://api.segmentapis.com"),
        ("SEGMENT_PUBLIC_API_URL", f"https:///{CANARY}", "https://api.segmentapis.com"),
        ("SEGMENT_PUBLIC_API_URL", f"https://[{CANARY}", "https://api.segmentapis.com"),
        ("SEGMENT_PUBLIC_API_URL", "https://example.com:99999", "https://api.segmentapis.com"),
        ("SEGMENT_TRACKING_URL", f"http://{CANARY}.example.com", "must be https"),
        ("SEGMENT_TRACKING_URL", f"http://localhost.{CANARY}.com", "must be https"),
        ("SEGMENT_TRACKING_URL", f"http://127.0.0.1.{CANARY}.com", "must be https"),
        ("SEGMENT_MCP_MODE", CANARY, "'read', 'confirm' or 'unattended'"),
        ("SEGMENT_MCP_TOOLSETS", CANARY, ", ".join(TOOLSETS)),
        ("SEGMENT_MCP_TOOLSETS", f"tracking,{CANARY}", ", ".join(TOOLSETS)),
        ("SEGMENT_MCP_TOOLSETS", ",", ", ".join(TOOLSETS)),
        ("SEGMENT_MCP_REVEAL_WRITE_KEYS", CANARY, "1 or 0"),
        ("SEGMENT_MCP_REVEAL_PII", CANARY, "1 or 0"),
        ("SEGMENT_MCP_SANDBOX", CANARY, "1 or 0"),
        ("SEGMENT_MCP_SANDBOX", "2", "1 or 0"),
    ],
)
def test_a_wrong_value_is_refused_by_its_variables_name_and_not_repeated(
    variable: str, value: str, allowed: str
) -> None:
    said = refused({variable: value})
    assert variable in said.partition(":")[0].split(" or ")
    assert allowed in said
    assert CANARY not in said
    assert "\n" not in said


def test_a_key_in_the_place_of_its_name_is_not_repeated() -> None:
    assert CANARY not in refused({"SEGMENT_WRITE_KEYS": f"{CANARY}=web,{CANARY}=ios"})


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/?", "https://example.com#", "https://exam\nple.com", "https://example.com/a\tb",
        "https://exam ple.com", "https://example.com\\evil.example", "https://\u2603.com",
    ],
    ids=["empty-query", "empty-fragment", "line-end", "tab", "blank", "backslash", "no-host-name"],
)  # fmt: skip
def test_a_url_that_could_not_be_called_is_refused_at_the_start(url: str) -> None:
    assert refused({"SEGMENT_PUBLIC_API_URL": url}).startswith("SEGMENT_PUBLIC_API_URL")


@pytest.mark.parametrize(
    ("variable", "value", "field", "read"),
    [
        ("SEGMENT_REGION", "us", "region", "us"),
        ("SEGMENT_REGION", " eu ", "region", "eu"),
        ("SEGMENT_REGION", "auto", "region", "auto"),
        ("SEGMENT_PUBLIC_API_URL", "https://proxy.example.com/segment/", "public_api_url",
         "https://proxy.example.com/segment"),
        ("SEGMENT_PUBLIC_API_URL", "http://127.0.0.1:8080", "public_api_url", "http://127.0.0.1:8080"),
        ("SEGMENT_TRACKING_URL", "http://localhost:8080/", "tracking_url", "http://localhost:8080"),
        ("SEGMENT_TRACKING_URL", "http://[::1]:8080", "tracking_url", "http://[::1]:8080"),
        ("SEGMENT_PROFILE_URL", "https://profiles.example.com/", "profile_url", "https://profiles.example.com"),
        ("SEGMENT_PROFILE_SPACE_ID", " spa_jx5T ", "profile_space_id", "spa_jx5T"),
    ],
)  # fmt: skip
def test_a_connections_variable_is_read(variable: str, value: str, field: str, read: str) -> None:
    assert getattr(default(load({variable: value})), field) == read


@pytest.mark.parametrize(
    ("variable", "value", "field", "read"),
    [
        ("SEGMENT_MCP_MODE", "read", "mcp_mode", "read"),
        ("SEGMENT_MCP_MODE", "unattended", "mcp_mode", "unattended"),
        ("SEGMENT_MCP_TOOLSETS", "all", "mcp_toolsets", TOOLSETS),
        ("SEGMENT_MCP_TOOLSETS", "usage", "mcp_toolsets", ("usage",)),
        ("SEGMENT_MCP_TOOLSETS", " usage, tracking ,usage,", "mcp_toolsets", ("tracking", "usage")),
        ("SEGMENT_MCP_REVEAL_WRITE_KEYS", "1", "mcp_reveal_write_keys", True),
        ("SEGMENT_MCP_REVEAL_WRITE_KEYS", "0", "mcp_reveal_write_keys", False),
        ("SEGMENT_MCP_SANDBOX", "1", "mcp_sandbox", True),
        ("SEGMENT_MCP_REVEAL_PII", "1", "mcp_reveal_pii", True),
        ("SEGMENT_MCP_SANDBOX", "true", "mcp_sandbox", True),
    ],
)
def test_a_servers_variable_is_read(variable: str, value: str, field: str, read: object) -> None:
    assert getattr(load({variable: value}), field) == read


@pytest.mark.parametrize("empty", ["", " ", "\t\n"], ids=repr)
@pytest.mark.parametrize(
    "variable",
    [
        "SEGMENT_REGION", "SEGMENT_API_TOKEN", "SEGMENT_GENERIC_API_KEY", "SEGMENT_WRITE_KEY", "SEGMENT_WRITE_KEYS",
        "SEGMENT_PUBLIC_API_URL", "SEGMENT_TRACKING_URL", "SEGMENT_MCP_MODE", "SEGMENT_MCP_TOOLSETS",
        "SEGMENT_PROFILE_TOKEN", "SEGMENT_PROFILE_SPACE_ID", "SEGMENT_PROFILE_URL", "SEGMENT_MCP_REVEAL_PII",
        "SEGMENT_MCP_REVEAL_WRITE_KEYS", "SEGMENT_MCP_SANDBOX", "SEGMENT_MCP_CONFIG",
    ],
)  # fmt: skip
def test_an_empty_variable_is_not_set(variable: str, empty: str) -> None:
    assert load({variable: empty}) == load({})


@pytest.mark.parametrize("variable", ["PATH", "API_TOKEN", "segment_region", "SEGMENT_CONNECTIONS", "SEGMENT_OTHER"])
def test_other_variables_are_none_of_its_business(variable: str) -> None:
    assert load({variable: CANARY}) == load({})


@pytest.mark.parametrize("variable", ["SEGMENT_API_TOKEN", "SEGMENT_GENERIC_API_KEY"])
def test_the_token_has_two_names(variable: str) -> None:
    assert default(load({variable: f" {CANARY} "})).secrets() == [CANARY]


def test_write_keys_have_names_and_the_default_one_comes_first() -> None:
    connection = default(load({"SEGMENT_WRITE_KEYS": " web = K1 , ios=K2,", "SEGMENT_WRITE_KEY": "K0"}))
    assert list(connection.named_write_keys().items()) == [("default", "K0"), ("web", "K1"), ("ios", "K2")]


def test_every_credential_is_among_the_secrets() -> None:
    environment = {
        "SEGMENT_API_TOKEN": "T", "SEGMENT_PROFILE_TOKEN": "P", "SEGMENT_WRITE_KEY": "K0",
        "SEGMENT_WRITE_KEYS": "web=K1,ios=K2",
    }  # fmt: skip
    assert default(load(environment)).secrets() == ["T", "P", "K0", "K1", "K2"]


@pytest.mark.parametrize(
    ("environment", "there"),
    [
        ({}, False),
        ({"SEGMENT_PROFILE_TOKEN": "P"}, False),
        ({"SEGMENT_PROFILE_SPACE_ID": "spa_x"}, False),
        ({"SEGMENT_PROFILE_TOKEN": "P", "SEGMENT_PROFILE_SPACE_ID": "spa_x"}, True),
    ],
)
def test_profiles_take_a_token_and_a_space(environment: dict[str, str], there: bool) -> None:  # noqa: FBT001
    assert default(load(environment)).has_profiles() is there


def test_a_second_default_write_key_never_takes_the_place_of_the_first() -> None:
    with pytest.raises(SettingsError, match="SEGMENT_WRITE_KEY"):
        load({"SEGMENT_WRITE_KEY": "K0", "SEGMENT_WRITE_KEYS": "default=K1"})


# The file


def test_a_file_says_what_the_environment_could(tmp_path: Path) -> None:
    path = tmp_path / "segment.toml"
    path.write_text(
        'region = "eu"\ngeneric_api_key = "T"\nwrite_keys = {web = "K1"}\nmcp_mode = "read"\n'
        'mcp_toolsets = ["usage", "tracking"]\nmcp_reveal_write_keys = true\n',
        encoding="utf-8",
    )
    settings = load({"SEGMENT_MCP_CONFIG": str(path)})
    assert default(settings).region == "eu"
    assert default(settings).secrets() == ["T", "K1"]
    assert (settings.mcp_mode, settings.mcp_toolsets) == ("read", ("tracking", "usage"))
    assert settings.mcp_reveal_write_keys


def test_the_file_that_is_passed_wins_over_the_variable(tmp_path: Path) -> None:
    path = tmp_path / "segment.toml"
    path.write_text('mcp_mode = "read"', encoding="utf-8")
    assert load({"SEGMENT_MCP_CONFIG": str(tmp_path / "absent.toml")}, path).mcp_mode == "read"


def test_the_environment_wins_over_the_file() -> None:
    settings = of_file('region = "eu"\nmcp_mode = "read"\napi_token = "FILE"', SEGMENT_API_TOKEN="ENV",
                       SEGMENT_MCP_MODE="unattended")  # fmt: skip
    assert default(settings).secrets() == ["ENV"]
    assert (default(settings).region, settings.mcp_mode) == ("eu", "unattended")


@pytest.mark.parametrize("in_environment", ["SEGMENT_API_TOKEN", "SEGMENT_GENERIC_API_KEY"])
@pytest.mark.parametrize("in_file", ["api_token", "generic_api_key"])
def test_the_environments_token_wins_under_either_name(in_file: str, in_environment: str) -> None:
    assert default(of_file(f'{in_file} = "FILE"', **{in_environment: "ENV"})).secrets() == ["ENV"]


def test_connections_keep_their_order_and_their_own_credentials() -> None:
    settings = of_file('[connections.eu]\nregion = "eu"\napi_token = "T1"\n[connections.us]\nwrite_key = "K2"\n')
    assert list(settings.connections) == ["eu", "us"]
    assert settings.connections["eu"].secrets() == ["T1"]
    assert settings.connections["us"].secrets() == ["K2"]
    assert settings.connections["us"].region == "auto"


def test_loose_credentials_make_the_default_connection_which_comes_first() -> None:
    settings = of_file('write_key = "K0"\n[connections.eu]\n[connections.default]\nregion = "eu"\nwrite_key = "X"')
    assert list(settings.connections) == ["default", "eu"]
    assert default(settings).region == "eu"
    assert default(settings).secrets() == ["K0"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("region = ", "not valid TOML"),
        (f"api_token = {CANARY}", "not valid TOML (line 1, column 13)"),
        (f'api_token = "{CANARY}', "not valid TOML"),
        (f'mcp_mode = "read"\n{CANARY}', "not valid TOML"),
        (f'api_token = "a"\napi_token = "{CANARY}"', "not valid TOML"),
        (f"{CANARY} = 1\n{CANARY} = 2", "not valid TOML"),
        ('regoin = "eu"', "regoin: is no setting; is region meant?"),
        ('api_tokn = "x"', "is api_token meant?"),
        ("zzz = 1", "zzz: is no setting; known are api_token"),
        ('[connections.a]\nregoin = "eu"', "connections.a.regoin: is no setting; is region meant?"),
        ('[connections.a]\nmcp_mode = "read"', "connections.a.mcp_mode: is no setting"),
        ("connections = 3", "connections: must be tables"),
        (f'connections = "{CANARY}"', "connections: must be tables"),
        (f'[connections]\na = "{CANARY}"', "connections: must be tables"),
        ('[connections."a.b"]', "names are of letters"),
        (f'[connections."{"a" * 65}"]', "names are of letters"),
        (f'region = "{CANARY}"', "SEGMENT_REGION: must be 'us'"),
        (f'[connections.eu]\nregion = "{CANARY}"', "connections.eu.region: must be 'us'"),
        (f'[connections.eu]\napi_token = "{CANARY} x"', "connections.eu.api_token or generic_api_key: has characters"),
        (
            f'[connections.eu]\ngeneric_api_key = "{CANARY} x"',
            "connections.eu.api_token or generic_api_key: has characters",
        ),
        (f'[connections.eu]\napi_token = ["{CANARY}"]', "connections.eu.api_token or generic_api_key:"),
        (f'[connections.eu]\nwrite_keys = ["{CANARY}"]', "connections.eu.write_keys:"),
        (f'[connections.eu.write_keys]\nweb = "{CANARY} x"', "connections.eu.write_keys: has characters"),
        (f'mcp_toolsets = ["{CANARY}"]', "SEGMENT_MCP_TOOLSETS: must be all, or some of"),
        ("mcp_toolsets = []", "SEGMENT_MCP_TOOLSETS: must be all, or some of"),
        ("mcp_toolsets = 3", "SEGMENT_MCP_TOOLSETS: must be all, or some of"),
        (f'mcp_mode = {{x = "{CANARY}"}}', "SEGMENT_MCP_MODE: must be 'read'"),
        (f'mcp_sandbox = "{CANARY}"', "SEGMENT_MCP_SANDBOX: must be 1 or 0"),
        (f'mcp_sandbox = ["{CANARY}"]', "SEGMENT_MCP_SANDBOX: must be 1 or 0"),
    ],
)
def test_a_wrong_file_is_refused_by_name_and_not_repeated(text: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        of_file(text)
    assert said in str(caught.value)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ['[connections.a.write_keys]\n"my web" = "K"', '[connections.a.write_keys]\n"****abcd" = "K"',
     '[connections.a.write_keys]\n"" = "K"'],
    ids=["blank", "masked-form", "empty"],
)  # fmt: skip
def test_write_keys_in_a_file_have_names_of_the_same_form_as_in_the_environment(text: str) -> None:
    with pytest.raises(SettingsError, match=r"connections\.a\.write_keys"):
        of_file(text)


@pytest.mark.parametrize("name", ["api_token", "write_key"])
def test_an_empty_credential_in_a_file_is_no_credential(name: str) -> None:
    try:
        settings = of_file(f'[connections.a]\n{name} = ""')
    except SettingsError as error:
        assert name in str(error)  # noqa: PT017 - refusing it is as good as leaving it out
    else:
        assert settings.connections["a"].secrets() == []


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "No such file"), (b"\xff\xfe", "not UTF-8")],
    ids=["absent", "no-text"],
)
def test_a_file_that_can_not_be_read_is_refused_by_its_path(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "segment.toml"
    if content is not None:
        path.write_bytes(content)
    message = refused({"SEGMENT_MCP_CONFIG": str(path)})
    assert message.startswith(f"SEGMENT_MCP_CONFIG: {path} can't be read")
    assert said in message


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert refused({"SEGMENT_MCP_CONFIG": str(tmp_path)}).startswith("SEGMENT_MCP_CONFIG")


# What is kept


def loaded() -> Settings:
    return of_file(
        f'[connections.eu]\nwrite_key = "{CANARY}3"',
        SEGMENT_API_TOKEN=f"{CANARY}1",
        SEGMENT_WRITE_KEYS=f"web={CANARY}2",
    )


@pytest.mark.parametrize(
    "shown", [repr, str, lambda s: repr(s.connections), lambda s: s.model_dump_json(), lambda s: str(s.model_dump())],
    ids=["repr", "str", "connections", "json", "dump"],
)  # fmt: skip
def test_settings_show_no_credential(shown: Any) -> None:
    assert CANARY not in shown(loaded())


@pytest.mark.parametrize(("target", "name"), [(loaded(), "mcp_mode"), (default(loaded()), "region")], ids=str)
def test_settings_can_not_be_changed(target: Settings | Connection, name: str) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(target, name, "read")


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, []),
        ({"SEGMENT_MCP_MODE": "read", "SEGMENT_MCP_CONFIG": "x", "SEGMENT_REGON": "eu", "HOME": "x"}, []),
        ({"SEGMENT_MCP_MOD": CANARY}, ["SEGMENT_MCP_MOD is no setting; is SEGMENT_MCP_MODE meant?"]),
        ({"SEGMENT_MCP_TOOLSET": ""}, ["SEGMENT_MCP_TOOLSET is no setting; is SEGMENT_MCP_TOOLSETS meant?"]),
        (
            {"SEGMENT_MCP_SANDBX": "1", "SEGMENT_MCP_MODEE": "read"},
            [
                "SEGMENT_MCP_MODEE is no setting; is SEGMENT_MCP_MODE meant?",
                "SEGMENT_MCP_SANDBX is no setting; is SEGMENT_MCP_SANDBOX meant?",
            ],
        ),
    ],
    ids=["none", "known-and-foreign", "misspelt", "singular", "two-sorted"],
)
def test_a_misspelt_variable_of_this_server_is_named_with_what_was_meant(
    environment: dict[str, str], said: list[str]
) -> None:
    assert unknown_variables(environment) == said
