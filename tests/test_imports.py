"""Who may import whom, and which library comes in by which door: read from the source, not from memory."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "segment_mcp"

MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "redact": set(),
    "operations": set(),
    "background": set(),
    "timing": set(),
    "envelope": {"errors"},
    "config": {"errors"},
    "ports": {"config", "operations", "timing"},
    "adapter": {"config", "errors", "operations", "ports", "redact", "timing"},
    "events": {"background", "errors", "ports", "redact", "timing"},
    "consent": {"errors", "operations", "ports", "redact", "timing"},
    "fql": set(),
    "mappings": set(),
    "questions": {"errors", "events", "fql", "mappings", "operations", "ports", "redact", "timing"},
    "stores": {"consent", "errors", "events", "ports", "redact"},
    "state": {"config"},
    "tools": {
        "config",
        "consent",
        "envelope",
        "errors",
        "events",
        "operations",
        "ports",
        "questions",
        "redact",
        "timing",
    },
    "sandbox": {"fql", "mappings", "operations"},
    "app": {"adapter", "background", "config", "ports", "redact", "sandbox", "state", "timing", "tools", "wiring"},
    "wiring": {
        "adapter",
        "background",
        "config",
        "consent",
        "errors",
        "events",
        "operations",
        "ports",
        "redact",
        "sandbox",
        "state",
        "stores",
        "timing",
        "tools",
    },
    "resources": {"envelope", "errors", "operations", "ports", "questions", "redact", "tools"},
    "prompts": {"operations"},
    "callers": {"ports"},
    "listeners": {"resources", "tools"},
    "server": {"callers", "envelope", "listeners", "ports", "prompts", "resources", "tools"},
    "transports": {"config", "server"},
    "logs": {"redact"},
    "demo": set(),
    "startup": {"app", "config", "errors", "logs", "server", "transports"},
    "approve_command": {"config", "consent", "errors", "state", "stores", "timing"},
    "import_command": {"app", "background", "config", "errors", "events", "ports"},
    "commands": {
        "app",
        "approve_command",
        "config",
        "demo",
        "errors",
        "import_command",
        "ports",
        "sandbox",
        "server",
        "startup",
        "transports",
    },
    "cli": {"commands", "startup"},
    "__main__": {"cli"},
    "__init__": set(),
}
"""Each room, and the rooms that it may import from; a room may always import from itself."""

DOORS: dict[str, set[str]] = {
    "httpx2": {"adapter", "sandbox"},
    "mcp": {"callers", "listeners", "server", "transports", "demo"},
    "mcp_types": {"callers", "demo", "listeners", "server", "transports"},
    "starlette": {"transports", "sandbox"},
    "uvicorn": {"transports"},
    "jsonschema": {"operations", "questions", "sandbox"},
    "lark": {"fql"},
    "msgspec": {"events"},
    "pyarrow": {"events"},
    "jmespath": {"tools"},
    "snowballstemmer": {"operations"},
    "sqlite3": {"stores"},
    "platformdirs": {"state"},
    "click": {"commands"},
    "rich": {"commands", "demo", "import_command"},
}
"""Each library, and the rooms that may import it."""

STANDARD_LIBRARY_ONLY = {"errors", "redact"}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            assert node.module is not None
            if node.module == "segment_mcp":
                yield from (f"segment_mcp.{alias.name}" for alias in node.names if alias.name != "__version__")
            else:
                yield node.module


SOURCES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_what_it_may(path: Path) -> None:
    room = room_of(path)
    for name in imports_of(path):
        top, _, rest = name.partition(".")
        if top == "segment_mcp":
            target = rest.partition(".")[0]
            assert target == room or target in MAY_IMPORT[room], f"{room} imports {name}"
        elif top in DOORS:
            assert room in DOORS[top], f"{room} imports {name}"
        assert not (room in STANDARD_LIBRARY_ONLY and top in {"pydantic", "anyio", "pydantic_core"})


def test_the_table_names_every_room_and_no_other() -> None:
    assert {room_of(path) for path in SOURCES} == set(MAY_IMPORT)


def test_the_adapter_and_the_sandbox_never_import_each_other() -> None:
    assert "sandbox" not in MAY_IMPORT["adapter"]
    assert "adapter" not in MAY_IMPORT["sandbox"]


UNUSED = (
    "rich",
    "tomllib",
    "msgspec",
    "sqlite3",
    "platformdirs",
    "jsonschema",
    "lark",
    *(
        f"segment_mcp.{room}"
        for room in (
            "adapter",
            "commands",
            "events",
            "fql",
            "mappings",
            "questions.reading",
            "sandbox",
            "stores",
            "transports.web",
        )
    ),
)
LIST_TOOLS = """
import sys
import anyio
from segment_mcp import cli, startup
from segment_mcp.app import open_app
from segment_mcp.config import load
from segment_mcp.server import build_server, listing
from segment_mcp.transports import pipes, stdio

async def main():
    async with open_app(load({})) as toolbox:
        build_server(toolbox)
        assert listing(toolbox)

anyio.run(main)
print(*sys.modules)
"""


def test_a_server_that_only_lists_its_tools_imports_nothing_that_it_does_not_use() -> None:
    command = [sys.executable, "-c", LIST_TOOLS]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert set(UNUSED) & set(shown.stdout.split()) == set()
