"""Requests about several objects cut in two, and which planned field a request carries."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.compare.diff import FieldChange
from reconciler.requests.splitting import carries, entry_for, halves
from reconciler.resources.keys import Key
from reconciler.resources.request import Request
from reconciler.resources.tree import MISSING

A, B, C = (Key(user_id="me", app_id="pets", model_id=name) for name in "abc")


def request(rpc: str, keys: tuple[Key, ...], **body: Any) -> Request:
    return Request(rpc=rpc, action="merge", body={"action": "merge", **body}, keys=keys)


NAMES = request("PatchModels", (A, B, C), models=[{"id": name, "name": "x"} for name in "abc"])
TOOLKITS = request("PatchModelToolkits", (A,), model_id="a", toolkits=[])
DELETION = request("DeleteModels", (A, B), ids=["a", "b"])


def test_a_request_is_cut_into_two_with_its_own_objects_each() -> None:
    assert halves(NAMES) == (
        request("PatchModels", (A,), models=[{"id": "a", "name": "x"}]),
        request("PatchModels", (B, C), models=[{"id": "b", "name": "x"}, {"id": "c", "name": "x"}]),
    )
    assert halves(DELETION) == (request("DeleteModels", (A,), ids=["a"]), request("DeleteModels", (B,), ids=["b"]))


@pytest.mark.parametrize(
    "whole",
    [
        TOOLKITS,
        request("PatchModels", (A,), models=[{"id": "a"}]),
        request("DeleteModels", (A, B), delete_all=True),
        request("DeleteModels", (A, B), ids=["a", "b", "c"]),
    ],
)
def test_what_is_about_one_object_or_does_not_list_its_objects_is_not_cut(whole: Request) -> None:
    assert halves(whole) == ()


@pytest.mark.parametrize(
    ("sent", "key", "path", "expected"),
    [
        (NAMES, A, "name", True),
        (NAMES, A, "notes", False),
        (NAMES, A.version("v"), "name", False),
        (request("PatchModels", (A,), models=[{"id": "a", "name": "x"}]), B, "name", False),
        (TOOLKITS, A, "toolkits", True),
        (TOOLKITS, A, "languages", False),
        (TOOLKITS, B, "toolkits", False),
        (DELETION, A, "name", False),
    ],
)
def test_a_request_carries_the_fields_it_names_of_its_own_objects(
    sent: Request, key: Key, path: str, *, expected: bool
) -> None:
    change = FieldChange(path=(path,), before="a", after=MISSING)
    assert carries(sent, key, change) is expected


def test_the_entry_about_an_object() -> None:
    assert entry_for(NAMES, B) == {"id": "b", "name": "x"}
    assert [entry_for(DELETION, A), entry_for(TOOLKITS, A), entry_for(NAMES, A.version("v"))] == [None, None, None]
