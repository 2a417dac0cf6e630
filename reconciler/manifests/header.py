"""The first two keys of a document, `apiVersion` and `kind` → the kind that it is of.

A document that is of no known kind is a problem, with the nearest known kind as a hint. Never looks at the rest of a document.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from reconciler.errors import Problem, ProblemList
from reconciler.loading.document import LoadedDocument
from reconciler.resources.fields import SETTINGS_FILE
from reconciler.resources.wording import described, listed, nearest

API_VERSION: Final = "reconciler/v1"
_HEADER: Final = ("apiVersion", "kind")


def is_settings(document: LoadedDocument) -> bool:
    """Whether a document is the settings of a run, lying among the manifests under the name that they are read by."""
    value = document.value
    return (
        isinstance(value, dict)
        and (value.get("apiVersion"), value.get("kind")) == (API_VERSION, "Config")
        and document.path.rpartition("/")[2] == SETTINGS_FILE
    )


def kind_of(document: LoadedDocument, known: Sequence[str], problems: ProblemList) -> str | None:
    """The kind of a document in the known format, one of `known`; None, and a problem, for everything else."""
    value = document.value
    if not isinstance(value, dict):
        message = f"a manifest is a mapping, found {described(value)}."
        hint = f"Start it with apiVersion: {API_VERSION} and kind: {known[0]}."
        problems.add("not-a-manifest", message, document.origin(), hint=hint)
        return None
    api_is_known = _is_header(document, "apiVersion", (API_VERSION,), problems)
    kind_is_known = _is_header(document, "kind", known, problems)
    return value.get("kind", known[0]) if api_is_known and kind_is_known else None


def is_about_header(problem: Problem) -> bool:
    """Whether the schema misses what `kind_of` has reported already."""
    return problem.code == "missing-key" and not problem.pointer and problem.key in _HEADER


def _is_header(document: LoadedDocument, key: str, known: Sequence[str], problems: ProblemList) -> bool:
    if key not in document.value:
        hint = f"Add {key}: {known[0]} at the top level."
        problems.add("missing-key", f"{key} is missing.", document.origin(), key=key, hint=hint)
        return True
    found = document.value[key]
    if isinstance(found, str) and found in known:
        return True
    hint = f"This version reads {listed(known)}."
    if found == "Config":
        message = "a Config is not a manifest; it contains the settings of a run."
        hint = "Give it with --config FILE, and as PATH the folder of the manifests alone."
    else:
        must = known[0] if len(known) == 1 else f"one of {listed(known)}"
        message = f"{key} must be {must}, found {described(found)}."
        near = nearest(found, known) if isinstance(found, str) else None
        if near is not None:
            hint = f"Did you mean {near}?"
    problems.add(
        f"unknown-{'kind' if key == 'kind' else 'api-version'}",
        message,
        document.origin((key,)),
        pointer=f"/{key}",
        hint=hint,
    )
    return False
