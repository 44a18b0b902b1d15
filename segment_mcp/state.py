"""Where the server keeps what survives it: named by the operator, or where this system keeps such things."""

from pathlib import Path

from segment_mcp.config import DEFAULT_OUTBOX, Settings

IN_MEMORY = ":memory:"


def state_folder(settings: Settings) -> Path:
    """The folder; it may not exist yet."""
    if settings.mcp_state_dir is not None:
        return settings.mcp_state_dir
    from platformdirs import user_state_path

    return user_state_path("segment-mcp", appauthor=False)


def outbox_file(settings: Settings) -> Path | None:
    """The outbox's file, which may not exist yet; None: the embedded Segment forgets everything, so it has none."""
    if settings.mcp_outbox != DEFAULT_OUTBOX:
        return Path(settings.mcp_outbox.partition("://")[2])
    if settings.mcp_sandbox and settings.mcp_state_dir is None:
        return None
    return state_folder(settings) / "outbox.sqlite3"


def ledger_file(settings: Settings) -> Path:
    """The ledger of consents, which may not exist yet. It is always on disk: a person approves in another process."""
    return state_folder(settings) / "consents.sqlite3"
