"""Colours for a terminal, or none.

In: text and a style. Out: the text, between the codes that switch its colour on and off (ECMA-48, "Select Graphic Rendition").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_STYLES: Final = {
    "update": "\x1b[33m",
    "delete": "\x1b[31m",
    "good": "\x1b[32m",
    "bad": "\x1b[31m",
    "dim": "\x1b[2m",
    "bold": "\x1b[1m",
    "loss": "\x1b[1;31m",
    "edited": "\x1b[4m",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Painter:
    """Colours text, or leaves it as it is."""

    color: bool

    def __call__(self, text: str, style: str) -> str:
        """The text in a style of _STYLES; "" is none."""
        return f"{_STYLES[style]}{text}\x1b[0m" if self.color and text and style else text
