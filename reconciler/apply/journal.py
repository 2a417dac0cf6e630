"""Records on disk what one apply is about to do and how far it came, so that a run that is cut off can be resumed.

    STATE/runs/RUN/plan.json       the plan as it would be saved: before and after of every field, every request, no secret
    STATE/runs/RUN/journal.jsonl   one line an event, in order, each on the disk before the next step is taken

Events: `begin` (who started it, from which commit, and what it plans), `sending` (before each call), `acknowledged` or `failed` (its answer), `verified` (what reading back said),
`end`. A request that is `sending` and has no response may or may not have been carried out; reading the live state shows which.
A last line that a crash cut short is ignored. Run ids are plain names, so nothing is written outside the folder.
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

from reconciler.apply.results import Status, StepResult
from reconciler.errors import ReconcilerError
from reconciler.plan import document
from reconciler.plan.plan import Plan
from reconciler.plan.saved import read_plan, write_plan
from reconciler.resources.keys import Key
from reconciler.resources.request import Request
from reconciler.state.folder import PRIVATE_FILE, PRIVATE_FOLDER, VARIABLE, make_private_folder, sync_folder
from reconciler.state.locks import hold_lock

PLAN: Final = "plan.json"
EVENTS: Final = "journal.jsonl"

LATEST: Final = "latest"
"""Stands for the last run wherever the id of one is asked for."""
_RUN_ID: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")
_TIME_IN_NAME: Final = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)")
_MOST_RUNS_AT_ONCE: Final = 1000
_MOST_NAMED: Final = 5
"""Runs that an error names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Who runs this process: `actor` is a person or a CI account, `run_url` the page of the CI job. None means unknown."""

    actor: str | None = None
    run_url: str | None = None


class Journal:
    """The journal of one run, open for writing. Safe for several threads. Every failure is a ReconcilerError."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
            self._handle = os.open(folder / EVENTS, flags, PRIVATE_FILE)
            # The lock shows `reconciler runs` that the process is alive. It ends with the process, however that ends.
            hold_lock(self._handle)
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

    def begin(self, plan: Plan, *, at: str, by: Provenance) -> None:
        """A process has started to work on the run; `at` is RFC 3339. It records the place of the newest run before it, too."""
        places = (place_of(folder) for folder in run_folders(self.folder.parent) if folder != self.folder)
        undo = plan.extra.get("undo", {})
        self._write(
            {
                "event": "begin",
                "at": at,
                "after": max(places, default=""),
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "actor": by.actor,
                "run_url": by.run_url,
                # An undo restores what was there before a run. That is not the state of any commit.
                "commit": None if undo else plan.source.git_commit,
                "summary": {name: plan.summary[name] for name in ("update", "delete")},
                "undo_of": undo.get("run"),
            }
        )

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
    """A run as recorded in its journal.

    `sent` are, by position of the request in the plan, the addresses of the objects that calls were made about;
    `is_ended` says that the process recorded its end, with `exit_code`.
    """

    run: str
    folder: Path
    plan: Plan
    sent: Mapping[int, frozenset[str]]
    backups: tuple[str, ...] = ()
    exit_code: int | None = None

    @property
    def is_ended(self) -> bool:
        """Whether the process recorded the end of the run."""
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
    known = names_by_time(root)
    if run_id == LATEST and known:
        run_id = known[0]
    folder = root / run_id
    if not known:
        raise ReconcilerError(f"There is no run in {root} yet.")
    if run_id not in known:
        raise ReconcilerError(
            f"There is no run {run_id!r} in {root}. The latest runs are: {', '.join(known[:_MOST_NAMED])}."
        )
    plan = read_plan(str(folder / PLAN), kinds=kinds)
    sent: dict[int, frozenset[str]] = {}
    backups: tuple[str, ...] = ()
    exit_code = None
    try:
        for event in read_events(folder / EVENTS):
            if event["event"] == "sending":
                position = range(len(plan.requests))[int(event["request"])]
                sent[position] = sent.get(position, frozenset()) | frozenset(event["changes"])
                exit_code = None
            elif event["event"] == "end":
                exit_code, backups = int(event["exit_code"]), (*backups, *map(str, event["backups"]))
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ReconcilerError(f"The journal {folder / EVENTS} can't be read: an event is incomplete.") from error
    return Run(run=run_id, folder=folder, plan=plan, sent=sent, backups=backups, exit_code=exit_code)


def run_folders(root: Path) -> list[Path]:
    """The folders of all runs in a state folder, in no order, damaged ones included."""
    return [path for path in root.glob("*") if _RUN_ID.fullmatch(path.name) and _is_run(path)]


def _is_run(folder: Path) -> bool:
    # os.path instead of Path.is_file, which raises for a folder that this user may not look into: such a run is there too.
    return any(os.path.isfile(folder / name) for name in (PLAN, EVENTS)) or not os.access(folder, os.X_OK)  # noqa: PTH113


def names_by_time(root: Path) -> list[str]:
    """The names of all runs, the newest first."""
    folders = sorted(run_folders(root), key=lambda folder: (place_of(folder), folder.name), reverse=True)
    return [folder.name for folder in folders]


def place_of(folder: Path) -> str:
    """The place of a run among the others: larger strings are newer runs.

    That is the time at which it began, as its journal says, or as its name does where the journal can't be read; "" if neither
    is known. If the clock was turned back since the newest run before it, it is the place of that run with a + behind it:
    larger than that, and smaller than any later time.
    """
    try:
        with (folder / EVENTS).open("rb") as file:
            event = json.loads(file.readline())
        at, after = event["at"], event.get("after", "")
        if event["event"] == "begin" and isinstance(at, str) and isinstance(after, str):
            return at if at > after else f"{after}+"
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    return time_in_name(folder.name)


def time_in_name(run_id: str) -> str:
    """The time that the name of a run contains, as RFC 3339 in whole seconds; "" if it contains none."""
    found = _TIME_IN_NAME.match(run_id)
    return "" if found is None else "{}-{}-{}T{}:{}:{}Z".format(*found.groups())


def read_events(path: Path) -> list[Mapping[str, Any]]:
    """All events of a journal. Raises ReconcilerError if there is none, or one can't be read."""
    events, problem = readable_events(path)
    if problem is not None:
        raise ReconcilerError(problem)
    return events


def readable_events(path: Path) -> tuple[list[Mapping[str, Any]], str | None]:
    """The events of a journal that can be read, and what is wrong with the first thing that can't."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        lines = []
    except OSError as error:
        return [], f"The journal {path} can't be read: {error.strerror}."
    # What stands after the last line break is nothing, or what a crash cut short.
    found = [_event(line) for line in lines[:-1]]
    events = [event for event in found if event is not None]
    if None in found:
        return events, f"The journal {path} can't be read: line {found.index(None) + 1} is not an event."
    if not events:
        return events, (
            f"The journal {path} is missing or empty, though its plan is there: what the run sent is not known. "
            "Compare the live side with `reconciler plan`, and restore the file if you have a copy of it."
        )
    return events, None


def _event(line: bytes) -> Mapping[str, Any] | None:
    try:
        event = json.loads(line)
        return {"event": event["event"], **event}
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _cut_torn_line(path: Path) -> None:
    """Take away what a crash left of a line, so that the next one doesn't go on where it ends."""
    content = path.read_bytes()
    os.truncate(path, content.rfind(b"\n") + 1)


def _unwritable(folder: Path, error: OSError) -> ReconcilerError:
    return ReconcilerError(
        f"The journal of this run can't be written to {folder}: {error.strerror or error}. Nothing is sent without it; "
        f"free some space, or name another folder in {VARIABLE}."
    )
