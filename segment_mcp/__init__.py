"""An MCP server for Twilio Segment. The commands stand in `cli`, the pieces meet in `app`."""

__version__ = "0.1.0"
