"""What commands print: results on standard output in the format that was asked for, everything else on standard error.

In: a report, problems, a Result or a document. Out: text on one of the two streams. Text from manifests and the service is
made harmless here, where the renderers in `report/` have not done it already.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, Literal

import click

from reconciler.cli.options import CommonOptions, use_color
from reconciler.cli.progress import wipe
from reconciler.errors import Problem, problem_document
from reconciler.report.escape import neutral, neutral_json
from reconciler.report.paint import Painter
from reconciler.report.wrap import without_commands

if TYPE_CHECKING:
    from reconciler.report.report import Report
    from reconciler.report.results import Result


CHUNK: Final = 1 << 16
"""Characters of a document that are written at once."""

# --- standard output -------------------------------------------------------------------------------------------


def echo_report(
    report: Report, common: CommonOptions, *, is_plan_shown: bool = False, max_chars: int | None = None
) -> int:
    """Print a report in the chosen format, Markdown in at most `max_chars` characters, and return its exit code.

    With `is_plan_shown` its plan and warnings were printed on standard error already: a terminal doesn't get them twice.
    """
    if not (common.quiet or is_plan_shown):
        echo_problems(report.warnings, common, label="warning")
    if common.format == "json":
        from reconciler.report.report import report_parts

        echo_json(report_parts(report))
    elif is_page(common):
        echo_document(_page(report, common, max_chars=max_chars))
    else:
        isatty = sys.stdout.isatty()
        is_seen = is_plan_shown and isatty and sys.stderr.isatty()
        click.echo(terminal_text(report, common, isatty=isatty, is_plan_shown=is_seen), nl=False)
    return report.exit_code


def echo_applied(report: Report, common: CommonOptions, *, is_plan_shown: bool = False) -> int:
    """Print the report of an apply as `echo_report` does, and on standard error how to finish or undo the run.

    After a run without errors the note is for a person only: on a terminal, or with -v.
    """
    code = echo_report(report, common, is_plan_shown=is_plan_shown)
    if report.stale or any(result.moved for result in report.outcome.results):
        note(
            common,
            "note: live values have changed since the plan was made. Run reconciler plan to see what an apply would do now.",
        )
    elif report.undone is not None:
        pass  # the report names the run that undid it
    elif report.outcome.run is not None and not report.converged:
        note(common, f"note: reconciler apply --resume {report.outcome.run} finishes this run.")
    elif report.plan.is_undo and report.outcome.run is None and not report.is_refused:
        note(
            common,
            "note: nothing was written and no run was recorded, so undo latest means the same run as before. To undo an earlier one, "
            "give its id; reconciler runs lists them.",
        )
    elif report.outcome.run is not None and (common.verbose or sys.stderr.isatty()):
        note(common, f"note: reconciler undo {report.outcome.run} undoes this run.")
    return code


def note_digest(report: Report, path: str | None, common: CommonOptions) -> None:
    """Print the digest of a plan that was saved to `path`, on standard error; nothing without a path."""
    if path is not None:
        note(common, f"note: the digest of {path} is {report.digest}")


def _page(report: Report, common: CommonOptions, *, max_chars: int | None) -> Iterable[str]:
    """A report as Markdown or HTML, whichever --format says, in pieces."""
    if common.format == "markdown":
        from reconciler.report.markdown import COMMENT_BUDGET, render_markdown

        return (render_markdown(report, budget=max_chars or COMMENT_BUDGET),)
    from reconciler.report.html import render_html

    return render_html(report)


def terminal_text(report: Report, common: CommonOptions, *, isatty: bool, is_plan_shown: bool = False) -> str:
    """A report as text, in the colours and columns of a stream; `isatty` says whether that is a terminal."""
    from reconciler.report.text import render

    color = use_color(common.color, isatty=isatty, environ=os.environ)
    columns = _columns(isatty=isatty)
    return render(report, color=color, verbose=common.verbose, columns=columns, is_plan_shown=is_plan_shown)


def _columns(*, isatty: bool) -> int | None:
    """The columns that text is laid out for: COLUMNS if it is set, else the terminal's; None for a file or a pipe."""
    stated = os.environ.get("COLUMNS", "")
    if stated.isdecimal() and int(stated) > 0:
        return int(stated)
    if not isatty:
        return None
    from shutil import get_terminal_size  # imports every compression of Python

    return get_terminal_size().columns


def echo_table(headers: Sequence[str], rows: Iterable[Sequence[str]], *, indent: str = "") -> None:
    """Print a table in the columns of standard output; where that is no terminal, each row is one line."""
    from reconciler.report.table import table

    columns = _columns(isatty=sys.stdout.isatty())
    lines = table(headers, rows, columns=None if columns is None else columns - len(indent)).splitlines()
    click.echo("".join(f"{indent}{line}".rstrip() + "\n" for line in lines), nl=False)


