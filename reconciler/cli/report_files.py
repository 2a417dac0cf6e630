"""`--junit`, `--code-quality` and `--max-chars`: what CI systems without a client of their own show of a run.

The files are written however the command ends, so that a pipeline shows why it failed.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from reconciler.cli.choosing import require_text
from reconciler.cli.options import CommonOptions
from reconciler.cli.pipeline import Outcome
from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    from reconciler.ci.findings import Finding

Callback = TypeVar("Callback", bound=Callable[..., Any])

LEAST_CHARS: Final = 200

_WORKSPACES: Final = (
    "GITHUB_WORKSPACE",
    "CI_PROJECT_DIR",
    "BUILD_SOURCESDIRECTORY",
    "BITBUCKET_CLONE_DIR",
    "WORKSPACE",
)
"""The variables that name the checkout: on GitHub, GitLab, Azure Pipelines, Bitbucket, Jenkins."""


def writing_report_files(callback: Callback) -> Callback:
    """Add --junit and --code-quality. It goes below `reporting_to_pipeline`, whose `outcome` it reads."""

    @click.option(
        "--junit",
        metavar="FILE",
        callback=require_text,
        help="Also write JUnit XML: a test case per file or model, failed if it has an error or, for drift, differs.",
    )
    @click.option(
        "--code-quality",
        metavar="FILE",
        callback=require_text,
        help="Also write the findings as GitLab's Code Quality report (JSON), each at its line.",
    )
    @functools.wraps(callback)
    def written(*args: Any, junit: str | None, code_quality: str | None, outcome: Outcome, **kwargs: Any) -> Any:
        command = click.get_current_context().info_name or ""

        def write(findings: Iterable[Finding], subjects: Iterable[str]) -> None:
            _write(tuple(findings), subjects, junit=junit, code_quality=code_quality, command=command)

        if junit is None and code_quality is None:
            return callback(*args, outcome=outcome, **kwargs)
        from reconciler.ci.findings import (
            findings_of_error,
            findings_of_problems,
            findings_of_report,
            subjects_of_report,
        )

        try:
            code = callback(*args, outcome=outcome, **kwargs)
        except ReconcilerError as error:
            with suppress(ReconcilerError):  # the error of the run matters more than one about its files
                write(findings_of_error(error), ())
            raise
        if outcome.report is None:
            write(findings_of_problems(outcome.warnings, level="warning"), outcome.files)
        else:
            write(findings_of_report(outcome.report), subjects_of_report(outcome.report))
        return code

    return written  # type: ignore[return-value]


def _write(
    findings: tuple[Finding, ...],
    subjects: Iterable[str],
    *,
    junit: str | None,
    code_quality: str | None,
    command: str,
) -> None:
    if junit is not None:
        from reconciler.ci.junit import write_junit

        write_junit(findings, subjects, junit, command=command)
    if code_quality is not None:
        from reconciler.ci.code_quality import write_code_quality
        from reconciler.ci.github import path_in

        workspace = workspace_of(os.environ)
        write_code_quality(findings, code_quality, shown_path=lambda path: os.path.normpath(path_in(workspace, path)))


def workspace_of(environ: Mapping[str, str]) -> str:
    """The folder of the checkout, by the variable of the CI system; the working directory elsewhere."""
    return next((environ[name] for name in _WORKSPACES if environ.get(name)), os.curdir)


def limiting_markdown(callback: Callback) -> Callback:
    """Add --max-chars; the command receives `max_chars: int | None`. It goes below `reporting_problems`."""

    @click.option(
        "--max-chars",
        type=click.IntRange(min=LEAST_CHARS),
        metavar="N",
        help="With --format markdown: at most N characters, for forges with a limit. The middle of long lists is omitted.",
    )
    @functools.wraps(callback)
    def limited(*args: Any, common: CommonOptions, max_chars: int | None, **kwargs: Any) -> Any:
        if max_chars is not None and common.format != "markdown":
            raise click.UsageError("--max-chars needs --format markdown: no other format is cut.")
        return callback(*args, common=common, max_chars=max_chars, **kwargs)

    return limited  # type: ignore[return-value]
