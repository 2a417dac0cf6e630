"""Removes secrets and control characters from the service's error texts, and limits their length.

Takes a text from the service, returns one that can be shown. Only errors need it: when the service rejects a request, it
may quote it, including the token or a secret param. All other output is concealed as values, before it becomes text.
"""

from __future__ import annotations

import json
import re
import threading
import unicodedata
from collections.abc import Iterable
from typing import Final

from reconciler.resources.secrets import SENSITIVE_TEXT

MAX_LENGTH: Final = 2000
"""The longest text that is shown, in characters. What exceeds it is cut."""

_WHOLE_WORD_BELOW: Final = 4


class Scrubber:
    """Removes the secrets of a run from texts. It can be used from several threads."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.register(secrets)

    def register(self, secrets: Iterable[str]) -> None:
        """Add secrets. Empty strings are ignored."""
        # If the service quotes JSON, quotes and other characters of a secret are escaped in it.
        spellings = {spelling for secret in secrets if secret for spelling in (secret, json.dumps(secret)[1:-1])}
        with self._lock:
            if not spellings <= self._secrets:
                self._secrets |= spellings
                # The longest first, so that a secret which contains another one is replaced as a whole.
                ordered = sorted(self._secrets, key=lambda secret: (-len(secret), secret))
                self._pattern = re.compile("|".join(map(_pattern_of, ordered)))

    def clean(self, text: str) -> str:
        """Return `text` without secrets, on one line, with control characters escaped, and at most MAX_LENGTH long."""
        pattern = self._pattern
        if pattern is not None:
            text = pattern.sub(SENSITIVE_TEXT, text)
        text = "".join(map(_visible, " ".join(text.split("\n"))))
        return text if len(text) <= MAX_LENGTH else f"{text[:MAX_LENGTH]}… ({len(text)} characters)"


def _pattern_of(secret: str) -> str:
    # A secret of one to three characters occurs in other words by chance, so it is replaced only as a whole word.
    quoted = re.escape(secret)
    return rf"(?<!\w){quoted}(?!\w)" if len(secret) < _WHOLE_WORD_BELOW else quoted


def _visible(letter: str) -> str:
    # Cc: terminal control; Cf: invisible characters such as bidirectional overrides; Zl, Zp: line breaks; Cs: lone
    # surrogates.
    if unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp", "Cs"):
        return letter.encode("unicode_escape").decode("ascii")
    return letter
