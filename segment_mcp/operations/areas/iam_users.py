"""Users of the workspace, their permissions, and invitations."""

from segment_mcp.operations.operation import DELETE, GET, POST, PUT, Operation

OPERATIONS = (
    Operation(
        "listInvites",
        GET,
        "/invites",
        safety="read",
        summary="List the email addresses that have an open invitation to the workspace.",
        words=(
            "pending invitees outstanding unaccepted waiting invited invitations joined accepted answered reacted "
            "missing"
        ),
        answer=("invites", "pagination"),
        query=("pagination",),
        pagination="cursor",
    ),
    Operation(
        "createInvites",
        POST,
        "/invites",
        safety="destroy",
        summary="Invite people to the workspace by email, with the permissions they will have.",
        words=(
            "add teammate colleague new user member onboard send join give access bring login person joins workspace "
            "email address analyst starts board account emails"
        ),
        harm=(
            "Mails the people named and lets them into the workspace; the invitation can be withdrawn, the mail can't."
        ),
        answer=("emails",),
        body=True,
        per_minute=60,
        audit=("Non-Segment User Invited to Workspace", "Policy Created", "New Segment User Invited to Workspace"),
    ),
    Operation(
        "deleteInvites",
        DELETE,
        "/invites",
        safety="destroy",
        summary="Withdraw open invitations to the workspace by email address.",
        words=(
            "cancel revoke pending invitation rescind uninvite remove invitee mistyped wrong address undo asked join "
            "declined sent pull invited mistake"
        ),
        harm=(
            "Those invited can no longer join and lose their places in groups; asking them again means a new "
            "invitation."
        ),
        answer=("status",),
        query=("emails",),
        per_minute=60,
        audit=("Invite Deleted", "Group Memberships Deleted"),
    ),
    Operation(
        "listUsers",
        GET,
        "/users",
        safety="read",
        summary="List everyone with access to the workspace, with emails and permissions.",
        words=(
            "members teammates colleagues people team accounts owners admins roster audit iam log access rights "
            "logins login role print work"
        ),
        answer=("users", "pagination"),
        query=("pagination",),
        pagination="cursor",
    ),
    Operation(
        "deleteUsers",
        DELETE,
        "/users",
        safety="destroy",
        summary="Remove people from the workspace by user id.",
        words=(
            "offboard teammate colleague member kick revoke access leaver employee left deprovision company leaves "
            "fired quit login lock finished works contractors account close friday workspace"
        ),
        harm="These people lose their access to the workspace and their groups; coming back takes a new invitation.",
        answer=("status",),
        query=("userIds",),
        per_minute=60,
        audit=("Group Memberships Deleted",),
    ),
    Operation(
        "getUser",
        GET,
        "/users/{userId}",
        safety="read",
        summary="Read one workspace user: name, email and permissions.",
        words="teammate colleague member person details access roles show owner iam allowed rights",
        answer=("user",),
    ),
    Operation(
        "listUserGroupsFromUser",
        GET,
        "/users/{userId}/groups",
        safety="read",
        summary="List the groups that one person belongs to.",
        words="teams memberships teammate colleague member iam access inherited belongs person part",
        answer=("groups", "pagination"),
        query=("pagination",),
        pagination="cursor",
    ),
    Operation(
        "addPermissionsToUser",
        POST,
        "/users/{userId}/permissions",
        safety="write",
        summary="Grant one person more roles on chosen resources, keeping those they have.",
        words=(
            "access allow give teammate colleague admin policy assign rights promote iam source warehouse login "
            "manage additionally able run"
        ),
        answer=("permissions",),
        body=True,
        per_minute=60,
        audit=("Policy Created", "User Policy Updated"),
    ),
    Operation(
        "replacePermissionsForUser",
        PUT,
        "/users/{userId}/permissions",
        safety="destroy",
        summary="Set the whole list of roles that one person has, dropping all others.",
        words=(
            "access policy overwrite reset revoke restrict demote downgrade teammate colleague rights exact iam read- "
            "only job reduced exactly viewer plain cut far shrink viewing"
        ),
        harm=(
            "Every permission not on the new list is taken from the person, who may be locked out; the old list isn't "
            "kept."
        ),
        answer=("permissions",),
        body=True,
        per_minute=60,
        audit=("Policy Deleted",),
    ),
)
