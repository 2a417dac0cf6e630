"""The parts of a Markdown report, and the places that text from outside can't leave.

In: texts. Out: Markdown. Everything that comes from manifests or the service is inside a code span or a fenced block, where no
markup, mention, link or HTML takes effect; `code` and `fenced` make sure that it can't end its place early.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.report.escape import neutral
from reconciler.report.wrap import without_commands

LINE_LENGTH: Final = 300
"""Characters of one line of a value. A longer one is cut with a note; the plan has all of it."""

LINES: Final = 40
"""Lines of one change. The middle of a longer one is omitted."""

LONGEST_SENTENCE: Final = 1_000

_PLAIN: Final = re.compile(r"[A-Za-z0-9 ,.;:]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A list with a title that can be shortened by omitting entries from its middle.

    `weights` are the numbers of changes that the entries stand for; `omitted` puts such a number into words.
    """

    head: str
    entries: tuple[str, ...]
    omitted: Callable[[int], str]
    weights: tuple[int, ...]
    tail: str = ""

    def text(self, kept: int | None = None) -> str:
        """The part with its first and last entries, `kept` in all."""
        entries = self.entries
        if kept is not None and kept < len(entries):
            first, last = (kept + 1) // 2, kept // 2
            cut = slice(first, len(entries) - last)
            entries = (
                *entries[:first],
                f"\n{self.omitted(sum(self.weights[cut]))}\n",
                *entries[len(entries) - last :],
            )
        return "".join((self.head, *entries, self.tail))

    def fitted(self, size: int) -> str:
        """The part with as many entries as fit into `size` bytes; at least its title, and how many are omitted."""
        low, high = 0, len(self.entries) - 1
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if size_of(self.text(middle)) <= size else (low, middle - 1)
        return self.text(low)


def sentences(title: str, texts: Iterable[str]) -> Part:
    """A list of texts from manifests or the service, each in a code span, under a title."""
    entries = tuple(f"- {code(clipped(neutral(text), LONGEST_SENTENCE))}\n" for text in texts)
    return Part(
        head=f"\n### {title}\n\n",
        entries=entries,
        weights=(1,) * len(entries),
        omitted=lambda count: f"_{count:,} more are omitted here._",
    )


def code(text: str) -> str:
    """A code span that shows exactly a text of one line.

    A run of backticks ends a span only if it is as long as the one that began it (CommonMark, 6.1), so the fence is longer than
    any run inside. CommonMark strips the blanks beside it. A span can't be empty.
    """
    text = text or "empty"
    fence = "`" * (_longest_run(text) + 1)
    # A span of blanks alone is not stripped, so it needs no blanks around it.
    is_padded = bool(text.strip(" ")) and (text[0] in "` " or text[-1] in "` ")
    return f"{fence} {text} {fence}" if is_padded else f"{fence}{text}{fence}"


def fenced(lines: Sequence[str], language: str, *, limit: int | None = LINES) -> str:
    """A fenced block that shows exactly these lines; of more than `limit` the middle is omitted."""
    if limit is not None and len(lines) > limit:
        cut = len(lines) - limit
        first = limit // 2
        lines = [*lines[:first], f"… {cut:,} lines omitted", *lines[first + cut :]]
    fence = "`" * max(3, max(map(_longest_run, lines), default=0) + 1)
    body = "".join(f"{without_commands(line)}\n" for line in lines)
    return f"{fence}{language}\n{body}{fence}\n"


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text))) if "`" in text else 0


def clipped(text: str, length: int) -> str:
    """The text, cut to `length` characters where it is longer; then it says how many are left out."""
    if len(text) <= length:
        return text
    return f"{text[:length]} … ({len(text) - length:,} more characters)"


def size_of(text: str) -> int:
    """Bytes in UTF-8."""
    return len(text.encode())


def clipped_bytes(text: str, size: int) -> str:
    """The beginning of a text, of at most `size` bytes in UTF-8."""
    return text.encode()[:size].decode(errors="ignore")


def heading(text: str) -> str:
    """A heading. Anything but plain words and numbers is in a code span: a saved plan may contain anything."""
    return f"## {text if _PLAIN.fullmatch(text) else code(neutral(text))}\n"


def listing(texts: Iterable[str]) -> str:
    """A list of texts from manifests or the service, each in a code span."""
    return "".join(f"- {code(neutral(text))}\n" for text in texts)
