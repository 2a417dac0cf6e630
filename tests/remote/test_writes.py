"""The last check before a write: what is let through and what is stopped."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.errors import FaultClass, RemoteError
from reconciler.remote.writes import require_sendable
from tests.wording import Wording

APP = {"user_id": "jane", "app_id": "pets"}
MODEL = {"user_app_id": APP, "model_id": "cats"}


Sent = tuple[str, "str | None", dict[str, Any]]


def sent(rpc: str, body: dict[str, Any], *, action: str | None = None) -> Sent:
    return rpc, action or body.get("action"), body


GOOD = [
    sent("PatchModels", {"user_app_id": APP, "models": [{"id": "cats"}], "action": "merge"}),
    sent("PatchModels", {"user_app_id": APP, "models": [{"id": "cats"}], "action": "remove"}),
    sent("PatchModelVersions", {**MODEL, "model_versions": [{"id": "v"}], "action": "overwrite"}),
    sent("PatchModelVersions", {**MODEL, "model_versions": ({"id": "v"},), "action": "remove"}),
    sent("PatchModelToolkits", {**MODEL, "toolkits": [], "action": "overwrite"}),
    sent("PatchModelUseCases", {**MODEL, "usecases": ["a"], "action": "overwrite"}),
    sent("PatchModelLanguages", {**MODEL, "action": "overwrite"}),
    sent("DeleteModels", {"user_app_id": APP, "ids": ["cats"]}),
    sent("DeleteModels", {"user_app_id": APP, "ids": ["cats"]}, action="delete"),
    sent("DeleteModels", {"user_app_id": APP, "delete_all": True}, action="delete_all"),
    sent("DeleteModelVersion", {**MODEL, "version_id": "v"}),
]


@pytest.mark.parametrize("good", GOOD)
def test_a_request_of_a_known_shape_may_be_sent(good: Sent) -> None:
    require_sendable(*good)


BAD = [
    sent("PostModels", {"user_app_id": APP}),
    sent("DeleteApp", {"user_app_id": APP}),
    sent("PatchModels", {"models": [{"id": "cats"}], "action": "merge"}),
    sent("PatchModels", {"user_app_id": {"user_id": "jane"}, "models": [{"id": "c"}], "action": "merge"}),
    sent("DeleteModels", {"user_app_id": {**APP, "app_id": ""}, "ids": ["cats"]}),
    sent("PatchModels", {"user_app_id": APP, "models": [], "action": "merge"}),
    sent("PatchModels", {"user_app_id": APP, "models": [{"name": "x"}], "action": "merge"}),
    sent("PatchModels", {"user_app_id": APP, "models": [{"id": "c"}], "action": "replace"}),
    sent("PatchModels", {"user_app_id": APP, "models": [{"id": "c"}]}),
    sent("PatchModels", {"user_app_id": APP, "models": [{"id": "c"}], "action": "overwrite"}, action="merge"),
    sent("PatchModelVersions", {**MODEL, "model_versions": [{"id": ""}], "action": "merge"}),
    sent("PatchModelVersions", {"user_app_id": APP, "model_versions": [{"id": "v"}], "action": "merge"}),
    sent("PatchModelToolkits", {**MODEL, "toolkits": ["a"], "action": "merge"}),
    sent("DeleteModels", {"user_app_id": APP}),
    sent("DeleteModels", {"user_app_id": APP, "ids": []}),
    sent("DeleteModels", {"user_app_id": APP, "ids": ["cats", ""]}),
    sent("DeleteModels", {"user_app_id": APP, "ids": "cats"}),
    sent("DeleteModels", {"user_app_id": APP, "delete_all": True}),
    sent("DeleteModels", {"user_app_id": APP, "ids": ["cats"], "delete_all": True}),
    sent("DeleteModels", {"user_app_id": APP, "ids": ["cats"]}, action="delete_all"),
    sent("DeleteModels", {"user_app_id": APP, "ids": ["cats"], "delete_all": True}, action="delete_all"),
    sent("DeleteModelVersion", {**MODEL, "version_id": ""}),
    sent("DeleteModelVersion", {"user_app_id": APP, "version_id": "v"}),
]


@pytest.mark.parametrize("bad", BAD, ids=json.dumps)
def test_any_other_request_is_refused_before_sending(bad: Sent, wording: Wording) -> None:
    with pytest.raises(RemoteError) as raised:
        require_sendable(*bad)
    error = raised.value
    assert (error.rpc, error.code, error.fault) == (bad[0], "NOT_SENT", FaultClass.FATAL)
    assert (error.attempts, error.sent) == (0, False)
    wording(error.description)
