"""`--ci`: annotations, outputs and a summary for the pipeline around a command, however the command ends."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from reconciler import exit_codes
from reconciler.errors import Problem, ReconcilerError
from reconciler.report.escape import neutral

if TYPE_CHECKING:
    from reconciler.ci.github import Annotation
    from reconciler.report.report import Report

Callback = TypeVar("Callback", bound=Callable[..., Any])

CHOICES: Final = ("auto", "github", "gitlab", "none")


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What a command leaves for the pipeline: its report and the plan file that it saved; without a report, files and warnings."""

    report: Report | None = None
    plan_path: str | None = None
    files: tuple[str, ...] = ()
    warnings: tuple[Problem, ...] = ()


def reporting_to_pipeline(callback: Callback) -> Callback:
    """Add --ci; the command receives `outcome: Outcome` and fills it. It goes below `reporting_problems`."""

    @click.option(
        "--ci",
        type=click.Choice(CHOICES),
        default="auto",
        show_default=True,
        help="The CI system that this runs in. github: write annotations to standard error, a step summary and step outputs. "
        "gitlab: nothing more, GitLab reads files (--junit, --code-quality, plan --gitlab-report). auto: whichever GITHUB_ACTIONS or "
        "GITLAB_CI says.",
    )
    @functools.wraps(callback)
    def reported(*args: Any, ci: str, **kwargs: Any) -> Any:
        outcome = Outcome()
        if pipeline(ci, os.environ) != "github":
            return callback(*args, outcome=outcome, **kwargs)
        try:
            code = callback(*args, outcome=outcome, **kwargs) or exit_codes.OK
        except ReconcilerError as error:
            _report_error(error)
            raise
        except BaseException as error:
            # Steps that run always, even after a cancelled job, read this output.
            _write_outputs({"exitcode": str(_exit_code(error))})
            raise
        _report_outcome(outcome, code)
        return code

    return reported  # type: ignore[return-value]


def pipeline(choice: str, environ: Mapping[str, str]) -> str:
    """The CI system: `choice`, or for auto the one that the environment names ("none" if it names none)."""
    if choice != "auto":
        return choice
    for name, variable in (("github", "GITHUB_ACTIONS"), ("gitlab", "GITLAB_CI")):
        if environ.get(variable) == "true":
            return name
    return "none"


def _exit_code(error: BaseException) -> int:
    if isinstance(error, click.UsageError):
        return exit_codes.USAGE
    return exit_codes.INTERRUPTED if isinstance(error, (KeyboardInterrupt, click.Abort)) else exit_codes.ERROR


def _report_error(error: ReconcilerError) -> None:
    from reconciler.ci import github

    _annotate(github.annotations_of_error(error))
    _write_outputs({"exitcode": str(error.exit_code)})
    _write_summary(lambda room: github.error_markdown(error, room))


def _report_outcome(outcome: Outcome, code: int) -> None:
    from reconciler.ci import github

    report = outcome.report
    if report is None:
        _annotate(github.annotations_of_warnings(outcome.warnings))
        _write_outputs({"exitcode": str(code)})
        return
    _annotate(github.annotations_of_report(report))
    _write_outputs({"exitcode": str(code), **github.outputs_of_report(report, plan_path=outcome.plan_path)})

    def summary(room: int) -> str:
        from reconciler.report.markdown import render_markdown

        return render_markdown(report, budget=room)

    _write_summary(summary)


def _annotate(annotations: Iterable[Annotation]) -> None:
    from reconciler.ci import github

    workspace = os.environ.get("GITHUB_WORKSPACE", "")
    for line in github.annotation_lines(annotations, shown_path=lambda path: github.path_in(workspace, path)):
        click.echo(line, err=True)


def _write_outputs(values: Mapping[str, str]) -> None:
    from reconciler.ci import github

    _write("GITHUB_OUTPUT", lambda path: github.append(path, github.output_text(values)))


def _write_summary(text_for: Callable[[int], str]) -> None:
    from reconciler.ci import github

    def write(path: Path) -> None:
        room = github.summary_room(path)
        if room:
            github.append(path, f"{text_for(room).rstrip()}\n\n")

    _write("GITHUB_STEP_SUMMARY", write)


def _write(variable: str, write: Callable[[Path], None]) -> None:
    """Write to a file that the runner names. A failure is a warning: it can't undo what the command did."""
    name = os.environ.get(variable)
    if not name:
        return
    try:
        write(Path(name))
    except OSError as error:
        click.echo(f"warning: {variable} can't be written: {neutral(error.strerror or str(error))}", err=True)
