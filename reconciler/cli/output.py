"""Writes results to standard output in the format that was asked for."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import CommonOptions, use_color
from reconciler.errors import Problem

if TYPE_CHECKING:
    from reconciler.report.report import Report
    from reconciler.report.results import Result


def terminal_columns(*, isatty: bool) -> int | None:
    """The columns that text is laid out for: COLUMNS where it is set, else the terminal's; None for a file or a pipe."""
    stated = os.environ.get("COLUMNS", "")
    if stated.isdecimal() and int(stated) > 0:
        return int(stated)
    return shutil.get_terminal_size().columns if isatty else None


def report_text(report: Report, common: CommonOptions) -> str:
    """A report in any format but json."""
    if common.format == "markdown":
        from reconciler.report.markdown import render_markdown

        return render_markdown(report)
    if common.format == "html":
        from reconciler.report.html import render_html

        return render_html(report)
    from reconciler.report.text import render

    isatty = sys.stdout.isatty()
    color = use_color(common.color, isatty=isatty, environ=os.environ)
    return render(report, color=color, verbose=common.verbose, columns=terminal_columns(isatty=isatty))


def echo_result(result: Result, common: CommonOptions) -> None:
    """A command's result as Markdown or HTML, as --format says; it is one of the two."""
    from reconciler.report.results import result_html, result_markdown

    rendered = result_html(result) if common.format == "html" else result_markdown(result)
    click.echo(rendered, nl=False)


def is_page(common: CommonOptions) -> bool:
    """Whether the format is one that `echo_result` writes."""
    return common.format in ("markdown", "html")


def echo_problems_page(problems: Iterable[Problem], common: CommonOptions) -> None:
    """What is wrong with manifests, where --format asks for a page: a report is never missing because a run failed."""
    from reconciler.report.results import Result

    if is_page(common):
        texts = tuple(map(str, problems))
        counted = f"{len(texts)} problem{'s' * (len(texts) != 1)}; nothing was compared or written."
        echo_result(Result(title="Manifests with problems", summary=counted, sentences=texts), common)


def echo_error_page(message: str, common: CommonOptions) -> None:
    """Why a command failed, where --format asks for a page."""
    from reconciler.report.results import Result

    if is_page(common):
        texts = tuple(message.split("\n"))
        echo_result(
            Result(title="Failed", summary="The command did not do what it was asked.", sentences=texts), common
        )
