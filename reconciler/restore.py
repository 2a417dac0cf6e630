"""Puts the secrets that a saved plan does not hold back into its requests, right before they are sent.

In: a plan read from a file, the environment, and the wanted specs computed anew from the same manifests. Out: the same
plan with real values inside its Sensitive leaves. Only the leaves that the file marks are filled; everything else is sent
as it was reviewed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from reconciler.canon import lookup, plain
from reconciler.errors import ReconcilerError
from reconciler.plan import Plan
from reconciler.resources import MISSING, Key, Path, Request, Sensitive, holds_sensitive, path_text

ENV = "env:"

WantedOf = Callable[[Key], Mapping[str, Any]]
"""The wanted spec of a resource, computed from the manifests and the live side of now."""


def needs_secrets(plan: Plan) -> bool:
    """Whether a plan read from a file lacks values that its requests need."""
    return any(holds_sensitive(request.body) for request in plan.requests)


def needs_manifests(plan: Plan) -> bool:
    """Whether some of them come from the manifests rather than from environment variables alone."""
    return any(not source.startswith(ENV) for request in plan.requests for source in _sources(request.body))


def _sources(value: Any) -> list[str]:
    if isinstance(value, Sensitive):
        return [value.source]
    if isinstance(value, Mapping):
        return [source for item in value.values() for source in _sources(item)]
    if isinstance(value, (list, tuple)):
        return [source for item in value for source in _sources(item)]
    return []


def restored(plan: Plan, *, environ: Mapping[str, str], wanted_of: WantedOf) -> Plan:
    """The plan with its secrets filled in. Raises ReconcilerError naming the first that can't be read again."""
    return replace(plan, requests=tuple(_request(request, environ, wanted_of) for request in plan.requests))


def _request(request: Request, environ: Mapping[str, str], wanted_of: WantedOf) -> Request:
    body = dict(request.body)
    for name in ("models", "model_versions"):
        entries = body.get(name)
        if isinstance(entries, list):
            body[name] = [_entry(request, entry, environ, wanted_of) for entry in entries]
    return replace(request, body=body)


def _entry(request: Request, entry: Mapping[str, Any], environ: Mapping[str, str], wanted_of: WantedOf) -> Any:
    key = next(key for key in request.keys if entry.get("id") == (key.version_id or key.model_id))

    def fill(value: Any, path: Path) -> Any:
        if isinstance(value, Sensitive):
            return Sensitive(_read_again(value, key, path, environ, wanted_of), value.source)
        if isinstance(value, Mapping):
            return {name: fill(item, (*path, name)) for name, item in value.items()}
        if isinstance(value, list):
            return [fill(item, (*path, str(index))) for index, item in enumerate(value)]
        return value

    return fill(entry, ())


def _read_again(secret: Sensitive, key: Key, path: Path, environ: Mapping[str, str], wanted_of: WantedOf) -> Any:
    if secret.source.startswith(ENV):
        name = secret.source.removeprefix(ENV)
        if not environ.get(name):
            raise ReconcilerError(
                f"The plan needs {path_text(path)} of {key.address} from the environment variable {name}, which is not "
                "set. Set it, or make a new plan."
            )
        return environ[name]
    value = lookup(wanted_of(key), path)
    if value is MISSING:
        raise ReconcilerError(
            f"The secret at {path_text(path)} of {key.address} can't be read again: it is not in the manifests any more. "
            "Make a new plan."
        )
    return plain(value)
