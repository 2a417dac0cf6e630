"""Makes text from manifests and the service harmless in a terminal and a CI log: control characters become escapes."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from reconciler.resources.wording import RUNNER_COMMAND

_BLANK: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""What str.isprintable takes for printable, although nothing is seen of it: U+034F, the fillers of Hangul, Khmer's inherent
vowels, variation selectors, and the blank of Braille."""

_BEYOND_ASCII: Final = re.compile(r"[^\x00-\x7e]")


def neutral(text: str) -> str:
    """The text with every character that can't be seen written as \\xNN, \\uNNNN or \\UNNNNNNNN.

    That is what isn't printable as in str.isprintable: what moves the cursor, reorders, hides or breaks lines (controls, bidi
    and other format characters, surrogates, separators), and every blank but the plain space, because they look the same;
    and what is printable and blank.

    The beginning of a runner's command is broken: "##[" becomes "#\\x23[".
    """
    if "##" in text:
        text = RUNNER_COMMAND.sub(r"#\\x23", text)
    if text.isprintable() and (text.isascii() or not _BLANK.search(text)):
        return text
    return "".join(_escaped(letter) if _is_unseen(letter) else letter for letter in text)


def neutral_json(text: str) -> str:
    """JSON text of the same value, in which nothing is unseen and no runner finds a command."""
    if "##" in text:
        text = RUNNER_COMMAND.sub(r"#\\u0023", text)
    return text if text.isascii() and "\x7f" not in text else _BEYOND_ASCII.sub(_json_escape, text)


def _json_escape(found: re.Match[str]) -> str:
    letter = found.group()
    if letter == "\x7f":
        return "\\u007f"  # a control, which json.dumps takes for plain ASCII
    return json.dumps(letter)[1:-1] if _is_unseen(letter) else letter


def _is_unseen(letter: str) -> bool:
    return not letter.isprintable() or _BLANK.match(letter) is not None


def _escaped(letter: str) -> str:
    code = ord(letter)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def value_text(value: Any) -> str:
    """A JSON value on one line: strings in quotes, whole numbers without a fraction."""
    return neutral(json.dumps(value, ensure_ascii=False, sort_keys=True))
