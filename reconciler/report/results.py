"""The results of commands without a plan (problems, tables, manifests), as Markdown or as an HTML page.

In: a Result of plain texts. Out: text. As in a report, no text from outside can become markup.
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.report.escape import neutral
from reconciler.report.html_parts import page, preformatted, sentence
from reconciler.report.html_parts import table as html_table
from reconciler.report.markdown_parts import code, fenced, heading, listing
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


def result_markdown(result: Result) -> str:
    """The whole result as Markdown."""
    parts = [heading(result.title), f"{code(neutral(result.summary))}\n"]
    if result.sentences:
        parts.append(listing(result.sentences))
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
    if result.sentences:
        parts.append(html_table(("",), [(text,) for text in result.sentences]))
    if result.rows:
        parts.append(html_table(result.headers, result.rows))
    for block in result.blocks:
        if block.name:
            parts.append(sentence(block.name))
        parts.append(preformatted(block.text.rstrip("\n").split("\n")))
    return page(result.title, "\n".join(parts))
