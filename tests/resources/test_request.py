"""A request as a value: its body, its bisection, what it contains, whether it may be repeated, and reading its body back."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.resources.keys import Key
from reconciler.resources.request import DELETE_ALL, RPCS, Request, request_from_body
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
        request("PatchModels", "merge", {A: {"name": "x"}}),
        request("PatchModels", "merge", {key: {"name": "x"} for key in (B, C)}),
    )
    assert DELETION.bisect() == (request("DeleteModels", None, {A: {}}), request("DeleteModels", None, {B: {}}))


@pytest.mark.parametrize("whole", [PARAMS, TAGS, IMAGE, VERSION_DELETION, PURGE])
def test_a_request_that_does_not_list_several_resources_is_not_bisected(whole: Request) -> None:
    assert whole.bisect() == ()


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
