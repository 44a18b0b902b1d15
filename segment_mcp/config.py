"""Settings: environment and TOML file, merged, then checked. Pure functions; nothing is read at import.

Environment variables are called `SEGMENT_...`; in the TOML file the same names stand in lower case without
that prefix, and `[connections.NAME]` tables hold several sets of credentials. The environment wins over
the file. An empty variable counts as not set: clients pass empty ones for what a person left out.
"""

import difflib
import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from segment_mcp.errors import SettingsError

PREFIX = "SEGMENT_"
CONFIG_VARIABLE = "SEGMENT_MCP_CONFIG"
DEFAULT_CONNECTION = "default"
DEFAULT_WRITE_KEY = "default"
DEFAULT_OUTBOX = "sqlite"
TOOLSETS = ("tracking", "sources", "destinations", "usage", "api", "questions", "profiles")

Mode = Literal["read", "confirm", "unattended"]
Region = Literal["us", "eu", "auto"]
Confirm = Literal["terminal", "token"]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PLACEHOLDER = re.compile(r"\$\{.*\}|\{\{.*\}\}|<.*>|\$[A-Z_]+|your[_-].*", re.IGNORECASE)
_URL = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?(?:/[A-Za-z0-9._~/-]*)?", re.IGNORECASE)
_ALIKE = 0.85
_ROUTE_LENGTH = 16
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def _credential(value: Any) -> Any:
    """A credential as it may be sent in a header: printable ASCII without blanks.

    Raises:
        ValueError: it has other characters, or is a placeholder that nobody filled in.
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    if _PLACEHOLDER.fullmatch(text):
        raise ValueError("is a placeholder that was not filled in")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("has characters that no Segment credential has")
    return text


def _space_id(value: Any) -> Any:
    """The ID of a Unify space, which stands in paths.

    Raises:
        ValueError: it has other characters, or is a placeholder that nobody filled in.
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    if _PLACEHOLDER.fullmatch(text):
        raise ValueError("is a placeholder that was not filled in")
    if not _NAME.fullmatch(text):
        raise ValueError("must be a space's ID, of letters, digits, _ and -")
    return text


def _named_credentials(value: Any) -> Any:
    """`web=KEY,ios=KEY` as a mapping.

    Raises:
        ValueError: an entry is not of that form, or a name stands twice.
    """
    if isinstance(value, Mapping) and not all(_NAME.fullmatch(name) and key for name, key in value.items()):
        raise ValueError("must be keys by names of letters, digits, _ and -")
    if not isinstance(value, str):
        return value
    named: dict[str, str] = {}
    for entry in filter(None, (part.strip() for part in value.split(","))):
        name, separator, key = (part.strip() for part in entry.partition("="))
        if not separator or not key or not _NAME.fullmatch(name):
            raise ValueError("must be NAME=KEY,NAME=KEY with names of letters, digits, _ and -")
        if name in named:
            raise ValueError("has the same name twice")
        named[name] = key
    return named


def _origin(value: Any) -> Any:
    """A base URL: https, or plain http on this machine; without credentials, query and fragment.

    Raises:
        ValueError: it is not of that form.
    """
    if not isinstance(value, str):
        return value
    try:
        parts = urlsplit(value.strip())
        _ = parts.port
    except ValueError:
        raise ValueError("must be a URL such as https://api.segmentapis.com") from None
    if not _URL.fullmatch(value.strip()) or not parts.hostname:
        raise ValueError("must be a URL such as https://api.segmentapis.com, without credentials or a query")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise ValueError("must be https; plain http is for this machine only")
    return value.strip().rstrip("/")


