"""Compares the concepts that a manifest expects of a version with the live ones. No call can change them.

In: matches of manifests with live versions, and the concepts of those that state any. Out: one Expectation per version. The
concepts of a version are fixed by its training (Clarifai documentation, "Manage models": PatchModelVersions changes
output_info, "not including concepts"), so a difference is reported, and never planned as a change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.compare.match import Match
from reconciler.errors import Origin, Problem, ProblemList
from reconciler.resources.keys import Key, Kind
from reconciler.resources.observed import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """The concepts that one version should have and has: ids, sorted. `names` are the live names by id."""

    key: Key
    expected: tuple[str, ...]
    live: tuple[str, ...]
    names: Mapping[str, str] = field(default_factory=dict)
    origin: Origin

    @property
    def missing(self) -> tuple[str, ...]:
        """The ids that are expected and not there."""
        return tuple(sorted(set(self.expected) - set(self.live)))

    @property
    def unexpected(self) -> tuple[str, ...]:
        """The ids that are there and not expected."""
        return tuple(sorted(set(self.live) - set(self.expected)))

    @property
    def is_met(self) -> bool:
        """Whether the version has exactly the expected concepts."""
        return set(self.expected) == set(self.live)


def stated_expectations(found: Iterable[Match]) -> dict[Key, tuple[tuple[str, ...], Origin]]:
    """What manifests expect of live versions, with its place; only for versions of which anything is expected.

    Raises ProblemsError where two entries that select the same version expect different concepts of it.
    """
    stated: dict[Key, tuple[tuple[str, ...], Origin]] = {}
    problems = ProblemList()
    for match in found:
        for key, entries in match.versions.items():
            for entry in entries:
                if entry.expected_concepts is None:
                    continue
                expected = tuple(sorted(set(entry.expected_concepts)))
                if stated.setdefault(key, (expected, entry.origin))[0] != expected:
                    problems.add(
                        "contradicting-versions",
                        f"this entry and another of model {key.model().address} select version {key.version_id} "
                        "and expect different concepts of it.",
                        entry.origin,
                        hint="State expect in one of the entries only.",
                    )
    problems.raise_if_any()
    return dict(sorted(stated.items()))


def expectation(key: Key, expected: tuple[str, ...], origin: Origin, concepts: Iterable[Document]) -> Expectation:
    """The expectation about one version, with its live concepts (Concept messages)."""
    names = {str(concept["id"]): str(concept.get("name") or concept["id"]) for concept in concepts if concept.get("id")}
    live = tuple(sorted(names))
    return Expectation(key=key, expected=expected, live=live, names={name: names[name] for name in live}, origin=origin)


# --- the document -------------------------------------------------------------------------------------------


def expectation_document(item: Expectation) -> dict[str, Any]:
    """One entry of `expectations`."""
    origin = item.origin
    return {
        "address": item.key.address,
        "user_id": item.key.user_id,
        "app_id": item.key.app_id,
        "model_id": item.key.model_id,
        "version_id": item.key.version_id,
        "met": item.is_met,
        "expected": list(item.expected),
        "live": list(item.live),
        "missing": list(item.missing),
        "unexpected": list(item.unexpected),
        "names": dict(item.names),
        "origin": {"path": origin.path, "line": origin.line, "column": origin.column},
    }


def expectation_from_document(entry: Mapping[str, Any]) -> Expectation:
    """The inverse of `expectation_document`. Raises KeyError, TypeError or ValueError for anything else."""
    key = Key(
        user_id=entry["user_id"], app_id=entry["app_id"], model_id=entry["model_id"], version_id=entry["version_id"]
    )
    if key.kind is not Kind.MODEL_VERSION:
        raise ValueError("an expectation without a version")
    return Expectation(
        key=key,
        expected=tuple(entry["expected"]),
        live=tuple(entry["live"]),
        names=dict(entry["names"]),
        origin=Origin(**entry["origin"]),
    )


def unmet_text(item: Expectation) -> str:
    """What is wrong with the concepts of one version, without its address."""
    parts = [
        f"{what}: {', '.join(_named(item, name) for name in names)}"
        for what, names in (("missing", item.missing), ("unexpected", item.unexpected))
        if names
    ]
    return f"concepts {'; '.join(parts)} (no call can change them)"


def _named(item: Expectation, concept_id: str) -> str:
    name = item.names.get(concept_id, concept_id)
    return concept_id if name == concept_id else f"{concept_id} ({name})"


def unmet_warning(item: Expectation) -> Problem:
    """The warning of a run that has written everything else, because no call can write this."""
    return Problem(code="unmet-expectation", message=f"{item.key.address}: {unmet_text(item)}.", origin=item.origin)
