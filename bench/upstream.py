"""A stand-in for Segment that costs almost nothing: answers every GET with the same 2 KB destination."""

import asyncio
import json
import sys

DESTINATION = {
    "id": "5GFhvtz8fha42Cm4B4E5L6",
    "name": "Mixpanel",
    "enabled": True,
    "sourceId": "qQEHquLrjRDN9j1ByrChyn",
    "metadata": {"id": "54521fd925e721e32a72eed6", "name": "Mixpanel", "description": "x" * 1500},
    "settings": {"token": "\u2022" * 10, "people": True, "trackAllPages": False},
}
BODY = json.dumps({"data": {"destination": DESTINATION}}).encode()
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + str(len(BODY)).encode() + b"\r\n\r\n"
) + BODY


class Upstream(asyncio.Protocol):
    """Answers each request head; GET requests have no body."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """A request."""
        if data.endswith(b"\r\n\r\n"):
            self._transport.write(ANSWER)


async def main() -> None:
    """Listen on a free port of this machine and say which."""
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
