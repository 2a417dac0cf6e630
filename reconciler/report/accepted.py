"""What an accept did or would do: sentences, a unified diff, and a JSON document.

In: an Acceptance. Out: text that nothing can break out of, and JSON data. No secret that a manifest states in plain text is in it,
although it may stand beside an accepted value.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Any, Final

from reconciler.apply.accept import Acceptance
from reconciler.plan.parts import origin_document
from reconciler.report.edits import shown
from reconciler.report.escape import neutral
from reconciler.resources.secrets import SENSITIVE_TEXT, redacted
from reconciler.resources.tree import MISSING

SHORT: Final = 4
"""Secrets with fewer characters are hidden as whole words alone."""


def accepted_texts(found: Acceptance) -> Iterator[str]:
    """What is accepted, a line for each value."""
    for item in found.accepted:
        place = f"{item.origin.path}:{item.origin.line}"
        yield neutral(f"{place}: {item.address} {item.path}: {_text(item.before)} → {_text(item.after)}")


def left_texts(found: Acceptance) -> Iterator[str]:
    """What is left as it is, a line for each difference with the reason."""
    for item in found.left:
        yield neutral(f"{item.origin}: {item.address} {item.path} is left as it is: {item.reason}.")


def unified_diff(found: Acceptance) -> str:
    """The changes of the files, as `diff -u` prints them."""
    return "".join(line for file in found.files for line in _diff(file.path, file.before, file.after, found.hidden))


def _diff(path: str, before: str, after: str, hidden: frozenset[str]) -> Iterator[str]:
    one, other = before.splitlines(keepends=True), after.splitlines(keepends=True)
    for line in difflib.unified_diff(one, other, fromfile=path, tofile=path):
        body = line.rstrip("\r\n")
        for secret in sorted(hidden, key=len, reverse=True):
            body = _without(secret, body)
        yield f"{neutral(body)}\n"
        if not line.endswith(("\n", "\r")):
            yield "\\ No newline at end of file\n"


def _without(secret: str, line: str) -> str:
    # A secret of a few letters is a part of many words.
    if len(secret) < SHORT:
        return re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", SENSITIVE_TEXT, line)
    return line.replace(secret, SENSITIVE_TEXT)


def acceptance_document(found: Acceptance, *, is_written: bool) -> dict[str, Any]:
    """The acceptance as one JSON document."""
    document: dict[str, Any] = {
        "kind": "Accept",
        "written": is_written,
        "files": [file.path for file in found.files],
        "accepted": [
            {
                "address": item.address,
                "path": item.path,
                "origin": origin_document(item.origin),
                **{
                    name: redacted(value)
                    for name, value in (("before", item.before), ("after", item.after))
                    if value is not MISSING
                },
            }
            for item in found.accepted
        ],
        "left": [
            {"address": item.address, "path": item.path, "origin": origin_document(item.origin), "reason": item.reason}
            for item in found.left
        ],
    }
    return document if is_written else {**document, "diff": unified_diff(found)}


def _text(value: Any) -> str:
    return shown({} if value is MISSING else {"value": redacted(value)}, "value")
