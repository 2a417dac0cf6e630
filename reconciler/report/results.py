"""The results of commands without a plan (problems, tables, manifests), as Markdown or as an HTML page.

In: a Result of plain texts. Out: text. As in a report, no text from outside can become markup. Problems are shown by file, on the
page with the line that each is about.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from reconciler.report.escape import neutral
from reconciler.report.html_parts import breakable, page, preformatted, sentence, text
from reconciler.report.html_parts import table as html_table
from reconciler.report.markdown_parts import code, fenced, heading, listing
from reconciler.report.problems import Placed
from reconciler.report.table import table


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A text that is shown as it is, with its name and its language."""

    name: str
    language: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a command found: a summary in constant words, then sentences, a table and whole texts, any of them empty."""

    title: str
    summary: str
    sentences: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    blocks: tuple[Block, ...] = ()
    problems: tuple[Placed, ...] = ()


def result_markdown(result: Result) -> str:
    """The whole result as Markdown."""
    parts = [heading(result.title), f"{code(neutral(result.summary))}\n"]
    if result.sentences or result.problems:
        parts.append(listing((*result.sentences, *(str(placed.problem) for placed in result.problems))))
    if result.rows:
        lines = table(result.headers, result.rows).split("\n")[:-1]
        parts.append(fenced(lines, "text", limit=None))
    for block in result.blocks:
        lines = [neutral(line) for line in block.text.rstrip("\n").split("\n")]
        name = f"{code(neutral(block.name))}\n\n" if block.name else ""
        parts.append(name + fenced(lines, block.language, limit=None))
    return "\n".join(parts)


def result_html(result: Result) -> str:
    """The whole result as a page."""
    parts = [sentence(result.summary)]
    for path, found in groupby(result.problems, key=lambda placed: placed.problem.origin.path):
        parts.append(_file(path, found))
    if result.sentences:
        items = "".join(f"<li>{text(each)}</li>\n" for each in result.sentences)
        parts.append(f"<section><ul>\n{items}</ul></section>")
    if result.rows:
        parts.append(html_table(result.headers, result.rows))
    for block in result.blocks:
        if block.name:
            parts.append(sentence(block.name))
        parts.append(preformatted(block.text.rstrip("\n").split("\n")))
    return page(result.title, "\n".join(parts))


def _file(path: str, found: Iterable[Placed]) -> str:
    """The problems of one file."""
    items = "".join(f"<li>{_problem(placed)}</li>\n" for placed in found)
    return f'<section class="file"><h2>{breakable(path)}</h2>\n<ol>\n{items}</ol></section>'


def _problem(placed: Placed) -> str:
    problem, frame = placed.problem, placed.frame
    hint = f" {problem.hint}" if problem.hint else ""
    place = f'<span class="at">{problem.origin.line}:{problem.origin.column}</span>'
    message = f"{place}{text(problem.message + hint)}"
    if frame is None:
        return message
    caret = f'<b class="caret">{"^" * frame.length}</b>'
    gutter = len(str(frame.number))
    shown = f"{frame.number} | {text(frame.text)}\n{'':{gutter}} | {' ' * frame.start}{caret}"
    return f'{message}<pre tabindex="0">{shown}</pre>'
