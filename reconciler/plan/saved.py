"""Saved plans on disk: written completely or not at all, readable by their owner only, and refused if they were changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from reconciler.config.references import References
from reconciler.errors import ReconcilerError, Refusal, RefusedError
from reconciler.plan.document import PLAN, PURGE, PlanFormatError, plan_from_document, plan_parts
from reconciler.plan.fingerprint import fingerprint, sealed
from reconciler.plan.guards import Terms, saved_plan_refusals
from reconciler.plan.plan import Plan
from reconciler.resources.json_text import json_pieces, without_surrogates
from reconciler.resources.keys import Key
from reconciler.resources.request import DELETE_ALL, Entry
from reconciler.resources.secrets import ENV, LIVE, MARK, Sensitive, revealed, sensitive_places
from reconciler.resources.tree import MISSING, FieldPath, lookup, path_text, with_value
from reconciler.state.whole_files import write_whole

MAX_BYTES = 512 * 1024 * 1024


def write_plan(plan: Plan, path: str) -> str:
    """Save a plan as JSON with mode 0600, because it contains live values, and return its fingerprint.

    Raises ReconcilerError if it can't be written.
    """
    kind = PURGE if any(request.action == DELETE_ALL for request in plan.requests) else PLAN
    document: dict[str, Any] = {}

    def text() -> Iterator[str]:
        document.update(sealed(plan_parts(plan, kind=kind)))
        yield from json_pieces(document, spelled=without_surrogates)
        yield "\n"

    write_whole(Path(path), text, what="plan")
    return str(document["fingerprint"].value())


def read_plan(path: str, *, kinds: Collection[str] = (PLAN,)) -> Plan:
    """Read a saved plan, of one of these kinds.

    Raises ReconcilerError for a file that can't be read or is not JSON, RefusedError for one that is not a plan, has another
    major format, was changed after it was made, or has other requests than its changes lead to.
    """
    try:
        file = Path(path)
        if file.stat().st_size > MAX_BYTES:
            raise ReconcilerError(f"The plan file {path} is larger than 512 MiB: it was not written by this tool.")
        document: Any = json.loads(file.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except OSError as error:
        raise ReconcilerError(f"The plan file {path} can't be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise ReconcilerError(f"The plan file {path} is not a JSON document: {error}. Make a new plan.") from error
    if not isinstance(document, dict):
        raise ReconcilerError(f"The plan file {path} doesn't contain a plan. Make one with `reconciler plan --out`.")
    try:
        return plan_from_document(document, kinds=kinds)
    except PlanFormatError as error:
        refusal = Refusal(
            rule="plan-file", message=f"The plan file {path} is refused: {error}.", remedy="Make a new plan."
        )
        raise RefusedError((refusal,)) from error


def require_usable(plan: Plan, terms: Terms) -> None:
    """Raise RefusedError for a saved plan that doesn't fit a run."""
    refusals = saved_plan_refusals(plan, terms, digest=fingerprint(plan_parts(plan)))
    if refusals:
        raise RefusedError(refusals)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


# --- the secrets that a file doesn't contain ---

_FROM_LIVE: Final = frozenset({MARK, LIVE})
"""Sources of values that only travel along in a request, and are read again from the live side."""

SpecOf = Callable[[Key], Mapping[str, Any]]
"""The spec of a resource: the desired one, computed from the manifests and the live state, or the live one."""


def needs_secrets(plan: Plan) -> bool:
    """Whether a plan read from a file lacks values that its requests need."""
    return any(True for _ in _secrets(plan))


def needs_manifests(plan: Plan) -> bool:
    """Whether some of them come from the manifests rather than from environment variables alone."""
    return any(not secret.source.startswith(ENV) and secret.source not in _FROM_LIVE for secret in _secrets(plan))


def _secrets(plan: Plan) -> Iterator[Sensitive]:
    return (
        secret for request in plan.requests for entry in request.entries for _, secret in sensitive_places(entry.values)
    )


def restored(plan: Plan, *, references: References, desired_of: SpecOf, live_of: SpecOf) -> Plan:
    """The plan with its secrets filled in.

    Raises ReconcilerError for the first that can't be read again, RefusedError for one that may not be read.
    """

    def filled(entry: Entry) -> Entry:
        return _entry(entry, references, desired_of, live_of)

    requests = (replace(request, entries=tuple(map(filled, request.entries))) for request in plan.requests)
    return replace(plan, requests=tuple(requests))


def _entry(entry: Entry, references: References, desired_of: SpecOf, live_of: SpecOf) -> Entry:
    values = entry.values
    for place, secret in sensitive_places(entry.values):
        path = tuple(map(str, place))  # a list with a secret in it is one secret, so every step is a name
        spec_of = live_of if secret.source in _FROM_LIVE else desired_of
        value = _read_again(secret, entry.key, path, references, spec_of)
        values = with_value(values, path, Sensitive(value, secret.source, secret.variables))
    return replace(entry, values=values)


def _read_again(secret: Sensitive, key: Key, path: FieldPath, references: References, spec_of: SpecOf) -> Any:
    if secret.source.startswith(ENV):
        name = secret.source.removeprefix(ENV)
        problem = references.problem(name)
        if problem is not None:
            message = (
                f"The plan sends the environment variable {name} as {path_text(path)} of {key.address}; it {problem}"
            )
            raise RefusedError((Refusal(rule="refused-variable", address=key.address, message=message),))
        if not references.environ.get(name):
            raise ReconcilerError(
                f"The plan needs {path_text(path)} of {key.address} from the environment variable {name}, which is not "
                "set. Set it, or make a new plan."
            )
        return references.environ[name]
    value = lookup(spec_of(key), path)
    if value is MISSING:
        raise ReconcilerError(
            f"The secret at {path_text(path)} of {key.address} can't be read again: it no longer exists. "
            "Make a new plan."
        )
    return revealed(value)
