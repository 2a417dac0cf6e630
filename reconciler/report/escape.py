"""Makes text from manifests and the service harmless in a terminal and a CI log: control characters become escapes."""

from __future__ import annotations

import json
from typing import Any


def neutral(text: str) -> str:
    """The text with every character that isn't printable written as \\xNN, \\uNNNN or \\UNNNNNNNN.

    Printable is as in str.isprintable. Not printable is what moves the cursor, reorders, hides or breaks lines (controls, bidi
    and other format characters, surrogates, separators), and every blank but the plain space, from which nobody could tell it.

    "##[" becomes "#\\x23[": GitHub's runner obeys it anywhere in a line (actions/runner, ActionCommand).
    """
    text = text.replace("##[", "#\\x23[")
    if text.isascii() and text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    code = ord(letter)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def value_text(value: Any) -> str:
    """A JSON value on one line: strings in quotes, whole numbers without a fraction."""
    return neutral(json.dumps(value, ensure_ascii=False, sort_keys=True))
