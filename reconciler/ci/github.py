"""A run for GitHub Actions: annotations, outputs, and the step's summary.

In: a run's report or problems. Out: workflow commands as lines, and text for the files that GITHUB_OUTPUT and
GITHUB_STEP_SUMMARY name, in GitHub's formats ("Workflow commands for GitHub Actions"). Text from manifests and the service is
escaped, so that it can neither end a value nor begin a command of its own.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from reconciler.apply.results import Status
from reconciler.errors import Origin, Problem, ProblemsError, ReconcilerError, RefusedError
from reconciler.report.escape import neutral
from reconciler.report.markdown_parts import fenced
from reconciler.report.released import released_notices
from reconciler.report.report import Report
from reconciler.report.wrap import without_commands
from reconciler.resources.tree import path_text

MAX_ANNOTATIONS: Final = 10
"""The most that GitHub shows of each level per step ("Limits on annotations")."""

MAX_SUMMARY_BYTES: Final = 1024 * 1024
"""GitHub rejects a larger summary of a step as a whole ("Step isolation and limits")."""

_LEAST_BYTES: Final = 512
"""The least room that is enough for a summary to say something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """A message for GitHub to show at a place in the repository, or at none."""

    level: Literal["error", "warning", "notice"]
    title: str
    message: str
    origin: Origin | None = None


def annotation_lines(annotations: Iterable[Annotation], *, shown_path: Callable[[str], str]) -> list[str]:
    """Workflow commands for at most 10 annotations of each level, and a plain line with the number of the others.

    `shown_path` gives a file's path in the repository.
    """
    lines = []
    given = list(annotations)
    for level in ("error", "warning", "notice"):
        found = [each for each in given if each.level == level]
        lines += [_command(each, shown_path) for each in found[:MAX_ANNOTATIONS]]
        if len(found) > MAX_ANNOTATIONS:
            lines.append(
                f"{len(found) - MAX_ANNOTATIONS} more {level}s are not annotated. The step summary has them all."
            )
    return lines


def _command(each: Annotation, shown_path: Callable[[str], str]) -> str:
    properties = {"title": each.title}
    if each.origin is not None and each.origin.path != "-":
        place = {"file": shown_path(each.origin.path), "line": str(each.origin.line), "col": str(each.origin.column)}
        properties = {**place, **properties}
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{each.level} {listed}::{_data(each.message)}"


def _data(text: str) -> str:
    """A command's message, escaped for the runner (%25, %0D, %0A): lines stay lines, other controls become visible."""
    lines = (without_commands(neutral(line)).replace("%", "%25") for line in text.splitlines())
    return "%0A".join(lines)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def annotations_of_report(report: Report) -> Iterator[Annotation]:
    """Refusals, changes that make a saved plan stale, failed requests, what apply left undone, warnings, what is released."""
    origins = {change.key.address: change.origin for change in report.plan.changes}
    fields = {
        (change.key.address, path_text(item.path)): item.origin
        for change in report.plan.changes
        for item in change.fields
    }

    def place(address: str, path: str) -> Origin | None:
        return fields.get((address, path)) or origins.get(address)

    for refusal in report.plan.refused:
        origin = origins.get(refusal.address or "")
        yield Annotation(level="error", title=f"Refused: {refusal.rule}", message=str(refusal), origin=origin)
    for item in report.stale:
        message = f"{item.key.address}: {item.path} has changed since the plan was made. Make a new plan."
        yield Annotation(level="error", title="Stale plan", message=message, origin=place(item.key.address, item.path))
    for result in report.outcome.results:
        if result.status is Status.FAILED:
            names = ", ".join(key.address for key in result.request.keys)
            yield Annotation(
                level="error", title="Failed", message=f"{result.request.rpc} of {names} failed: {result.error}"
            )
    for key, change in report.outcome.remaining:
        what = "was not deleted" if change is None else f"{path_text(change.path)} is not as planned after the apply"
        yield Annotation(
            level="error",
            title="Incomplete",
            message=f"{key.address}: {what}.",
            origin=place(key.address, "" if change is None else path_text(change.path)),
        )
    if report.outcome.unread:
        yield Annotation(level="error", title="Incomplete", message=f"Reading back failed: {report.outcome.unread}")
    yield from annotations_of_warnings(report.warnings)
    for origin, text in released_notices(report):
        yield Annotation(level="notice", title="No longer managed", message=text, origin=origin)


