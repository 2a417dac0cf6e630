"""The last check of a request before it is sent.

Takes the RPC, the action and the body that will be sent. Raises RemoteError if the RPC isn't one of the writing calls, or
if the body could affect more than it names. It deliberately doesn't use the table that the body was built from, so that a
mistake in that table is stopped here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reconciler.errors import FaultClass, RemoteError

_PATCH_ACTIONS: Final = ("merge", "overwrite", "remove")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """What the request of one writing RPC must contain.

    `ids` are fields that must not be empty, `objects` is the field with the list of objects, `actions` are the allowed
    actions, and `check` returns what else is wrong, or None.
    """

    ids: tuple[str, ...] = ()
    objects: str | None = None
    actions: tuple[str, ...] = ()
    check: Callable[[str | None, Mapping[str, Any]], str | None] | None = None


def _deletion(action: str | None, body: Mapping[str, Any]) -> str | None:
    ids, delete_all = body.get("ids", []), body.get("delete_all", False)
    if delete_all is not False and action != "delete_all":
        return "delete_all is set although the planned action isn't delete_all"
    if action == "delete_all":
        is_whole = delete_all is True and not ids
        return None if is_whole else "its action is delete_all, which needs delete_all: true and no ids"
    if not _is_list(ids) or not ids or not all(isinstance(item, str) and item for item in ids):
        return "its list of ids is empty or contains an empty id"
    return None


# Which actions an RPC accepts is documented in service.proto at its request message: the calls for tags accept "overwrite"
# alone, PatchModels and PatchModelVersions accept three.
_RULES: Final[Mapping[str, _Rule]] = {
    "PatchModels": _Rule(objects="models", actions=_PATCH_ACTIONS),
    "PatchModelVersions": _Rule(ids=("model_id",), objects="model_versions", actions=_PATCH_ACTIONS),
    "PatchModelToolkits": _Rule(ids=("model_id",), actions=("overwrite",)),
    "PatchModelUseCases": _Rule(ids=("model_id",), actions=("overwrite",)),
    "PatchModelLanguages": _Rule(ids=("model_id",), actions=("overwrite",)),
    "DeleteModels": _Rule(check=_deletion),
    "DeleteModelVersion": _Rule(ids=("model_id", "version_id")),
}


def require_sendable(rpc: str, action: str | None, body: Mapping[str, Any]) -> None:
    """Raise RemoteError with `sent` False for a body that isn't a write, or that could affect more than it names."""
    rule = _RULES.get(rpc)
    known = f"the call is not one of {', '.join(_RULES)}"
    problem = known if rule is None else _problem(rule, action, body)
    if problem:
        raise RemoteError(
            rpc=rpc,
            code="NOT_SENT",
            description=f"refused before sending: {problem}",
            fault=FaultClass.FATAL,
            attempts=0,
            sent=False,
        )


def _problem(rule: _Rule, action: str | None, body: Mapping[str, Any]) -> str | None:
    user_app = body.get("user_app_id")
    if not isinstance(user_app, Mapping) or not all(_is_id(user_app.get(name)) for name in ("user_id", "app_id")):
        # The service would take an empty id to mean all users, or all apps.
        return "user_app_id has no user id or no app id"
    for name in rule.ids:
        if not _is_id(body.get(name)):
            return f"{name} is empty"
    if rule.objects is not None:
        objects = body.get(rule.objects)
        if not _is_list(objects) or not objects:
            return f"{rule.objects} is empty"
        if not all(isinstance(item, Mapping) and _is_id(item.get("id")) for item in objects):
            return f"one of {rule.objects} has no id"
    if rule.actions and (body.get("action") not in rule.actions or body.get("action") != action):
        known = ", ".join(rule.actions)
        return f"its action is {body.get('action')!r}, but {action!r} was planned and {known} are allowed"
    return rule.check(action, body) if rule.check else None


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
