"""What one apply meant to do and how far it came, on disk before each call: a run that dies leaves the truth behind.

    STATE/runs/RUN/plan.json       the plan as it would be saved: before and after of every field, every request, no secret
    STATE/runs/RUN/journal.jsonl   one line an event, in order, each on the disk before the next step is taken

Events: `begin`, `sending` (before each call), `acknowledged` or `failed` (its answer), `verified` (what reading back said),
`end`. A request that is `sending` and has no answer may or may not have been carried out; reading the live side tells.
A last line that a crash cut short is passed over. Run ids are plain names, so nothing is written outside the folder.
"""

from __future__ import annotations

import json
import os
import re
import socket
import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from reconciler.apply.sending import Status, StepResult
from reconciler.errors import ReconcilerError
from reconciler.plan import document
from reconciler.plan.plan import Plan
from reconciler.plan.saved import read_plan, write_plan
from reconciler.resources.keys import Key
from reconciler.resources.request import Request
from reconciler.state.folder import PRIVATE_FILE, PRIVATE_FOLDER, VARIABLE, make_private_folder, sync_folder

PLAN: Final = "plan.json"
EVENTS: Final = "journal.jsonl"

LATEST: Final = "latest"
"""Stands for the last run wherever the id of one is asked for."""
_RUN_ID: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")
_MOST_RUNS_AT_ONCE: Final = 1000


class Journal:
    """The journal of one run, open for writing. Safe for several threads. Every failure is a ReconcilerError."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
            self._handle = os.open(folder / EVENTS, flags, PRIVATE_FILE)
            _cut_torn_line(folder / EVENTS)
        except OSError as error:
            raise _unwritable(folder, error) from error

    @property
    def run(self) -> str:
        """The run's id."""
        return self.folder.name

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._handle)

    def begin(self, *, at: str) -> None:
        """A process has taken the run on; `at` is RFC 3339. The place of the newest run before it goes along (`_place`)."""
        places = (_place(folder) for folder in _folders(self.folder.parent) if folder != self.folder)
        after = max(places, default="")
        self._write({"event": "begin", "at": at, "after": after, "pid": os.getpid(), "host": socket.gethostname()})

    def sending(self, position: int, request: Request) -> None:
        """A call is about to be made."""
        addresses = [key.address for key in request.keys]
        self._write({"event": "sending", "request": position, "rpc": request.rpc, "changes": addresses})

    def answered(self, position: int, result: StepResult) -> None:
        """A call has ended."""
        event = "acknowledged" if result.status is Status.DONE else "failed"
        self._write(
            {
                "event": event,
                "request": position,
                "changes": [key.address for key in result.request.keys],
                "attempts": result.attempts,
                "request_id": result.request_id,
                "error": result.error,
            }
        )

    def recording(self, request: Request) -> None:
        """Owner marks are about to be written: what was sent is recorded in them."""
        self._write({"event": "recording", "changes": [key.address for key in request.keys]})

    def recorded(self, result: StepResult) -> None:
        """A write of owner marks has ended."""
        addresses = [key.address for key in result.request.keys]
        self._write({"event": "recorded", "changes": addresses, "status": result.status.value, "error": result.error})

    def verified(self, *, converged: bool, remaining: Iterable[Key], unread: str | None) -> None:
        """The live side was read back, or couldn't be."""
        left = sorted({key.address for key in remaining})
        self._write({"event": "verified", "converged": converged, "remaining": left, "unread": unread})

    def end(self, *, exit_code: int, backups: Iterable[str]) -> None:
        """The run has ended by itself."""
        self._write({"event": "end", "exit_code": exit_code, "backups": list(backups)})

    def _write(self, event: Mapping[str, Any]) -> None:
        line = json.dumps(event, ensure_ascii=True) + "\n"
        try:
            with self._lock:
                os.write(self._handle, line.encode("ascii"))
                os.fsync(self._handle)
        except OSError as error:
            raise _unwritable(self.folder, error) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as its journal tells it.

    `sent` are, by position of the request in the plan, the addresses of the objects that calls were made about;
    `is_ended` says that the process lived to tell its end, `exit_code` which.
    """

    run: str
    folder: Path
    plan: Plan
    sent: Mapping[int, frozenset[str]]
    backups: tuple[str, ...] = ()
    exit_code: int | None = None

    @property
    def is_ended(self) -> bool:
        """Whether the process lived to tell the run's end."""
        return self.exit_code is not None


