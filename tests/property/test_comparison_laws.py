"""Laws of the comparison: looking at the fields in doubt alone finds what looking at whole specs finds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.compare.diff import compared, desired_mark, drift_between, spec_as_stated
from reconciler.compare.match import Match
from reconciler.compare.unreadable import Judged, judged, memory_from
from reconciler.errors import ProblemsError
from reconciler.resources.canonical import canonical, equal, spec_from_document
from reconciler.resources.desired import DesiredModel, DesiredVersion, Selector
from reconciler.resources.fields import MARK
from reconciler.resources.keys import Key, Kind
from reconciler.resources.observed import Document, ObservedModel, ObservedVersion
from reconciler.resources.secrets import Secrets
from reconciler.resources.tree import MISSING, lookup, with_value

from .values import ACTIONS, DOCUMENTS, HERE, STATEMENTS, removals

MODEL = Key(user_id="me", app_id="pets", model_id="petsID")
VERSION = MODEL.version("b" * 32)

Entries = tuple[DesiredModel | DesiredVersion, ...]


@st.composite
def matches(draw: st.DrawFn) -> Match:
    """A random model with one version, and entries that state a part of what is live, and other values."""

    def entry(kind: Kind, document: Document) -> dict[str, Any]:
        spec = spec_from_document(kind, document)
        live = {name: spec[name] for name in draw(st.sets(st.sampled_from(sorted(spec) or ["name"]))) if name in spec}
        stated = {**live, **draw(STATEMENTS[kind])}
        return {"action": draw(ACTIONS), "stated": stated, "removals": draw(removals(kind)), "origins": {(): HERE}}

    model, version = (canonical(draw(DOCUMENTS[kind])) for kind in Kind)
    entries = tuple(
        DesiredVersion(selector=Selector(select="latest"), **entry(Kind.MODEL_VERSION, version))
        for _ in range(draw(st.integers(1, 2)))
    )
    return Match(
        desired=DesiredModel(key=MODEL, origin=HERE, versions=entries, **entry(Kind.MODEL, model)),
        observed=ObservedModel(key=MODEL, document=model, latest=ObservedVersion(key=VERSION, document=version)),
        versions={VERSION: entries},
    )


def resources_of(match: Match) -> Iterator[tuple[Key, Document, Entries]]:
    yield match.desired.key, match.observed.document, (match.desired,)
    for key, entries in match.versions.items():
        yield key, match.observed.versions_by_id[key.version_id].document, entries


def contradicts_itself(match: Match) -> bool:
    """Whether two entries for one version, each with what is live, ask for different things."""
    for key, document, entries in resources_of(match):
        statements = [entry.statement for entry in entries]
        after = spec_as_stated(key.kind, spec_from_document(key.kind, document), statements)
        if len(entries) > 1 and any(spec_as_stated(key.kind, after, [each]) != after for each in statements):
            return True
    return False


def wholly_judged(
    match: Match, key: Key, before: dict[str, Any], entries: Entries, owner: str | None, secrets: Secrets
) -> Judged:
    """The desired spec of one resource with all its fields."""
    statements = [entry.statement for entry in entries]
    after = spec_as_stated(key.kind, before, statements)
    if owner and key.kind is Kind.MODEL:
        mark = desired_mark(lookup(before, MARK), owner=owner, protect=match.desired.protect)
        after = with_value(after, MARK, mark)
    visibility = match.desired.stated.get("visibility", MISSING)
    memory = memory_from(match.observed.document, owner=owner, visibility=visibility)
    return judged(key, before, after, statements, secret_params=secrets.params_of(key), memory=memory)


@given(match=matches(), owner=st.sampled_from([None, "us"]), names=st.sets(st.sampled_from(["a", "b"])))
def test_what_is_plainly_in_sync_needs_no_second_look(match: Match, owner: str | None, names: set[str]) -> None:
    secrets = Secrets(params_of=lambda key: frozenset(names))
    if contradicts_itself(match):
        with pytest.raises(ProblemsError):
            compared([match], owner=owner, secrets=secrets)
        return
    drifts = {drift.key: drift for drift in compared([match], owner=owner, secrets=secrets).drifts}
    for key, document, entries in resources_of(match):
        before = spec_from_document(key.kind, document)
        judgement = wholly_judged(match, key, before, entries, owner, secrets)
        whole = drift_between(key, document, before, judgement.after, secrets=secrets)
        drift = drifts.get(key)
        if whole is None or drift is None:
            assert whole is drift
            continue
        assert [replace(change, origin=None) for change in drift.changes] == list(whole.changes)
        assert drift.unreadable == judgement.values
        looked_at = {*drift.before, *drift.after}
        assert looked_at >= {change.path[0] for change in drift.changes}
        for name in {*whole.before, *whole.after}:
            one, other = lookup(whole.before, (name,)), lookup(whole.after, (name,))
            if name in looked_at:
                assert equal(lookup(drift.before, (name,)), one)
                assert equal(lookup(drift.after, (name,)), other)
            else:
                assert equal(one, other)
