"""The tool that says what this server is connected to, and what works."""

from segment_mcp.errors import NotConfigured, SegmentMcpError
from segment_mcp.operations import get
from segment_mcp.ports import Data, Facts, Outbox, Segment, WriteKeys
from segment_mcp.tools.args import Args
from segment_mcp.tools.tool import tool


class ConnectionStatus(Args):
    """Arguments of `segment_connection_status`: none."""


@tool(title="Connection status", safety="read", toolset=None, idempotent=True, open_world=False)
async def segment_connection_status(
    args: ConnectionStatus,  # noqa: ARG001 - every handler takes its arguments
    segment: Segment,
    write_keys: WriteKeys,
    outbox: Outbox,
    facts: Facts,
) -> Data:
    """Tell workspace, region and mode, which credentials work, and which events wait for delivery.

    Use this when you begin, or a call is unauthorized or not configured.
    """
    token, workspace, region = await _token(segment, facts)
    return {
        "connection": facts.connection,
        "connections": list(facts.connections),
        "region": {"setting": facts.region, "answered": region},
        "workspace": workspace,
        "credentials": {
            "apiToken": token,
            "writeKeys": await _write_keys(write_keys),
            "profileToken": {"present": facts.has_profiles},
        },
        "outbox": await outbox.summary(),
        "mode": facts.mode,
        "toolsets": list(facts.toolsets),
        "sandbox": facts.sandbox,
    }


async def _token(segment: Segment, facts: Facts) -> tuple[Data, Data | None, str | None]:
    if not facts.has_api_token:
        return {"present": False, "setting": "SEGMENT_API_TOKEN"}, None, None
    try:
        answer = await segment.call(get("getWorkspace"), {})
    except SegmentMcpError as error:
        return {"present": True, "works": False, "reason": str(error)}, None, None
    return {"present": True, "works": True}, answer["workspace"], await segment.region()


async def _write_keys(write_keys: WriteKeys) -> Data:
    names = write_keys.names()
    if not names:
        return {"present": False, "setting": "SEGMENT_WRITE_KEY"}
    try:
        owners = await write_keys.owners()
    except NotConfigured:
        reason = "only a Public API token can tell: Segment answers 200 to any write key"
        return {"present": True, "keys": {name: {"works": None, "reason": reason} for name in names}}
    except SegmentMcpError as error:
        return {"present": True, "keys": {name: {"works": None, "reason": str(error)} for name in names}}
    return {"present": True, "keys": {name: _verdict(owners[name]) for name in names}}


def _verdict(owner: Data | None) -> Data:
    if owner is None:
        reason = "no source that this token sees has it; without the source admin role a token sees no write keys"
        return {"works": None, "reason": reason}
    if not owner["enabled"]:
        return {"works": False, "reason": "its source is disabled", "source": owner}
    return {"works": True, "source": owner}
