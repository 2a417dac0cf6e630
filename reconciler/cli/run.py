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

from reconciler.cli.options import CommonOptions, Invocation, use_color
from reconciler.errors import Problem, ProblemsError, ReconcilerError
from reconciler.render.escape import neutral

if TYPE_CHECKING:
    from reconciler.config import Flags, Settings
    from reconciler.report import Report
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
    from reconciler.git import head_commit
    from reconciler.session import Session

    found = settings_from(common)
    for note in found.notes:
        progress(common, f"note: {note}")
    offline = Session(settings=found, environ=os.environ, git_commit=head_commit)
    if not connect:
        yield offline
        return
    from dataclasses import replace

    from reconciler.connect import connected

    with _calls_told(common.verbose), connected(found) as remote:
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
            return error.exit_code
        except ReconcilerError as error:
            if common.format == "json":
                echo_json({"kind": "Error", "message": str(error), "exit_code": error.exit_code})
            for line in str(error).split("\n"):
                click.echo(f"error: {neutral(line)}", err=True)
            return error.exit_code

    return reported  # type: ignore[return-value]


def echo_json(document: Any) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def echo_problems(problems: Iterable[Problem], *, label: str) -> None:
    """Each problem on a line of standard error, as path:line:column: message."""
    for problem in problems:
        click.echo(f"{neutral(str(problem))}" if label == "error" else f"{label}: {neutral(str(problem))}", err=True)


def validation_document(problems: Iterable[Problem], warnings: Iterable[Problem] = ()) -> dict[str, Any]:
    """The Validation document of the command line's contract."""
    told = [_problem_document(problem) for problem in problems]
    return {
        "kind": "Validation",
        "valid": not told,
        "problems": told,
        "warnings": [_problem_document(problem) for problem in warnings],
    }


def _problem_document(problem: Problem) -> dict[str, Any]:
    return {
        "code": problem.code,
        "message": problem.message,
        "path": problem.origin.path,
        "line": problem.origin.line,
        "column": problem.origin.column,
        "pointer": problem.pointer,
        "hint": problem.hint,
    }


def echo_report(report: Report, common: CommonOptions) -> int:
    """Print a report in the chosen format and give its exit code."""
    from reconciler.report import report_document

    if not common.quiet:
        echo_problems(report.warnings, label="warning")
    if common.format == "json":
        echo_json(report_document(report))
    else:
        from reconciler.render.text import render

        color = use_color(common.color, isatty=sys.stdout.isatty(), environ=os.environ)
        click.echo(render(report, color=color, verbose=common.verbose), nl=False)
    return report.exit_code


def progress(common: CommonOptions, text: str) -> None:
    """A note on standard error, unless --quiet."""
    if not common.quiet:
        click.echo(neutral(text), err=True)
