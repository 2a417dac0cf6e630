"""What every command that reads manifests or the service shares: settings, session, output, problems."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reconciler.cli.options import CommonOptions, Invocation
from reconciler.cli.output import echo_error_page, echo_problems_page, report_text
from reconciler.cli.progress import status_line, wipe
from reconciler.errors import Problem, ProblemsError, ReconcilerError, problem_document
from reconciler.report.escape import neutral
from reconciler.report.wrap import without_commands

if TYPE_CHECKING:
    from reconciler.config import Flags, Settings
    from reconciler.report.report import Report
    from reconciler.session import Session

Callback = TypeVar("Callback", bound=Callable[..., Any])


def flags_from(common: CommonOptions) -> Flags:
    """The options that settings depend on."""
    from reconciler.config import Flags

    return Flags(
        endpoint=common.endpoint,
        user_id=common.user_id,
        app_id=common.app_id,
        environment=common.environment,
        config=common.config,
        pat_file=common.pat_file,
        parallelism=common.parallelism,
        rate=common.rate,
        timeout=common.timeout,
        insecure=common.insecure,
    )


def settings_from(common: CommonOptions) -> Settings:
    """The run's settings from flags, reconciler.yaml, the environment and the CLI context."""
    from reconciler.config import settings

    found = settings(flags=flags_from(common), environ=os.environ, cwd=Path.cwd(), home=Path.home())
    invocation = click.get_current_context().find_object(Invocation)
    if invocation is not None and found.token is not None:
        invocation.secrets.add(found.token.reveal())
    return found


@contextmanager
def open_session(common: CommonOptions, *, connect: bool = True) -> Iterator[Session]:
    """A Session, connected to the service where `connect` says so; the connection is closed at the end."""
    from reconciler.manifests.revision import head_commit
    from reconciler.session import Session
    from reconciler.state.folder import state_dir

    found = settings_from(common)
    for note in found.notes:
        progress(common, f"note: {note}")
    offline = Session(settings=found, environ=os.environ, git_commit=head_commit, state=state_dir(os.environ))
    if not connect:
        yield offline
        return
    from dataclasses import replace

    from reconciler.session import connected

    with (
        _calls_told(common.verbose),
        status_line(common, rate=found.limits.rate) as line,
        connected(found, is_stopping=offline.stop.is_set) as remote,
    ):
        if line is not None:
            offline = replace(offline, on_plan=line.planned, on_result=line.result)
        yield replace(offline, remote=remote)


@contextmanager
def _calls_told(verbose: int) -> Iterator[None]:
    """With -v, a line on standard error per call to the service; the texts are scrubbed where they are made."""
    if not verbose:
        yield
        return
    import logging

    logger = logging.getLogger("reconciler")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO if verbose == 1 else logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def reporting_problems(callback: Callback) -> Callback:
    """Let a command end in a clear text, and in json format in one document, whatever was wrong with its input."""

    @functools.wraps(callback)
    def reported(*args: Any, common: CommonOptions, **kwargs: Any) -> Any:
        try:
            return callback(*args, common=common, **kwargs)
        except ProblemsError as error:
            if common.format == "json":
                echo_json(validation_document(error.problems))
            else:
                echo_problems(error.problems, label="error")
                echo_problems_page(error.problems, common)
            return error.exit_code
        except ReconcilerError as error:
            if common.format == "json":
                echo_json({"kind": "Error", "message": str(error), "exit_code": error.exit_code})
            else:
                echo_error_page(str(error), common)
            for line in str(error).split("\n"):
                click.echo(f"error: {without_commands(neutral(line))}", err=True)
            return error.exit_code

    return reported  # type: ignore[return-value]


def echo_json(document: Any) -> None:
    """One JSON document on standard output."""
    # GitHub's runner obeys "##[" anywhere in a line; inside a JSON string this is the same text.
    click.echo(json.dumps(document, indent=2, ensure_ascii=False).replace("##[", "#\\u0023["))


def echo_problems(problems: Iterable[Problem], *, label: str) -> None:
    """Each problem on a line of standard error, as path:line:column: message."""
    for problem in problems:
        text = without_commands(neutral(str(problem)))
        click.echo(text if label == "error" else f"{label}: {text}", err=True)


def validation_document(problems: Iterable[Problem], warnings: Iterable[Problem] = ()) -> dict[str, Any]:
    """The Validation document of the command line's contract."""
    told = [problem_document(problem) for problem in problems]
    return {
        "kind": "Validation",
        "valid": not told,
        "problems": told,
        "warnings": [problem_document(problem) for problem in warnings],
    }


def echo_report(report: Report, common: CommonOptions) -> int:
    """Print a report in the chosen format and give its exit code."""
    from reconciler.report.report import report_document

    if not common.quiet:
        echo_problems(report.warnings, label="warning")
    if common.format == "json":
        echo_json(report_document(report))
    else:
        click.echo(report_text(report, common), nl=False)
    return report.exit_code


def echo_applied(report: Report, common: CommonOptions) -> int:
    """Print the report of what was written, and on standard error what its journal is good for.

    Where all went well only a person at a terminal is told, or who asked for more with -v.
    """
    code = echo_report(report, common)
    if report.outcome.run is not None and not report.converged:
        progress(common, f"note: reconciler apply --resume {report.outcome.run} finishes this run.")
    elif report.outcome.run is not None and (common.verbose or sys.stderr.isatty()):
        progress(common, f"note: reconciler undo {report.outcome.run} takes this run back.")
    return code


def progress(common: CommonOptions, text: str) -> None:
    """A note on standard error, unless --quiet."""
    if not common.quiet:
        wipe()
        click.echo(without_commands(neutral(text)), err=True)
