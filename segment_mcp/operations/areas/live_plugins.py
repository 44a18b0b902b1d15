"""Live plugins: code of the workspace that runs in the browsers of its visitors."""

from segment_mcp.operations.operation import DELETE, GET, POST, Operation

OPERATIONS = (
    Operation(
        "createLivePlugin",
        POST,
        "/sources/{sourceId}/live-plugins/create",
        safety="destroy",
        summary="Publish code that changes or filters a source's events on users' devices.",
        words=(
            "javascript snippet mobile app ios android swift kotlin deploy upload update client-side js push "
            "installed apps store release edits events phone air inside device leave"
        ),
        harm=(
            "The code starts running in apps on real users' devices in place of what ran before; altered events can't "
            "be restored."
        ),
        answer=("livePlugin",),
        body=True,
        stability="alpha",
        feature="live-plugins",
    ),
    Operation(
        "deleteLivePluginCode",
        DELETE,
        "/sources/{sourceId}/live-plugins/delete-code",
        safety="destroy",
        summary="Take away the code that live plugins run on a source's devices, leaving the feature on.",
        words=(
            "remove javascript snippet mobile ios android swift kotlin unpublish clear rollback phones causes crashes "
            "pull shipped download withdraw broke"
        ),
        harm="Apps stop changing and filtering events with this code; it has to be published again to come back.",
        answer=("status",),
        stability="alpha",
        feature="live-plugins",
    ),
    Operation(
        "getLatestFromLivePlugins",
        GET,
        "/sources/{sourceId}/live-plugins/latest",
        safety="read",
        summary="Read the newest live plugin code of a source, with its version and download link.",
        words=(
            "javascript snippet mobile ios android swift kotlin current deployed published show shipped air app "
            "moment version run devices running"
        ),
        answer=("livePlugin",),
        stability="alpha",
        feature="live-plugins",
    ),
)
