"""Where results go: whole files by rename, devices and pipes as they are, and the same bytes in every locale."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.cli.live_side import Service, manifest

Write = tuple[str, ...]

WRITERS: dict[str, Write] = {
    "--out": ("plan", "models", "--out"),
    "--gitlab-report": ("plan", "models", "--gitlab-report"),
    "--metrics": ("drift", "models", "--metrics"),
    "--junit": ("validate", "models", "--junit"),
}


@pytest.fixture
def there(service: Service) -> Service:
    service.write("models/a.yaml", manifest("petsID", "{name: Größe}"))
    return service


@pytest.mark.parametrize("option", WRITERS)
def test_a_file_is_replaced_and_a_link_followed(there: Service, option: str) -> None:
    target = there.folder / "deep/target"
    there.write("deep/target", "OLD CONTENT")
    (there.folder / "link").symlink_to("deep/target")
    before = target.stat().st_ino
    assert there.run(*WRITERS[option], "link").exit_code in (0, 2)
    assert (there.folder / "link").is_symlink()
    assert target.stat().st_ino != before
    assert "OLD CONTENT" not in target.read_text(encoding="utf-8")
    assert sorted(path.name for path in target.parent.iterdir()) == ["target"]


@pytest.mark.parametrize("option", WRITERS)
def test_what_is_no_file_is_written_into(there: Service, option: str) -> None:
    assert there.run(*WRITERS[option], os.devnull).exit_code in (0, 2)
    assert Path(os.devnull).is_char_device()
    fifo = there.folder / "fifo"
    os.mkfifo(fifo)
    (there.folder / "link").symlink_to("fifo")
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(fifo.read_text(encoding="utf-8")), daemon=True)
    reader.start()
    assert there.run(*WRITERS[option], "link").exit_code in (0, 2)
    reader.join(10)
    assert fifo.is_fifo()
    assert read[0].endswith("\n")


def _is_mountable() -> bool:
    """Whether this user may mount a file in a namespace of its own."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return False
    script = "t=$(mktemp -d) && touch $t/a $t/b && mount --bind $t/a $t/b"
    return subprocess.run([unshare, "-rm", "sh", "-c", script], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not _is_mountable(), reason="needs Linux with user namespaces")
@pytest.mark.parametrize("folder_mode", ["rw", "ro"])
@pytest.mark.parametrize("option", WRITERS)
def test_a_file_that_is_mounted_by_itself_is_written_in_place(there: Service, option: str, folder_mode: str) -> None:
    """As Docker and Kubernetes mount single files: a rename over it fails with EBUSY, or the folder takes no other file."""
    there.write("outside/file", "OLD CONTENT")
    there.write("inside/file", "")
    inode = (there.folder / "outside/file").stat().st_ino
    mounts = "mount --bind inside inside; mount --bind outside/file inside/file; mount -o remount,bind,$1 inside; "
    command = [sys.executable, "-m", "reconciler", *WRITERS[option], "inside/file"]
    ended = subprocess.run(
        ["unshare", "-rm", "sh", "-c", f'set -e; {mounts}cd "$PWD"; shift; exec "$@"', "sh", folder_mode, *command],
        capture_output=True,
        text=True,
        env={**os.environ, "CLARIFAI_PAT": "pat", "CLARIFAI_API_BASE": there.emulator.url},
        cwd=there.folder,
        check=False,
    )
    assert ended.returncode in (0, 2), ended.stderr
    written = (there.folder / "outside/file").read_text(encoding="utf-8")
    assert "OLD CONTENT" not in written
    assert written.endswith("\n")
    assert (there.folder / "outside/file").stat().st_ino == inode
    assert [path.name for path in (there.folder / "inside").iterdir()] == ["file"]


def test_a_drift_history_may_be_a_link(there: Service) -> None:
    (there.folder / "history").mkdir()
    (there.folder / "state.json").symlink_to("history/state.json")
    for _ in range(2):
        assert there.run("drift", "models", "--state", "state.json").exit_code == 2
    assert (there.folder / "state.json").is_symlink()
    assert json.loads((there.folder / "history/state.json").read_text(encoding="utf-8"))["entries"]


def test_a_folder_is_an_error(there: Service) -> None:
    result = there.run("plan", "models", "--out", "models")
    assert (result.exit_code, result.stdout) == (1, "")


@pytest.mark.parametrize("name", ["json", "markdown", "html"])
def test_documents_are_utf_8_in_every_locale(there: Service, name: str) -> None:
    ids = {"CLARIFAI_PAT": "pat", "CLARIFAI_API_BASE": there.emulator.url}
    ended = subprocess.run(
        [sys.executable, "-m", "reconciler", "plan", "models", "--format", name],
        capture_output=True,
        env={**os.environ, **ids, "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"},
        cwd=there.folder,
        check=True,
    )
    assert "Größe" in ended.stdout.decode("utf-8")


HOSTILE = (
    "a\u009bb\u202ec\u200dd\ufe0fe\u3164f\u034fg\u2800h\u007fi\U000e0100 ##vso[task.x] ##teamcity[y] ##[z] ##VSO[x]"
)


@pytest.mark.parametrize("name", ["text", "json", "markdown", "html"])
def test_nothing_unseen_and_no_command_reaches_the_output(there: Service, name: str) -> None:
    spelled = "".join(
        letter if letter.isascii() and letter.isprintable() else f"\\U{ord(letter):08x}" for letter in HOSTILE
    )
    there.write("models/a.yaml", manifest("petsID", f'{{description: "{spelled}"}}'))
    result = there.run("plan", "models", "--format", name)
    assert result.exit_code == 0
    assert {letter for letter in HOSTILE if not letter.isascii() or letter == "\x7f"} & set(result.stdout) == set()
    for command in ("##vso[", "##teamcity[", "##["):
        assert command not in result.stdout.lower()
    if name == "json":
        assert result.document()["changes"][0]["fields"][0]["after"] == HOSTILE