def annotations_of_warnings(warnings: Iterable[Problem]) -> Iterator[Annotation]:
    """Warnings about manifests."""
    for warning in warnings:
        yield Annotation(level="warning", title=warning.code, message=_with_hint(warning), origin=warning.origin)


def annotations_of_error(error: ReconcilerError) -> Iterator[Annotation]:
    """Each problem or refusal of an error, or the error itself."""
    if isinstance(error, ProblemsError):
        for problem in error.problems:
            yield Annotation(level="error", title=problem.code, message=_with_hint(problem), origin=problem.origin)
    elif isinstance(error, RefusedError):
        for refusal in error.refusals:
            yield Annotation(level="error", title=f"Refused: {refusal.rule}", message=str(refusal))
    else:
        yield Annotation(level="error", title="Error", message=str(error))


def _with_hint(problem: Problem) -> str:
    return f"{problem.message} {problem.hint}" if problem.hint else problem.message


def output_text(values: Mapping[str, str]) -> str:
    """Lines for GITHUB_OUTPUT: each value between delimiters that nobody can guess."""
    lines = []
    for name, value in values.items():
        # A fixed delimiter could occur in a value, which would then end early and set other outputs (GitHub documentation,
        # "Multiline strings").
        delimiter = f"reconciler_{secrets.token_hex(16)}"
        lines += [f"{name}<<{delimiter}", value, delimiter]
    return "\n".join(lines) + "\n"


def outputs_of_report(report: Report, *, plan_path: str | None) -> dict[str, str]:
    """The outputs of a plan, drift or apply, besides its exit code. `plan_path` is the file of the saved plan."""
    counts = report.plan.summary
    saved = {} if plan_path is None else {"plan": plan_path, "digest": report.digest}
    return {
        "changes": "true" if report.plan.changes else "false",
        "update": str(counts["update"]),
        "delete": str(counts["delete"]),
        **saved,
    }


def error_markdown(error: ReconcilerError, room: int) -> str:
    """An error for a summary, in at most `room` bytes: in a code block, where no markup, mention or link takes effect."""
    count = len(error.problems) if isinstance(error, ProblemsError) else 0
    title = f"### Reconciler: {f'{count} problem' + 's' * (count != 1) + ' in the manifests' if count else 'error'}"
    lines = [neutral(line) for line in str(error).split("\n")]
    kept, left = [], room - len(title.encode()) - 200  # 200 bytes for the fences and the last sentence
    for line in lines:
        left -= len(line.encode()) + 1
        if left < 0:
            break
        kept.append(line)
    more = [] if len(kept) == len(lines) else ["", f"{len(lines) - len(kept)} more are in the log."]
    return "\n".join((title, "", fenced(kept, "text", limit=None), *more, ""))


def summary_room(path: Path) -> int:
    """The bytes that a step can still add to its summary; 0 if they are too few for anything."""
    used = path.stat().st_size if path.exists() else 0
    room = MAX_SUMMARY_BYTES - used - 2  # 2 bytes for the empty line after the text
    return room if room >= _LEAST_BYTES else 0


def append(path: Path, text: str) -> None:
    """Append to a file of the runner."""
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def path_in(workspace: str, path: str) -> str:
    """A file's path relative to the workspace, as annotations need it; unchanged if it is elsewhere."""
    if not workspace:
        return path
    # By real paths: a runner's workspace is often reached through a link.
    inside = os.path.relpath(os.path.realpath(path), os.path.realpath(workspace))
    return path if inside.startswith("..") else Path(inside).as_posix()
