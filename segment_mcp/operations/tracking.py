"""The Tracking API: the six kinds of event, and many of them at once."""

from segment_mcp.operations.operation import POST, Operation

OPERATIONS = (
    Operation("identify", POST, "/v1/identify", "write", "Tie a user to their traits.", api="tracking"),
    Operation("track", POST, "/v1/track", "write", "Record what a user did.", api="tracking"),
    Operation("page", POST, "/v1/page", "write", "Record a page view.", api="tracking"),
    Operation("screen", POST, "/v1/screen", "write", "Record a mobile screen view.", api="tracking"),
    Operation("group", POST, "/v1/group", "write", "Tie a user to a group and its traits.", api="tracking"),
    Operation("alias", POST, "/v1/alias", "write", "Merge a previous identity into a user.", api="tracking"),
    Operation("batch", POST, "/v1/batch", "write", "Send many events in one request.", api="tracking"),
)
