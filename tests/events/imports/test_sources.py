"""What is imported: nothing outside the import folder is ever opened, and the same thing is known again."""

import io
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from segment_mcp.errors import InvalidArguments, NotAllowed
from segment_mcp.events.imports import sources
from segment_mcp.events.imports.sources import HEAD, Source

SECRET = b'{"secret":"outside"}\n'
INSIDE = b'{"inside":true}\n'

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes of POSIX")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An import folder with a file and a folder in it, and secrets beside it."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.ndjson").write_bytes(SECRET)
    (tmp_path / "secret.ndjson").write_bytes(SECRET)
    inside = tmp_path / "imports"
    (inside / "sub" / "deeper").mkdir(parents=True)
    (inside / "events.ndjson").write_bytes(INSIDE)
    (inside / "sub" / "deeper" / "events.ndjson").write_bytes(INSIDE)
    return inside


@contextmanager
def opened(folder: Path | None, name: str) -> Iterator[Source]:
    source = sources.from_folder(folder, name)
    try:
        yield source
    finally:
        source.file.close()


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0  # noqa: PTH208 - one number


def is_refused(folder: Path, name: str) -> str:
    before = descriptors()
    with pytest.raises(InvalidArguments) as caught:
        sources.from_folder(folder, name)
    assert descriptors() == before
    assert [problem["field"] for problem in caught.value.details["problems"]] == ["file"]
    assert "outside" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "name", ["events.ndjson", "./events.ndjson", "sub/deeper/events.ndjson", "sub//deeper/./events.ndjson"]
)
def test_a_file_in_the_folder_is_opened(folder: Path, name: str) -> None:
    with opened(folder, name) as source:
        assert source.file.read() == INSIDE
        assert source.name == "events.ndjson"
        assert source.size == len(INSIDE)
        assert source.dead_letters is not None
        assert source.dead_letters.is_relative_to(folder)


def test_a_hidden_file_is_a_file(folder: Path) -> None:
    (folder / ".events").write_bytes(INSIDE)
    with opened(folder, ".events") as source:
        assert source.file.read() == INSIDE


def test_a_folder_that_is_a_link_of_the_operators_is_the_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    with opened(tmp_path / "link", "events.ndjson") as through, opened(folder, "events.ndjson") as straight:
        assert through.identity == straight.identity


@pytest.mark.parametrize(
    "name",
    [
        "../secret.ndjson",
        "..",
        "sub/../../secret.ndjson",
        "sub/..",
        "sub/../events.ndjson",
        "/etc/passwd",
        "//etc/passwd",
        "",
        ".",
        "/",
        "events.ndjson\0.csv",
        "\0",
        "..\0",
        "missing.ndjson",
        "sub",
        "sub/",
        "sub/deeper",
        "events.ndjson/x",
        "x" * 300,
        "x/" * 3_000,
        "\udcff",
        "events.ndjson\n",
        "%2e%2e/secret.ndjson",
        "~/secret.ndjson",
        "..\\secret.ndjson",
    ],
    ids=range(25),
)
def test_what_is_no_file_in_the_folder_is_refused(folder: Path, name: str) -> None:
    is_refused(folder, name)


def test_a_name_that_no_file_can_have_is_refused(folder: Path) -> None:
    is_refused(folder, "\ud800")
    is_refused(folder, "\ud800/events.ndjson")


def test_an_absolute_name_inside_the_folder_is_refused_too(folder: Path) -> None:
    is_refused(folder, str(folder / "events.ndjson"))


@needs_posix
@pytest.mark.parametrize("target", ["../secret.ndjson", "events.ndjson", "/etc/passwd", "nowhere", "/dev/zero"])
def test_a_link_to_a_file_is_refused_wherever_it_leads(folder: Path, target: str) -> None:
    (folder / "link").symlink_to(target)
    assert "link" in is_refused(folder, "link")


@needs_posix
@pytest.mark.parametrize("target", ["../outside", "sub", "/etc", "."])
def test_a_link_to_a_folder_is_refused_wherever_it_leads(folder: Path, target: str) -> None:
    (folder / "link").symlink_to(target)
    for name in ("secret.ndjson", "deeper/events.ndjson", "passwd", "events.ndjson", ""):
        is_refused(folder, f"link/{name}")


