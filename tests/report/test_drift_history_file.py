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


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is damaged: it is not a JSON document"),
        ('{"kind": "DriftHist', "is damaged: it is not a JSON document"),
        ("\x00\xff", "is damaged: it is not a JSON document"),
        ("[" * 100_000, "is damaged: it is not a JSON document"),
        ("[]", "is not a drift history: its kind is not DriftHistory"),
        ({"kind": "Plan"}, "is not a drift history: its kind is not DriftHistory"),
        ({**GOOD, "format_version": "2.0"}, "has format 2.0, but this version of the tool reads 1.1"),
        ({**GOOD, "format_version": None}, "has format None, but this version of the tool reads 1.1"),
        ({**GOOD, "entries": {}}, "entries is not a list"),
        ({**GOOD, "entries": None}, "is damaged: a part of it is missing or wrong"),
        ({**GOOD, "entries": [{"address": "a"}]}, "is damaged: a part of it is missing or wrong (KeyError: 'path')"),
        ({**GOOD, "entries": [*GOOD["entries"], *GOOD["entries"]]}, "two entries for one path"),
        ({**GOOD, "entries": [{**GOOD["entries"][0], "first_seen": 7}]}, "first_seen is not a string"),
        ({**GOOD, "entries": [{**GOOD["entries"][0], "address": "x"}]}, "'x' is not an address"),
        ({**GOOD, "salt": "zz"}, "is damaged"),
        ({**GOOD, "salt": "00"}, "the salt is too short"),
        ({**GOOD, "endpoint": "https://other"}, "is about drift on https://other, but the endpoint of this run is"),
    ],
)
def test_a_file_that_cannot_be_used_is_an_error_and_stays_as_it_is(
    tmp_path: Path, content: str | dict[str, Any], said: str
) -> None:
    path = tmp_path / "state.json"
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_text(text, encoding="latin-1")
    with pytest.raises(ReconcilerError) as raised:
        update_history(path, lambda history: (None, history), endpoint=ENDPOINT)
    assert str(path) in str(raised.value)
    assert said in str(raised.value)
    assert path.read_text(encoding="latin-1") == text


def test_a_later_minor_format_is_read(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text(json.dumps({**GOOD, "format_version": "1.7", "more": True}), encoding="utf-8")
    assert len(read_history(path, endpoint=ENDPOINT).entries) == 1


def test_places_that_cannot_hold_a_file(tmp_path: Path) -> None:
    for path, said in (
        (tmp_path / "none" / "s.json", "doesn't exist"),
        (tmp_path, "can't be read: Is a directory"),
    ):
        with pytest.raises(ReconcilerError) as raised:
            read_history(path, endpoint=ENDPOINT)
        assert said in str(raised.value)


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
