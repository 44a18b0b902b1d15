"""An HTTP connection that an app can break: for the sandbox, whose faults reset connections.

ASGI has no way to say that there will be no answer, so the protocol offers one in the request's scope:

    scope["extensions"]["segment_mcp.abort"]()    # the client's next read fails: connection reset by peer

After it the app waits for `http.disconnect` and returns; the server then knows that no answer is missing.
"""

import asyncio
import contextlib
import socket
import struct
import sys
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

EXTENSION = "segment_mcp.abort"

# What is still unsent is dropped and the peer is told of a reset: linger is on, for no time at all.
_AT_ONCE = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class AbortableProtocol(H11Protocol):
    """uvicorn's own HTTP/1.1, with `EXTENSION` in every scope; it doesn't outlive the server for a slow answer."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        app: ASGIApp = self.app

        async def offering(scope: Scope, receive: Receive, send: Send) -> None:
            extensions = {**(scope.get("extensions") or {}), EXTENSION: self.abort}
            await app({**scope, "extensions": extensions}, receive, send)

        self.app = offering

    def abort(self) -> None:
        """Reset the connection. What was sent and has left this machine's buffers stays sent."""
        with contextlib.suppress(OSError):  # the client was quicker
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        self.transport.abort()

    def shutdown(self) -> None:
        """End the connection with the server: an answer that is delayed on purpose is worth no wait."""
        super().shutdown()
        self.transport.close()
