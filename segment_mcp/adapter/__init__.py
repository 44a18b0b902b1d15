"""Talks to Segment, and knows nothing of MCP.

    client      the door: one connection's region, credentials and limits
    profiles    the Profile API, with a token of its own
    exchange    sends, and sends again where that helps and does no harm
    http        one request over the process's one HTTP client
    gate        rate limits, kept before they bite
    regions     which region knows a token
    write_keys  which write key is meant
    pages       walks over a list

What they decide (`requests`, `answers`, `retry`, `bodies`, `hosts`) are functions of data; `segment_mcp.timing` brings
clock, waits and chance as arguments.
"""