def _toolsets(value: Any) -> Any:
    """`all`, or some of the toolsets with commas between them, in the order of `TOOLSETS`.

    Raises:
        ValueError: one of them does not exist.
    """
    names = [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
    if names in ("all", ["all"]):
        return TOOLSETS
    if not isinstance(names, list | tuple) or not names or not all(name in TOOLSETS for name in names):
        raise ValueError(f"must be all, or some of {', '.join(TOOLSETS)}")
    return tuple(name for name in TOOLSETS if name in names)


def _folder(value: Any) -> Any:
    """A folder's whole path; `~` is the home folder.

    Raises:
        ValueError: it is relative: a client starts the server in a folder of its own choice.
    """
    if not isinstance(value, str):
        return value
    try:
        path = Path(value).expanduser()
    except RuntimeError:
        raise ValueError("must be a whole path; whose home folder is meant isn't known") from None
    if not path.is_absolute() or "\0" in value:
        raise ValueError("must be a whole path, such as /var/lib/segment-mcp")
    return path


def _outbox(value: Any) -> Any:
    """Where the outbox is: `sqlite`, in the state folder, or `sqlite:///FILE`.

    Raises:
        ValueError: it is something else.
    """
    if value == DEFAULT_OUTBOX or not isinstance(value, str):
        return value
    scheme, separator, path = value.partition("://")
    if scheme != "sqlite" or not separator or not Path(path).is_absolute() or "\0" in path:
        raise ValueError("must be sqlite, or sqlite:///FILE with the file's whole path")
    return value


def _switch(value: Any) -> Any:
    """`on` or `off`.

    Raises:
        ValueError: it is something else.
    """
    if isinstance(value, str):
        if value not in {"on", "off"}:
            raise ValueError("must be on or off")
        return value == "on"
    return value


Credential = Annotated[SecretStr, BeforeValidator(_credential)]
Origin = Annotated[str, BeforeValidator(_origin)]


class Connection(BaseModel):
    """One set of credentials and a region, with a name. `repr` hides the credentials.

    Attributes:
        region: `auto` asks both regions once who knows the token.
        api_token: the Public API token.
        write_key: the default write key.
        write_keys: further write keys by name.
        profile_token: reads every profile of one Unify space.
        profile_space_id: that space.
        public_api_url, tracking_url, profile_url: other hosts than Segment's own; set by the operator only.
        legacy_url: a host that is asked for a destination and its metrics after Segment's own did not have them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    region: Region = "auto"
    api_token: Credential | None = None
    write_key: Credential | None = None
    write_keys: Annotated[Mapping[str, Credential], BeforeValidator(_named_credentials)] = Field(default_factory=dict)
    profile_token: Credential | None = None
    profile_space_id: Annotated[str | None, BeforeValidator(_space_id)] = None
    public_api_url: Origin | None = None
    tracking_url: Origin | None = None
    profile_url: Origin | None = None
    legacy_url: Origin | None = None

    @model_validator(mode="after")
    def _one_default_write_key(self) -> Self:
        if self.write_key is not None and DEFAULT_WRITE_KEY in self.write_keys:
            raise ValueError("SEGMENT_WRITE_KEYS must not name a key default beside SEGMENT_WRITE_KEY")
        return self

    def has_profiles(self) -> bool:
        """Whether it has what the Profile API needs: a token, and the space that it is for."""
        return self.profile_token is not None and self.profile_space_id is not None

    def named_write_keys(self) -> dict[str, str]:
        """Every configured write key by name, in the clear; the default one first."""
        keys = {name: key.get_secret_value() for name, key in self.write_keys.items()}
        return keys if self.write_key is None else {DEFAULT_WRITE_KEY: self.write_key.get_secret_value(), **keys}

    def route(self) -> str:
        """Stands for where events go while that isn't known: the same wherever the same credentials decide it."""
        token = "" if self.api_token is None else self.api_token.get_secret_value()
        parts = [self.region, self.tracking_url or "", self.public_api_url or "", token]
        return f"{self.region}:{sha256('/'.join(parts).encode()).hexdigest()[:_ROUTE_LENGTH]}"

    def secrets(self) -> list[str]:
        """Every credential in the clear, for the scrubber."""
        tokens = [token.get_secret_value() for token in (self.api_token, self.profile_token) if token is not None]
        return tokens + list(self.named_write_keys().values())


class Settings(BaseModel):
    """All that the operator decided.

    Attributes:
        connections: at least one, by name; the first is used where none is named.
        mcp_mode: `read`: only what reads; `confirm`: what destroys asks a person; `unattended`: nobody is asked.
        mcp_toolsets: which families of tools are on.
        mcp_reveal_write_keys: show write keys unmasked.
        mcp_reveal_pii: show the personal data of profiles unmasked.
        mcp_sandbox: use the embedded Segment; the connections' credentials are then left alone.
        mcp_regulations: whether the data of people may be deleted or suppressed at all.
        mcp_confirm: how a client without forms consents: a person approves a code in a terminal, or it is passed back.
        mcp_answer_chars: characters of one answer; what is longer is cut to whole items and kept as a resource.
        mcp_call_seconds: within which a call is answered, its waits and repeats included.
        mcp_largest_answer: bytes of one answer of Segment's.
        mcp_state_dir: where the outbox and the progress of imports are; None: where this system keeps such things.
        mcp_outbox: `sqlite`, in that folder, or `sqlite:///FILE`.
        mcp_import_dir: the folder from which a model may have files imported; None: from none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    connections: Mapping[str, Connection]
    mcp_mode: Mode = "confirm"
    mcp_toolsets: Annotated[tuple[str, ...], BeforeValidator(_toolsets)] = TOOLSETS
    mcp_reveal_write_keys: bool = False
    mcp_reveal_pii: bool = False
    mcp_sandbox: bool = False
    mcp_regulations: Annotated[bool, BeforeValidator(_switch)] = False
    mcp_confirm: Confirm = "terminal"
    mcp_answer_chars: Annotated[int, Field(ge=2_000, le=1_000_000)] = 24_000
    mcp_call_seconds: Annotated[float, Field(ge=1, le=600)] = 25.0
    mcp_largest_answer: Annotated[int, Field(ge=1024)] = 32 * 1024 * 1024
    mcp_state_dir: Annotated[Path | None, BeforeValidator(_folder)] = None
    mcp_outbox: Annotated[str, BeforeValidator(_outbox)] = DEFAULT_OUTBOX
    mcp_import_dir: Annotated[Path | None, BeforeValidator(_folder)] = None


def hidden_in_results(connections: Mapping[str, Connection], *, reveal_write_keys: bool) -> list[str]:
    """Every credential that no result may show, in the clear; write keys only where they are not to be revealed."""
    return [
        secret
        for connection in connections.values()
        for secret in connection.secrets()
        if not (reveal_write_keys and secret in connection.named_write_keys().values())
    ]


_OTHER_NAMES = {"generic_api_key": "api_token"}
_CONNECTION_NAMES = frozenset({*Connection.model_fields, *_OTHER_NAMES})
_SERVER_NAMES = frozenset(Settings.model_fields) - {"connections"}


def load(environment: Mapping[str, str], config_file: Path | None = None) -> Settings:
    """The settings of an environment and, where one is named, a TOML file.

    Args:
        environment: as `os.environ`.
        config_file: wins over `SEGMENT_MCP_CONFIG`.

    Raises:
        SettingsError: a value is wrong, a name is unknown, or the file can't be read.
    """
    path = config_file or (Path(named) if (named := environment.get(CONFIG_VARIABLE, "").strip()) else None)
    return check(merge(parse_toml(_read(path)) if path else {}, parse_environment(environment)))


def parse_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """The settings among the variables, by their names in the TOML file; empty ones left out."""
    named = {variable.removeprefix(PREFIX).lower(): value.strip() for variable, value in environment.items()
             if variable.startswith(PREFIX)}  # fmt: skip
    return _proper({name: value for name, value in named.items() if name in _CONNECTION_NAMES | _SERVER_NAMES})


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """A sentence for each `SEGMENT_MCP_...` variable that is no setting: a misspelt mode must not pass unseen."""
    known = {variable_of(name) for name in _CONNECTION_NAMES | _SERVER_NAMES} | {CONFIG_VARIABLE}
    sentences = []
    for variable in sorted(environment):
        if variable.startswith("SEGMENT_MCP_") and variable not in known:
            nearest = difflib.get_close_matches(variable, known, n=1, cutoff=_ALIKE)
            sentences.append(f"{variable} is no setting" + (f"; is {nearest[0]} meant?" if nearest else ""))
    return sentences


def parse_toml(text: str) -> dict[str, Any]:
    """The content of the TOML file.

    Raises:
        SettingsError: it is not TOML, or has a name that is no setting.
    """
    import tomllib  # noqa: PLC0415 - most have no file, and every start would pay for it

    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # tomllib's message can quote the line, and the line can be a credential.
        where = re.search(r"line \d+, column \d+", str(error))
        raise SettingsError(
            f"{CONFIG_VARIABLE}: the file is not valid TOML ({where[0] if where else 'see it'})"
        ) from None
    connections = content.get("connections", {})
    if not isinstance(connections, dict) or not all(isinstance(table, dict) for table in connections.values()):
        raise SettingsError("connections: must be tables such as [connections.production]")
    _refuse_unknown(content, _CONNECTION_NAMES | _SERVER_NAMES | {"connections"}, "")
    for name, table in connections.items():
        if not _NAME.fullmatch(name):
            raise SettingsError("connections: names are of letters, digits, _ and -, at most 64")
        _refuse_unknown(table, _CONNECTION_NAMES, f"connections.{name}.")
    tables = {"connections": {name: _proper(table) for name, table in connections.items()}} if connections else {}
    return _proper(content) | tables


def merge(file: Mapping[str, Any], environment: Mapping[str, Any]) -> dict[str, Any]:
    """One mapping `{connections: {name: {...}}, mcp_...}`: the environment wins over the file.

    Credentials outside of any `[connections.NAME]` table make the connection `default`, which comes first.
    """
    flat = {name: value for name, value in file.items() if name != "connections"} | dict(environment)
    loose = {name: value for name, value in flat.items() if name in _CONNECTION_NAMES}
    connections = dict(file.get("connections", {}))
    if loose or not connections:
        own = connections.pop(DEFAULT_CONNECTION, {})
        connections = {DEFAULT_CONNECTION: own | loose, **connections}
    return {"connections": connections, **{name: value for name, value in flat.items() if name in _SERVER_NAMES}}


def check(merged: Mapping[str, Any]) -> Settings:
    """The merged mapping as settings.

    Raises:
        SettingsError: a value is wrong; says which variable, what is wrong and what is allowed.
    """
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise SettingsError(f"{_where(first['loc'])}: {_what(first)}") from None


def _proper(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is empty, and by the proper name of what has two; the proper one wins."""
    given = {name: value for name, value in settings.items() if value != ""}
    renamed = {_OTHER_NAMES[name]: value for name, value in given.items() if name in _OTHER_NAMES}
    return renamed | {name: value for name, value in given.items() if name not in _OTHER_NAMES}


def variable_of(name: str) -> str:
    """The environment variable of a setting: `api_token` -> `SEGMENT_API_TOKEN`."""
    return PREFIX + name.upper()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(f"{CONFIG_VARIABLE}: {path} can't be read: {reason}") from None


def _refuse_unknown(table: Mapping[str, Any], known: frozenset[str], prefix: str) -> None:
    for name in table:
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=1)
            hint = f"; is {nearest[0]} meant?" if nearest else f"; known are {', '.join(sorted(known))}"
            raise SettingsError(f"{prefix}{name}: is no setting{hint}")


def _where(location: tuple[int | str, ...]) -> str:
    match location:
        case ("connections", str(connection), *rest):
            name = str(rest[0]) if rest else ""
            aliases = [alias for alias, proper in _OTHER_NAMES.items() if proper == name]
            names = [name, *aliases] if connection != DEFAULT_CONNECTION else map(variable_of, [name, *aliases])
            own = " or ".join(names)
            return own if connection == DEFAULT_CONNECTION else f"connections.{connection}.{own}"
        case (name, *_):
            return variable_of(str(name))
    return "settings"


def _what(error: Any) -> str:
    match error["type"]:
        case "literal_error":
            return f"must be {error['ctx']['expected']}"
        case "value_error":
            return str(error["ctx"]["error"])
        case "bool_parsing" | "bool_type":
            return "must be 1 or 0"
        case _:
            return str(error["msg"])[:1].lower() + str(error["msg"])[1:]
