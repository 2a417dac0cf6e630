"""Lays out text for a terminal: colours, the number of columns, titled lists.

In: texts and a style. Out: lines that are no wider than the terminal, in which nothing acts on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.report.escape import neutral
from reconciler.report.lists import SentenceList
from reconciler.report.paint import Painter
from reconciler.report.report import Report
from reconciler.report.wrap import wrapped


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a section needs to lay itself out. A section returns lines, with an empty one after its last."""

    paint: Painter
    columns: int | None
    verbose: int = 0

    def styled(self, text: str, style: str, *, indent: str = "", hanging: str | None = None) -> list[str]:
        """A text in one style, wrapped."""
        return [self.paint(line, style) for line in wrapped(text, self.columns, indent=indent, hanging=hanging)]

    def sentences(self, title: str, texts: Iterable[str], style: str = "") -> list[str]:
        """Sentences with a title; nothing if there are none."""
        body = [line for text in texts for line in wrapped(neutral(text), self.columns, indent="  ", hanging="    ")]
        return [*self.styled(f"{title}:", style or "dim"), *body, ""] if body else []

    def listed(self, found: SentenceList, report: Report) -> list[str]:
        """One of the lists that all formats show."""
        return self.sentences(found.title, found.texts(report), found.style)
