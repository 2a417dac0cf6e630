"""Which ids the service can take.

Clarifai calls ids "URL-friendly" and unique within their app (resources.proto, Model.id); what exactly its server
accepts is not published. So what can't stand in a URL's path is an error, and what Clarifai's own Python package would
refuse (`^[0-9A-Za-z]+([-_][0-9A-Za-z]+)*$`, clarifai/workflows/validate.py) is only a warning.
"""

from __future__ import annotations

import re
from typing import Final

from reconciler.resources.wording import quoted

MAX_ID: Final = 256
_USUAL: Final = re.compile(r"[0-9A-Za-z]+(?:[-_][0-9A-Za-z]+)*")
_VERSION: Final = re.compile(r"[0-9a-f]{32}")
_BREAKS_URLS: Final = "/?#%"


def id_problem(text: str) -> str | None:
    """Why `text` can't be an id of a model, app or user; None where it can."""
    if len(text) <= MAX_ID and _USUAL.fullmatch(text):
        return None
    if not text:
        return "is empty"
    if text in {".", ".."}:
        return "means a folder in a URL"
    if len(text) > MAX_ID:
        return f"has {len(text)} characters, more than {MAX_ID}"
    for letter in text:
        if letter in _BREAKS_URLS or not "!" <= letter <= "~":
            what = "white space" if letter.isspace() else quoted(letter)
            return f"holds {what}, which can't stand in a URL"
    return None


def id_warning(text: str) -> str | None:
    """Why the service may not know `text` as an id although it could stand in a URL; None where it looks usual."""
    if _USUAL.fullmatch(text):
        return None
    return "is unusual: ids have letters and digits, with single - or _ between them"


def version_id_problem(text: str) -> str | None:
    """Why `text` can't be the id of a version; None where it can."""
    if _VERSION.fullmatch(text):
        return None
    return f"is no version id: those have 32 lowercase hexadecimal digits (0-9, a-f), this has {len(text)} characters"