def start_run(root: Path, run_id: str, plan: Plan) -> Journal:
    """Make the folder of a new run, with the plan in it. Another run of the same instant gets a number."""
    try:
        make_private_folder(root)
        folder = _new_folder(root, run_id)
        write_plan(plan, str(folder / PLAN))
        sync_folder(folder)
        sync_folder(root)
    except OSError as error:
        raise _unwritable(root, error) from error
    return Journal(folder)


def _new_folder(root: Path, run_id: str) -> Path:
    for number in range(_MOST_RUNS_AT_ONCE):
        folder = root / (f"{run_id}-{number}" if number else run_id)
        try:
            folder.mkdir(mode=PRIVATE_FOLDER)
        except FileExistsError:
            continue
        return folder
    raise ReconcilerError(f"{root} holds {_MOST_RUNS_AT_ONCE} runs named {run_id}. Set the clock right.")


def read_run(root: Path, run_id: str, *, kinds: Collection[str] = (document.PLAN,)) -> Run:
    """A run of this state folder, the last one for "latest".

    Raises ReconcilerError where there is none of that id, or it can't be read.
    """
    known = _names_by_time(root)
    if run_id == LATEST and known:
        run_id = known[0]
    folder = root / run_id
    if not _RUN_ID.fullmatch(run_id) or not (folder / PLAN).is_file():
        there = f"The latest there are: {', '.join(known[:5])}." if known else "There is none yet."
        raise ReconcilerError(f"There is no run {run_id!r} in {root}. {there}")
    plan = read_plan(str(folder / PLAN), kinds=kinds)
    sent: dict[int, frozenset[str]] = {}
    backups: tuple[str, ...] = ()
    exit_code = None
    try:
        for event in _events(folder / EVENTS):
            if event["event"] == "sending":
                position = range(len(plan.requests))[int(event["request"])]
                sent[position] = sent.get(position, frozenset()) | frozenset(event["changes"])
                exit_code = None
            elif event["event"] == "end":
                exit_code, backups = int(event["exit_code"]), (*backups, *event["backups"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ReconcilerError(
            f"The journal {folder / EVENTS} can't be read: an event lacks what it should hold."
        ) from error
    return Run(run=run_id, folder=folder, plan=plan, sent=sent, backups=backups, exit_code=exit_code)


def _folders(root: Path) -> list[Path]:
    return [path for path in root.glob("*") if (path / PLAN).is_file()]


def _names_by_time(root: Path) -> list[str]:
    """The names of all runs, the newest first."""
    folders = sorted(_folders(root), key=lambda folder: (_place(folder), folder.name), reverse=True)
    return [folder.name for folder in folders]


def _place(folder: Path) -> str:
    """Where a run stands among the others: larger texts are newer runs; "" where its journal doesn't say.

    That is the time at which it began, by what its journal says and not by the folder's name. Where the clock was turned back
    since the newest run before it, it is the place of that run with a + behind it: larger, and smaller than any later time.
    """
    try:
        with (folder / EVENTS).open("rb") as file:
            event = json.loads(file.readline())
        if event["event"] != "begin":
            return ""
        at, after = str(event["at"]), str(event.get("after", ""))
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return at if at > after else f"{after}+"


def _events(path: Path) -> list[Mapping[str, Any]]:
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        lines = []
    except OSError as error:
        raise ReconcilerError(f"The journal {path} can't be read: {error.strerror}.") from error
    # What stands after the last line break is nothing, or what a crash cut short.
    events = [_event(path, number, line) for number, line in enumerate(lines[:-1], 1)]
    if not events:
        raise ReconcilerError(
            f"The journal {path} is missing or empty, though its plan is there: what the run sent is not known. "
            "Compare the live side with `reconciler plan`, and restore the file if you have a copy of it."
        )
    return events


def _event(path: Path, number: int, line: bytes) -> Mapping[str, Any]:
    try:
        event = json.loads(line)
        return {"event": event["event"], **event}
    except (ValueError, KeyError, TypeError) as error:
        raise ReconcilerError(f"The journal {path} can't be read: line {number} is no event.") from error


def _cut_torn_line(path: Path) -> None:
    """Take away what a crash left of a line, so that the next one doesn't go on where it ends."""
    content = path.read_bytes()
    os.truncate(path, content.rfind(b"\n") + 1)


def _unwritable(folder: Path, error: OSError) -> ReconcilerError:
    return ReconcilerError(
        f"The journal of this run can't be written to {folder}: {error.strerror or error}. Nothing is sent without it; "
        f"free some space, or name another folder in {VARIABLE}."
    )
