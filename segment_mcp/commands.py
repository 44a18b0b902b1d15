"""The commands of `segment-mcp`, for people; imported only when one is typed."""

import json
import os
import sys
from collections.abc import Awaitable, Callable
from math import isfinite
from typing import Any, NoReturn

import anyio
import click
from pydantic_core import from_json

from segment_mcp import __version__
from segment_mcp.app import open_app, open_wiring
from segment_mcp.config import Settings
from segment_mcp.startup import INTERRUPTED, serve_stdio, settings_or_exit

Command = Callable[..., Any]

_WHOLE = 2**31
"""Characters of an answer that is printed whole: nobody could read the rest of it once the command has ended."""
_SHAPES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "json": lambda tool: tool,
    "openai": lambda tool: {
        "type": "function",
        "function": {"name": tool["name"], "description": tool["description"], "parameters": tool["inputSchema"]},
    },
    "anthropic": lambda tool: {
        "name": tool["name"],
        "description": tool["description"],
        "input_schema": tool["inputSchema"],
    },
}
"""A listed tool in the shapes that `tools --format` prints."""


def _config_option(command: Command) -> Command:
    return click.option("--config", type=click.Path(dir_okay=False), help="TOML file with settings and connections.")(
        command
    )


def _sandbox_option(command: Command) -> Command:
    return click.option("--sandbox", is_flag=True, help="Use the embedded Segment; needs no credentials.")(command)


def _address_options(default_port: int) -> Callable[[Command], Command]:
    def add(command: Command) -> Command:
        port = click.option(
            "--port", type=click.IntRange(0, 65535), default=default_port, show_default=True, help="0 takes a free one."
        )
        return click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")(port(command))

    return add


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="segment-mcp")
def cli() -> None:
    """An MCP server for Twilio Segment. Without a command it serves stdio."""


@cli.command()
@click.option("--transport", type=click.Choice(["stdio", "http", "sse"]), default="stdio", show_default=True)
@_address_options(8765)
@click.option("--allowed-host", "allowed_hosts", multiple=True, help="Another name under which clients may call it.")
@_sandbox_option
@_config_option
def serve(  # noqa: PLR0913 - one parameter an option
    *, transport: str, host: str, port: int, allowed_hosts: tuple[str, ...], sandbox: bool, config: str | None
) -> None:
    """Serve MCP over stdio, Streamable HTTP (at /mcp) or SSE (at /sse)."""
    if transport == "stdio":
        sys.exit(serve_stdio(config, sandbox=sandbox))
    from segment_mcp.server import build_server
    from segment_mcp.transports import web

    settings = settings_or_exit(config, sandbox=sandbox)
    if not web.is_loopback(host) and not allowed_hosts:
        raise click.UsageError(
            f"--host {host} can be reached from other machines: name with --allowed-host how clients call it. "
            "The server asks nobody who they are, so put it behind something that does."
        )
    security = web.security_for(host, allowed_hosts)

    async def run() -> None:
        async with open_app(settings) as toolbox:
            server = build_server(toolbox)
            if transport == "http":
                app, path = web.streamable_http_app(server, security), web.STREAMABLE_HTTP_PATH
            else:
                app, path = web.sse_app(server, security), web.SSE_PATH
            await web.serve_app(app, _bind(host, port), path, ending=server.end_streams)

    _run(run)


@cli.command()
@_address_options(8766)
def sandbox(*, host: str, port: int) -> None:
    """Serve the embedded Segment on a port: its Public, Tracking and Profile API, with an example workspace."""
    from segment_mcp.sandbox import API_TOKEN, PROFILE_SPACE_ID, PROFILE_TOKEN, WRITE_KEYS, create_app
    from segment_mcp.transports import web
    from segment_mcp.transports.abortable import AbortableProtocol

    settings_or_exit()
    click.echo(f"segment-mcp: Public API token {API_TOKEN}", err=True)
    click.echo(f"segment-mcp: Profile API token {PROFILE_TOKEN}, for the space {PROFILE_SPACE_ID}", err=True)
    for name, key in WRITE_KEYS.items():
        click.echo(f"segment-mcp: write key of {name}: {key}", err=True)
    bound = _bind(host, port)
    _run(lambda: web.serve_app(create_app(), bound, "", AbortableProtocol))


