"""Laws of the calls: whatever is live and whatever is wanted, in every variant of the service's patch actions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.compare.desired_spec import desired_spec
from reconciler.compare.diff import compared, drift_between
from reconciler.compare.results import Drift
from reconciler.requests.calls import calls_from_drifts
from reconciler.requests.results import Calls
from reconciler.requests.semantics import VARIANTS, OverwriteStruct, Variant, distinct_variants, patched
from reconciler.resources.canonical import canonical, equal, field_from_document, spec_from_document
from reconciler.resources.fields import KINDS, Action
from reconciler.resources.keys import Key, Kind
from reconciler.resources.observed import Document
from reconciler.resources.request import Request
from reconciler.resources.secrets import Secrets
from reconciler.resources.tree import MISSING, lookup

from .values import ACTIONS, DOCUMENTS, STATEMENTS, removals

MODEL = Key(user_id="me", app_id="pets", model_id="petsID")
KEYS_BY_KIND = {Kind.MODEL: MODEL, Kind.MODEL_VERSION: MODEL.version("b" * 32)}
SERVER_OWNED = {"message", "data"}


@st.composite
def drifting(draw: st.DrawFn, kind: Kind) -> Drift | None:
    """A random live resource and a random manifest entry for it; None where they agree."""
    document = canonical(draw(DOCUMENTS[kind]))
    before = spec_from_document(kind, document)
    after = desired_spec(kind, before, draw(STATEMENTS[kind]), action=draw(ACTIONS), removals=draw(removals(kind)))
    return drift_between(KEYS_BY_KIND[kind], document, before, after, secrets=Secrets())


ANY_DRIFT = st.one_of(drifting(Kind.MODEL), drifting(Kind.MODEL_VERSION))


def after_requests(document: Document, requests: tuple[Request, ...], variant: Variant) -> dict[str, Any]:
    """The one resource's document after requests that are about it alone."""
    state = dict(document)
    for request in requests:
        state = after_request(state, request, variant)
    return state


def after_request(state: dict[str, Any], request: Request, variant: Variant) -> dict[str, Any]:
    for entry in request.entries:
        if request.facts.replaces is not None:
            state = {**state, **entry.values}
        else:
            state = dict(patched(state, entry.values, action=str(request.action), variant=variant))
    return state


def planned(drift: Drift) -> Calls:
    return calls_from_drifts([drift], batch=32)


def unmanaged(document: Document) -> dict[str, Any]:
    """What is left of a document without the managed fields and what the service itself writes."""
    left = {name: value for name, value in document.items() if not any(f.path == (name,) for f in KINDS[Kind.MODEL])}
    info = {n: v for n, v in dict(left.get("output_info", {})).items() if n not in {*SERVER_OWNED, "params"}}
    return {**{n: v for n, v in left.items() if n not in {"output_info", "license"}}, "output_info": info}


@given(drift=ANY_DRIFT)
def test_the_requests_reach_the_wanted_state_in_every_variant(drift: Drift | None) -> None:
    if drift is None:
        return
    calls = planned(drift)
    assert calls.refusals == ()
    for variant in VARIANTS:
        assert_reached(drift, calls, variant)


def assert_reached(drift: Drift, calls: Calls, variant: Variant) -> None:
    state = after_requests(drift.document, calls.requests, variant)
    for field in KINDS[drift.key.kind]:
        live, wanted = field_from_document(field, state), lookup(drift.after, field.path)
        if live is MISSING or wanted is MISSING:
            assert live is wanted
        elif isinstance(wanted, list):
            assert sorted(live) == sorted(wanted)
        elif calls.notices and variant.overwrite_struct is not OverwriteStruct.WHOLE:
            assert_leftovers_only(live, wanted, lookup(drift.before, field.path))
        else:
            assert equal(live, wanted)


