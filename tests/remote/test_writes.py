"""The last check before a write: what is let through and what is stopped."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.errors import FaultClass, RemoteError
from reconciler.remote.writes import require_sendable

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
def test_let_through(good: Sent) -> None:
    require_sendable(*good)


BAD = [
    (sent("PostModels", {"user_app_id": APP}), "the call is not one of"),
    (sent("DeleteApp", {"user_app_id": APP}), "the call is not one of"),
    (sent("PatchModels", {"models": [{"id": "cats"}], "action": "merge"}), "user_app_id has no"),
    (
        sent("PatchModels", {"user_app_id": {"user_id": "jane"}, "models": [{"id": "c"}], "action": "merge"}),
        "user_app_id has no",
    ),
    (sent("DeleteModels", {"user_app_id": {**APP, "app_id": ""}, "ids": ["cats"]}), "user_app_id has no"),
    (sent("PatchModels", {"user_app_id": APP, "models": [], "action": "merge"}), "models is empty"),
    (sent("PatchModels", {"user_app_id": APP, "models": [{"name": "x"}], "action": "merge"}), "has no id"),
    (sent("PatchModels", {"user_app_id": APP, "models": [{"id": "c"}], "action": "replace"}), "'replace'"),
    (sent("PatchModels", {"user_app_id": APP, "models": [{"id": "c"}]}), "its action is None"),
    (
        sent("PatchModels", {"user_app_id": APP, "models": [{"id": "c"}], "action": "overwrite"}, action="merge"),
        "its action is 'overwrite', but 'merge' was planned",
    ),
    (sent("PatchModelVersions", {**MODEL, "model_versions": [{"id": ""}], "action": "merge"}), "has no id"),
    (
        sent("PatchModelVersions", {"user_app_id": APP, "model_versions": [{"id": "v"}], "action": "merge"}),
        "model_id is empty",
    ),
    (sent("PatchModelToolkits", {**MODEL, "toolkits": ["a"], "action": "merge"}), "'merge'"),
    (sent("DeleteModels", {"user_app_id": APP}), "list of ids"),
    (sent("DeleteModels", {"user_app_id": APP, "ids": []}), "list of ids"),
    (sent("DeleteModels", {"user_app_id": APP, "ids": ["cats", ""]}), "list of ids"),
    (sent("DeleteModels", {"user_app_id": APP, "ids": "cats"}), "list of ids"),
    (sent("DeleteModels", {"user_app_id": APP, "delete_all": True}), "delete_all is set"),
    (sent("DeleteModels", {"user_app_id": APP, "ids": ["cats"], "delete_all": True}), "delete_all is set"),
    (sent("DeleteModels", {"user_app_id": APP, "ids": ["cats"]}, action="delete_all"), "needs delete_all"),
    (
        sent("DeleteModels", {"user_app_id": APP, "ids": ["cats"], "delete_all": True}, action="delete_all"),
        "needs delete_all",
    ),
    (sent("DeleteModelVersion", {**MODEL, "version_id": ""}), "version_id is empty"),
    (sent("DeleteModelVersion", {"user_app_id": APP, "version_id": "v"}), "model_id is empty"),
]


@pytest.mark.parametrize(("bad", "why"), BAD)
def test_stopped(bad: Sent, why: str) -> None:
    with pytest.raises(RemoteError) as raised:
        require_sendable(*bad)
    error = raised.value
    assert (error.rpc, error.code, error.fault, error.attempts, error.sent) == (
        bad[0],
        "NOT_SENT",
        FaultClass.FATAL,
        0,
        False,
    )
    assert error.description.startswith("refused before sending: ")
    assert why in error.description
