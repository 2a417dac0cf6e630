"""Which calls mend a drift: whole requests, in their order, with what is said about them and what no call can do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.compare.diff import drift_between
from reconciler.compare.results import Drift, FieldChange
from reconciler.compare.unreadable import Unreadable
from reconciler.errors import Origin
from reconciler.requests.calls import (
    Patch,
    calls_from_drifts,
    deletion_requests,
    merge_patch,
    patches_from_drift,
    removal_patch,
    unproven_variants,
)
from reconciler.requests.results import Calls
from reconciler.requests.semantics import VARIANTS, OverwriteStruct, Unsent, Variant
from reconciler.resources.canonical import spec_from_document
from reconciler.resources.fields import KINDS
from reconciler.resources.keys import Key, Kind
from reconciler.resources.request import Entry, Request
from reconciler.resources.secrets import Secrets, Sensitive, revealed
from reconciler.resources.tree import MISSING, FieldPath, with_value
from tests.request_values import request
from tests.wording import Wording

SCOPE = {"user_id": "me", "app_id": "pets"}
MODEL = Key(user_id="me", app_id="pets", model_id="m")
VERSION = MODEL.version("v")
DOTTED = {".".join(field.path): field for fields in KINDS.values() for field in fields}

OUTPUT_INFO = {
    "message": "Show output_info with: GET /models/{model_id}/output_info",
    "data": {"concepts": [{"id": "cat"}]},
    "output_config": {"max_concepts": 5},
    "fields_map": {"concepts": "softmax"},
    "params": {"sizes": [1, 2], "depth": 3},
}


def wants(document: dict[str, Any], after: dict[str, Any], key: Key = MODEL, *, secrets: Any = None) -> Drift:
    """The drift of a live document whose fields are wanted as in `after`, by dotted path (MISSING: absent)."""
    before = spec_from_document(key.kind, document)
    wanted = before
    for path, value in after.items():
        wanted = with_value(wanted, tuple(path.split(".")), value)
    drift = drift_between(key, document, before, wanted, secrets=secrets or Secrets())
    assert drift is not None
    return drift


def calls(*drifts: Drift, batch: int = 32) -> Calls:
    return calls_from_drifts(drifts, batch=batch)


def of_model(action: str, key: Key = MODEL, /, **entry: Any) -> Request:
    return request("PatchModels", action, {key: entry})


def of_version(action: str, key: Key = VERSION, /, **entry: Any) -> Request:
    return request("PatchModelVersions", action, {key: entry})


def scope(key: Key) -> dict[str, str]:
    return {"user_id": key.user_id, "app_id": key.app_id}


def said(found: Calls) -> tuple[list[str], list[tuple[str, str | None]]]:
    """Whom the notices are about; and the rule and the resource of each refusal."""
    refusals = [(refusal.rule, refusal.address) for refusal in found.refusals]
    return [notice.address for notice in found.notices], refusals


# --- one field ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("live", "after", "sent"),
    [
        ({}, {"name": "cats"}, {"name": "cats"}),
        ({"name": "a", "description": "d", "notes": "n"}, {"notes": "N"}, {"notes": "N"}),
        ({}, {"visibility": "ORG"}, {"visibility": {"gettable": "ORG"}}),
        ({"visibility": {"gettable": "PUBLIC"}}, {"visibility": "ORG"}, {"visibility": {"gettable": "ORG"}}),
        ({}, {"image": {"url": "https://x/b"}}, {"image": {"url": "https://x/b"}}),
        (
            {"image": {"url": "https://x/a", "hosted": {"prefix": "p"}}},
            {"image": {"url": "https://x/b"}},
            {"image": {"url": "https://x/b"}},
        ),
        ({"image": {"hosted": {"prefix": "p"}}}, {"image": {"url": "https://x/b"}}, {"image": {"url": "https://x/b"}}),
    ],
)
def test_a_plain_value_is_merged_alone(live: dict[str, Any], after: dict[str, Any], sent: dict[str, Any]) -> None:
    assert calls(wants({"id": "m", **live}, after)) == Calls(requests=(of_model("merge", **sent),))


def test_of_a_change_that_changes_nothing_nothing_is_sent() -> None:
    drift = wants({"id": "m", "name": "a"}, {"name": "b"})
    nothing = FieldChange(path=("notes",), before=MISSING, after=MISSING)
    assert calls(replace(drift, changes=(*drift.changes, nothing))) == Calls(requests=(of_model("merge", name="b"),))
    assert calls(replace(drift, before=drift.after)) == Calls(requests=())


@pytest.mark.parametrize(
    ("before", "after", "sent"),
    [
        ({}, {"a": 1}, {"a": 1}),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, {"b": 3}),
        ({"a": 1.0}, {"a": 1, "b": True}, {"b": True}),
        ({"data": 1, "message": "x", "a": 1}, {"data": 1, "message": "x", "a": 2}, {"a": 2}),
        ({"a": {"x": 1, "y": 2}, "b": 1}, {"a": {"x": 1, "y": 3}, "b": 1}, {"a": {"y": 3}}),
        ({"a": {"x": 1}}, {"a": {"x": 1, "y": {"z": []}}}, {"a": {"y": {"z": []}}}),
        ({"a": {"x": 1}}, {"a": 1}, {"a": 1}),
        ({"a": 1}, {"a": {"x": 1}}, {"a": {"x": 1}}),
        ({}, {"a": {}}, {"a": {}}),
        ({"a": [1]}, {"a": []}, {"a": []}),
        ({"a": [{"id": "1", "v": 1}]}, {"a": [{"id": "1", "v": 2}]}, {"a": [{"id": "1", "v": 2}]}),
        (
            {"a": [{"id": "1", "v": 1, "w": 1}, {"id": "2"}]},
            {"a": [{"id": "1", "v": 2, "w": 1}, {"id": "2"}, {"id": "3", "v": 0}]},
            {"a": [{"id": "1", "v": 2}, {"id": "3", "v": 0}]},
        ),
    ],
)
def test_in_a_struct_the_leaves_that_differ_are_merged(before: Any, after: Any, sent: Any) -> None:
    drift = wants({"id": "m", "metadata": before}, {"metadata": after})
    assert calls(drift) == Calls(requests=(of_model("merge", metadata=sent),))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"a": [1], "b": 1}, {"a": [1, 2], "b": 1}),
        ({"b": 1}, {"a": [1], "b": 1}),
        ({"a": 1}, {"a": [[{"id": "x"}]]}),
        ({"a": [[1]]}, {"a": [[1], [1]]}),
        ({"a": [{"v": 1}]}, {"a": [{"v": 2}]}),
        ({"a": [{"id": True}]}, {"a": [{"id": False}]}),
        ({"a": [{"id": 1, "v": 1}]}, {"a": [{"id": 1, "v": 2}]}),
        ({"a": [{"id": 1.5, "v": 1}]}, {"a": [{"id": 1.5, "v": 2}]}),
        ({"d": {"a": [{"id": 1, "v": 1}], "b": 0}}, {"d": {"a": [{"id": 1, "v": 2}], "b": 0}}),
        ({"a": [{"id": "x", "l": [{"id": 1}]}]}, {"a": [{"id": "x", "l": [{"id": 1}, {"id": 2}]}]}),
        ({"a": [{"id": "x", "v": 1}, {"id": "y"}]}, {"a": [{"id": "x", "v": 1}, {"v": 2}]}),
        ({"a": [{"id": "x"}, {"v": 2}]}, {"a": [{"id": "x"}, {"id": "y"}]}),
        ({"a": 1}, {"a": None}),
        ({"a": 1}, {"a": 1, "b": None}),
    ],
)
def test_what_merge_can_not_make_right_is_overwritten_whole(before: Any, after: Any) -> None:
    drift = wants({"id": "m", "metadata": before}, {"metadata": after})
    assert calls(drift) == Calls(requests=(of_model("overwrite", metadata=after),))


@pytest.mark.parametrize("value", [[{"id": 7}], [{"id": 7.5}], {"b": [{"id": 7}]}, [{"id": "x", "v": [{"id": 7}]}]])
def test_new_lists_with_numbers_as_ids_are_not_left_to_merge(value: Any) -> None:
    drift = wants({"id": "m", "metadata": {"z": 1}}, {"metadata": {"z": 1, "a": value}})
    assert calls(drift) == Calls(requests=(of_model("overwrite", metadata={"z": 1, "a": value}),))


@pytest.mark.parametrize("value", [[{"id": "7"}], {"id": 7}, [{"id": "x", "v": 7}], [{"id": "x", "v": {"id": 7}}]])
def test_new_values_without_numbers_as_ids_are_merged(value: Any) -> None:
    drift = wants({"id": "m", "metadata": {"z": 1}}, {"metadata": {"z": 1, "a": value}})
    assert calls(drift) == Calls(requests=(of_model("merge", metadata={"a": value}),))


@pytest.mark.parametrize("field", ["toolkits", "use_cases", "languages"])
@pytest.mark.parametrize("live", [[], ["a"], ["a", "b", "c"]])
def test_tags_are_overwritten_with_all_of_them(field: str, live: list[str]) -> None:
    drift = wants({"id": "m", field: live}, {field: ["b", "a"]})
    assert calls(drift) == Calls(requests=(of_model("overwrite", **{field: ["b", "a"]}),))


@pytest.mark.parametrize(
    ("field", "rpc", "name"),
    [
        ("toolkits", "PatchModelToolkits", "toolkits"),
        ("use_cases", "PatchModelUseCases", "usecases"),
        ("languages", "PatchModelLanguages", "languages"),
    ],
)
def test_tags_are_emptied_by_their_own_call(field: str, rpc: str, name: str) -> None:
    emptied = request(rpc, "overwrite", {MODEL: {field: []}})
    assert calls(wants({"id": "m", field: ["a"]}, {field: MISSING})) == Calls(requests=(emptied,))
    assert emptied.body == {"user_app_id": SCOPE, "model_id": "m", name: [], "action": "overwrite"}


def test_an_image_is_removed_by_its_live_url() -> None:
    live = {"id": "m", "image": {"url": "https://x/a", "hosted": {"prefix": "p"}}}
    removed = of_model("remove", image={"url": "https://x/a"})
    assert calls(wants(live, {"image": MISSING})) == Calls(requests=(removed,))


def test_a_removal_that_names_another_image_than_the_live_one_is_refused() -> None:
    change = FieldChange(path=("image", "url"), before="https://x/a", after=MISSING)
    drift = Drift(
        key=MODEL,
        document={"id": "m", "image": {"url": "https://x/b"}},
        before={"image": {"url": "https://x/a"}},
        after={},
        changes=(change,),
        origin=Origin(path="m.yaml"),
    )
    found = calls(drift)
    assert (found.requests, said(found)) == ((), ([], [("no-safe-call", MODEL.address)]))


@pytest.mark.parametrize(
    ("live", "name", "key"),
    [
        ({"name": "x"}, "name", MODEL),
        ({"visibility": {"gettable": "ORG"}}, "visibility", MODEL),
        ({"metadata": {"a": 1}}, "metadata", MODEL),
        ({"license": "MIT"}, "license", VERSION),
        ({"output_info": {"params": {"a": 1}}}, "output_info.params", VERSION),
    ],
)
def test_what_the_api_has_no_call_to_clear_is_refused(
    live: dict[str, Any], name: str, key: Key, wording: Wording
) -> None:
    found = calls(wants(live, {name: MISSING}, key))
    assert (found.requests, said(found)) == ((), ([], [("no-safe-call", key.address)]))
    wording(*found.refusals)


def test_what_can_not_be_proven_is_refused_and_the_rest_is_sent(wording: Wording) -> None:
    """Not a number is no JSON value; it equals nothing, so no call can be shown to reach it."""
    drift = wants({"id": "m"}, {"metadata": {"a": float("nan")}, "name": "x"})
    found = calls(drift)
    assert (found.requests, said(found)) == ((of_model("merge", name="x"),), ([], [("no-safe-call", MODEL.address)]))
    wording(*found.refusals)


# --- deleted keys ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"a": 1, "b": 1}, {"a": 1}),
        ({"a": 1}, {}),
        ({"a": {}, "b": 1}, {"b": 1}),
        ({"a": 1, "b": 1}, {"b": 2}),
        ({"a": {"x": 1, "y": 1}, "b": 1}, {"a": {"x": 2}, "b": 1}),
        ({"a": [1], "b": 1}, {"a": [2]}),
        ({"a": [{"id": "1", "v": 1}], "b": 1}, {"a": [{"id": "1", "v": 2}]}),
        ({"a": {"x": {"p": 1, "q": 1}, "y": 1}}, {"a": {"x": {"p": 1}, "y": 2}}),
    ],
)
def test_keys_are_deleted_by_overwrite_with_a_notice(before: Any, after: Any) -> None:
    drift = wants({"id": "m", "metadata": before}, {"metadata": after})
    found = calls(drift)
    assert (found.requests, said(found)) == ((of_model("overwrite", metadata=after),), ([MODEL.address], []))


def by_key(*structs: OverwriteStruct) -> tuple[Variant, ...]:
    return tuple(variant for variant in VARIANTS if variant.overwrite_struct in structs)


@pytest.mark.parametrize(
    ("before", "after", "unproven"),
    [
        ({"a": 1, "b": 1}, {"a": 1}, by_key(OverwriteStruct.BY_KEY, OverwriteStruct.BY_KEY_DEEP)),
        ({"a": {"x": 1, "y": 1}}, {"a": {"x": 1}}, by_key(OverwriteStruct.BY_KEY_DEEP)),
    ],
)
def test_a_patch_names_the_variants_in_which_its_keys_may_stay(
    before: Any, after: Any, unproven: tuple[Variant, ...]
) -> None:
    entry = Entry(key=MODEL, values={"metadata": after})
    patch = Patch(rpc="PatchModels", action="overwrite", entry=entry, unproven=unproven)
    assert patches_from_drift(wants({"id": "m", "metadata": before}, {"metadata": after})) == ([patch], [])


def test_the_notice_names_every_struct_that_loses_keys_and_no_other_field(wording: Wording) -> None:
    live = {"id": "v", "metadata": {"a": 1}, "license": "MIT", "output_info": {"params": {"b": 1, "c": [1]}}}
    after = {"metadata": {}, "license": "GPL", "output_info.params": {"c": [2]}}
    found = calls(wants(live, after, VERSION))
    sent = {"license": "GPL", "metadata": {}, "output_info": {"params": {"c": [2]}}}
    assert (found.requests, said(found)) == ((of_version("overwrite", **sent),), ([VERSION.address], []))
    wording(found.notices[0].message)


# --- the proof ------------------------------------------------------------------------------------------------


def sending(action: str, name: str, value: Any, key: Key = MODEL) -> Patch:
    rpc = "PatchModels" if key.kind is Kind.MODEL else "PatchModelVersions"
    values = with_value({}, tuple(name.split(".")), value)
    return Patch(rpc=rpc, action=action, entry=Entry(key=key, values=values))


@pytest.mark.parametrize(
    ("live", "name", "after", "patch"),
    [
        ({"toolkits": ["a"]}, "toolkits", ["a", "b"], sending("merge", "toolkits", ["b"])),  # twice appends twice
        ({"metadata": {"a": [1]}}, "metadata", {"a": [1, 2]}, sending("merge", "metadata", {"a": [2]})),
        ({"metadata": {"a": 1}}, "metadata", {"a": 2}, sending("merge", "metadata", {"a": 3})),
        ({"metadata": {"a": 1}}, "metadata", {"a": 2}, sending("merge", "metadata", {"a": 2, "b": 1})),
        ({"metadata": {"a": 1}}, "metadata", {"a": 2}, sending("overwrite", "metadata", {"a": 2, "b": None})),
        ({"metadata": {"a": 1, "b": 1}}, "metadata", {"a": 2}, sending("overwrite", "metadata", {"a": 2, "b": 2})),
        ({"metadata": {"a": {"x": 1}}}, "metadata", {"a": {}}, sending("overwrite", "metadata", {"a": {"x": 2}})),
        ({"metadata": {"a": 1}}, "metadata", {"a": {"x": 1}}, sending("overwrite", "metadata", {"a": {"y": 1}})),
        ({"name": "a"}, "name", "b", sending("merge", "name", "c")),
    ],
)
def test_a_patch_that_does_harm_in_any_variant_is_no_candidate(
    live: dict[str, Any], name: str, after: Any, patch: Patch
) -> None:
    assert unproven_variants(wants({"id": "m", **live}, {name: after}), patch) is None


def test_an_overwrite_that_leaves_out_live_fields_of_the_message_around_it_does_harm() -> None:
    live = {"id": "v", "output_info": {"output_config": {"max_concepts": 5}, "params": {"a": 1}}}
    drift = wants(live, {"output_info.params": {"a": 2}}, VERSION)
    assert unproven_variants(drift, sending("overwrite", "output_info.params", {"a": 2}, VERSION)) is None
    assert unproven_variants(drift, sending("merge", "output_info.params", {"a": 2}, VERSION)) == ()


def test_a_merge_that_only_lacks_the_deletion_of_keys_reaches_the_value_in_no_variant() -> None:
    drift = wants({"id": "m", "metadata": {"a": 1, "b": 1}}, {"metadata": {"a": 2}})
    assert unproven_variants(drift, sending("merge", "metadata", {"a": 2})) == VARIANTS


def test_merge_proves_nothing_about_fields_that_it_does_not_name() -> None:
    drift = wants({"id": "m", "name": "a", "metadata": {"a": 1}}, {"name": "b", "metadata": {"a": 2}})
    assert unproven_variants(drift, sending("merge", "name", "b")) == ()


def test_a_visibility_is_cleared_by_an_empty_one_only_where_unsent_fields_are_dropped() -> None:
    drift = wants({"id": "m", "visibility": {"gettable": "ORG"}}, {"visibility": MISSING})
    kept = tuple(variant for variant in VARIANTS if variant.unsent is Unsent.KEPT)
    assert unproven_variants(drift, sending("overwrite", "visibility", {})) == kept


def test_the_order_of_tags_is_nothing_to_the_proof() -> None:
    drift = wants({"id": "m", "toolkits": ["c"]}, {"toolkits": ["a", "b"]})
    assert unproven_variants(drift, sending("overwrite", "toolkits", ["b", "a"])) == ()


def test_an_empty_mapping_inside_a_struct_is_not_an_absent_one() -> None:
    drift = wants({"id": "m", "metadata": {"a": {}, "b": 1}}, {"metadata": {"b": 1}})
    failing = by_key(OverwriteStruct.BY_KEY, OverwriteStruct.BY_KEY_DEEP)
    assert unproven_variants(drift, sending("overwrite", "metadata", {"b": 1})) == failing


# --- messages with other fields ---------------------------------------------------------------------------------


def test_params_are_overwritten_with_the_live_fields_around_them_but_those_of_the_server() -> None:
    params = {"sizes": [1, 2, 3], "depth": 3}
    drift = wants({"id": "v", "output_info": OUTPUT_INFO}, {"output_info.params": params}, VERSION)
    around = {"output_config": {"max_concepts": 5}, "fields_map": {"concepts": "softmax"}}
    assert calls(drift) == Calls(requests=(of_version("overwrite", output_info={**around, "params": params}),))


def test_params_that_merge_can_mend_travel_alone() -> None:
    params = {"sizes": [1, 2], "depth": 4}
    drift = wants({"id": "v", "output_info": OUTPUT_INFO}, {"output_info.params": params}, VERSION)
    assert calls(drift) == Calls(requests=(of_version("merge", output_info={"params": {"depth": 4}}),))


@pytest.mark.parametrize("live", [{"id": "v"}, {"id": "v", "output_info": {"params": {}}}])
def test_params_where_there_are_none_yet(live: dict[str, Any]) -> None:
    drift = wants(live, {"output_info.params": {"ids": [{"id": 1}]}}, VERSION)
    sent = {"params": {"ids": [{"id": 1}]}}
    assert calls(drift) == Calls(requests=(of_version("overwrite", output_info=sent),))


def test_an_emptied_struct_of_a_message_is_as_an_absent_one() -> None:
    live = {"id": "v", "output_info": {"params": {"a": 1}, "fields_map": {}}}
    found = calls(wants(live, {"output_info.params": {}}, VERSION))
    sent = of_version("overwrite", output_info={"fields_map": {}, "params": {}})
    assert (found.requests, said(found)) == ((sent,), ([VERSION.address], []))


# --- secrets ----------------------------------------------------------------------------------------------------


TOKEN_IS_SECRET = Secrets(params_of=lambda key: frozenset({"token"}))
TOKEN: FieldPath = ("output_info", "params", "token")
CERTIFICATE: FieldPath = ("output_info", "params", "certificate")
NEW = Sensitive("new", "manifest")
BESIDE_A_SECRET = {
    "id": "v",
    "output_info": {"params": {"token": "****", "sizes": [1], "depth": 3}, "output_config": {"x": 1}},
}


def beside_secrets(after: dict[str, Any], secrets: dict[FieldPath, Unreadable], live: dict[str, Any]) -> Calls:
    drift = wants(
        live, {f"output_info.params.{name}": value for name, value in after.items()}, VERSION, secrets=TOKEN_IS_SECRET
    )
    return calls(replace(drift, unreadable=secrets))


def beside_a_secret(after: dict[str, Any], secret: Unreadable, live: dict[str, Any] = BESIDE_A_SECRET) -> Calls:
    return beside_secrets(after, {TOKEN: secret}, live)


def with_params(**params: Any) -> dict[str, Any]:
    return {"id": "v", "output_info": {"params": params}}


def sends(action: str, /, **params: Any) -> Request:
    return of_version(action, output_info={"params": params})


def overwrites(**params: Any) -> Request:
    return of_version("overwrite", output_info={"output_config": {"x": 1}, "params": params})


def test_secrets_are_proven_by_what_they_hold_and_sent_wrapped() -> None:
    stated = Unreadable(stated=NEW, is_whole=True)
    assert beside_a_secret({"token": "new"}, stated) == Calls(requests=(sends("merge", token=NEW),))
    both = overwrites(token=NEW, sizes=[2], depth=3)
    assert beside_a_secret({"token": "new", "sizes": [2]}, stated) == Calls(requests=(both,))


def test_a_stated_secret_in_sync_is_sent_as_stated_where_a_struct_is_sent_around_it() -> None:
    sent = overwrites(token=NEW, sizes=[2], depth=3)
    assert beside_a_secret({"sizes": [2]}, Unreadable(stated=NEW, is_whole=True)) == Calls(requests=(sent,))
    assert beside_a_secret({"depth": 4}, Unreadable(stated=NEW, is_whole=True)).requests == (sends("merge", depth=4),)


@pytest.mark.parametrize("secret", [Unreadable(), Unreadable(stated=NEW, is_whole=False)], ids=["unstated", "in part"])
def test_a_struct_is_never_sent_around_a_secret_that_is_not_stated_as_a_whole(
    secret: Unreadable, wording: Wording
) -> None:
    found = beside_a_secret({"sizes": [2]}, secret)
    wording(*found.refusals)
    assert [(refusal.rule, refusal.address) for refusal in found.refusals] == [("no-safe-call", VERSION.address)]
    assert not found.requests
    assert beside_a_secret({"depth": 4}, secret).requests == (sends("merge", depth=4),)


@pytest.mark.parametrize("shown", [{}, {"token": ""}, {"token": []}])
def test_where_nothing_is_shown_of_a_secret_an_overwrite_says_that_it_could_delete_one(
    shown: dict[str, Any], wording: Wording
) -> None:
    params = {**shown, "sizes": [1], "depth": 3}
    live = {"id": "v", "output_info": {"params": params, "output_config": {"x": 1}}}
    found = beside_a_secret({"sizes": [2]}, Unreadable(is_empty=True), live)
    assert [revealed(request.body) for request in found.requests] == [
        revealed(overwrites(**{**params, "sizes": [2]}).body)
    ]
    assert [notice.address for notice in found.notices] == [VERSION.address]
    wording(found.notices[0].message)
    assert not beside_a_secret({"depth": 4}, Unreadable(is_empty=True), live).notices
    hidden = beside_a_secret({"sizes": [2]}, Unreadable(), live)
    assert [refusal.rule for refusal in hidden.refusals] == ["no-safe-call"]


def test_a_refusal_names_each_value_that_cannot_be_read_back(wording: Wording) -> None:
    live = with_params(token="****", certificate="****", sizes=[1])
    found = beside_secrets({"sizes": [2]}, {TOKEN: Unreadable(), CERTIFICATE: Unreadable()}, live)
    (refusal,) = found.refusals
    assert (found.requests, refusal.rule, refusal.address) == ((), "no-safe-call", VERSION.address)
    assert "output_info.params.token, output_info.params.certificate" in refusal.message
    wording(refusal)


def test_a_notice_names_each_secret_that_an_overwrite_could_delete(wording: Wording) -> None:
    empty = {TOKEN: Unreadable(is_empty=True), CERTIFICATE: Unreadable(is_empty=True)}
    found = beside_secrets({"sizes": [2]}, empty, with_params(sizes=[1]))
    (notice,) = found.notices
    assert (found.requests, notice.address) == ((sends("overwrite", sizes=[2]),), VERSION.address)
    assert notice.message.startswith("output_info.params.token, output_info.params.certificate ")
    wording(notice.message)


def test_a_key_beside_a_secret_is_removed_by_itself_after_what_is_set() -> None:
    removal = beside_a_secret({"depth": MISSING}, Unreadable())
    assert removal.requests == (sends("remove", depth=True),)
    assert len(removal.notices) == 1
    both = beside_a_secret({"depth": MISSING, "width": 1}, Unreadable())
    assert both.requests == (sends("merge", width=1), sends("remove", depth=True))
    assert not both.refusals


@pytest.mark.parametrize(
    ("before", "after", "merged", "removed"),
    [
        ({"n": {"x": 1, "y": 1}}, {"n": {"x": 1}}, None, {"n": {"y": True}}),
        ({"n": {"x": 1, "y": 1}}, {"n": {"x": 2}}, {"n": {"x": 2}}, {"n": {"y": True}}),
        (
            {"n": {"x": 1, "y": {"p": 1, "q": 1}}},
            {"n": {"x": 2, "y": {"p": 1}}},
            {"n": {"x": 2}},
            {"n": {"y": {"q": True}}},
        ),
        ({"n": {"x": 1}, "b": 1}, {"n": 2}, {"n": 2}, {"b": True}),
        ({"n": 1, "b": 1}, {"n": {"x": 2}}, {"n": {"x": 2}}, {"b": True}),
        ({"b": 1}, {"n": {"x": 2}}, {"n": {"x": 2}}, {"b": True}),
    ],
)
def test_beside_a_secret_keys_are_removed_at_every_depth_and_other_values_are_merged(
    before: dict[str, Any], after: dict[str, Any], merged: Any, removed: dict[str, Any]
) -> None:
    wanted = {**dict.fromkeys(before, MISSING), **after}
    found = beside_a_secret(wanted, Unreadable(), with_params(token="****", **before))
    first = () if merged is None else (sends("merge", **merged),)
    assert (found.requests, found.refusals) == ((*first, sends("remove", **removed)), ())
    assert [notice.address for notice in found.notices] == [VERSION.address]


def test_where_the_values_beside_a_secret_cannot_be_set_no_key_is_removed_either() -> None:
    found = beside_a_secret({"sizes": [2], "depth": MISSING}, Unreadable())
    assert (found.requests, said(found)) == ((), ([], [("no-safe-call", VERSION.address)]))


def test_keys_are_removed_from_secrets_too() -> None:
    before, after = Sensitive({"a": 1, "b": {"c": 1, "d": 1}}, "live"), Sensitive({"b": {"c": 2}}, "manifest")
    assert removal_patch(before, after) == {"a": True, "b": {"d": True}}
    assert removal_patch({"s": before}, {"s": after}) == {"s": {"a": True, "b": {"d": True}}}


def test_an_item_of_a_masked_list_is_merged_by_its_id_without_the_others() -> None:
    live = {
        "id": "v",
        "output_info": {"params": {"token": [{"id": "x", "value": "****"}, {"id": "y", "value": "****"}]}},
    }
    stated = Sensitive([{"id": "x", "value": "new"}], "manifest")
    after = [{"id": "x", "value": "new"}, {"id": "y", "value": "****"}]
    found = beside_a_secret({"token": after}, Unreadable(stated=stated), live)
    assert found == Calls(requests=(sends("merge", token=stated),))


def test_an_item_without_an_id_is_not_added_to_a_list_that_cannot_be_read() -> None:
    live = {"id": "v", "output_info": {"params": {"token": ["****"]}}}
    found = beside_a_secret({"token": ["****", "new"]}, Unreadable(stated=Sensitive(["new"], "manifest")), live)
    assert not found.requests
    assert [refusal.rule for refusal in found.refusals] == ["no-safe-call"]


# --- several fields of one resource -----------------------------------------------------------------------------


LIVE = {
    "id": "m",
    "name": "a",
    "description": "d",
    "toolkits": ["t"],
    "languages": ["en"],
    "image": {"url": "https://x/a"},
    "metadata": {"a": 1, "l": [1]},
}
NEW_IMAGE = {"url": "https://x/b"}


@pytest.mark.parametrize(
    ("after", "requests"),
    [
        ({"name": "b", "description": "e"}, [of_model("merge", name="b", description="e")]),
        ({"name": "b", "toolkits": ["u"]}, [of_model("overwrite", name="b", toolkits=["u"])]),
        (
            {"toolkits": ["u"], "languages": ["fr"], "visibility": "ORG"},
            [of_model("overwrite", visibility={"gettable": "ORG"}, toolkits=["u"], languages=["fr"])],
        ),
        (
            {"name": "b", "metadata": {"a": 1, "l": [2]}},
            [of_model("overwrite", name="b", metadata={"a": 1, "l": [2]})],
        ),
        (
            {"name": "b", "toolkits": ["u"], "metadata": {"a": 2, "l": [1]}},
            [of_model("merge", name="b", metadata={"a": 2}), of_model("overwrite", toolkits=["u"])],
        ),
        (
            {"name": "b", "toolkits": ["u"], "image": NEW_IMAGE},
            [of_model("merge", name="b", image=NEW_IMAGE), of_model("overwrite", toolkits=["u"])],
        ),
        (
            {"name": "b", "toolkits": ["u"], "image": MISSING},
            [of_model("overwrite", name="b", toolkits=["u"]), of_model("remove", image={"url": "https://x/a"})],
        ),
        (
            {"name": "b", "image": MISSING},
            [of_model("merge", name="b"), of_model("remove", image={"url": "https://x/a"})],
        ),
    ],
)
def test_fields_of_one_model_that_take_the_same_call_travel_together(
    after: dict[str, Any], requests: list[Request]
) -> None:
    assert calls(wants(LIVE, after)) == Calls(requests=tuple(requests))


def test_a_list_that_is_emptied_does_not_turn_a_merge_into_an_overwrite() -> None:
    emptied = request("PatchModelToolkits", "overwrite", {MODEL: {"toolkits": []}})
    found = calls(wants(LIVE, {"name": "b", "toolkits": MISSING}))
    assert found == Calls(requests=(of_model("merge", name="b"), emptied))


def test_only_fields_with_a_change_are_sent() -> None:
    drift = wants(LIVE, {"name": "b", "toolkits": ["t"], "metadata": {"l": [1], "a": 1.0}})
    assert [change.path for change in drift.changes] == [("name",)]
    assert calls(drift) == Calls(requests=(of_model("merge", name="b"),))


def test_a_field_whose_value_stays_is_not_sent_and_does_not_end_the_search() -> None:
    drift = wants(LIVE, {"name": "b", "description": "e"})
    assert [change.path for change in drift.changes] == [("description",), ("name",)]
    kept = replace(drift, after=with_value(drift.after, ("name",), drift.before["name"]))
    assert calls(kept) == Calls(requests=(of_model("merge", description="e"),))


# --- many resources ---------------------------------------------------------------------------------------------


def renamed(key: Key) -> Drift:
    return wants({"id": key.version_id or key.model_id}, {"description": "d"}, key)


def model(name: str, app_id: str = "pets") -> Key:
    return Key(user_id="me", app_id=app_id, model_id=name)


def keys_of(found: Calls) -> list[tuple[str, tuple[str, ...]]]:
    return [(request.rpc, tuple(key.address for key in request.keys)) for request in found.requests]


def test_models_of_one_app_share_requests_up_to_the_batch() -> None:
    found = calls(*(renamed(model(name)) for name in "cabed"), batch=2)
    bodies = [
        {"user_app_id": SCOPE, "models": [{"id": name, "description": "d"} for name in names], "action": "merge"}
        for names in ("ab", "cd", "e")
    ]
    assert [request.body for request in found.requests] == bodies
    assert keys_of(found) == [
        ("PatchModels", ("me/pets/a", "me/pets/b")),
        ("PatchModels", ("me/pets/c", "me/pets/d")),
        ("PatchModels", ("me/pets/e",)),
    ]


def test_versions_share_a_request_with_those_of_their_model_only() -> None:
    versions = [model("b").version("1"), model("a").version("2"), model("a").version("1")]
    found = calls(*(renamed(key) for key in versions))
    assert keys_of(found) == [
        ("PatchModelVersions", ("me/pets/a@1", "me/pets/a@2")),
        ("PatchModelVersions", ("me/pets/b@1",)),
    ]
    assert found.requests[0].body == {
        "user_app_id": SCOPE,
        "model_id": "a",
        "model_versions": [{"id": "1", "description": "d"}, {"id": "2", "description": "d"}],
        "action": "merge",
    }


def test_app_by_app_models_come_before_tag_calls_before_versions_and_merges_before_overwrites_before_removals() -> None:
    full = {
        "id": "x",
        "languages": ["en"],
        "toolkits": ["t"],
        "use_cases": ["u"],
        "image": {"url": "https://x/a"},
        "metadata": {"a": 1, "l": [1]},
    }
    a, b = model("a"), model("b")
    gone = {"languages": MISSING, "toolkits": MISSING, "image": MISSING, "metadata": {"a": 2, "l": [1]}}
    found = calls(
        renamed(model("z", "zoo")),
        wants({"id": "v", "metadata": {"l": [1]}}, {"metadata": {"l": [2]}}, a.version("v")),
        renamed(b.version("v")),
        wants(full, gone, b),
        wants(full, {**gone, "use_cases": ["w"]}, a),
        renamed(model("a", "ape")),
    )
    assert [(*pair, request.action) for pair, request in zip(keys_of(found), found.requests, strict=True)] == [
        ("PatchModels", ("me/ape/a",), "merge"),
        ("PatchModels", ("me/pets/a", "me/pets/b"), "merge"),
        ("PatchModels", ("me/pets/a",), "overwrite"),
        ("PatchModels", ("me/pets/a",), "remove"),
        ("PatchModels", ("me/pets/b",), "remove"),
        ("PatchModelLanguages", ("me/pets/a",), "overwrite"),
        ("PatchModelLanguages", ("me/pets/b",), "overwrite"),
        ("PatchModelToolkits", ("me/pets/a",), "overwrite"),
        ("PatchModelToolkits", ("me/pets/b",), "overwrite"),
        ("PatchModelVersions", ("me/pets/b@v",), "merge"),
        ("PatchModelVersions", ("me/pets/a@v",), "overwrite"),
        ("PatchModels", ("me/zoo/z",), "merge"),
    ]
    assert found.requests[6].body == {"user_app_id": SCOPE, "model_id": "b", "languages": [], "action": "overwrite"}


def test_notices_and_refusals_are_in_the_order_of_the_drifts() -> None:
    losing = {"id": "x", "name": "n", "metadata": {"a": 1}}
    after = {"metadata": {}, "name": MISSING}
    found = calls(wants(losing, after, model("b")), wants(losing, after, model("a")))
    b, a = "me/pets/b", "me/pets/a"
    assert said(found) == ([b, a], [("no-safe-call", b), ("no-safe-call", a)])


def test_no_drift_needs_no_call() -> None:
    assert calls() == Calls(requests=())


# --- patches by themselves --------------------------------------------------------------------------------------


def paths(patch: Patch) -> list[FieldPath]:
    return [field.path for field in patch.entry.fields]


def test_a_patch_has_its_fields() -> None:
    (patch,), refusals = patches_from_drift(wants(LIVE, {"name": "b", "toolkits": ["u"]}))
    assert (paths(patch), patch.unproven, refusals) == ([("name",), ("toolkits",)], (), [])


def test_merge_leaves_out_what_is_there_already_and_takes_null_for_a_value() -> None:
    assert merge_patch({}, {"a": None}) == {"a": None}
    assert merge_patch({"a": 1, "b": [{"id": "x", "v": 1}]}, {"a": 1, "b": [{"id": "x", "v": 1}]}) == {}


# --- deletions --------------------------------------------------------------------------------------------------


def test_versions_are_deleted_one_by_one_before_models_and_models_of_an_app_in_batches() -> None:
    keys = [model("c"), model("a"), model("z", "zoo"), model("b"), model("b").version("2"), model("a").version("1")]
    found = list(deletion_requests(iter(keys), batch=2))
    assert [(each.rpc, each.action, each.scope.app_id, dict(each.body)) for each in found] == [
        ("DeleteModelVersion", None, "pets", {"user_app_id": SCOPE, "model_id": "a", "version_id": "1"}),
        ("DeleteModelVersion", None, "pets", {"user_app_id": SCOPE, "model_id": "b", "version_id": "2"}),
        ("DeleteModels", None, "pets", {"user_app_id": SCOPE, "ids": ["a", "b"]}),
        ("DeleteModels", None, "pets", {"user_app_id": SCOPE, "ids": ["c"]}),
        ("DeleteModels", None, "zoo", {"user_app_id": {**SCOPE, "app_id": "zoo"}, "ids": ["z"]}),
    ]
    assert list(deletion_requests([], batch=2)) == []
