"""Writes JSON data as YAML that people review: the writer of exported manifests and of backups.

In: a mapping of JSON values. Out: one YAML document in block style that ends in a newline. PyYAML's safe loader, which reads YAML
1.1, reads it back equal, and no character in it acts on its surroundings unseen. There are no anchors, no tags and no folded lines.

A string is written in the first of these styles that keeps it as it is:

    plain           unless YAML could read it as anything else, or a person as a number: yes, 012, 1_000, 12:30, 1e3
    literal (|)     if it has several lines and every character is visible
    single quotes   if it has one line and every character is visible
    double quotes   otherwise, with an escape for everything that isn't visible, and in what a CI runner would obey in a log

PyYAML's own emitter writes any YAML in any style, and takes an order of magnitude longer for this one
(docs/decisions/0020-a-yaml-writer.md).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from reconciler.errors import ReconcilerError
from reconciler.loading.scalars import may_surprise, read_plain
from reconciler.resources.tree import is_mapping
from reconciler.resources.wording import RUNNER_COMMAND

_STEP: Final = "  "

_INDICATORS: Final = "-?:,[]{}#&*!|>'\"%@`"
"""What a plain scalar doesn't begin with. YAML allows some of them before certain characters, which few readers know."""

_SHORT: Final = 64
"""Characters of a string whose spelling is remembered: a fleet's models have the same keys, and many equal values."""

_LONGEST_KEY: Final = 1000
"""Characters of a key before a colon. YAML 1.1 allows 1,024 (section 7.1.2 of YAML 1.2.2); a longer one is written after "? "."""

_JOINERS: Final = "\u200c\u200d"
"""Formatting characters that many scripts and joined emoji need; all others are escaped."""

_ESCAPES: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_TEXT_OF_LINE: Final = re.compile(r"\n(?=[^\n])")
_COMMAND_LINE: Final = re.compile(r"\n[ \t]*::")
"""The start of a GitHub workflow command, which a line begins with after any indentation (actions/runner, ActionCommand)."""


def yaml_text(document: Mapping[str, Any]) -> str:
    """The mapping as a YAML document. Raises ReconcilerError for a value that isn't JSON."""
    if not document:
        return "{}\n"
    parts: list[str] = []
    _write_mapping(document, "", parts)
    return "".join(parts)


def comment(text: str) -> str:
    """One line with a comment, whatever the text contains."""
    return f"# {escaped_line(text)}\n"


def escaped_line(text: str) -> str:
    """The text with an escape for every character that isn't visible, line breaks included."""
    shown = text if text.isprintable() else "".join(map(_visible_letter, text))
    return RUNNER_COMMAND.sub("# #", shown) if "##" in shown else shown


# `parts` gets texts that each begin at the start of a line and end with one or more whole lines.


def _write_mapping(mapping: Mapping[str, Any], indent: str, parts: list[str]) -> None:
    for name, item in mapping.items():
        key = _line(name)
        if len(key) > _LONGEST_KEY:
            parts.append(f"{indent}? {key}\n")
            key = ""
        is_scalar = isinstance(item, str) or not item
        if not is_scalar and is_mapping(item):
            parts.append(f"{indent}{key}:\n")
            _write_mapping(item, indent + _STEP, parts)
        elif not is_scalar and isinstance(item, list):
            parts.append(f"{indent}{key}:\n")
            _write_sequence(item, indent + _STEP, parts)
        else:
            parts.append(f"{indent}{key}: {_scalar(item, indent)}\n")


def _write_sequence(items: list[Any], indent: str, parts: list[str]) -> None:
    for item in items:
        first = len(parts)
        if is_mapping(item) and item:
            _write_mapping(item, indent + _STEP, parts)
        elif isinstance(item, list) and item:
            _write_sequence(item, indent + _STEP, parts)
        else:
            parts.append(f"{indent}- {_scalar(item, indent)}\n")
            continue
        # The first line of what is inside begins right after the dash.
        parts[first] = f"{indent}- {parts[first][len(indent) + len(_STEP) :]}"


def _scalar(value: Any, indent: str) -> str:
    """A scalar or an empty collection, of a collection that is indented by `indent`."""
    if isinstance(value, str):
        return (_literal(value, indent) if "\n" in value else None) or _line(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        # YAML 1.1 reads 1e+300 as a string: a float has a dot.
        text = repr(value)
        return text if "." in text else text.replace("e", ".0e")
    if value in ({}, []):
        return "{}" if isinstance(value, Mapping) else "[]"
    raise ReconcilerError(f"A value of the type {type(value).__name__} can't be written as YAML: it isn't JSON.")


def _literal(text: str, indent: str) -> str | None:
    """A literal block scalar; None if it would not be read back as it is, or something in it can't be seen."""
    if (
        not text.strip(" \t\n")
        or not _is_visible(text)
        or ("##" in text and RUNNER_COMMAND.search(text))
        or ("::" in text and _COMMAND_LINE.search(f"\n{text}"))
    ):
        return None
    inner = indent + _STEP
    # The indentation of a text that begins with white space can't be found out by its first line.
    head = str(len(_STEP)) if text[0] in " \t\n" else ""
    if not text.endswith("\n"):
        tail = "-"
    else:
        tail = "+" if text.endswith("\n\n") else ""
        text = text[:-1]
    return f"|{head}{tail}" + _TEXT_OF_LINE.sub(f"\n{inner}", f"\n{text}")


def _is_visible(text: str) -> bool:
    bare = text.replace("\n", "").replace("\t", "")
    return bare.isprintable() or not any(map(_is_hidden, bare))


def _line(text: str) -> str:
    return _known_line(text) if len(text) <= _SHORT else _spelled_line(text)


def _spelled_line(text: str) -> str:
    """A string on one line."""
    is_command = "##" in text and RUNNER_COMMAND.search(text) is not None
    if is_command or (not text.isprintable() and any(map(_is_hidden, text))):
        spelled = "".join(_ESCAPES.get(letter) or _visible_letter(letter) for letter in text)
        return '"{}"'.format(RUNNER_COMMAND.sub(r"#\\x23", spelled))
    return text if _is_plain(text) else "'{}'".format(text.replace("'", "''"))


_known_line: Final = lru_cache(maxsize=1 << 16)(_spelled_line)


def _is_plain(text: str) -> bool:
    if not text or text[0] in _INDICATORS or text[0] == " " or text[-1] in " :" or ": " in text or " #" in text:
        return False
    if text.startswith("..."):
        return False  # the end of a document, at the start of a line
    kind, _ = read_plain(text)
    return kind == "str" and text != "=" and not may_surprise(text)


def _is_hidden(letter: str) -> bool:
    """Whether a character acts on its surroundings instead of being visible: controls, bidi marks, other line breaks."""
    if " " <= letter <= "~":
        return False
    is_acting = unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and letter not in _JOINERS
    return is_acting or letter in "\ufeff\ufffe\uffff"


def _visible_letter(letter: str) -> str:
    if not _is_hidden(letter):
        return letter
    code = ord(letter)
    if letter in "\n\t\r":
        return _ESCAPES[letter]
    if code < 0x100:
        return f"\\x{code:02X}"
    return f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"
