"""`reconciler runs`: list what applies, undos and purges did from here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from reconciler.cli.help import command as helpful_command
from reconciler.cli.options import CommonOptions, common_options
from reconciler.cli.output import counted, echo_json, echo_result, echo_table, is_page, note
from reconciler.cli.run import open_session, reporting_problems

if TYPE_CHECKING:
    from reconciler.apply.runs import RunEntry

_HEADERS: Final = ("RUN", "STARTED (UTC)", "STATUS", "UPDATE", "DELETE", "COMMIT", "UNDO", "ACTOR")
_SHORT: Final = 10
"""Characters of a commit's id in the table."""


@helpful_command("runs")
@common_options()
@reporting_problems
def command(common: CommonOptions) -> int:
    """List the runs of apply, undo and purge that were made with this state folder, the newest first. Reads local files only.

    A run is what `reconciler undo RUN` and `reconciler apply --resume RUN` take. UPDATE and DELETE count the changes that the run
    planned.
    """
    with open_session(common, connect=False) as session:
        entries = session.list_runs()
        place = session.runs.as_posix()
    for entry in entries:
        if entry.problem is not None:
            note(common, f"warning: run {entry.run_id}: {entry.problem}")
    if common.format == "json":
        echo_json({"kind": "Runs", "runs": [_document(entry) for entry in entries]})
        return 0
    rows = tuple(map(_row, entries))
    if is_page(common):
        from reconciler.report.results import Result

        summary = f"{counted(len(rows), 'run')}."
        echo_result(Result(title="Runs", summary=summary, headers=_HEADERS, rows=rows), common)
        return 0
    if not rows:
        note(common, f"There are no runs in {place}.")
        return 0
    echo_table(*_without_empty_columns(_HEADERS, rows))
    return 0


def _document(entry: RunEntry) -> dict[str, Any]:
    return {
        "id": entry.run_id,
        "started_at": entry.started_at,
        "actor": entry.actor,
        "run_url": entry.run_url,
        "commit": entry.commit,
        "summary": {"update": entry.update, "delete": entry.delete},
        "status": entry.status.value,
        "undo_of": entry.undo_of,
        "undone_by": entry.undone_by,
        "problem": entry.problem,
    }


def _row(entry: RunEntry) -> tuple[str, ...]:
    undo = [("undoes", entry.undo_of), ("undone by", entry.undone_by)]
    return (
        entry.run_id,
        _shown_time(entry.started_at or ""),
        entry.status.value,
        _shown_count(entry.update),
        _shown_count(entry.delete),
        _short_commit(entry.commit or ""),
        ", ".join(f"{word} {run}" for word, run in undo if run is not None),
        _short_actor(entry.actor or ""),
    )


def _shown_time(text: str) -> str:
    """RFC 3339 without its seconds and its zone, which is always UTC."""
    return text[:16].replace("T", " ")


def _shown_count(count: int | None) -> str:
    return "?" if count is None else str(count)


def _short_commit(commit: str) -> str:
    name, hyphen, suffix = commit.partition("-")
    return f"{name[:_SHORT]}{hyphen}{suffix}"


def _short_actor(actor: str) -> str:
    """The name of somebody without the address behind it."""
    name, _, _ = actor.partition(" <")
    return name


def _without_empty_columns(
    headers: Sequence[str], rows: Sequence[Sequence[str]]
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    kept = [column for column in range(len(headers)) if any(row[column] for row in rows)]
    return tuple(headers[column] for column in kept), [tuple(row[column] for column in kept) for row in rows]
