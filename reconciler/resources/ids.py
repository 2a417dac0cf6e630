"""Validation of ids.

Clarifai calls ids "URL-friendly" and unique within their app (resources.proto, Model.id), but doesn't publish which
characters its server accepts. An id that can't be part of a URL path is therefore an error. An id that only Clarifai's
Python package would reject (`^[0-9A-Za-z]+([-_][0-9A-Za-z]+)*$`, clarifai/workflows/validate.py) is a warning.
"""

from __future__ import annotations

import re
from typing import Final

from reconciler.resources.wording import quoted

MAX_ID: Final = 256
"""The longest id that is accepted, in characters."""

_USUAL: Final = re.compile(r"[0-9A-Za-z]+(?:[-_][0-9A-Za-z]+)*")
_VERSION: Final = re.compile(r"[0-9a-f]{32}")
_BREAKS_URLS: Final = "/?#%"


def id_problem(text: str) -> str | None:
    """Return why `text` can't be the id of a model, app or user, or None if it can.

    The reason is a predicate without a subject ("is empty"), to follow the name of the id in a message.
    """
    if len(text) <= MAX_ID and _USUAL.fullmatch(text):
        return None
    if not text:
        return "is empty"
    if text in {".", ".."}:
        return "is a relative path segment in a URL"
    if len(text) > MAX_ID:
        return f"has {len(text)} characters (at most {MAX_ID} are allowed)"
    for letter in text:
        if letter in _BREAKS_URLS or not "!" <= letter <= "~":
            what = "whitespace" if letter.isspace() else quoted(letter)
            return f"contains {what}, which isn't allowed in a URL path"
    return None


def id_warning(text: str) -> str | None:
    """Return why the service may reject `text` as an id although a URL can contain it, or None. See `id_problem`."""
    if _USUAL.fullmatch(text):
        return None
    return "is unusual: ids usually consist of letters and digits, with single - or _ between them"


def version_id_problem(text: str) -> str | None:
    """Return why `text` can't be the id of a version, or None if it can. See `id_problem`."""
    if _VERSION.fullmatch(text):
        return None
    return f"is not a version id (expected 32 lowercase hex digits, found {len(text)} characters)"
