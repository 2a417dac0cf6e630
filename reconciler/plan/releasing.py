"""Finds the values that are no longer managed, for a plan that is compared with a base.

In: a plan, the manifests of the run and those of the base, and the live side. Out: the same plan with `released`, and a notice
for each list or Struct whose extra values are no longer removed. Nothing here changes what the plan does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from reconciler.compare.filling import with_defaults
from reconciler.compare.released import Loosened, loosened, pairs, released
from reconciler.manifests.base import BaseState
from reconciler.manifests.selection import Inputs, in_shard, is_targeted
from reconciler.plan.attribution import attributed, spelled_as
from reconciler.plan.guards import PruneRules
from reconciler.plan.plan import Plan
from reconciler.requests.results import Notice
from reconciler.resources.desired import Desired
from reconciler.resources.keys import Scope
from reconciler.resources.observed import Observed
from reconciler.resources.secrets import Secrets
from reconciler.resources.tree import path_text


def beside(base: BaseState, desired: Desired, inputs: Inputs, user_id_of: Callable[[Scope], str]) -> BaseState:
    """The base in the head's spelling of apps, with the manifests that this run no longer has, as far as it is about them."""
    base = spelled_as(base, desired.scopes, user_id_of)
    known = {model.key for model in desired.models}
    gone = tuple(
        model
        for model in base.desired.models
        if model.key not in known
        and is_targeted(model.key, inputs.targets, inputs.excludes)
        and all(model.labels.get(name) == value for name, value in inputs.selectors)
        and in_shard(model.key, inputs.shard)
    )
    return replace(base, gone=gone)


def against_base(
    plan: Plan, base: BaseState, chosen: Desired, *, observed: Observed, secrets: Secrets, rules: PruneRules | None
) -> Plan:
    """The plan with each change attributed, and with what the base manages and the `chosen` manifests don't."""
    base = replace(base, desired=with_defaults(base.desired, observed))
    plan = attributed(plan, base, observed=observed, secrets=secrets, rules=rules)
    return with_released(plan, base, chosen, observed=observed, secrets=secrets)


def with_released(plan: Plan, base: BaseState, chosen: Desired, *, observed: Observed, secrets: Secrets) -> Plan:
    """The plan with what the base manages and the `chosen` manifests don't."""
    heads = {model.key for model in chosen.models}
    before = (*(model for model in base.desired.models if model.key in heads), *base.gone)
    found = tuple(pairs(Desired(models=before), chosen, observed))
    deleted = {change.key.address for change in plan.changes if change.action == "delete"}
    return replace(
        plan,
        released=tuple(replace(item, is_deleted=item.address in deleted) for item in released(found, secrets=secrets)),
        notices=(*plan.notices, *map(_notice, loosened(found))),
    )


def _notice(item: Loosened) -> Notice:
    return Notice(
        address=item.address,
        message=f"{path_text(item.path)} is no longer exactly what is stated: `action: overwrite` became `merge`, so other values "
        "are not removed any more.",
    )
