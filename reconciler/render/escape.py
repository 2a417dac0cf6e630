"""Makes text from manifests and from the service harmless in a terminal: what is not printable is shown as an escape."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that move the cursor, reorder, hide or break lines: controls, formats (bidi), surrogates, separators."""


def neutral(text: str) -> str:
    """The text with every control, bidi or otherwise invisible character written as \\xNN, \\uNNNN or \\UNNNNNNNN."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(letter) if unicodedata.category(letter) in _UNSAFE else letter for letter in text)


def _escaped(letter: str) -> str:
    code = ord(letter)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def value_text(value: Any) -> str:
    """A JSON value on one line, as people write it: strings in quotes, whole numbers without a fraction."""
    return neutral(json.dumps(value, ensure_ascii=False, sort_keys=True))
