"""YAML text → documents; and every problem the text has. Reads no file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import yaml

from reconciler.errors import Origin, ProblemList
from reconciler.loading.document import LoadedDocument
from reconciler.loading.known_forms import KnownForms
from reconciler.loading.tree import Builder, UnreadableError, source_of_events
from reconciler.resources.wording import shortened

# The characters YAML allows in a stream; the parsers refuse the others too, without saying in which line.
_UNPRINTABLE: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_INNER_BOM: Final = re.compile("[\n\r]\ufeff")


def documents_from_text(
    text: str, path: str, problems: ProblemList, *, forms: KnownForms | None = None
) -> Iterator[LoadedDocument]:
    """Every document of a YAML stream that isn't empty; what is wrong with the text goes to `problems`.

    `forms` are those met in other streams: documents that only fill one in again aren't parsed, and are the same all the same.
    After a syntax error, or a document too deep or too large to be walked, the rest of the stream is left unread.
    """
    text = text.removeprefix("\ufeff")
    unusable = _UNPRINTABLE.search(text) or _INNER_BOM.search(text)
    if unusable is not None:
        _report_character(text, unusable.end() - 1, path, problems)
        return
    forms = KnownForms() if forms is None else forms
    known = forms.documents(text, path)
    if known is not None:
        yield from known
        return
    try:
        builder = Builder(source_of_events(text), path, problems, readings=forms.readings)
        yield from builder.documents()
    except UnreadableError:
        return
    except yaml.MarkedYAMLError as error:
        _report_syntax(text, error, path, problems)
    except yaml.YAMLError as error:
        problems.add("yaml-syntax", f"not YAML: {shortened(str(error))}.", Origin(path=path))


def _report_character(text: str, index: int, path: str, problems: ProblemList) -> None:
    before = text[:index]
    line = before.count("\n") + 1
    column = index - (before.rfind("\n") + 1) + 1
    letter = text[index]
    what = "a byte order mark inside the file" if letter == "\ufeff" else f"the character U+{ord(letter):04X}"
    hint = (
        "Remove it: files joined together each brought their own."
        if letter == "\ufeff"
        else "Remove it; in a quoted text it can be written as an escape."
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
        hint = 'A text with ": " in it needs quotes; else check the indentation here and in the lines before.'
    if written[: max(column, 1)].strip(" ").startswith("\t"):
        hint = "Indent with spaces: YAML allows no tabs there."
    problems.add("yaml-syntax", f"not YAML: {said}.", Origin(path=path, line=line, column=column), hint=hint)
