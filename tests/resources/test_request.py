"""A request as a value: its body, its bisection, what it contains, whether it may be repeated, and reading its body back."""

from __future__ import annotations

from typing import Any

import pytest
from clarifai_grpc.grpc.api import service_pb2
from hypothesis import given
from hypothesis import strategies as st

from reconciler.remote.convert import message_from
from reconciler.resources.keys import Key
from reconciler.resources.request import DELETE_ALL, MOST_BYTES, RPCS, Request, request_from_body
from reconciler.resources.secrets import Sensitive
from tests.request_values import request

A, B, C = (Key(user_id="me", app_id="pets", model_id=name) for name in "abc")
V = A.version("v")
APP = {"user_id": "me", "app_id": "pets"}
NAMES = request("PatchModels", "merge", {key: {"name": "x"} for key in (A, B, C)})
PARAMS = request("PatchModelVersions", "overwrite", {V: {"output_info": {"params": {"n": 1}, "fields_map": {}}}})
TAGS = request("PatchModelUseCases", "overwrite", {A: {"use_cases": ["t"]}})
IMAGE = request("PatchModels", "remove", {A: {"image": {"url": "https://x/a"}}})
DELETION = request("DeleteModels", None, {A: {}, B: {}})
VERSION_DELETION = request("DeleteModelVersion", None, {V: {}})
PURGE = request("DeleteModels", DELETE_ALL, {A: {}, B: {}})

BODIES: list[tuple[Request, dict[str, Any]]] = [
    (NAMES, {"user_app_id": APP, "models": [{"id": name, "name": "x"} for name in "abc"], "action": "merge"}),
    (
        PARAMS,
        {
            "user_app_id": APP,
            "model_id": "a",
            "model_versions": [{"id": "v", "output_info": {"params": {"n": 1}, "fields_map": {}}}],
            "action": "overwrite",
        },
    ),
    (TAGS, {"user_app_id": APP, "model_id": "a", "usecases": ["t"], "action": "overwrite"}),
    (IMAGE, {"user_app_id": APP, "models": [{"id": "a", "image": {"url": "https://x/a"}}], "action": "remove"}),
    (DELETION, {"user_app_id": APP, "ids": ["a", "b"]}),
    (VERSION_DELETION, {"user_app_id": APP, "model_id": "a", "version_id": "v"}),
    (PURGE, {"user_app_id": APP, "delete_all": True}),
]


@pytest.mark.parametrize(("made", "body"), BODIES)
def test_the_body_is_the_request_message_and_reads_back(made: Request, body: dict[str, Any]) -> None:
    assert made.body == body
    assert list(made.body) == list(body)
    assert request_from_body(made.rpc, made.action, body, made.keys) == made


@pytest.mark.parametrize(
    ("made", "changes"),
    [
        (NAMES, {"models": [{"id": name, "name": "x"} for name in "abd"]}),
        (NAMES, {"action": "overwrite"}),
        (NAMES, {"user_app_id": {**APP, "app_id": "other"}}),
        (NAMES, {"more": 1}),
        (TAGS, {"model_id": "b"}),
        (DELETION, {"ids": ["a", "c"]}),
        (DELETION, {"ids": ["a"]}),
        (DELETION, {"delete_all": True}),
        (VERSION_DELETION, {"version_id": "w"}),
    ],
)
def test_a_body_that_its_resources_do_not_lead_to_is_refused(made: Request, changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=made.rpc):
        request_from_body(made.rpc, made.action, {**made.body, **changes}, made.keys)


@pytest.mark.parametrize(("rpc", "keys"), [("DeleteApp", (A,)), ("PatchModels", ())])
def test_no_other_call_is_read_from_a_body(rpc: str, keys: tuple[Key, ...]) -> None:
    with pytest.raises(ValueError, match="is not one of"):
        request_from_body(rpc, None, {"user_app_id": APP}, keys)


def test_a_request_is_bisected_down_to_single_resources() -> None:
    assert NAMES.bisect() == (
        request("PatchModels", "merge", {key: {"name": "x"} for key in (A, B)}),
        request("PatchModels", "merge", {C: {"name": "x"}}),
    )
    assert DELETION.bisect() == (request("DeleteModels", None, {A: {}}), request("DeleteModels", None, {B: {}}))


