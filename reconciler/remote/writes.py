"""The last check before a write leaves: which calls may change the service, and what each of them must hold.

It looks at the body that will be sent and knows nothing of the table that the body was built from, so that a mistake there
stops here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reconciler.errors import FaultClass, RemoteError

_PATCH_ACTIONS: Final = ("merge", "overwrite", "remove")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """One writing call: ids that must be there, the list of objects with ids (if any), its actions, a further check."""

    ids: tuple[str, ...] = ()
    objects: str | None = None
    actions: tuple[str, ...] = ()
    check: Callable[[str | None, Mapping[str, Any]], str | None] | None = None


def _deletion(action: str | None, body: Mapping[str, Any]) -> str | None:
    ids, delete_all = body.get("ids", []), body.get("delete_all", False)
    if delete_all is not False and action != "delete_all":
        return "delete_all is set, but the request's action isn't delete_all"
    if action == "delete_all":
        return None if delete_all is True and not ids else "delete_all goes with delete_all: true and without ids"
    if not _is_list(ids) or not ids or not all(isinstance(item, str) and item for item in ids):
        return "its ids are empty, or one of them is"
    return None


# service.proto: the tag calls know the action "overwrite" alone; the two patches know three.
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
    """Raise RemoteError with `sent` False for a body that is no write, or that reaches further than it says."""
    rule = _RULES.get(rpc)
    known = f"it is not one of the calls that change models: {', '.join(_RULES)}"
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
        return "user_app_id lacks the user id or the app id"
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
        return f"its action is {body.get('action')!r}, planned as {action!r}; known are {known}"
    return rule.check(action, body) if rule.check else None


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
