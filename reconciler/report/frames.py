"""The line of a manifest that a problem is about, with a mark below its place, as compilers print it.

In: a problem, and the lines of its file. Out: a Frame, harmless in a terminal and a log. It never shows what may be a secret:

- below a key that sounds like one ("api_key", "token"), and in `params`, of which the service can declare any to be secret,
  only numbers, true, false, null and references (`${…}`) are shown; any other value is "…";
- everywhere, so is a value with the form of a well-known kind of token.

The line is not parsed as YAML, because the problem may be that it isn't. It is cut into words and punctuation, which is enough to
tell keys from values; whatever is neither is concealed where values are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from reconciler.errors import Problem
from reconciler.report.escape import neutral
from reconciler.report.width import letter_width, width

LONGEST: Final = 10_000
"""Characters of a line. A longer one is not shown."""

CONCEALED: Final = "…"
_FARTHEST: Final = 20_000
"""Lines that are searched for the keys above a line."""

_TAB: Final = "    "

_SECRET_KEY: Final = re.compile(
    r"secret|token|passw|passphrase|credential|api[-_. ]?key|access[-_. ]?key|private[-_. ]?key|auth|bearer|\bpat\b|^key$|_key$",
    re.IGNORECASE,
)
_SECRET_VALUE: Final = re.compile(
    r"\b(?:sk|pk|rk|gh[opsur]|github_pat|glpat|hf|xox[abpr]|ya29|AKIA|ASIA|eyJ)[-_A-Za-z0-9.]{12,}|-----BEGIN"
)
_PARAMS: Final = "params"
_HARMLESS: Final = re.compile(
    r"[-+]?[\d._]+(?:[eE][-+]?\d+)?|[-+]?\.(?:inf|nan)|true|false|yes|no|on|off|null|~|[|>][-+\d]*|[&*][\w-]+|\$\{[^}]*\}",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A line of a file as it is shown, its number, and what is marked in it: `length` columns from column `start`, which counts from 0."""

    number: int
    text: str
    start: int
    length: int

    def fitted(self, columns: int) -> Frame:
        """The part of the line around the mark that takes at most `columns`."""
        if width(self.text) <= columns:
            return self
        room = max(columns - 2, 8)
        first = max(0, min(self.start - room // 3, width(self.text) - room))
        text, before = _slice(self.text, first, room)
        start = self.start - before + (first > 0)
        shown = f"{'…' if first else ''}{text}{'…' if before + width(text) < width(self.text) else ''}"
        return replace(self, text=shown, start=start, length=max(1, min(self.length, columns - start)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Word:
    """A piece of a line: a blank, a comment, a key, a value, or a mark of punctuation."""

    kind: str
    at: int
    text: str


def source_frame(problem: Problem, lines: Sequence[str]) -> Frame | None:
    """The frame of a problem in a file with these lines; None for a problem of the whole file, or a line that can't be shown."""
    number, column = problem.origin.line, problem.origin.column
    if (number, column, problem.pointer) == (1, 1, "") or not 1 <= number <= len(lines):
        return None
    line = lines[number - 1]
    if not line.strip() or len(line) > LONGEST:
        return None
    at = min(column - 1, len(line))
    words = tuple(_words(line))
    is_below = _PARAMS in problem.pointer.split("/") and not any(_plain(word.text) == _PARAMS for word in words)
    is_private = is_below or any(map(_is_private, _parents(lines, number - 1)))
    text, start, length = "", 0, 1
    key = ""
    for word in words:
        key = _plain(word.text) if word.kind == "key" else key
        shown = _shown(word, is_private=is_private or _is_private(key))
        is_private = is_private or (word.kind == "key" and key == _PARAMS)
        if word.at <= at < word.at + len(word.text):
            kept = word.text[: at - word.at]
            start = width(text) + (width(_visible(kept)) if shown == _visible(word.text) else 0)
            length = max(1, width(text) + width(shown) - start)
        text += shown
    if at >= len(line):
        start = width(text)
    return Frame(number=number, text=text, start=start, length=length)


def _shown(word: _Word, *, is_private: bool) -> str:
    if word.kind in ("value", "comment"):
        plain = _plain(word.text)
        is_harmless = bool(_HARMLESS.fullmatch(plain)) or not plain
        if (is_private and not is_harmless) or _SECRET_VALUE.search(plain):
            return CONCEALED
    return _visible(word.text)


def _visible(text: str) -> str:
    return _TAB.join(map(neutral, text.split("\t")))


def _plain(text: str) -> str:
    return text.strip().strip("\"'")


def _is_private(key: str) -> bool:
    return key == _PARAMS or bool(_SECRET_KEY.search(key))


def _parents(lines: Sequence[str], index: int) -> Iterator[str]:
    """The keys that the line stands below, by indentation, the nearest first."""
    depth = _indentation(lines[index])
    first = max(index - _FARTHEST, 0)
    while index > first and depth > 0:
        index -= 1
        line = lines[index]
        if not line.strip() or line.lstrip().startswith("#") or _indentation(line) >= depth:
            continue
        depth = _indentation(line)
        # A mapping that is opened inside the line has its keys there.
        yield from (_plain(word.text) for word in _words(line[:LONGEST]) if word.kind == "key")
    if index > 0 and depth > 0:
        yield _PARAMS  # the keys above are unknown, so one of them counts as private


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def _words(line: str) -> Iterator[_Word]:
    """The pieces of a line, which together are the line."""
    at = depth = 0
    may_be_key = (
        True  # a key comes first, or after one of these marks; anything else before ":" is a value that lacks quotes
    )
    while at < len(line):
        kind, end = _next_word(line, at, is_flow=depth > 0)
        text = line[at:end]
        if kind == "mark":
            depth += (text in "{[") - (text in "}]")
            may_be_key = text in ("{[," if depth > 0 else "-?")
        elif kind == "value":
            if may_be_key and _is_key(line, end, is_quoted=text[0] in "\"'"):
                kind = "key"
            may_be_key = False
        yield _Word(kind=kind, at=at, text=text)
        at = end


_BLANK: Final = re.compile(r"\s+")
_QUOTED: Final = re.compile(r"""\"(?:[^"\\]|\\.)*"?|'(?:[^']|'')*'?""")
_BLOCK_TEXT: Final = re.compile(r"(?:[^:\s#]|:(?!\s|$)|(?<!\s)#|\s+(?![\s#]|:(?:\s|$)))+")
_FLOW_TEXT: Final = re.compile(
    r"(?:\$\{[^}]*\}|[^:\s#,{}\[\]]|:(?![\s,{}\[\]]|$)|(?<!\s)#|[^\S\n]+(?![\s#,{}\[\]]|:(?:\s|$)))+"
)


def _next_word(line: str, at: int, *, is_flow: bool) -> tuple[str, int]:
    letter, after = line[at], line[at + 1 : at + 2]
    if blank := _BLANK.match(line, at):
        return "blank", blank.end()
    if letter == "#" and (at == 0 or line[at - 1].isspace()):
        return "comment", len(line)
    if letter in "{}[]," or (letter in ":-?" and not after.strip()) or (letter == ":" and is_flow and after in ",{}[]"):
        return "mark", at + 1
    if letter in "\"'" and (quoted := _QUOTED.match(line, at)):
        return "value", quoted.end()
    text = (_FLOW_TEXT if is_flow else _BLOCK_TEXT).match(line, at)
    return "value", text.end() if text else at + 1


def _is_key(line: str, end: int, *, is_quoted: bool) -> bool:
    rest = line[end:].lstrip()
    return rest.startswith(":") and (is_quoted or not rest[1:2].strip() or rest[1:2] in ",{}[]")


def _slice(text: str, first: int, columns: int) -> tuple[str, int]:
    """The part of a text from column `first` on that takes at most `columns`, and the column where it begins."""
    at = taken = 0
    kept: list[str] = []
    begin = first
    for letter in text:
        wide = letter_width(letter)
        if at >= first:
            begin = begin if kept else at
            if taken + wide > columns:
                break
            kept.append(letter)
            taken += wide
        at += wide
    return "".join(kept), begin
