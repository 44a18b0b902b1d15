"""`segment-mcp approve CODE`: a person at a terminal sees what would happen, and agrees or does not."""

import sys
from io import TextIOWrapper

from segment_mcp.config import Settings
from segment_mcp.consent.ledger import CREDENTIALS, Asked
from segment_mcp.errors import StoreError
from segment_mcp.state import ledger_file
from segment_mcp.stores.consents import SqliteLedger
from segment_mcp.timing import utc_now

AGREED, NOT_AGREED = 0, 1
_USED = "segment-mcp: this code was answered already"
_TOO_OLD = "segment-mcp: this code is older than ten minutes; make the call again for a new one"


def approve(settings: Settings, code: str) -> int:
    """Show the preview of a code, and keep what the person decides.

    Only a terminal will do: a program that runs commands for a model could otherwise agree in the person's place.

    Returns:
        0: the person agreed; 1: not, or there is nothing to agree to.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return _say("segment-mcp: approve needs a person at a terminal; a script or an agent can't do it")
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal need not have every letter
    path = ledger_file(settings)
    ledger = SqliteLedger(path)
    try:
        if not path.exists():
            return _say("segment-mcp: nothing waits for approval in this state folder (SEGMENT_MCP_STATE_DIR)")
        return _decide(ledger, code.strip().upper())
    except (StoreError, OSError) as error:
        return _say(f"segment-mcp: the ledger can't be used: {error}")
    finally:
        ledger.close()


def _decide(ledger: SqliteLedger, code: str) -> int:
    asked = ledger.get(code)
    if asked is None or asked.way != "terminal":
        return _say("segment-mcp: no such code; see the answer that named it, and SEGMENT_MCP_STATE_DIR")
    if asked.state != "asked":
        return _say(_USED)
    if asked.expires <= utc_now().timestamp():
        return _say(_TOO_OLD)
    return _ask(ledger, asked)


def _ask(ledger: SqliteLedger, asked: Asked) -> int:
    sys.stdout.write(f"Connection: {asked.subject.connection.partition(CREDENTIALS)[0]}\n{asked.text}\n\n")
    sys.stdout.write(f"To agree, type: {asked.phrase}\nAnything else declines.\n> ")
    sys.stdout.flush()
    typed = sys.stdin.readline().strip()
    agreed = typed == asked.phrase
    now = utc_now().timestamp()
    if not ledger.settle(asked.code, "asked", "agreed" if agreed else "declined", now):
        left = ledger.get(asked.code)
        return _say(_TOO_OLD if left is not None and left.expires <= now else _USED)
    if not agreed:
        return _say("segment-mcp: declined; nothing will be sent")
    sys.stdout.write("Agreed, once. The same call can now be made again.\n")
    return AGREED


def _say(line: str) -> int:
    sys.stderr.write(f"{line}\n")
    return NOT_AGREED
