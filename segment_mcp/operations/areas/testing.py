"""Testing: an operation that answers what it is told."""

from segment_mcp.operations.operation import GET, Operation

OPERATIONS = (
    Operation(
        "echo",
        GET,
        "/echo",
        safety="read",
        summary="Send back the message given, with a delay, status code or error if wanted.",
        words=(
            "ping test connectivity debug health check headers simulate reachable diagnose fake error 500 client "
            "copes api answers alive mock timeout hello answer token"
        ),
        answer=("method", "message", "headers"),
        query=("message", "delay", "triggerError", "triggerMultipleErrors", "triggerUnexpectedError", "statusCode"),
    ),
)