def assert_leftovers_only(live: Any, wanted: Any, before: Any) -> None:
    """Every wanted value is there, and everything else is as it was before."""
    if isinstance(live, dict) and isinstance(wanted, dict):
        assert wanted.keys() <= live.keys()
        for name, value in live.items():
            was = before.get(name, MISSING) if isinstance(before, dict) else MISSING
            if name in wanted:
                assert_leftovers_only(value, wanted[name], was)
            else:
                assert was is not MISSING
                assert equal(value, was)
    else:
        assert equal(live, wanted)


@given(drift=ANY_DRIFT)
def test_each_request_sent_twice_is_as_once_and_touches_nothing_unmanaged(drift: Drift | None) -> None:
    if drift is None:
        return
    requests = planned(drift).requests
    for variant in VARIANTS:
        assert_harmless(drift, requests, variant)


def assert_harmless(drift: Drift, requests: tuple[Request, ...], variant: Variant) -> None:
    state = dict(drift.document)
    for request in requests:
        once = after_request(state, request, variant)
        assert equal(canonical(after_request(once, request, variant)), canonical(once))
        assert equal(canonical(unmanaged(once)), canonical(unmanaged(drift.document)))
        state = once


@given(drift=ANY_DRIFT)
def test_planning_again_from_the_reached_state_is_empty(drift: Drift | None) -> None:
    if drift is None:
        return
    state = after_requests(drift.document, planned(drift).requests, Variant())
    again = spec_from_document(drift.key.kind, canonical(state))
    assert drift_between(drift.key, state, again, drift.after, secrets=Secrets()) is None


@given(drift=ANY_DRIFT)
def test_a_change_is_visible_and_a_request_has_a_change(drift: Drift | None) -> None:
    if drift is None:
        return
    calls = planned(drift)
    assert calls.requests
    for change in drift.changes:
        assert not (change.before is change.after is MISSING)
        assert (
            change.before is MISSING
            or change.after is MISSING
            or not (type(change.before) is type(change.after) and change.before == change.after)
        )


@pytest.mark.parametrize("kind", list(Kind))
@given(data=st.data())
def test_stating_what_is_wanted_twice_changes_nothing_more(kind: Kind, data: st.DataObject) -> None:
    before = spec_from_document(kind, canonical(data.draw(DOCUMENTS[kind])))
    stated, action = data.draw(STATEMENTS[kind]), data.draw(ACTIONS)
    gone = data.draw(removals(kind))
    once = desired_spec(kind, before, stated, action=action)
    assert desired_spec(kind, once, stated, action=action) == once
    removed = desired_spec(kind, before, {}, action=Action.MERGE, removals=gone)
    assert desired_spec(kind, removed, {}, action=Action.MERGE, removals=gone) == removed


@pytest.mark.parametrize("kind", list(Kind))
@given(data=st.data())
def test_canonical_specs_are_stable_and_differ_from_themselves_in_nothing(kind: Kind, data: st.DataObject) -> None:
    document = data.draw(DOCUMENTS[kind])
    assert equal(canonical(canonical(document)), canonical(document))
    spec = spec_from_document(kind, document)
    assert drift_between(KEYS_BY_KIND[kind], document, spec, spec, secrets=Secrets()) is None


def test_no_manifest_no_drift() -> None:
    assert compared([], owner=None).drifts == ()


@given(
    document=st.one_of(*DOCUMENTS.values()),
    patch=st.one_of(*DOCUMENTS.values()),
    action=st.sampled_from(["merge", "overwrite", "remove"]),
    data=st.data(),
)
def test_variants_that_are_alike_for_a_patch_do_the_same_with_it(
    document: dict[str, Any], patch: dict[str, Any], action: str, data: st.DataObject
) -> None:
    names = data.draw(st.sets(st.sampled_from(sorted(patch)))) if patch and action != "remove" else set()
    part = {name: patch[name] for name in names}
    if action == "remove":
        part = {"image": document.get("image", {"url": "https://x"})}
    groups = distinct_variants(part, action=action)
    assert sorted(map(repr, VARIANTS)) == sorted(repr(variant) for alike in groups.values() for variant in alike)
    for first, alike in groups.items():
        after = patched(document, part, action=action, variant=first)
        assert all(patched(document, part, action=action, variant=variant) == after for variant in alike)
