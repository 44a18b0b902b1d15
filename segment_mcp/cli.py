"""The command `segment-mcp`. Without arguments it serves stdio, so that a client's configuration needs none.

That first way is kept short on purpose: it imports neither the command line's libraries nor anything else
that serving stdio does not use, and it keeps the garbage collector off while the imports run.
"""

import gc
import os
import sys

USAGE_ERROR = 2
INTERRUPTED = 130


def main() -> None:
    """Run the command that the process's arguments name; ends the process."""
    if len(sys.argv) > 1:
        from segment_mcp.commands import cli

        cli(prog_name="segment-mcp")
    else:
        sys.exit(serve_stdio())


def serve_stdio(*, sandbox: bool = False, config: str | None = None) -> int:
    """Serve stdio until the client is gone; returns the exit code."""
    gc.disable()
    from functools import partial
    from pathlib import Path

    import anyio

    from segment_mcp.config import load, unknown_variables
    from segment_mcp.errors import SettingsError

    try:
        settings = load(os.environ, Path(config) if config else None)
    except SettingsError as error:
        print(f"segment-mcp: {error}", file=sys.stderr)
        return USAGE_ERROR
    for sentence in unknown_variables(os.environ):
        print(f"segment-mcp: {sentence}", file=sys.stderr)
    if sandbox:
        settings = settings.model_copy(update={"mcp_sandbox": True})

    from segment_mcp import logs
    from segment_mcp.app import log_scrubber, open_app
    from segment_mcp.server import build_server
    from segment_mcp.transports import stdio

    async def serve() -> None:
        async with open_app(settings) as toolbox:
            server = build_server(toolbox)
            gc.freeze()
            gc.enable()
            await stdio.serve_stdio(server)

    logs.configure(log_scrubber(settings))
    try:
        anyio.run(partial(serve))
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0
