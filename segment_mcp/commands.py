"""The commands of `segment-mcp`, for people; imported only when one is typed."""

import json
import sys
from collections.abc import Callable
from typing import Any

import anyio
import click
from pydantic_core import from_json

from segment_mcp import __version__
from segment_mcp.app import open_app
from segment_mcp.startup import INTERRUPTED, serve_stdio, settings_or_exit

Command = Callable[..., Any]


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
            await web.serve_app(app, _bind(host, port), path)

    _run(run)


@cli.command()
@_address_options(8766)
def sandbox(*, host: str, port: int) -> None:
    """Serve the embedded Segment on a port: the Public API and the Tracking API, with an example workspace."""
    from segment_mcp.sandbox import API_TOKEN, WRITE_KEYS, create_app
    from segment_mcp.transports import web
    from segment_mcp.transports.abortable import AbortableProtocol

    settings_or_exit()
    click.echo(f"segment-mcp: Public API token {API_TOKEN}", err=True)
    for name, key in WRITE_KEYS.items():
        click.echo(f"segment-mcp: write key of {name}: {key}", err=True)
    bound = _bind(host, port)
    _run(lambda: web.serve_app(create_app(), bound, "", AbortableProtocol))


@cli.command()
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@_config_option
def tools(*, form: str, config: str | None) -> None:
    """List the tools that clients see with the present settings."""
    from segment_mcp.server import listing

    settings = settings_or_exit(config)

    async def read() -> list[dict[str, Any]]:
        async with open_app(settings) as toolbox:
            return listing(toolbox)

    listed = anyio.run(read)
    if form == "json":
        click.echo(json.dumps(listed, indent=2, ensure_ascii=False))
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
    settings = settings_or_exit(config, sandbox=sandbox)
    try:
        given = from_json(sys.stdin.read() if arguments == "-" else arguments, allow_inf_nan=False)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise click.BadParameter('must be a JSON object such as \'{"sourceId": "..."}\'', param_hint="ARGUMENTS")

    async def invoke() -> bool:
        async with open_app(settings) as toolbox:
            envelope = await toolbox.invoke(tool, given)
        click.echo(json.dumps(envelope.as_dict(), indent=2, ensure_ascii=False))
        return envelope.successful

    sys.exit(0 if anyio.run(invoke) else 1)


@cli.command()
def demo() -> None:
    """Walk through the tools on the embedded Segment, as an MCP client would; ends by itself."""
    from segment_mcp.demo import run_demo

    sys.exit(0 if anyio.run(run_demo) else 1)


def _bind(host: str, port: int) -> Any:
    from segment_mcp.transports import web

    try:
        return web.bind(host, port)
    except OSError as error:
        click.echo(f"segment-mcp: can't listen on {host} port {port}: {error.strerror}", err=True)
        sys.exit(1)


def _run(main: Callable[[], Any]) -> None:
    try:
        anyio.run(main)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
