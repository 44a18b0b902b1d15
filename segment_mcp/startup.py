"""What commands begin with: the settings, logs that know their secrets; and serving stdio, which most only do."""

import gc
import os
import sys
from pathlib import Path

import anyio

from segment_mcp import logs
from segment_mcp.app import log_scrubber, open_app
from segment_mcp.config import Settings, load, unknown_variables
from segment_mcp.errors import SettingsError

USAGE_ERROR = 2
INTERRUPTED = 130


def settings_or_exit(config: str | None = None, *, sandbox: bool = False) -> Settings:
    """The settings of the environment and the file, with logging configured for them.

    Args:
        config: a TOML file; None: the one that the environment names, if any.
        sandbox: use the embedded Segment, whatever the settings say.

    Raises:
        SystemExit: a setting is wrong: one line on stderr, code 2.
    """
    try:
        settings = load(os.environ, Path(config) if config else None)
    except SettingsError as error:
        _say(str(error))
        sys.exit(USAGE_ERROR)
    for sentence in unknown_variables(os.environ):
        _say(sentence)
    logs.configure(log_scrubber(settings))
    return settings.model_copy(update={"mcp_sandbox": True}) if sandbox else settings


def serve_stdio(config: str | None = None, *, sandbox: bool = False) -> int:
    """Serve stdio until the client is gone; returns the exit code.

    Raises:
        SystemExit: a setting is wrong.
    """
    settings = settings_or_exit(config, sandbox=sandbox)

    from segment_mcp.server import build_server
    from segment_mcp.transports import stdio

    async def serve() -> None:
        async with open_app(settings) as toolbox:
            server = build_server(toolbox)
            gc.freeze()  # what is here now stays: the collector need not look at it again
            gc.enable()
            await stdio.serve_stdio(server)

    try:
        anyio.run(serve)
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _say(sentence: str) -> None:
    print(f"segment-mcp: {sentence}", file=sys.stderr)
