"""The calls that may change the service: which there are, what each must hold, and whether it may be sent twice.

The last check before a write leaves, kept apart from the planning on purpose: a mistake there stops here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reconciler.errors import FaultClass, RemoteError
from reconciler.remote.retry import Safety
from reconciler.resources.request import Request

_PATCH_ACTIONS: Final = ("merge", "overwrite", "remove")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """One writing call: ids that must be there, the list of objects with ids (if any), its actions, a further check."""

    ids: tuple[str, ...] = ()
    objects: str | None = None
    actions: tuple[str, ...] = ()
    check: Callable[[Request], str | None] | None = None
    is_repeatable: bool = True


def _deletion(request: Request) -> str | None:
    ids, delete_all = request.body.get("ids", []), request.body.get("delete_all", False)
    if delete_all is not False and request.action != "delete_all":
        return "delete_all is set, but the request's action isn't delete_all"
    if request.action == "delete_all":
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
    "DeleteModels": _Rule(check=_deletion, is_repeatable=False),
    "DeleteModelVersion": _Rule(ids=("model_id", "version_id"), is_repeatable=False),
}


def require_sendable(request: Request) -> None:
    """Raise RemoteError with `sent` False for a request that is no write, or that reaches further than it says."""
    rule = _RULES.get(request.rpc)
    problem = _problem(request, rule) if rule else "it is not one of the calls that change models: " + ", ".join(_RULES)
    if problem:
        raise RemoteError(
            rpc=request.rpc,
            code="NOT_SENT",
            description=f"refused before sending: {problem}",
            fault=FaultClass.FATAL,
            attempts=0,
            sent=False,
        )


def safety_of(request: Request) -> Safety:
    """Whether a request may be sent again where the first sending may have been executed.

    Patches that set values may; deletes may not, nor `remove`, which takes away what may have come since.
    """
    is_repeatable = _RULES[request.rpc].is_repeatable and request.body.get("action") != "remove"
    return Safety.REPEATABLE if is_repeatable else Safety.ONCE


def _problem(request: Request, rule: _Rule) -> str | None:
    body = request.body
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
    if rule.actions and (body.get("action") not in rule.actions or body.get("action") != request.action):
        known = ", ".join(rule.actions)
        return f"its action is {body.get('action')!r}, planned as {request.action!r}; known are {known}"
    return rule.check(request) if rule.check else None


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
