"""The section "What this does to predictions" in text, Markdown and HTML.

In: a Report. Out: the section as each format wants it, nothing where nothing was probed. An image is a link and never loaded: a report
must not call a server because somebody reads it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from reconciler.report.edits import Line, whole_lines
from reconciler.report.effects import TITLE, Row, VersionEffects, effects, joined, preview_notes
from reconciler.report.escape import neutral
from reconciler.report.html_parts import text as html
from reconciler.report.markdown_parts import LINE_LENGTH, LONGEST_SENTENCE, Part, clipped, code, fenced
from reconciler.report.report import Report
from reconciler.report.terminal import Page
from reconciler.report.width import width

ROWS: Final = 40
"""Rows of one version in text and Markdown. The plan has all of them."""

_STYLES: Final = {"vanishes": "bad", "falls": "bad", "appears": "good", "rises": "good"}
_MARKS: Final = {"-": "bad", "+": "good", "…": "dim", " ": "dim"}


def _lines_of(row: Row) -> Sequence[Line]:
    """The diff of two texts, as that of any other value."""
    # With a newline at the end of both: whether an answer ends in one says nothing.
    document = {"path": "text", "before": f"{row.before}\n", "after": f"{row.after}\n"}
    return whole_lines(document)


# --- text ---------------------------------------------------------------------------------------------------------


def text_section(page: Page, report: Report) -> Iterator[str]:
    """The lines for a terminal, of a plan with a preview."""
    yield from page.styled(f"{TITLE}:", "bold", indent="")
    for version in effects(report.plan.preview):
        yield from page.styled(neutral(f"{version.key.address}: {version.summary}"), "", indent="  ", hanging="    ")
        yield from _text_rows(page, version)
    for note in preview_notes(report):
        yield from page.styled(neutral(note), "dim", indent="  ", hanging="    ")
    yield ""


def _text_rows(page: Page, version: VersionEffects) -> Iterator[str]:
    rows = version.changes
    shown = [row for row in rows[:ROWS] if not row.is_text]
    columns = [
        max((width(neutral(cell)) for cell in cells), default=0) for cells in zip(*map(_cells, shown), strict=True)
    ]
    for row in rows[:ROWS]:
        if row.is_text:
            yield from page.styled(neutral(f"{row.input}:"), "", indent="      ")
            for line in _lines_of(row):
                yield from page.styled(
                    f"{line.mark} {neutral(line.text)}", _MARKS[line.mark], indent="        ", hanging="          "
                )
            continue
        cells = [neutral(cell) for cell in _cells(row)]
        padded = [cell + " " * (size - width(cell)) for cell, size in zip(cells, columns, strict=True)]
        yield from page.styled(
            "  ".join(padded).rstrip(), _STYLES.get(row.effect, ""), indent="      ", hanging="        "
        )
    if rows[ROWS:]:
        yield from page.styled(f"{len(rows) - ROWS} more differences are in the plan", "dim", indent="      ")
    if version.unchanged and rows:
        yield from page.styled(
            neutral(f"unchanged: {joined(version.unchanged)}"), "dim", indent="      ", hanging="        "
        )
    for text in version.failed:
        yield from page.styled(neutral(f"not compared: {text}"), "bad", indent="      ", hanging="        ")


def _cells(row: Row) -> tuple[str, ...]:
    return row.input, row.what, f"{row.before} → {row.after}", row.effect


# --- Markdown -----------------------------------------------------------------------------------------------------


def markdown_section(report: Report) -> Part:
    """The part of a comment: an entry for each version, then the notes."""
    entries = [_entry(version) for version in effects(report.plan.preview)]
    notes = [f"- {code(clipped(neutral(note), LONGEST_SENTENCE))}\n" for note in preview_notes(report)]
    if notes:
        notes[0] = f"\n{notes[0]}"
    return Part(
        head=f"\n### {TITLE}\n",
        entries=(*entries, *notes),
        weights=(1,) * (len(entries) + len(notes)),
        omitted=lambda count: f"_{count:,} more are omitted here. The plan has all of them._",
    )


def _entry(version: VersionEffects) -> str:
    lines = [f"\n{code(neutral(version.key.address))}: {code(neutral(version.summary))}\n"]
    rows = version.changes[:ROWS]
    values = [row for row in rows if not row.is_text]
    if values:
        lines.append("\n| input | concept | before | after | |\n|---|---|---|---|---|\n")
        lines += [
            f"| {' | '.join(_cell(cell) for cell in (row.input, row.what, row.before, row.after))} | {row.effect} |\n"
            for row in values
        ]
    for row in rows:
        if row.is_text:
            diff = [
                f"{line.mark if line.mark != '…' else ' …'} {clipped(line.text, LINE_LENGTH)}"
                for line in _lines_of(row)
            ]
            lines.append(
                "\n" + fenced([f"@@ {clipped(neutral(row.input), LINE_LENGTH)} @@", *map(neutral, diff)], "diff")
            )
    if version.changes[ROWS:]:
        lines.append(f"\n_{len(version.changes) - ROWS:,} more differences are in the plan._\n")
    if version.unchanged and rows:
        lines.append(f"\nUnchanged: {code(neutral(joined(version.unchanged)))}\n")
    lines += [f"\nNot compared: {code(clipped(neutral(text), LONGEST_SENTENCE))}\n" for text in version.failed]
    return "".join(lines)


def _cell(value: str) -> str:
    """A code span in a table. A pipe would end the cell, also in a code span (GitHub Flavored Markdown, 4.10)."""
    return code(clipped(neutral(value), 100).replace("|", "\\u007c"))


# --- HTML ---------------------------------------------------------------------------------------------------------


def html_section(report: Report) -> str:
    """The part of a page: one table of all versions, to sort and to filter where scripts run."""
    found = effects(report.plan.preview)
    notes = list(preview_notes(report))
    if not found and not notes:
        return ""
    summaries = "".join(f"<li>{html(f'{version.key.address}: {version.summary}')}</li>\n" for version in found)
    remarks = "".join(f"<li>{html(note)}</li>\n" for note in notes)
    rows = "".join(_html_row(version, row) for version in found for row in version.rows)
    heads = "".join(f'<th scope="col" aria-sort="none">{name}</th>' for name in _HEADS)
    table = (
        '<form class="sifting" role="search" hidden><label>Filter predictions <input type="search" autocomplete="off" '
        'spellcheck="false"></label> <output aria-live="polite"></output></form>\n'
        f'<div class="wide"><table class="plain sortable"><thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody></table></div>'
        if rows
        else ""
    )
    return f'<section class="predictions"><h2>{TITLE}</h2>\n<ul>\n{summaries}{remarks}</ul>\n{table}</section>'


_HEADS: Final = ("version", "input", "concept", "before", "after", "effect")


def _html_row(version: VersionEffects, row: Row) -> str:
    name = html(row.input)
    if row.url is not None and row.url.startswith(("https://", "http://")):
        name = f'<a href="{escape(row.url)}" rel="noopener noreferrer">{name}</a>'
    if row.is_text:
        before, after = (_html_side(row, mark, tag) for mark, tag in (("-", "del"), ("+", "ins")))
    elif row.effect in ("unchanged", "failed"):
        before, after = html(row.before), html(row.after)
    else:
        before, after = f"<del>{html(row.before)}</del>", f"<ins>{html(row.after)}</ins>"
    key = version.key
    cells = (html(f"{key.model_id}@{key.version_id}"), name, html(row.what), before, after, row.effect)
    return f'<tr class="{row.effect}">{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>\n'


def _html_side(row: Row, mark: str, tag: str) -> str:
    """One side of a diff of texts: its own lines and the shared ones."""
    parts = []
    for line in _lines_of(row):
        if line.mark == mark:
            parts.append(f"<{tag}>{html(line.text)}</{tag}>")
        elif line.mark in " …":
            parts.append(f'<span class="{"rest" if line.mark == "…" else "same"}">{html(line.text)}</span>')
    return "".join(parts)
