"""User groups: people with the same permissions."""

from segment_mcp.operations.operation import DELETE, GET, PATCH, POST, PUT, Operation

OPERATIONS = (
    Operation(
        "replaceUsersInUserGroup",
        PUT,
        "/group/{userGroupId}/users",
        safety="destroy",
        summary="Set a group's whole member list by email; anyone not listed leaves it.",
        words=(
            "overwrite membership team reset sync roster teammates exact everyone iam exactly match okta members "
            "complete consists precisely people"
        ),
        harm=(
            "Everyone not on the new list leaves the group and loses the access it gave; the old member list isn't "
            "kept."
        ),
        answer=("userGroup",),
        body=True,
        per_minute=60,
        audit=("Subjects Added to Group", "User Added To User Group", "Group Memberships Deleted"),
    ),
    Operation(
        "removeUsersFromUserGroup",
        DELETE,
        "/group/{userGroupId}/users",
        safety="destroy",
        summary="Take people, or those still invited, out of a user group by email.",
        words=(
            "kick member team teammate colleague drop offboard membership revoke iam moved department quits leaves "
            "doesn't belong belongs"
        ),
        harm="These people lose the access they had through the group; they can be added again, but not automatically.",
        answer=("status",),
        query=("emails",),
        per_minute=60,
        audit=("Group Memberships Deleted", "User Removed From User Group"),
    ),
    Operation(
        "listUserGroups",
        GET,
        "/groups",
        safety="read",
        summary="List the workspace's user groups with their size and permissions.",
        words="teams all iam access memberships count overview departments which exist organised people belong",
        answer=("userGroups", "pagination"),
        query=("pagination",),
        pagination="cursor",
    ),
    Operation(
        "createUserGroup",
        POST,
        "/groups",
        safety="write",
        summary="Make an empty user group, to be given members and permissions afterwards.",
        words=(
            "new team add iam set up department access define freelancers start finance agency group form open partners"
        ),
        answer=("userGroup",),
        body=True,
        per_minute=60,
        audit=("User Group Created", "Policy Created"),
    ),
    Operation(
        "getUserGroup",
        GET,
        "/groups/{userGroupId}",
        safety="read",
        summary="Read one user group: its name, member count and permissions.",
        words="team details show access policy iam role size members allowed touch roles big number people",
        answer=("userGroup",),
    ),
    Operation(
        "updateUserGroup",
        PATCH,
        "/groups/{userGroupId}",
        safety="write",
        summary="Rename a user group.",
        words="team change title edit name iam retitle called named renamed become bad",
        answer=("userGroup",),
        body=True,
        per_minute=60,
        audit=("User Group Updated",),
    ),
    Operation(
        "deleteUserGroup",
        DELETE,
        "/groups/{userGroupId}",
        safety="destroy",
        summary="Delete a user group together with the permissions it gives.",
        words="remove team drop disband iam erase access policy history dissolve break close dissolved",
        harm="The group is gone for good and its members lose the access they had only through it.",
        answer=("status",),
        per_minute=60,
        audit=("User Group Deleted",),
    ),
    Operation(
        "listInvitesFromUserGroup",
        GET,
        "/groups/{userGroupId}/invites",
        safety="read",
        summary="List the email addresses invited into a user group that haven't joined yet.",
        words=(
            "pending team invitations invitees outstanding waiting open unaccepted iam asked join answered accept "
            "signed hasn't members"
        ),
        answer=("emails", "pagination"),
        query=("pagination",),
        pagination="cursor",
    ),
    Operation(
        "addPermissionsToUserGroup",
        POST,
        "/groups/{userGroupId}/permissions",
        safety="write",
        summary="Grant a user group more roles on chosen resources, keeping those it has.",
        words=(
            "team access allow give policy admin assign rights iam source warehouse label able manage additionally "
            "allowed department"
        ),
        answer=("permissions",),
        body=True,
        per_minute=60,
        audit=("Policy Created", "User Group Policy Updated"),
    ),
    Operation(
        "replacePermissionsForUserGroup",
        PUT,
        "/groups/{userGroupId}/permissions",
        safety="destroy",
        summary="Set the whole list of roles that a user group has, dropping all others.",
        words="team access policy overwrite reset rights revoke restrict exact iam reduce strip exactly far limit",
        harm="Every permission not on the new list is taken from all members of the group; the old list isn't kept.",
        answer=("permissions",),
        body=True,
        per_minute=60,
        audit=("Policy Deleted",),
    ),
    Operation(
        "listUsersFromUserGroup",
        GET,
        "/groups/{userGroupId}/users",
        safety="read",
        summary="List the people who are in a user group.",
        words="team members belongs membership teammates colleagues emails roster iam",
        answer=("users", "pagination"),
        query=("pagination",),
        pagination="cursor",
    ),
    Operation(
        "addUsersToUserGroup",
        POST,
        "/groups/{userGroupId}/users",
        safety="write",
        summary="Put people into a user group by email, so that they gain its permissions.",
        words=(
            "team member join teammate colleague access assign membership onboard iam starts joins people belongs "
            "newest moved become part"
        ),
        answer=("userGroup",),
        body=True,
        per_minute=60,
        audit=("Subjects Added to Group", "User Added To User Group"),
    ),
)
