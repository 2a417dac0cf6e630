"""The law of saved plans: the requests that are derived again from a file's changes are the requests in the file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.compare.desired_spec import desired_spec
from reconciler.compare.diff import drift_between
from reconciler.compare.results import Drift
from reconciler.plan.document import PlanFormatError, plan_document, plan_from_document
from reconciler.plan.fingerprint import fingerprint
from reconciler.plan.plan import Change, Plan, Source
from reconciler.requests.calls import calls_from_drifts, deletion_requests
from reconciler.resources.canonical import canonical, spec_from_document
from reconciler.resources.keys import Key, Kind
from reconciler.resources.secrets import Secrets

from .values import ACTIONS, DOCUMENTS, STATEMENTS, removals

MODELS = tuple(Key(user_id="me", app_id="pets", model_id=f"m{number}") for number in range(4))
VERSIONS = (MODELS[0].version("a" * 32), MODELS[0].version("b" * 32), MODELS[1].version("c" * 32))
DELETED = (Key(user_id="me", app_id="pets", model_id="gone"), MODELS[2].version("d" * 32))
SECRETS = Secrets(
    known=frozenset({"a", "x"}), variables={"a": ("KEY_A",)}, params_of=lambda key: frozenset({"secret", "a", "b"})
)


@st.composite
def drifts(draw: st.DrawFn) -> tuple[Drift, ...]:
    """What some resources have and should have, with secrets among the values."""
    secrets = draw(st.sampled_from([Secrets(), SECRETS]))
    found = []
    for key in draw(st.lists(st.sampled_from((*MODELS, *VERSIONS)), min_size=1, max_size=4, unique=True)):
        kind = Kind.MODEL_VERSION if key.version_id else Kind.MODEL
        document = canonical(draw(DOCUMENTS[kind]))
        before = spec_from_document(kind, document)
        after = desired_spec(kind, before, draw(STATEMENTS[kind]), action=draw(ACTIONS), removals=draw(removals(kind)))
        found.append(drift_between(key, document, before, after, secrets=secrets))
    return tuple(drift for drift in found if drift is not None)


def plan_of(found: Sequence[Drift], *, batch: int = 32, deleted: Sequence[Key] = ()) -> Plan:
    calls = calls_from_drifts(found, batch=batch)
    updates = [Change(key=drift.key, action="update", fields=drift.changes, origin=drift.origin) for drift in found]
    deletions = [Change(key=key, action="delete", reason="it has no manifest") for key in deleted]
    return Plan(
        tool_version="0.1.0",
        created_at="2026-11-23T14:00:00Z",
        endpoint="https://api.clarifai.com",
        source=Source(digest="sha256:0", files=("m.yaml",)),
        changes=tuple(sorted((*updates, *deletions), key=lambda change: change.key)),
        requests=(*calls.requests, *deletion_requests(deleted, batch=batch)),
        refused=calls.refusals,
        batch=batch,
    )


@given(found=drifts(), batch=st.integers(1, 3), deleted=st.lists(st.sampled_from(DELETED), unique=True))
def test_the_requests_derived_from_a_file_are_the_requests_in_it(
    found: tuple[Drift, ...], batch: int, deleted: list[Key]
) -> None:
    document = json.loads(json.dumps(plan_document(plan_of(found, batch=batch, deleted=deleted))))
    assert plan_document(plan_from_document(document)) == document


@given(found=drifts(), data=st.data())
def test_a_file_whose_requests_send_something_else_is_no_plan(found: tuple[Drift, ...], data: st.DataObject) -> None:
    document: dict[str, Any] = json.loads(json.dumps(plan_document(plan_of(found))))
    values = [
        (entry, name)
        for request in document["requests"]
        for entry in request["body"].get("models", request["body"].get("model_versions", []))
        for name in entry
        if name not in ("id", "metadata", "output_info") and entry[name] != "(sensitive)"
    ]
    if not values:
        return
    entry, name = data.draw(st.sampled_from(values))
    entry[name] = "something else"
    document["fingerprint"] = fingerprint(document)
    with pytest.raises(PlanFormatError):
        plan_from_document(document)


def test_a_mapping_that_a_merge_empties_is_derived_too() -> None:
    cases: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"gold": 1}, {}),
        ({"gold": {"a": 1}, "silver": 2}, {}),
        ({"gold": {"a": 1}, "silver": 2}, {"silver": 2}),
        ({"gold": {"a": 1}, "silver": 2}, {"gold": {}}),
        ({"gold": {"a": 1}, "silver": 2}, {"gold": {}, "silver": 2}),
    ]
    for tiers, left in cases:
        before, after = ({"metadata": {"tiers": value, "list": [1]}} for value in (tiers, left))
        drift = drift_between(MODELS[0], before, before, after, secrets=Secrets())
        assert drift is not None
        saved = json.loads(json.dumps(plan_document(plan_of([drift]))))
        assert plan_document(plan_from_document(saved)) == saved, (tiers, left)


def test_a_secret_stands_for_what_its_request_sends() -> None:
    key = VERSIONS[0]
    values = [("one", "two"), (["one"], ["one", "two"]), ([], ["x"]), ({"b": "x"}, {"b": "y"}), ("one", None)]
    for before, after in values:
        specs = [{"output_info": {"params": {"secret": value, "n": 1}}} for value in (before, after)]
        document = {"id": key.version_id, "output_info": {"params": {"secret": before, "n": 1}, "message": "m"}}
        drift = drift_between(key, document, *specs, secrets=SECRETS)
        assert drift is not None
        plan = plan_of([replace(drift)])
        saved = json.loads(json.dumps(plan_document(plan)))
        assert plan_document(plan_from_document(saved)) == saved, (before, after)