@cli.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "openai", "anthropic"]),
    default="table",
    show_default=True,
    help="json: as MCP lists them; openai, anthropic: for those APIs' own function calling.",
)
@_config_option
def tools(*, form: str, config: str | None) -> None:
    """List the tools that clients see with the present settings."""
    from segment_mcp.server import listing

    settings = settings_or_exit(config)

    async def read() -> list[dict[str, Any]]:
        async with open_app(settings) as toolbox:
            return listing(toolbox)

    listed = anyio.run(read)
    if form != "table":
        click.echo(json.dumps([_SHAPES[form](tool) for tool in listed], indent=2, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("tool", "safety", "what it does", show_lines=False)
    for tool in listed:
        hints = tool["annotations"]
        safety = "read" if hints["readOnlyHint"] else "destroy" if hints["destructiveHint"] else "write"
        table.add_row(tool["name"], safety, tool["description"].partition(" Use this when")[0])
    Console().print(table)


@cli.command()
@click.argument("tool")
@click.argument("arguments", default="{}")
@_sandbox_option
@_config_option
def call(*, tool: str, arguments: str, sandbox: bool, config: str | None) -> None:
    """Call a TOOL with ARGUMENTS, a JSON object or - for standard input; print the envelope.

    Exit code 0: successful; 1: not.
    """
    settings = settings_or_exit(config, sandbox=sandbox).model_copy(update={"mcp_answer_chars": _WHOLE})
    given = _json_object(sys.stdin.read() if arguments == "-" else arguments, "ARGUMENTS")

    async def invoke() -> bool:
        async with open_app(settings) as toolbox:
            envelope = await toolbox.invoke(tool, given)
        click.echo(json.dumps(envelope.as_dict(), indent=2, ensure_ascii=False))
        return envelope.successful

    sys.exit(0 if anyio.run(invoke) else 1)


@cli.command()
@click.argument("code")
@_config_option
def approve(*, code: str, config: str | None) -> None:
    """Show what waits under CODE, and agree to it or not. A person has to do this, at a terminal."""
    from segment_mcp.approve_command import approve as decide

    sys.exit(decide(settings_or_exit(config), code))


@cli.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--write-key", help="A write key, or the name of a configured one.")
@click.option("--connection", help="Which connection, where several are configured.")
@click.option(
    "--format", "form", type=click.Choice(["ndjson", "json", "csv", "parquet"]), help="Default: what it looks like."
)
@click.option(
    "--map",
    "columns",
    multiple=True,
    metavar="COLUMN=FIELD",
    help="E.g. plan=traits.plan or price=properties.price:number.",
)
@click.option(
    "--type",
    "kind",
    type=click.Choice(["identify", "track", "page", "screen", "group", "alias"]),
    help="Of events without one.",
)
@click.option(
    "--integrations",
    metavar="JSON",
    help='Destinations, in place of the events\' own: \'{"All": false, "Webhooks": true}\'.',
)
@click.option(
    "--message-ids",
    type=click.Choice(["keep", "derive"]),
    default="keep",
    show_default=True,
    help="derive: new ones from the old, always the same.",
)
@click.option(
    "--rate",
    type=click.FloatRange(0),
    default=1000.0,
    show_default=True,
    help="Events a second; 0: as fast as they can.",
)
@click.option(
    "--connections-open", type=click.IntRange(1, 64), default=8, show_default=True, help="Requests under way at a time."
)
@click.option("--limit", type=click.IntRange(1), help="Stop after so many records; the next run goes on there.")
@click.option("--dry-run", is_flag=True, help="Check everything, send nothing, report by code.")
@click.option("--again", is_flag=True, help="From the beginning, although it was imported.")
@_sandbox_option
@_config_option
def import_files(  # noqa: PLR0913 - one parameter an option
    *, files: tuple[str, ...], write_key: str | None, connection: str | None, form: Any, columns: tuple[str, ...],
    kind: str | None, integrations: str | None, message_ids: Any, rate: float, connections_open: int,
    limit: int | None, dry_run: bool, again: bool, sandbox: bool, config: str | None,
) -> None:  # fmt: skip
    """Import events from each FILE: NDJSON, a JSON array, CSV or Parquet, also gzipped; - is standard input.

    An import that was killed or stopped goes on where it was when the same command is given again. Records that
    Segment would drop go to a dead-letter file beside the input.

    Exit code 0: every record was accepted, or is valid; 1: not.
    """
    from segment_mcp.import_command import run_import
    from segment_mcp.ports import ImportOrder

    settings = settings_or_exit(config, sandbox=sandbox)
    if not dry_run:
        _refuse_in_mode_read(settings)
    if not isfinite(rate):
        raise click.BadParameter("must be a number; 0 is no limit", param_hint="--rate")
    if not all("=" in column for column in columns):
        raise click.BadParameter("must be COLUMN=FIELD", param_hint="--map")
    chosen = _json_object(integrations, "--integrations") if integrations is not None else None
    order = ImportOrder(
        write_key=write_key,
        format=form,
        map={name: field for name, _, field in (column.partition("=") for column in columns)} or None,
        type=kind,
        integrations=chosen,
        message_ids=message_ids,
        rate=rate,
        connections=connections_open,
        limit=limit,
        dry_run=dry_run,
        again=again,
    )
    code = _run(lambda: run_import(settings, connection, files, order))
    if "-" in files and sys.stdin is sys.__stdin__:
        _leave(code)
    sys.exit(code)


@cli.group()
def outbox() -> None:
    """Events that Segment could not take yet, and dead letters: those that it refused for good."""


@outbox.command()
@_config_option
def status(*, config: str | None) -> None:
    """Count what is kept, as JSON."""
    _with_outbox(config, lambda outbox: outbox.counted())


@outbox.command("list")
@click.option("--dead", is_flag=True, help="The dead letters instead.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@_config_option
def list_(*, dead: bool, limit: int, config: str | None) -> None:
    """List the oldest events that are kept, as JSON."""
    _with_outbox(config, lambda outbox: outbox.listed(dead=dead, limit=limit))


@outbox.command()
@_config_option
def flush(*, config: str | None) -> None:
    """Try to deliver everything now. Exit code 0: nothing is left; 1: something is."""
    _refuse_in_mode_read(settings_or_exit(config))
    left = _with_outbox(config, lambda outbox: outbox.flush())
    sys.exit(0 if left["pending"] == 0 else 1)


@outbox.command()
@click.argument("ids", nargs=-1, type=int, metavar="[ID...]")
@_config_option
def retry(*, ids: tuple[int, ...], config: str | None) -> None:
    """Put dead letters, those or all of them, back to be delivered."""
    _with_outbox(config, lambda outbox: outbox.retry(ids or None))


@outbox.command()
@click.argument("ids", nargs=-1, type=int, metavar="[ID...]")
@click.option("--dead", is_flag=True, help="Dead letters instead of events that wait.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@_config_option
def drop(*, ids: tuple[int, ...], dead: bool, yes: bool, config: str | None) -> None:
    """Delete events, those or all of them, for good: they will never reach Segment."""
    if not yes:
        what = "dead letters" if dead else "events that wait for delivery"
        click.confirm(f"Delete {len(ids) if ids else 'all'} {what} for good?", abort=True)
    _with_outbox(config, lambda outbox: outbox.drop(ids or None, dead=dead))


@cli.command()
def demo() -> None:
    """Walk through the tools on the embedded Segment, as an MCP client would; ends by itself."""
    from segment_mcp.demo import run_demo

    sys.exit(0 if anyio.run(run_demo) else 1)


def _refuse_in_mode_read(settings: Settings) -> None:
    """Nothing is sent where the operator allows only reading.

    Raises:
        click.UsageError: so it is.
    """
    if settings.mcp_mode == "read":
        raise click.UsageError("this sends events, and SEGMENT_MCP_MODE is read")


def _json_object(text: str, where: str) -> dict[str, Any]:
    """What a person typed as JSON.

    Raises:
        click.BadParameter: it is no object.
    """
    try:
        given = from_json(text, allow_inf_nan=False)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise click.BadParameter('must be a JSON object such as \'{"sourceId": "..."}\'', param_hint=where)
    return given


def _with_outbox(config: str | None, work: Callable[[Any], Awaitable[Any]]) -> Any:
    """Do something with the outbox, and print as JSON what comes of it; ends the process where it can't be used."""
    from segment_mcp.errors import StoreError

    settings = settings_or_exit(config)

    async def run() -> Any:
        async with open_wiring(settings) as wiring:
            return await work(wiring.outbox)

    try:
        answer = _run(run)
    except StoreError as error:
        click.echo(f"segment-mcp: the outbox can't be used: {error}", err=True)
        sys.exit(1)
    click.echo(json.dumps(answer, indent=2))  # in ASCII: what events say must not drive a terminal
    return answer


def _bind(host: str, port: int) -> Any:
    from segment_mcp.transports import web

    try:
        return web.bind(host, port)
    except OSError as error:
        click.echo(f"segment-mcp: can't listen on {host} port {port}: {error.strerror}", err=True)
        sys.exit(1)


def _run(main: Callable[[], Awaitable[Any]]) -> Any:
    try:
        return anyio.run(main)
    except KeyboardInterrupt:
        _leave(INTERRUPTED)


def _leave(code: int) -> NoReturn:
    """End at once: a thread may still wait for standard input."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