@pytest.mark.parametrize("whole", [PARAMS, TAGS, IMAGE, VERSION_DELETION, PURGE])
def test_a_request_that_does_not_list_several_resources_is_not_bisected(whole: Request) -> None:
    assert whole.bisect() == ()
    assert whole.in_parts(1) == (whole,)


def renames(count: int, text: str = "x") -> Request:
    keys = [Key(user_id="me", app_id="pets", model_id=f"m{number}") for number in range(count)]
    return request("PatchModels", "merge", {key: {"notes": text} for key in keys})


def sizes(parts: tuple[Request, ...]) -> list[int]:
    return [len(part.entries) for part in parts]


@pytest.mark.parametrize(
    ("count", "halves"), [(2, [1, 1]), (3, [2, 1]), (44, [32, 12]), (64, [32, 32]), (100, [64, 36]), (128, [64, 64])]
)
def test_bisecting_leads_to_powers_of_two(count: int, halves: list[int]) -> None:
    assert sizes(renames(count).bisect()) == halves


@pytest.mark.parametrize(
    ("count", "most", "text", "parts"),
    [
        (128, 128, "x", [128]),
        (128, 32, "x", [32, 32, 32, 32]),
        (44, 32, "x", [32, 12]),
        (3, 1, "x", [1, 1, 1]),
        # By bytes: of an ASCII string its length, of another one that of its UTF-8.
        (5, 128, "x" * (MOST_BYTES // 3), [2, 2, 1]),
        (5, 128, "é" * (MOST_BYTES // 6), [2, 2, 1]),
        # However large a single entry is, it is sent alone.
        (3, 128, "x" * (2 * MOST_BYTES), [1, 1, 1]),
    ],
)
def test_a_request_in_parts_has_the_same_entries_in_order(count: int, most: int, text: str, parts: list[int]) -> None:
    whole = renames(count, text)
    made = whole.in_parts(most)
    assert sizes(made) == parts
    assert tuple(entry for part in made for entry in part.entries) == whole.entries
    assert {(part.rpc, part.action, part.scope) for part in made} == {(whole.rpc, whole.action, whole.scope)}


@given(
    st.dictionaries(
        st.text(max_size=5),
        st.recursive(
            st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
            lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
        ),
        max_size=5,
    ),
    st.text(max_size=20),
)
def test_no_entry_is_larger_in_its_message_than_is_assumed(metadata: dict[str, Any], notes: str) -> None:
    values = {"metadata": {**metadata, "secret": Sensitive(notes, "variable X")}, "notes": notes}
    made = request("PatchModels", "merge", {A: values})
    alone = request("PatchModels", "merge", {A: {}})
    larger, smaller = (message_from(each.body, service_pb2.PatchModelsRequest()).ByteSize() for each in (made, alone))
    assert larger - smaller <= made.entries[0].most_bytes


@pytest.mark.parametrize(
    ("made", "key", "path", "expected"),
    [
        (NAMES, A, ("name",), True),
        (NAMES, A, ("notes",), False),
        (NAMES, V, ("name",), False),
        (PARAMS, V, ("output_info", "params", "n"), True),
        (PARAMS, V, ("license",), False),
        (TAGS, A, ("use_cases",), True),
        (TAGS, A, ("languages",), False),
        (TAGS, B, ("use_cases",), False),
        (DELETION, A, ("name",), False),
    ],
)
def test_a_request_carries_the_managed_fields_of_its_entries(
    made: Request, key: Key, path: tuple[str, ...], *, expected: bool
) -> None:
    assert made.carries(key, path) is expected


@pytest.mark.parametrize(
    ("made", "deletes", "repeatable"),
    [
        (NAMES, False, True),
        (PARAMS, False, True),
        (TAGS, False, True),
        (IMAGE, False, False),
        (DELETION, True, False),
        (VERSION_DELETION, True, False),
        (PURGE, True, False),
    ],
)
def test_what_a_request_is(made: Request, *, deletes: bool, repeatable: bool) -> None:
    assert (made.deletes, made.is_repeatable) == (deletes, repeatable)
    assert {each.rpc for each, _ in BODIES} <= set(RPCS)
