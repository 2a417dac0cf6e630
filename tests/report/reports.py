"""Builds reports for the tests of renderers, without a service."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from reconciler.apply.results import Outcome
from reconciler.compare.results import FieldChange
from reconciler.errors import Origin, Refusal
from reconciler.plan.plan import Change, Plan, Source
from reconciler.report.report import Report
from reconciler.resources.keys import Key
from reconciler.resources.tree import MISSING, path_from_text
from tests.request_values import request


def field_change(path: str, before: Any = MISSING, after: Any = MISSING) -> FieldChange:
    """One changed path, given in its dotted form."""
    return FieldChange(path=path_from_text(path), before=before, after=after)


def update(model_id: str, *fields: FieldChange, app_id: str = "pets", version_id: str = "", **more: Any) -> Change:
    """An update of a model, or of a version of it."""
    origin = more.pop("origin", Origin(path="manifests/pets.yaml", line=2))
    key = Key(user_id="demo", app_id=app_id, model_id=model_id, version_id=version_id)
    return Change(key=key, action="update", fields=fields, origin=origin, **more)


def deletion(model_id: str, reason: str = "it has no manifest") -> Change:
    """A deletion of a model."""
    return Change(key=Key(user_id="demo", app_id="pets", model_id=model_id), action="delete", reason=reason)


def plan_report(
    changes: Iterable[Change] = (), *, refused: Iterable[str] = (), kind: Any = "Plan", unchanged: int = 0, **more: Any
) -> Report:
    """A report with a request for all changes together."""
    changes = tuple(changes)
    keys = tuple(change.key for change in changes)
    plan = Plan(
        tool_version="0.1.0",
        created_at="2026-11-23T14:00:00Z",
        endpoint="https://api.clarifai.com",
        source=Source(digest="sha256:0", files=("manifests/pets.yaml",)),
        changes=changes,
        requests=(request("PatchModels", "merge", {key: {} for key in keys}),) if changes else (),
        refused=tuple(Refusal(rule="rule", message=message) for message in refused),
        unchanged=unchanged,
    )
    parts = {name: more.pop(name) for name in Outcome.__slots__ if name in more}
    return Report(kind=kind, plan=plan, outcome=Outcome(**parts), **more)
