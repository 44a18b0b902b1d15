"""Logs of this process: to stderr only, with the configured credentials taken out."""

import logging

from segment_mcp.redact import Scrubber, ScrubbingFormatter

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

_TALKATIVE = ("httpx2", "httpcore2", "mcp", "mcp_types", "sse_starlette", "uvicorn", "asyncio")
"""Libraries that log whole URLs or messages when they are asked for details; a URL can carry a write key."""


def configure(scrubber: Scrubber, level: int = logging.WARNING) -> None:
    """Log to stderr.

    Args:
        scrubber: knows the credentials.
        level: of this package; others log from WARNING on, whatever it is.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(ScrubbingFormatter(FORMAT, scrubber))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for library in _TALKATIVE:
        logging.getLogger(library).setLevel(max(level, logging.WARNING))
