"""The command `segment-mcp`. Without arguments it serves stdio, so that a client's configuration needs none."""

import gc
import sys


def main() -> None:
    """Run the command that the process's arguments name; ends the process.

    Serving stdio is what clients wait for, so that way imports none of the command line's libraries, and
    the garbage collector, which finds nothing in imports, is off until they are done.
    """
    if len(sys.argv) > 1:
        from segment_mcp.commands import cli

        cli(prog_name="segment-mcp")
    else:
        gc.disable()
        from segment_mcp.startup import serve_stdio

        sys.exit(serve_stdio())
