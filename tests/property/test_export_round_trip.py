"""The law of export: whatever is live, its manifest loads, validates, and planned against the same live side is empty."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.apply.export import Form, manifest_from_model
from reconciler.compare.diff import compared
from reconciler.compare.match import matches
from reconciler.loading.load import load
from reconciler.manifests.validate import desired_from_documents
from reconciler.resources.canonical import canonical
from reconciler.resources.desired import Desired
from reconciler.resources.fields import Action
from reconciler.resources.keys import Key
from reconciler.resources.observed import Observed, ObservedModel, ObservedVersion
from reconciler.resources.secrets import Secrets
from reconciler.resources.tree import MISSING, lookup, with_value
from tests.apply.test_export import TEXTS
from tests.property.values import MODEL_DOCUMENTS, VERSION_DOCUMENTS

TAGS = ("toolkits", "use_cases", "languages")
KEY = Key(user_id="me", app_id="pets", model_id="petsID")
TEXT = st.one_of(
    st.sampled_from([*TEXTS, "${var:a}", "${env:A} b", "$${", "${", "a\x00", "\ud800"]),
    st.text(max_size=12),
    st.text(alphabet=st.sampled_from([*" \n\t\r-#:'\"\\|>${}[]&*!%@`,?0123e.~\x85\u2028\ufeff"]), max_size=12),
)
SCALARS = st.one_of(
    TEXT, st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=10,
)
STRUCTS = st.dictionaries(TEXT | st.sampled_from(["secret", "reconciler", "id"]), VALUES, max_size=4)
VISIBILITIES = st.sampled_from(["PRIVATE", "ORG", "PUBLIC", 40]).map(lambda name: {"gettable": name})

HARD_MODELS = st.fixed_dictionaries(
    {"id": st.just("petsID")},
    optional={
        **dict.fromkeys(("name", "description", "notes"), TEXT),
        **dict.fromkeys(("toolkits", "use_cases", "languages"), st.lists(TEXT, max_size=3)),
        "visibility": VISIBILITIES,
        "deploy_restriction": st.sampled_from(["USAGE_RESTRICTION_NOT_SET", "NO_LIMITS", "SHARED_COMPUTE_ONLY", 9]),
        "image": st.fixed_dictionaries({"url": TEXT}),
        "metadata": STRUCTS,
    },
)
HARD_VERSIONS = st.fixed_dictionaries(
    {"id": st.just("b" * 32)},
    optional={
        **dict.fromkeys(("description", "license"), TEXT),
        "visibility": VISIBILITIES,
        "metadata": STRUCTS,
        "output_info": st.fixed_dictionaries({"params": STRUCTS}),
    },
)


def observed(model: dict[str, Any], versions: list[dict[str, Any]]) -> ObservedModel:
    read = tuple(
        ObservedVersion(key=KEY.version(f"{index:032x}"), document=canonical({**document, "id": f"{index:032x}"}))
        for index, document in enumerate(versions)
    )
    return ObservedModel(
        key=KEY,
        document=canonical(model),
        latest=read[0] if read else None,
        versions=read,
        versions_complete=True,
    )


def desired_from(text: str, *, user_id: str | None = None) -> Desired:
    loaded = load(["-"], stdin=io.BytesIO(text.encode()))
    ids: dict[str, Any] = {**dict.fromkeys(("app_id", "flag_user_id", "flag_app_id")), "user_id": user_id}
    return desired_from_documents(loaded, **ids, variables={}, environ={}).desired


LIVE = st.builds(
    observed,
    MODEL_DOCUMENTS | HARD_MODELS,
    st.lists(VERSION_DOCUMENTS | HARD_VERSIONS, max_size=2),
)
SECRETS = Secrets(params_of=lambda key: frozenset({"secret", "a"}))


FORMS = st.builds(
    Form, action=st.sampled_from(Action), selects_latest=st.booleans(), implied=st.just({"user_id": "me"})
)


@given(live=LIVE, secrets=st.sampled_from([Secrets(), SECRETS]), form=FORMS)
def test_planning_what_was_exported_is_empty(live: ObservedModel, secrets: Secrets, form: Form) -> None:
    versions = live.versions[:1] if form.selects_latest else live.versions
    manifest = manifest_from_model(live, versions, secrets=secrets, form=form)
    desired = desired_from(manifest.text(), user_id="me")
    found = compared(matches(desired, Observed(models={KEY: live})), owner=None, secrets=secrets)
    assert (found.drifts, found.not_comparable) == ((), ())


@given(live=LIVE, kind=st.sampled_from(["toolkits", "use_cases", "languages", "metadata", "params", "of the version"]))
def test_what_somebody_adds_is_drift_under_overwrite_unless_the_field_was_left_out(
    live: ObservedModel, kind: str
) -> None:
    manifest = manifest_from_model(live, live.versions, secrets=SECRETS, form=Form(action=Action.OVERWRITE))
    version = live.versions[0].document if live.versions else None
    of_version = kind in ("params", "of the version")
    if of_version and version is None:
        return
    path = {"params": ("output_info", "params"), "of the version": ("metadata",)}.get(kind, (kind,))
    key = live.versions[0].key if of_version else KEY
    before = lookup(version if of_version and version is not None else live.document, path)
    more = (
        [*([] if before is MISSING else before), "added"]
        if kind in TAGS
        else {**({} if before is MISSING else before), "added": 1}
    )
    if of_version and version is not None:
        changed = replace(live.versions[0], document=with_value(version, path, more))
        moved = replace(live, latest=changed, versions=(changed, *live.versions[1:]))
    else:
        moved = replace(live, document=with_value(live.document, path, more))
    found = compared(matches(desired_from(manifest.text()), Observed(models={KEY: moved})), owner=None, secrets=SECRETS)
    is_left_out = any(item.key == key and item.path == path for item in manifest.left_out)
    assert [drift.key for drift in found.drifts] == ([] if is_left_out else [key])


@given(live=LIVE, protect=st.booleans())
def test_the_owner_of_the_mark_finds_nothing_to_change_either(live: ObservedModel, protect: bool) -> None:
    metadata = {**live.document.get("metadata", {}), "reconciler": {"owner": "us", "protect": protect}}
    marked = replace(live, document={**live.document, "metadata": metadata})
    manifest = manifest_from_model(marked, live.versions, secrets=Secrets())
    assert manifest.document["spec"].get("protect", False) is protect
    desired = desired_from(manifest.text())
    assert compared(matches(desired, Observed(models={KEY: marked})), owner="us").drifts == ()


@given(live=LIVE)
def test_exporting_does_not_depend_on_the_order_of_keys(live: ObservedModel) -> None:
    turned = observed(_turned(live.document), [_turned(each.document) for each in live.versions])
    texts = [manifest_from_model(model, model.versions, secrets=Secrets()).text() for model in (live, turned)]
    assert texts[0] == texts[1]


def _turned(value: Any) -> Any:
    """The same value with the keys of every mapping in the opposite order."""
    if isinstance(value, Mapping):
        return {name: _turned(value[name]) for name in reversed(list(value))}
    return [_turned(item) for item in value] if isinstance(value, list) else value
