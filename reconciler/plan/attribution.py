"""Who wants a change: this revision of the manifests, or the one before it too.

In: a plan, and what the manifests of a base revision want of the same observed resources. Out: the same plan, each of
its changes attributed: `this_change` where only the head wants it, `base` where the base wants the same value at the same
path, so that it is pending, or drift that an apply will revert. Both are compared with one observation of the live side.

A problem of the base is never an error. What can't be planned from a base (a manifest that names a model or version that
doesn't exist) could not have been applied from it either, so all changes of that model are attributed to the head, and a notice
says so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from reconciler.compare.diff import compared
from reconciler.compare.match import Match, matches
from reconciler.compare.results import Drift, FieldChange
from reconciler.errors import ProblemsError
from reconciler.manifests.base import BaseState
from reconciler.manifests.selection import ME
from reconciler.plan.guards import PruneRules, model_candidates, version_candidates
from reconciler.plan.plan import AttributionBase, Change, Plan
from reconciler.requests.results import Notice
from reconciler.resources.canonical import equal_fields
from reconciler.resources.desired import Desired, DesiredModel
from reconciler.resources.fields import KINDS, FieldSpec, Shape
from reconciler.resources.keys import Key, Scope
from reconciler.resources.observed import Observed
from reconciler.resources.secrets import Secrets
from reconciler.resources.tree import MISSING, lookup

THIS_CHANGE: Final = "this_change"
BASE: Final = "base"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wants:
    """What the base would make differ from what is live, and what it would delete."""

    drifts: Mapping[Key, Drift]
    deletions: frozenset[Key]
    notices: tuple[Notice, ...] = field(default=())


def attributed(plan: Plan, base: BaseState, *, observed: Observed, secrets: Secrets, rules: PruneRules | None) -> Plan:
    """The plan with every change and field attributed. `observed` holds all that the base's manifests need to know.

    A change is this change's as soon as one of its fields is. `rules` are those of pruning, None where nothing is pruned.
    """
    wants = _wants(base, {change.key.model() for change in plan.changes}, observed, secrets, rules)
    about_base = (Notice(address=base.ref, message=text) for text in base.notes)
    return replace(
        plan,
        changes=tuple(_attributed(change, wants) for change in plan.changes),
        notices=(*plan.notices, *about_base, *wants.notices),
        attribution_base=AttributionBase(ref=base.ref, commit=base.commit),
    )


def spelled_as(base: BaseState, scopes: Collection[Scope], user_id_of: Callable[[Scope], str]) -> BaseState:
    """The base with the head's spelling of an app that one of them calls me/APP and the other USER/APP.

    `scopes` are the head's; `user_id_of` returns the user that "me" means, and is called only then.
    """
    others: dict[Scope, Scope] = {}
    defaults = base.desired.defaults
    for scope in ({model.key.scope for model in base.desired.models} | {each.scope for each in defaults}) - set(scopes):
        for other in scopes:
            if other.app_id == scope.app_id and ME in {other.user_id, scope.user_id}:
                me, named = (other, scope) if other.user_id == ME else (scope, other)
                if user_id_of(me) == named.user_id:
                    others[scope] = other
    models: dict[Key, DesiredModel] = {}
    for model in base.desired.models:
        key = model.key._replace(user_id=others.get(model.key.scope, model.key.scope).user_id)
        models.setdefault(key, replace(model, key=key))
    there = tuple(replace(each, scope=others.get(each.scope, each.scope)) for each in defaults)
    kept = replace(base.desired, models=tuple(models[key] for key in sorted(models)), defaults=there)
    return replace(base, desired=kept)


def _wants(
    base: BaseState, models: Collection[Key], observed: Observed, secrets: Secrets, rules: PruneRules | None
) -> _Wants:
    drifts: dict[Key, Drift] = {}
    found: list[Match] = []
    notices = []
    for model in base.desired.models:
        if model.key not in models:
            continue
        try:
            match = matches(Desired(models=(model,)), observed)
            differing = compared(match, owner=base.owner, secrets=secrets).drifts
        except ProblemsError as error:
            message = (
                f"what {base.ref} states for this model can't be used, so its changes are attributed to this change: "
                f"{'; '.join(problem.message for problem in error.problems)}"
            )
            notices.append(Notice(address=model.key.address, message=message))
            continue
        found += match
        drifts.update((drift.key, drift) for drift in differing)
    deletions: frozenset[Key] = frozenset()
    if rules is not None:
        then = replace(rules, owner=base.owner)
        candidates = (*model_candidates(base.desired, observed, then), *version_candidates(found, owner=base.owner))
        deletions = frozenset(candidate.key for candidate in candidates)
    return _Wants(drifts=drifts, deletions=deletions, notices=tuple(notices))


def _attributed(change: Change, wants: _Wants) -> Change:
    if change.action == "delete":
        who = BASE if change.key in wants.deletions else THIS_CHANGE
        fields = tuple(
            replace(item, attribution=who, base=MISSING if who == BASE else item.before) for item in change.fields
        )
        return replace(change, fields=fields, attribution=who)
    fields = tuple(_attributed_field(change.key, item, wants.drifts.get(change.key)) for item in change.fields)
    is_base = all(item.attribution == BASE for item in fields)
    return replace(change, fields=fields, attribution=BASE if is_base else THIS_CHANGE)


def _attributed_field(key: Key, item: FieldChange, drift: Drift | None) -> FieldChange:
    value = item.before
    if drift is not None and (item.path[0] in drift.before or item.path[0] in drift.after):
        value = lookup(drift.after, item.path)
    is_wanted = drift is not None and equal_fields(_field(key, item), value, item.after)
    return replace(item, attribution=BASE if is_wanted else THIS_CHANGE, base=value)


def _field(key: Key, item: FieldChange) -> FieldSpec:
    """How values at the path compare: as the managed field there says, below one as in a Struct."""
    within = FieldSpec(path=item.path, shape=Shape.STRUCT)
    return next((each for each in KINDS[key.kind] if each.path == item.path), within)
