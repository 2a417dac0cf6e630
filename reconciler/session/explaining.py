"""One model explained: its manifest is found by a name that a person gives, planned alone, and compared with what is live.

In: manifests, a name and the planning of a run. Out: an Explanation, or an error that names the nearest model. It writes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from reconciler.errors import ReconcilerError
from reconciler.manifests.selection import Inputs
from reconciler.plan.planning import Planning
from reconciler.report.explanation import Explanation, explanation
from reconciler.resources.desired import Desired, DesiredModel
from reconciler.resources.keys import Key
from reconciler.resources.wording import nearest, quoted

_MOST_NAMED: Final = 5
"""Models that an error names."""


def explained(planning: Planning, inputs: Inputs, desired: Desired, name: str) -> Explanation:
    """Explain the model that `name` means: an id, APP/ID or USER/APP/ID.

    Raises ReconcilerError where no manifest, or more than one, is about such a model, and as a plan does.
    """
    models = [model for model in desired.models if is_called(model.key, name)]
    if not models:
        # Models that only defaults manage are found on the live side; without such defaults this makes no call.
        models = [model for model in _live_only(planning, desired) if is_called(model.key, name)]
    model = _only(models, desired, name)
    # With its probes and policies as they are: only what the plan is about gets smaller.
    alone = replace(desired, models=(model,) if model.has_manifest else ())
    plan, _ = planning.planned(replace(inputs, targets=(model.key.address,)), alone)
    found = [match for match in planning.matched(alone) if match.desired.key == model.key]
    return explanation(found[0], plan, secrets=planning.secrets_of(alone, tuple(found)))


def is_called(key: Key, name: str) -> bool:
    """Whether a name means a model: its id, APP/ID or USER/APP/ID."""
    parts = name.split("/")
    return _parts(key)[-len(parts) :] == parts


def _live_only(planning: Planning, desired: Desired) -> list[DesiredModel]:
    defaults = tuple(default for default in desired.defaults if default.is_live)
    return (
        [match.desired for match in planning.matched(replace(desired, models=(), defaults=defaults))]
        if defaults
        else []
    )


def _only(found: list[DesiredModel], desired: Desired, name: str) -> DesiredModel:
    parts = name.split("/")
    if len(found) == 1:
        return found[0]
    if found:
        addresses = ", ".join(model.key.address for model in found[:_MOST_NAMED])
        raise ReconcilerError(f"{quoted(name)} means {len(found)} models: {addresses}. Give USER/APP/ID.")
    known = {"/".join(_parts(model.key)[-len(parts) :]) for model in desired.models}
    near = nearest(name, known)
    hint = f"Did you mean {quoted(near)}?" if near else "`reconciler explain` takes an id, APP/ID or USER/APP/ID."
    raise ReconcilerError(f"No manifest is about a model {quoted(name)}. {hint}")


def _parts(key: Key) -> list[str]:
    return [key.user_id, key.app_id, key.model_id]
