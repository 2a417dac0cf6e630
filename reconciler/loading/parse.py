"""YAML text → documents, and all problems of the text. Reads no file.

libyaml parses the stream once. `flat.py` reads the events of each ordinary document; the text of any other one is given to
the exact builder in `tree.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from reconciler.errors import Origin, ProblemList
from reconciler.loading.document import LoadedDocument
from reconciler.loading.flat import FlatReader, OddError
from reconciler.loading.scalars import PlainReadings
from reconciler.loading.tree import Builder, UnreadableError, source_of_events
from reconciler.resources.wording import shortened

# The characters YAML allows in a stream; the parsers refuse the others too, without saying in which line.
_UNPRINTABLE: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_INNER_BOM: Final = re.compile("[\n\r]\ufeff")


def documents_from_text(
    text: str, path: str, problems: ProblemList, *, content: bytes | None = None, readings: PlainReadings | None = None
) -> list[LoadedDocument]:
    """The documents of a YAML stream, except empty ones. Problems of the text are added to `problems`.

    `content` is the text in UTF-8, where it is at hand: libyaml wants bytes. `readings` may be shared by many streams. A text with a character that YAML doesn't allow gives no document. After a
    syntax error, or a document too deep or too large to be walked, the rest of the stream is left unread.
    """
    if text.startswith("\ufeff"):
        text, content = text[1:], None
    documents: list[LoadedDocument] = []
    wrong, error = ProblemList(), None
    try:
        for document in _documents(
            text, path, wrong, content=content, readings=PlainReadings() if readings is None else readings
        ):
            documents.append(document)  # noqa: PERF402  what comes before an error is kept
    except (UnreadableError, yaml.YAMLError) as found:
        error = found
    # A text that was read to its end has none of these characters, and a search for them takes as long as parsing.
    unusable = (error and _UNPRINTABLE.search(text)) or ("\ufeff" in text and _INNER_BOM.search(text))
    if unusable:
        _report_character(text, unusable.end() - 1, path, problems)
        return []
    problems.extend(wrong)
    if isinstance(error, yaml.MarkedYAMLError):
        _report_syntax(text, error, path, problems)
    elif isinstance(error, yaml.YAMLError):
        problems.add("yaml-syntax", f"not YAML: {shortened(str(error))}.", Origin(path=path))
    return documents


def _documents(
    text: str, path: str, problems: ProblemList, *, content: bytes | None, readings: PlainReadings
) -> Iterator[LoadedDocument]:
    source = source_of_events(text if content is None else content)
    reader = FlatReader(source, path, readings)
    while type(event := source.get_event()) is not yaml.StreamEndEvent:
        if type(event) is not yaml.DocumentStartEvent:
            continue
        try:
            document: LoadedDocument | None = reader.document()
        except OddError:
            start: Any = event.start_mark
            again = source_of_events(_TextFrom(text, start.index - start.column))
            builder = Builder(again, path, problems, readings=readings, first_line=start.line)
            document = _exact_document(builder, source)
        if document is not None and document.value is not None:
            yield document


def _exact_document(builder: Builder, source: Any) -> LoadedDocument | None:
    """What the exact builder makes of a document; the source that the flat reader left inside it is taken to its end."""
    document, error = None, None
    try:
        document = builder.document()
    except yaml.YAMLError as found:
        error = found
    while (
        type(source.get_event()) is not yaml.DocumentEndEvent
    ):  # raises the same error, with its line in the whole text
        pass
    if error is not None:
        raise error
    return document


class _TextFrom:
    """The text from an index on, as a stream that is read in pieces: a file of odd documents is copied once, not for each."""

    def __init__(self, text: str, index: int) -> None:
        self._text = text
        self._index = index

    def read(self, size: int) -> str:
        """Return at most this many characters, and none at the end."""
        begin, self._index = self._index, self._index + size
        return self._text[begin : self._index]


def _report_character(text: str, index: int, path: str, problems: ProblemList) -> None:
    before = text[:index]
    line = before.count("\n") + 1
    column = index - (before.rfind("\n") + 1) + 1
    letter = text[index]
    what = "a byte order mark inside the file" if letter == "\ufeff" else f"the character U+{ord(letter):04X}"
    hint = (
        "Remove it; it is usually left over from joining files."
        if letter == "\ufeff"
        else "Remove it; in a double-quoted string it can be written as an escape."
    )
    if letter == "\x00":
        hint = "The file is binary, damaged or not UTF-8."
    problems.add(
        "yaml-character", f"{what} is not allowed in YAML.", Origin(path=path, line=line, column=column), hint=hint
    )


def _report_syntax(text: str, error: yaml.MarkedYAMLError, path: str, problems: ProblemList) -> None:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    said = " ".join(part for part in (error.context, error.problem) if part) or "unreadable"
    lines = text.splitlines()
    written = lines[line - 1] if line <= len(lines) else ""
    hint = "Check the indentation and quotes here and in the lines before."
    if "mapping values are not allowed" in said:
        hint = 'A string that contains ": " needs quotes; otherwise check the indentation here and in the lines before.'
    if written[: max(column, 1)].strip(" ").startswith("\t"):
        hint = "Indent with spaces: YAML allows no tabs there."
    problems.add("yaml-syntax", f"not YAML: {said}.", Origin(path=path, line=line, column=column), hint=hint)
