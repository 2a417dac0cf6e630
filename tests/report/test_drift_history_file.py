"""The drift history on disk: refused unless it is as it was written, whole whoever writes at once, private."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import ReconcilerError
from reconciler.report.drift_history import DriftHistory, Entry
from reconciler.report.drift_history_file import read_history, update_history
from tests.wording import Wording

ENDPOINT = "https://api.clarifai.com"
GOOD: dict[str, Any] = {
    "kind": "DriftHistory",
    "format_version": "1.1",
    "endpoint": ENDPOINT,
    "updated_at": "2026-11-23T14:00:00Z",
    "salt": "00" * 32,
    "entries": [{"address": "a/b/c", "path": "name", "fingerprint": "f", "first_seen": "2026-11-23T14:00:00Z"}],
}


def added(number: int, history: DriftHistory) -> tuple[int, DriftHistory]:
    """One more entry; the result is how many there were."""
    entry = Entry(address=f"a/b/{number:03}", path="name", fingerprint="f", first_seen="2026-11-23T14:00:00Z")
    entries = tuple(sorted({*history.entries, entry}))
    return len(history.entries), DriftHistory(
        salt=history.salt, endpoint=history.endpoint, updated_at="t", entries=entries
    )


def test_a_file_that_is_not_there_is_an_empty_history(tmp_path: Path) -> None:
    history, other = (read_history(tmp_path / "state.json", endpoint=ENDPOINT) for _ in range(2))
    assert (history.entries, history.endpoint, len(history.salt)) == ((), ENDPOINT, 64)
    assert history.salt != other.salt
    assert list(tmp_path.glob("*.json*")) == []


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text(json.dumps(GOOD), encoding="utf-8")
    before = read_history(path, endpoint=ENDPOINT)
    update_history(path, lambda history: (None, history), endpoint=ENDPOINT)
    assert read_history(path, endpoint=ENDPOINT) == before
    assert json.loads(path.read_text(encoding="utf-8")) == GOOD
    assert (path.stat().st_mode & 0o777) == 0o600


ENTRY = GOOD["entries"][0]
WRONG: dict[str, str | dict[str, Any]] = {
    "empty": "",
    "cut short": '{"kind": "DriftHist',
    "not text": "\x00\xff",
    "nested": "[" * 100_000,
    "a list": "[]",
    "another kind": {"kind": "Plan"},
    "another major": {**GOOD, "format_version": "2.0"},
    "no version": {**GOOD, "format_version": None},
    "entries as a mapping": {**GOOD, "entries": {}},
    "no entries": {**GOOD, "entries": None},
    "a part is missing": {**GOOD, "entries": [{"address": "a"}]},
    "an entry twice": {**GOOD, "entries": [ENTRY, ENTRY]},
    "a number as a time": {**GOOD, "entries": [{**ENTRY, "first_seen": 7}]},
    "not an address": {**GOOD, "entries": [{**ENTRY, "address": "x"}]},
    "salt that is not hex": {**GOOD, "salt": "zz"},
    "short salt": {**GOOD, "salt": "00"},
    "another endpoint": {**GOOD, "endpoint": "https://other"},
}


@pytest.mark.parametrize("name", WRONG)
def test_a_file_that_cannot_be_used_is_an_error_and_stays_as_it_is(tmp_path: Path, name: str, wording: Wording) -> None:
    path, content = tmp_path / "state.json", WRONG[name]
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_text(text, encoding="latin-1")
    with pytest.raises(ReconcilerError, match=str(path)) as raised:
        update_history(path, lambda history: (None, history), endpoint=ENDPOINT)
    assert path.read_text(encoding="latin-1") == text
    wording(str(raised.value).partition(" (RecursionError")[0])


def test_a_later_minor_format_is_read(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text(json.dumps({**GOOD, "format_version": "1.7", "more": True}), encoding="utf-8")
    assert len(read_history(path, endpoint=ENDPOINT).entries) == 1


@pytest.mark.parametrize("name", ["none/s.json", "."], ids=["no folder", "a folder"])
def test_a_place_that_cannot_hold_a_file_is_an_error(tmp_path: Path, name: str, wording: Wording) -> None:
    with pytest.raises(ReconcilerError) as raised:
        read_history(tmp_path / name, endpoint=ENDPOINT)
    wording(raised.value)


def test_runs_at_once_lose_nothing_of_each_other(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    threads = [
        threading.Thread(
            target=lambda n=number: update_history(path, lambda history: added(n, history), endpoint=ENDPOINT)
        )
        for number in range(24)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [entry.address for entry in read_history(path, endpoint=ENDPOINT).entries] == [
        f"a/b/{number:03}" for number in range(24)
    ]
    assert sorted(item.name for item in tmp_path.iterdir() if item.is_file()) == [".state.json.lock", "state.json"]


def test_a_lock_that_another_process_holds_is_waited_for_and_reported(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    hold = (
        "import sys\nfrom pathlib import Path\nfrom reconciler.report.drift_history_file import update_history\n"
        "def wait(history):\n    print('held', flush=True); sys.stdin.read(); return None, history\n"
        f"update_history(Path({str(path)!r}), wait, endpoint='x')\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ), text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ReconcilerError) as raised:
            update_history(path, lambda history: (None, history), endpoint="x", lock_seconds=0.1)
        holder.communicate("")
    assert str(raised.value) == (
        f"The state file {path} has been locked by another run for more than 0.1 seconds. Run the command again."
    )
    update_history(path, lambda history: (None, history), endpoint="x", lock_seconds=0)