def echo_sentence(text: str, *, indent: str = "") -> None:
    """Print a sentence in the columns of standard output."""
    from reconciler.report.wrap import wrapped

    columns = _columns(isatty=sys.stdout.isatty())
    for line in wrapped(neutral(text), columns, indent=indent, hanging=f"{indent}  "):
        click.echo(without_commands(line))


def echo_json(document: Any) -> None:
    """Print one JSON document, the long lists of which may be Entries."""
    from reconciler.resources.json_text import json_pieces

    echo_document(chain(json_pieces(document, spelled=neutral_json), ("\n",)))


def echo_document(pieces: Iterable[str]) -> None:
    """Print a document as UTF-8, whatever the locale says: a program reads it, not a terminal of that locale.

    It is given in pieces, because that of a fleet is better not held as a whole.
    """
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(encoding="utf-8", errors="backslashreplace")
    for text in _chunks(pieces):
        click.echo(text, nl=False)


def _chunks(pieces: Iterable[str]) -> Iterator[str]:
    """The same text in fewer pieces."""
    held: list[str] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= CHUNK:
            yield "".join(held)
            held, size = [], 0
    if held:
        yield "".join(held)


def is_page(common: CommonOptions) -> bool:
    """Whether the format is one that `echo_result` writes."""
    return common.format in ("markdown", "html")


def echo_result(result: Result, common: CommonOptions) -> None:
    """Print the result of a command without a plan as Markdown or HTML, whichever --format says."""
    from reconciler.report.results import result_html, result_markdown

    rendered = result_html(result) if common.format == "html" else result_markdown(result)
    echo_document((rendered,))


# --- problems and errors ---------------------------------------------------------------------------------------


def echo_validation_errors(problems: Iterable[Problem], common: CommonOptions) -> None:
    """Print what is wrong with manifests, in the chosen format; a document is printed even though the run failed."""
    found = tuple(problems)
    if common.format == "json":
        echo_json(validation_document(found))
        return
    echo_problems(found, common, label="error")
    if is_page(common):
        from reconciler.cli.sources import placed
        from reconciler.report.results import Result

        summary = f"{counted(len(found), 'problem')}; nothing was compared or written."
        echo_result(Result(title="Manifests with problems", summary=summary, problems=placed(found)), common)


def echo_error(message: str, exit_code: int, common: CommonOptions) -> None:
    """Print why a command failed, in the chosen format and on standard error."""
    if common.format == "json":
        echo_json({"kind": "Error", "message": message, "exit_code": exit_code})
    elif is_page(common):
        from reconciler.report.results import Result

        result = Result(title="Failed", summary="The command failed.", sentences=tuple(message.split("\n")))
        echo_result(result, common)
    for line in message.split("\n"):
        echo_error_line(line, common.color)


def echo_error_line(text: str, choice: str = "auto") -> None:
    """Print "error: ..." on standard error, the label in colour where --color says so."""
    wipe()
    click.echo(f"{error_painter(choice)('error:', 'loss')} {without_commands(neutral(text))}", err=True)


def echo_problems(problems: Iterable[Problem], common: CommonOptions, *, label: Literal["error", "warning"]) -> None:
    """Print each problem on standard error as path:line:column: message, with the line that it is about; then how many there are."""
    found = tuple(problems)
    if not found:
        return
    from reconciler.cli.sources import placed
    from reconciler.report.problems import problem_lines

    wipe()
    columns = _columns(isatty=True) if sys.stderr.isatty() else None
    for line in problem_lines(placed(found), label=label, paint=error_painter(common.color), columns=columns):
        click.echo(line, err=True)
    if label == "error" and len(found) > 1:
        files = len({problem.origin.path for problem in found})
        click.echo(f"\n{counted(len(found), 'problem')} in {counted(files, 'file')}.", err=True)


def error_painter(choice: str = "auto") -> Painter:
    """What colours standard error, by --color."""
    return Painter(color=use_color(choice, isatty=sys.stderr.isatty(), environ=os.environ))


def validation_document(problems: Iterable[Problem], warnings: Iterable[Problem] = ()) -> dict[str, Any]:
    """The Validation document of the command line's contract."""
    found = [problem_document(problem) for problem in problems]
    return {
        "kind": "Validation",
        "valid": not found,
        "problems": found,
        "warnings": [problem_document(problem) for problem in warnings],
    }


def note(common: CommonOptions, text: str) -> None:
    """Print a note on standard error, unless --quiet."""
    if not common.quiet:
        wipe()
        click.echo(without_commands(neutral(text)), err=True)


def counted(count: int, noun: str) -> str:
    """A number with its noun, such as "2 models"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
