"""Makes texts from the service fit to be shown: no secret, no control character, no flood.

Works on the text of errors, the only place where a service's words reach a user unparsed: a service may quote the
request, and so the token or a sensitive param, when it refuses one.
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
_WHOLE_WORD_BELOW: Final = 4


class Scrubber:
    """Knows the secrets of a run and takes them out of texts. Safe for use from several threads."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.register(secrets)

    def register(self, secrets: Iterable[str]) -> None:
        """Add secrets; empty ones are ignored."""
        # A service that quotes JSON writes the secret as JSON does, with escapes.
        spellings = {spelling for secret in secrets if secret for spelling in (secret, json.dumps(secret)[1:-1])}
        with self._lock:
            if not spellings <= self._secrets:
                self._secrets |= spellings
                # Longest first: a secret that holds another goes as a whole.
                ordered = sorted(self._secrets, key=lambda secret: (-len(secret), secret))
                self._pattern = re.compile("|".join(map(_pattern_of, ordered)))

    def clean(self, text: str) -> str:
        """The text without secrets, on one line, every control character written as an escape, cut at MAX_LENGTH."""
        pattern = self._pattern
        if pattern is not None:
            text = pattern.sub(SENSITIVE_TEXT, text)
        text = "".join(map(_visible, " ".join(text.split("\n"))))
        return text if len(text) <= MAX_LENGTH else f"{text[:MAX_LENGTH]}… ({len(text)} characters)"


def _pattern_of(secret: str) -> str:
    # One or two characters occur in every text by chance: only where they stand alone are they the secret.
    quoted = re.escape(secret)
    return rf"(?<!\w){quoted}(?!\w)" if len(secret) < _WHOLE_WORD_BELOW else quoted


def _visible(letter: str) -> str:
    # Cc: terminal control; Cf: bidirectional overrides and the like; Zl, Zp: line breaks; Cs: half characters.
    if unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp", "Cs"):
        return letter.encode("unicode_escape").decode("ascii")
    return letter
