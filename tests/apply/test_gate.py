"""Which requests are checked again right before each sending: those that carry more than their own leaves."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.apply.gate import Gate
from reconciler.plan.plan import Plan, Source
from reconciler.resources.keys import Key
from reconciler.resources.request import Request
from reconciler.resources.secrets import Sensitive
from tests.request_values import request

MODEL = Key(user_id="me", app_id="pets", model_id="m")
VERSION = MODEL.version("v")


def needs_check(sent: Request, **extra: Any) -> bool:
    source = Source(digest="", files=())
    return Gate(
        Plan(tool_version="1", created_at="", endpoint="", source=source, requests=(sent,), extra=extra)
    ).needs_check(sent)


def patch(action: str, **values: Any) -> Request:
    return request("PatchModels", action, {MODEL: values})


def params(action: str, value: Any) -> Request:
    return request("PatchModelVersions", action, {VERSION: {"output_info": {"params": value}}})


@pytest.mark.parametrize(
    "sent",
    [
        patch("merge", name="a", notes="n", visibility={"gettable": "PRIVATE"}, image={"url": "https://x/a"}),
        patch("overwrite", name="a", visibility={"gettable": "PRIVATE"}),
        patch("merge", metadata={"a": 1, "deep": {"url": "x"}}),
        params("merge", {"min_value": 0.5, "token": Sensitive("s", "env:S")}),
    ],
)
def test_a_request_of_its_own_leaves_is_sent_without_another_read(sent: Request) -> None:
    assert not needs_check(sent)


@pytest.mark.parametrize(
    "sent",
    [
        patch("merge", toolkits=["a"]),
        patch("overwrite", name="a", metadata={"url": "x"}),
        patch("overwrite", metadata={"gettable": "x"}),
        patch("merge", metadata={"rooms": [1]}),
        patch("merge", metadata={"reconciler": {"owner": "vision"}}),
        patch("merge", metadata={"deep": {"emptied": {}}}),
        patch("remove", image={"url": "https://x/a"}),
        params("overwrite", {"min_value": 0.5}),
        params("merge", {"secrets": Sensitive([{"id": "a"}], "manifest")}),
        request("PatchModelToolkits", "overwrite", {MODEL: {"toolkits": []}}),
        request("DeleteModels", None, {MODEL: {}}),
        request("DeleteModelVersion", None, {VERSION: {}}),
    ],
)
def test_a_request_that_carries_more_is_checked_first(sent: Request) -> None:
    assert needs_check(sent)


def test_an_undo_only_puts_back_what_nobody_changed_so_its_leaves_are_checked_too() -> None:
    assert needs_check(patch("merge", name="a"), undo={"run": "r"})
