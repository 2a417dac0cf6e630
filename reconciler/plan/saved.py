"""Saved plans on disk: written whole or not at all, readable by their owner only, refused where they are not as written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from reconciler.errors import ReconcilerError, Refusal, RefusedError
from reconciler.plan.document import PlanFormatError, plan_document, plan_from_document
from reconciler.plan.plan import Plan
from reconciler.resources.keys import Key
from reconciler.resources.request import Request
from reconciler.resources.secrets import Sensitive, holds_sensitive, revealed
from reconciler.resources.tree import MISSING, FieldPath, lookup, path_text
from reconciler.state.whole_files import write_whole

MAX_BYTES = 512 * 1024 * 1024


def write_plan(plan: Plan, path: str) -> None:
    """Save a plan as JSON, mode 0600: it holds live values. Raises ReconcilerError where the place can't be written."""
    text = json.dumps(plan_document(plan), indent=2, ensure_ascii=False) + "\n"
    write_whole(Path(path), text, what="plan")


def read_plan(path: str) -> Plan:
    """Read a saved plan.

    Raises ReconcilerError for a file that can't be read or is no JSON, RefusedError for one that is no plan, is of
    another major format, or was changed after it was made.
    """
    try:
        file = Path(path)
        if file.stat().st_size > MAX_BYTES:
            raise ReconcilerError(f"The plan file {path} is larger than 512 MiB: it was not written by this tool.")
        document: Any = json.loads(file.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except OSError as error:
        raise ReconcilerError(f"The plan file {path} can't be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise ReconcilerError(f"The plan file {path} is no JSON document: {error}. Make a new plan.") from error
    if not isinstance(document, dict):
        raise ReconcilerError(f"The plan file {path} holds no plan. Make one with `reconciler plan --out`.")
    try:
        return plan_from_document(document)
    except PlanFormatError as error:
        refusal = Refusal(
            rule="plan-file", message=f"The plan file {path} is refused: {error}.", remedy="Make a new plan."
        )
        raise RefusedError((refusal,)) from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


# --- the secrets that a file does not hold ---

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

    def fill(value: Any, path: FieldPath) -> Any:
        if isinstance(value, Sensitive):
            return Sensitive(_read_again(value, key, path, environ, wanted_of), value.source)
        if isinstance(value, Mapping):
            return {name: fill(item, (*path, name)) for name, item in value.items()}
        if isinstance(value, list):
            return [fill(item, (*path, str(index))) for index, item in enumerate(value)]
        return value

    return fill(entry, ())


def _read_again(secret: Sensitive, key: Key, path: FieldPath, environ: Mapping[str, str], wanted_of: WantedOf) -> Any:
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
    return revealed(value)
