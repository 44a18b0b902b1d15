"""Talks to Segment: builds requests, signs them, sends them, and turns answers into data or errors.

Knows nothing of MCP. `client.SegmentClient` is the door; the decisions around it (which host, which path,
what a status means) are pure functions in modules of their own.
"""
