"""Removes secrets and control characters from the service's error texts, and limits their length.

Takes a text from the service, returns one that can be shown. Only errors need it: when the service rejects a request, it
may quote it, including the token or a secret param. All other output is concealed as values, before it becomes text.

A service can quote a secret in ways that nobody can list: in part, in upper case, or escaped for JSON, HTML or a URL. So there
are two steps. Known spellings of a secret are replaced by `(sensitive)`. If the rest of the text, or the text with its escapes
undone, still shares a run of characters with a secret, the text is cut there: a message that is too short does less harm than
a secret in a log.
"""

from __future__ import annotations

import json
import re
import threading
import unicodedata
import urllib.parse
from collections.abc import Iterable, Iterator
from typing import Final

from reconciler.resources.secrets import SENSITIVE_TEXT

MAX_LENGTH: Final = 2000
"""The longest text that is shown, in characters. What exceeds it is cut."""

RUN: Final = 8
"""The number of characters that a text may not share with a secret. Shorter runs occur in other words by chance."""

_WHOLE_WORD_BELOW: Final = 4
_CUT: Final = f"{SENSITIVE_TEXT}… (the rest is left out: it may quote a secret)"
_ROUNDS: Final = 3
_JSON_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([\"'\\/]))")
# The service and its proxies are written in Go, whose JSON encoder also escapes these (encoding/json, HTMLEscape).
_GO_ESCAPES: Final = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)


class Scrubber:
    """Removes the secrets of a run from texts. It can be used from several threads."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._secrets: set[str] = set()
        self._spellings: re.Pattern[str] | None = None
        self._runs: frozenset[str] = frozenset()
        self._is_ready = True
        self.register(secrets)

    def register(self, secrets: Iterable[str]) -> None:
        """Add secrets. Empty strings are ignored."""
        with self._lock:
            added = {secret for secret in secrets if secret} - self._secrets
            self._secrets |= added
            self._is_ready = self._is_ready and not added

    def clean(self, text: str) -> str:
        """Return `text` without secrets, on one line, with control characters escaped, and at most MAX_LENGTH long."""
        spellings, runs = self._prepared()
        if spellings is not None:
            text = _without_runs(spellings.sub(SENSITIVE_TEXT, text), runs)
        text = "".join(map(_visible, " ".join(text.split("\n"))))
        return text if len(text) <= MAX_LENGTH else f"{text[:MAX_LENGTH]}… ({len(text)} characters)"

    def _prepared(self) -> tuple[re.Pattern[str] | None, frozenset[str]]:
        """The pattern of all spellings and the runs of all secrets, made when they are needed: few runs have an error."""
        with self._lock:
            if not self._is_ready:
                spellings = {spelling for secret in self._secrets for spelling in _spellings(secret)}
                # The longest first, so that a secret which contains another one is replaced as a whole.
                ordered = sorted(spellings, key=lambda spelling: (-len(spelling), spelling))
                self._spellings = re.compile("|".join(map(_pattern_of, ordered)), re.IGNORECASE)
                self._runs = frozenset(run for secret in self._secrets for run in _runs(_folded(_undone(secret))))
                self._runs |= frozenset(run for secret in self._secrets for run in _runs(_folded(secret)))
                self._is_ready = True
            return self._spellings, self._runs


def _spellings(secret: str) -> Iterator[str]:
    """The ways in which a service may write a whole secret."""
    import html  # its table of entities takes 1 ms, and only errors need it

    as_json = json.dumps(secret, ensure_ascii=False)[1:-1]
    yield from (secret, as_json, json.dumps(secret)[1:-1], as_json.translate(_GO_ESCAPES))
    # Go writes a quote in HTML as &#34; (html.EscapeString), Python as &quot;.
    as_html = html.escape(secret)
    yield from (
        as_html,
        as_html.replace("&quot;", "&#34;").replace("&#x27;", "&#39;"),
        html.escape(secret, quote=False),
    )
    encoded = secret.encode("utf-8", "surrogatepass")
    yield from (urllib.parse.quote(encoded, safe=""), urllib.parse.quote(encoded), urllib.parse.quote_plus(encoded))


def _pattern_of(spelling: str) -> str:
    # A secret of one to three characters occurs in other words by chance, so it is replaced only as a whole word.
    quoted = re.escape(spelling)
    return rf"(?<!\w){quoted}(?!\w)" if len(spelling) < _WHOLE_WORD_BELOW else quoted


def _runs(text: str) -> Iterator[str]:
    return (text[start : start + RUN] for start in range(len(text) - RUN + 1))


def _folded(text: str) -> str:
    """The text in one case. Some letters, "ı" for one, become others in upper case that casefold alone keeps apart."""
    return text.upper().casefold()


def _without_runs(text: str, runs: frozenset[str]) -> str:
    """The text, cut where it shares a run with a secret; as a whole where the place isn't known."""
    if not runs:
        return text
    folded, undone = _folded(text), _folded(_undone(text))
    # With escapes undone, or with "ß" folded, places are no longer those of the text.
    if undone != folded or len(folded) != len(text):
        return _CUT if any(run in runs for run in _runs(undone)) or any(run in runs for run in _runs(folded)) else text
    start = next((start for start, run in enumerate(_runs(folded)) if run in runs), None)
    return text if start is None else f"{text[:start]}{_CUT}"


def _undone(text: str) -> str:
    """The text without escapes of JSON, HTML and URLs, which may be nested."""
    import html

    for _ in range(_ROUNDS):
        before = text
        text = _JSON_ESCAPE.sub(_letter, urllib.parse.unquote(html.unescape(text), errors="replace"))
        if text == before:
            break
    return text


def _letter(escape: re.Match[str]) -> str:
    code = escape[1] or escape[2]
    return escape[3] if code is None else chr(int(code, 16))


def _visible(letter: str) -> str:
    # Cc: terminal control; Cf: invisible characters such as bidirectional overrides; Zl, Zp: line breaks; Cs: lone
    # surrogates.
    if unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp", "Cs"):
        return letter.encode("unicode_escape").decode("ascii")
    return letter
