"""The last check before a write: what is let through, what is stopped, and what may be sent twice."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.errors import FaultClass, RemoteError
from reconciler.remote.retry import Safety
from reconciler.remote.writes import require_sendable, safety_of
from reconciler.resources.keys import Key
from reconciler.resources.request import Request

KEY = Key(user_id="jane", app_id="pets", model_id="cats")
APP = {"user_id": "jane", "app_id": "pets"}
MODEL = {"user_app_id": APP, "model_id": "cats"}


def request(rpc: str, body: dict[str, Any], *, action: str | None = None) -> Request:
    return Request(rpc=rpc, action=action or body.get("action"), body=body, keys=(KEY,))


GOOD = [
    (request("PatchModels", {"user_app_id": APP, "models": [{"id": "cats"}], "action": "merge"}), Safety.REPEATABLE),
    (request("PatchModels", {"user_app_id": APP, "models": [{"id": "cats"}], "action": "remove"}), Safety.ONCE),
    (
        request("PatchModelVersions", {**MODEL, "model_versions": [{"id": "v"}], "action": "overwrite"}),
        Safety.REPEATABLE,
    ),
    (request("PatchModelVersions", {**MODEL, "model_versions": ({"id": "v"},), "action": "remove"}), Safety.ONCE),
    (request("PatchModelToolkits", {**MODEL, "toolkits": [], "action": "overwrite"}), Safety.REPEATABLE),
    (request("PatchModelUseCases", {**MODEL, "usecases": ["a"], "action": "overwrite"}), Safety.REPEATABLE),
    (request("PatchModelLanguages", {**MODEL, "action": "overwrite"}), Safety.REPEATABLE),
    (request("DeleteModels", {"user_app_id": APP, "ids": ["cats"]}), Safety.ONCE),
    (request("DeleteModels", {"user_app_id": APP, "ids": ["cats"]}, action="delete"), Safety.ONCE),
    (request("DeleteModels", {"user_app_id": APP, "delete_all": True}, action="delete_all"), Safety.ONCE),
    (request("DeleteModelVersion", {**MODEL, "version_id": "v"}), Safety.ONCE),
]


@pytest.mark.parametrize(("good", "safety"), GOOD)
def test_let_through(good: Request, safety: Safety) -> None:
    require_sendable(good)
    assert safety_of(good) is safety


BAD = [
    (request("PostModels", {"user_app_id": APP}), "it is not one of the calls that change models"),
    (request("DeleteApp", {"user_app_id": APP}), "it is not one of the calls that change models"),
    (request("PatchModels", {"models": [{"id": "cats"}], "action": "merge"}), "user_app_id lacks"),
    (
        request("PatchModels", {"user_app_id": {"user_id": "jane"}, "models": [{"id": "c"}], "action": "merge"}),
        "user_app_id lacks",
    ),
    (request("DeleteModels", {"user_app_id": {**APP, "app_id": ""}, "ids": ["cats"]}), "user_app_id lacks"),
    (request("PatchModels", {"user_app_id": APP, "models": [], "action": "merge"}), "models is empty"),
    (request("PatchModels", {"user_app_id": APP, "models": [{"name": "x"}], "action": "merge"}), "has no id"),
    (request("PatchModels", {"user_app_id": APP, "models": [{"id": "c"}], "action": "replace"}), "'replace'"),
    (request("PatchModels", {"user_app_id": APP, "models": [{"id": "c"}]}), "its action is None"),
    (
        request("PatchModels", {"user_app_id": APP, "models": [{"id": "c"}], "action": "overwrite"}, action="merge"),
        "its action is 'overwrite', planned as 'merge'",
    ),
    (request("PatchModelVersions", {**MODEL, "model_versions": [{"id": ""}], "action": "merge"}), "has no id"),
    (
        request("PatchModelVersions", {"user_app_id": APP, "model_versions": [{"id": "v"}], "action": "merge"}),
        "model_id is empty",
    ),
    (request("PatchModelToolkits", {**MODEL, "toolkits": ["a"], "action": "merge"}), "'merge'"),
    (request("DeleteModels", {"user_app_id": APP}), "its ids are empty"),
    (request("DeleteModels", {"user_app_id": APP, "ids": []}), "its ids are empty"),
    (request("DeleteModels", {"user_app_id": APP, "ids": ["cats", ""]}), "its ids are empty"),
    (request("DeleteModels", {"user_app_id": APP, "ids": "cats"}), "its ids are empty"),
    (request("DeleteModels", {"user_app_id": APP, "delete_all": True}), "delete_all is set"),
    (request("DeleteModels", {"user_app_id": APP, "ids": ["cats"], "delete_all": True}), "delete_all is set"),
    (request("DeleteModels", {"user_app_id": APP, "ids": ["cats"]}, action="delete_all"), "goes with"),
    (
        request("DeleteModels", {"user_app_id": APP, "ids": ["cats"], "delete_all": True}, action="delete_all"),
        "goes with",
    ),
    (request("DeleteModelVersion", {**MODEL, "version_id": ""}), "version_id is empty"),
    (request("DeleteModelVersion", {"user_app_id": APP, "version_id": "v"}), "model_id is empty"),
]


@pytest.mark.parametrize(("bad", "why"), BAD)
def test_stopped(bad: Request, why: str) -> None:
    with pytest.raises(RemoteError) as raised:
        require_sendable(bad)
    error = raised.value
    assert (error.rpc, error.code, error.fault, error.attempts, error.sent) == (
        bad.rpc,
        "NOT_SENT",
        FaultClass.FATAL,
        0,
        False,
    )
    assert error.description.startswith("refused before sending: ")
    assert why in error.description
