"""The runs of a state folder: what each apply, undo and purge did, who started it, and which runs are undone.

In: the folder that contains the journals. Out: a RunEntry for each run, the newest first. A run whose journal or plan is
damaged, or was written by an earlier release, is listed with what can be read of it and with the reason why the rest can't be
read. Nothing is written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

from reconciler import exit_codes
from reconciler.apply.journal import EVENTS, PLAN, names_by_time, readable_events, time_in_name
from reconciler.errors import ReconcilerError
from reconciler.resources.tree import MISSING, lookup
from reconciler.state.locks import is_held


class RunStatus(Enum):
    """How a run ended.

    An interrupted run was stopped by a signal, or its process died. A running one has not ended yet.
    """

    DONE = "done"
    INCOMPLETE = "incomplete"
    INTERRUPTED = "interrupted"
    RUNNING = "running"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEntry:
    """One run in the list. `update` and `delete` count the changes of its plan.

    `undo_of` is the run that it undoes, `undone_by` the run that undid it and is not undone itself. None means unknown, or
    nothing. `problem` says what of the run can't be read.
    """

    run_id: str
    status: RunStatus
    started_at: str | None = None
    actor: str | None = None
    run_url: str | None = None
    commit: str | None = None
    update: int | None = None
    delete: int | None = None
    undo_of: str | None = None
    undone_by: str | None = None
    problem: str | None = None


def list_runs(root: Path) -> tuple[RunEntry, ...]:
    """All runs of a state folder, the newest first."""
    return _with_undone_by(_entry(root / name) for name in names_by_time(root))


def latest_to_undo(root: Path) -> str:
    """The id of the latest run that is not an undo and is not undone. Raises ReconcilerError if there is none."""
    entries = list_runs(root)
    found = next((entry.run_id for entry in entries if entry.undo_of is None and entry.undone_by is None), None)
    if found is None:
        if not entries:
            raise ReconcilerError(f"There is nothing to undo: there are no runs in {root}.")
        raise ReconcilerError(
            f"There is nothing to undo: every run in {root} is undone, or is an undo itself. To undo an undo, give its id; "
            "`reconciler runs` lists them."
        )
    return found


def _with_undone_by(entries: Iterable[RunEntry]) -> tuple[RunEntry, ...]:
    """The entries, newest first, each with the run that undid it."""
    undone_by: dict[str, str] = {}
    listed = []
    for entry in entries:
        by = undone_by.get(entry.run_id)
        # An undo that is undone itself has no effect any more. Whatever undid it is newer, so it has been seen already. Of one
        # that isn't complete, a part is still to do.
        if entry.undo_of is not None and entry.status is RunStatus.DONE and by is None:
            undone_by.setdefault(entry.undo_of, entry.run_id)
        listed.append(replace(entry, undone_by=by))
    return tuple(listed)


def _entry(folder: Path) -> RunEntry:
    events, problem = readable_events(folder / EVENTS)
    begin = next((event for event in events if event["event"] == "begin"), {})
    if "summary" not in begin:
        # The journal is damaged, or an earlier release wrote it: the plan contains the same facts.
        begin = {**_facts_from_plan(folder / PLAN), **begin}
        problem = problem or _text(begin, "problem")
    return RunEntry(
        run_id=folder.name,
        status=RunStatus.RUNNING if is_held(folder / EVENTS) else _status(events),
        started_at=_text(begin, "at") or time_in_name(folder.name) or None,
        actor=_text(begin, "actor"),
        run_url=_text(begin, "run_url"),
        commit=_text(begin, "commit"),
        update=_count(begin, "update"),
        delete=_count(begin, "delete"),
        undo_of=_text(begin, "undo_of"),
        problem=problem,
    )


def _status(events: Iterable[Mapping[str, Any]]) -> RunStatus:
    status = RunStatus.INTERRUPTED
    for event in events:
        if event["event"] == "end":
            code = event.get("exit_code")
            ended = RunStatus.INTERRUPTED if code == exit_codes.INTERRUPTED else RunStatus.INCOMPLETE
            status = RunStatus.DONE if code == exit_codes.OK else ended
        elif event["event"] == "begin":
            status = RunStatus.INTERRUPTED
    return status


def _facts_from_plan(path: Path) -> Mapping[str, Any]:
    """The facts of a `begin` event from the plan of a run, which need not be one that could still be applied."""
    try:
        plan: Any = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a JSON document"
        return {"problem": f"The plan {path} can't be read: {reason}."}
    if not isinstance(plan, Mapping):
        return {"problem": f"The plan {path} can't be read: it is not a plan."}
    undo_of, commit = (lookup(plan, place) for place in (("undo", "run"), ("source", "git_commit")))
    is_undo = undo_of is not MISSING
    return {
        "summary": plan.get("summary"),
        "commit": None if is_undo else commit,
        "undo_of": undo_of if is_undo else None,
    }


def _text(event: Mapping[str, Any], name: str) -> str | None:
    value = event.get(name)
    return value if isinstance(value, str) and value else None


def _count(event: Mapping[str, Any], name: str) -> int | None:
    value = lookup(event, ("summary", name))
    return value if type(value) is int else None