@needs_posix
def test_a_link_that_is_put_in_the_place_of_a_folder_meanwhile_is_not_followed(folder: Path) -> None:
    (folder / "sub" / "secret.ndjson").write_bytes(INSIDE)
    stop = threading.Event()

    def swap() -> None:
        kept = folder.parent / "kept"
        while not stop.is_set():
            (folder / "sub").rename(kept)
            (folder / "sub").symlink_to("../outside")
            time.sleep(0.0001)
            (folder / "sub").unlink()
            kept.rename(folder / "sub")
            time.sleep(0.0003)

    swapping = threading.Thread(target=swap)
    swapping.start()
    tried = taken = 0
    try:
        while tried < 2_000 or (not taken and tried < 200_000):  # on a busy machine none may hit the right moment early
            tried += 1
            try:
                with opened(folder, "sub/secret.ndjson") as source:
                    taken += 1
                    assert source.file.read() == INSIDE
            except InvalidArguments:
                pass
    finally:
        stop.set()
        swapping.join()
    assert taken


@needs_posix
def test_what_was_opened_stays_what_it_was(folder: Path) -> None:
    with opened(folder, "events.ndjson") as source:
        (folder / "events.ndjson").unlink()
        (folder / "events.ndjson").symlink_to("../secret.ndjson")
        assert source.file.read() == INSIDE


@needs_posix
def test_pipes_sockets_and_devices_are_refused_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(folder / "pipe")
    monkeypatch.chdir(folder)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        for name in ("pipe", "socket"):
            is_refused(folder, name)
    for name in ("null", "zero"):
        is_refused(Path("/dev"), name)


@needs_posix
def test_a_file_that_may_not_be_read_is_refused(folder: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (folder / "events.ndjson").chmod(0)
    assert "permission" in is_refused(folder, "events.ndjson")


def test_without_a_folder_no_file_can_be_imported() -> None:
    with pytest.raises(NotAllowed) as caught:
        sources.from_folder(None, "events.ndjson")
    assert caught.value.details["setting"] == "SEGMENT_MCP_IMPORT_DIR"


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    is_refused(tmp_path / "missing", "events.ndjson")
    (tmp_path / "file").write_bytes(INSIDE)
    is_refused(tmp_path / "file", "events.ndjson")


def test_a_file_is_known_again_by_its_real_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "link").symlink_to("events.ndjson")
    monkeypatch.chdir(folder)
    identities = set()
    for path in (folder / "events.ndjson", Path("events.ndjson"), Path("sub/../events.ndjson"), Path("link")):
        source = sources.from_path(path)
        identities.add(source.identity)
        assert source.file.read() == INSIDE
        source.file.close()
    with opened(folder, "./events.ndjson") as source:
        identities.add(source.identity)
    assert identities == {str(folder / "events.ndjson")}


def test_a_path_that_can_not_be_opened_is_an_error(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(OSError, match="directory"):
            sources.from_path(path)


@needs_posix
def test_a_named_pipe_is_known_by_what_comes_through_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    identities = []
    for content in (INSIDE, SECRET, INSIDE):
        writer = subprocess.Popen(
            [sys.executable, "-c", f"open({str(tmp_path / 'pipe')!r}, 'wb').write({content!r})"],
        )
        source = sources.from_path(tmp_path / "pipe")
        assert source.size is None
        assert source.file.read(HEAD) == content
        identities.append(source.identity)
        source.file.close()
        assert writer.wait(10) == 0
    assert identities[0] == identities[2] != identities[1]


def test_a_stream_is_known_by_its_beginning_and_loses_nothing() -> None:
    content = bytes(range(256)) * (HEAD // 128)
    identities = []
    for text in (content, content[:100], content[:100]):
        source = sources.from_stream(io.BytesIO(text))
        found = b""
        while piece := source.file.read(1_000):
            found += piece
        assert found == text
        assert source.size is None
        assert source.dead_letters is None
        identities.append(source.identity)
    assert identities[0] != identities[1] == identities[2]


def test_events_are_known_by_what_they_are() -> None:
    events = [{"type": "track", "userId": "u", "event": "\u00fc \ud800"}]
    first, second = sources.from_events(events), sources.from_events([dict(events[0])])
    assert first.identity == second.identity
    assert first.identity != sources.from_events([*events, *events]).identity
    assert first.size == len(first.file.read())
    assert "\u00fc" not in first.identity
