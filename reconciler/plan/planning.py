"""From manifests and the live side to a plan: the reading half of a run, which never writes.

In: Desired, a Remote, settings, and what this run is about. Out: a Plan, and warnings about params. `session` uses it before
anything is written, and again where a saved plan needs its secrets.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from reconciler import __version__
from reconciler.compare.expectations import Expectation, expectation, stated_expectations
from reconciler.compare.filling import with_defaults, without_effect
from reconciler.compare.in_sync import differing
from reconciler.compare.match import Match, lacks_versions, matches
from reconciler.compare.results import Comparison, Drift
from reconciler.config import Settings
from reconciler.errors import FaultClass, Problem, ProblemsError, RefusedError, RemoteError, UsageError
from reconciler.manifests.selection import (
    Inputs,
    chosen_by,
    in_one_spelling,
    is_targeted,
    require_globs_match,
)
from reconciler.plan.by_types import (
    compared_by_types,
    require_fitting_params,
    scope_of_types,
    secrets_by_types,
    stated_secrets,
)
from reconciler.plan.deletion import COUNTED_IF_REFUSED, deletions_of, with_counted_versions
from reconciler.plan.guards import (
    Decision,
    PruneRules,
    decide,
    empty_desired_state,
    manifests_passed_over,
    model_candidates,
    of_shard,
    owner_refusals,
    version_candidates,
)
from reconciler.plan.in_use import Use, read_uses
from reconciler.plan.notices import protection_notices, unshown_notices
from reconciler.plan.plan import Change, Plan, Source, forecast
from reconciler.plan.reading import observed_for
from reconciler.plan.unmanaged import unmanaged_counts, unmanaged_models
from reconciler.remote.observe import FEW, NeedsVersions, concepts_of, observe
from reconciler.remote.port import Remote
from reconciler.requests.results import Calls
from reconciler.resources.canonical import spec_from_document
from reconciler.resources.desired import Desired
from reconciler.resources.fields import IMAGE_URL
from reconciler.resources.keys import Key, Scope
from reconciler.resources.observed import Document, Observed
from reconciler.resources.request import Request
from reconciler.resources.secrets import Secrets, known_secrets, secret_variables
from reconciler.resources.tree import MISSING, with_value

if TYPE_CHECKING:
    from reconciler.manifests.base import BaseState
    from reconciler.plan.overrides import PlannedOverride

FEWEST = 2
"""The largest number of models that are read one by one right before a request about them."""


@dataclass(frozen=True, kw_only=True)
class Planning:
    """What planning needs around it; `now` is the clock in UTC, `git_commit` and `git_branch` give those of some paths, or None."""

    settings: Settings
    remote: Remote
    now: Callable[[], datetime]
    git_commit: Callable[[Sequence[str]], str | None]
    git_branch: Callable[[Sequence[str]], str | None]

    def planned(
        self, inputs: Inputs, desired: Desired, *, base: BaseState | None = None
    ) -> tuple[Plan, tuple[Problem, ...]]:
        """The plan for manifests, and warnings about their params. Raises ProblemsError for what live contradicts.

        With a `base`, its changes are attributed; the live side is read once for both.
        """
        rules = _prune_rules(inputs, self.settings)
        if inputs.take_over and self.settings.owner is None:
            raise UsageError("--take-over needs an owner in reconciler.yaml: the models get this run's mark.")
        desired = in_one_spelling(desired, self.remote.resolve_user_id)
        if base is not None:
            from reconciler.plan.releasing import beside

            base = beside(base, desired, inputs, self.remote.resolve_user_id)
        known = known_secrets(desired) | (frozenset() if base is None else known_secrets(base.desired))
        self._register(known)
        observed = self._observed(chosen_by(inputs, desired), desired, inputs=inputs, base=base)
        require_globs_match(inputs, live=observed.models, stated={model.key for model in desired.models})
        desired = with_defaults(desired, observed)
        chosen = chosen_by(inputs, desired)
        found = matches(chosen, observed, live_ids=self._live_ids)
        types = self._types(found, snapshot=inputs.types, base=base)
        # Before the next call, and before `differing` frees what was converted of models in sync.
        secrets = secrets_by_types(known, found, types, secret_variables(desired))
        hidden = stated_secrets(found, secrets)
        self._register(hidden)
        owner = self.settings.owner
        changed = differing(found, owner=owner)
        warnings = require_fitting_params(changed, types, allows_unknown=self._allows_unknown(inputs))
        decision = self._decision(inputs, desired, observed, found, rules)
        deleted = {candidate.key for candidate in decision.deletions}
        if not decision.refusals or len(deleted) <= COUNTED_IF_REFUSED:
            observed = with_counted_versions(observed, deleted, self.remote, self.settings.limits.parallelism)
        comparison = compared_by_types(changed, types, owner=owner, secrets=secrets, resend=inputs.resend)
        comparison = comparison.without(deleted)
        plan = assembled(
            found=found,
            comparison=comparison,
            calls=_calls(comparison.drifts, batch=self.settings.limits.batch),
            decision=decision,
            observed=observed,
            owner=owner,
            batch=self.settings.limits.batch,
            source=self._source(desired, inputs.paths),
            created_at=self.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            endpoint=self.settings.endpoint.url,
            environment=self.settings.environment,
            tool_version=__version__,
            expectations=self._expectations(found, deleted),
            secrets=secrets,
        )
        plan = replace(plan, overrides=_overrides(comparison, found, types, inputs))
        plan = self._rounded_off(replace(plan, hidden=known | hidden), inputs, desired, observed)
        if base is not None:
            from reconciler.plan.releasing import against_base

            plan = against_base(plan, base, chosen, observed=observed, secrets=secrets, rules=rules)
        plan, of_rules = _judged(plan, desired, base=base, observed=observed, secrets=secrets, inputs=inputs)
        return plan, (*without_effect(desired, observed), *warnings, *of_rules)

    def _rounded_off(self, plan: Plan, inputs: Inputs, desired: Desired, observed: Observed) -> Plan:
        """The plan with what an apply of it takes, and with the models that no manifest names."""
        batch, recorded = plan.batch, len(_recorded(plan))
        deleted = {change.key for change in plan.changes if change.action == "delete"}
        return replace(
            plan,
            forecast=forecast(plan.requests, rate=self.settings.limits.rate, recorded=recorded, batch=batch),
            unmanaged=unmanaged_models(desired, observed, inputs) if inputs.unmanaged else None,
            unmanaged_counts=unmanaged_counts(desired, observed, inputs, deleted),
        )

    def _register(self, secret: Iterable[str]) -> None:
        """See to it that no error quotes these texts."""
        for text in sorted(secret):
            self.remote.register_secret(text)

    def _source(self, desired: Desired, paths: Sequence[str]) -> Source:
        return Source(
            digest=desired.digest,
            files=desired.files,
            git_commit=self.git_commit(paths),
            git_branch=self.git_branch(paths),
            config=self.settings.config_path,
        )

    def _allows_unknown(self, inputs: Inputs) -> bool:
        return inputs.allow_unknown_params or self.settings.warns_of_unknown_params

    def checked(self, inputs: Inputs, desired: Desired) -> tuple[Problem, ...]:
        """Check the params of manifests against the live models and their types; warnings. Raises ProblemsError."""
        found = self.matched(desired, needs_types=True)
        types = self._types(found, snapshot=None)
        return require_fitting_params(found, types, allows_unknown=self._allows_unknown(inputs))

    def desired_specs(self, desired: Desired, plan: Plan) -> dict[Key, Mapping[str, Any]]:
        """The desired specs of the plan's resources, in which values that can't be read back are as stated."""
        from reconciler.compare.diff import spec_as_stated
        from reconciler.compare.unreadable import stated_at

        unreadable = {change.key: change.unreadable for change in plan.changes}
        specs: dict[Key, Mapping[str, Any]] = {}
        for match in self.matched(desired):
            statements = {key: [each.statement for each in entries] for key, entries in match.versions.items()}
            statements[match.desired.key] = list(match.desired.statements)
            for key, stated in statements.items():
                document = match.observed.document
                if key.version_id:
                    document = match.observed.versions_by_id[key.version_id].document
                spec = spec_as_stated(key.kind, spec_from_document(key.kind, document), stated)
                for path in unreadable.get(key, ()):
                    spec = with_value(spec, path, stated_at(stated, path))
                specs[key] = spec
        return specs

    def read(self, keys: Iterable[Key], whole: Collection[Key] = (), *, gone: Collection[Key] = ()) -> Observed:
        """The live side of models and versions; of the models in `whole` every version.

        `gone` are models whose deletion was acknowledged.
        """
        return self._read(keys, whole, gone=gone)

    def _read(
        self, keys: Iterable[Key], whole: Collection[Key], *, gone: Collection[Key] = (), few: int = FEW
    ) -> Observed:
        versions: dict[Key, set[str]] = {key: set() for key in whole}
        for key in keys:
            versions.setdefault(key.model(), set()).update({key.version_id} - {""})
        needs: dict[Key, NeedsVersions] = {
            key: partial(lacks_versions, frozenset(ids)) for key, ids in versions.items()
        }
        needs.update(dict.fromkeys(whole, lambda live: not live.versions_complete))
        parallelism = self.settings.limits.parallelism
        return observe(self.remote, needs, gone=gone, versions=versions, few=few, parallelism=parallelism)

    def read_again(self, keys: Iterable[Key], whole: Collection[Key] = ()) -> Observed:
        """The same in as few calls as there can be: for the check right before a request."""
        return self._read(keys, whole, few=FEWEST)

    def listed(self, scope: Scope) -> Observed:
        """Every model that the listing of an app says is the app's."""
        return observe(self.remote, {}, listed=frozenset({scope}))

    def empty_plan(self, *, changes: tuple[Change, ...], requests: tuple[Request, ...]) -> Plan:
        """A plan of this run that no manifest asks for."""
        return Plan(
            tool_version=__version__,
            created_at=self.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            endpoint=self.settings.endpoint.url,
            environment=self.settings.environment,
            owner=self.settings.owner,
            source=Source(digest="", files=()),
            changes=changes,
            requests=requests,
            batch=self.settings.limits.batch,
        )

    def uses(self, keys: Collection[Key]) -> Mapping[Key, tuple[Use, ...]]:
        """What uses these models and versions now: workflows of any app of their users, and deployments.

        Raises RefusedError where the token may not look.
        """
        limits = self.settings.limits
        return read_uses(keys, self.remote, kinds=self.settings.prune.in_use, parallelism=limits.parallelism)

    def secrets_of(self, desired: Desired, found: tuple[Match, ...]) -> Secrets:
        """What is secret in manifests, and in the live side that they are about."""
        secrets = secrets_by_types(known_secrets(desired), found, self._types(found, snapshot=None), {})
        return replace(secrets, variables=secret_variables(desired))

    def matched(self, desired: Desired, *, needs_types: bool = False) -> tuple[Match, ...]:
        """The manifests, each with its live model. Raises ProblemsError for what isn't there."""
        desired = in_one_spelling(desired, self.remote.resolve_user_id)
        observed = self._observed(desired, desired, inputs=Inputs(paths=()), needs_types=needs_types)
        return matches(with_defaults(desired, observed), observed, live_ids=self._live_ids)

    def _live_ids(self, scope: Scope) -> tuple[str, ...] | None:
        """The ids in an app, for a hint. If the listing fails, the hint is left out."""
        try:
            return tuple(model.key.model_id for model in self.remote.list_models(scope) if model.key.scope == scope)
        except RemoteError as error:
            return None if error.fault is FaultClass.NOT_FOUND else ()

    def _observed(
        self,
        chosen: Desired,
        desired: Desired,
        *,
        inputs: Inputs,
        base: BaseState | None = None,
        needs_types: bool = True,
    ) -> Observed:
        """The live side of the chosen manifests, of a base's, and whole apps where the run needs them."""
        if needs_types and inputs.types is None:
            self._ask_for_types(chosen)
        return observed_for(
            chosen,
            self.remote,
            whole=desired,
            scopes={model.key.scope for model in desired.models},
            lists_apps=inputs.prune or inputs.unmanaged,
            is_pruning=inputs.prune,
            base=base,
            parallelism=self.settings.limits.parallelism,
        )

    def _types(
        self, found: tuple[Match, ...], *, snapshot: str | None, base: BaseState | None = None
    ) -> Mapping[str, Document]:
        """The model types by id, where any manifest is about params; from a snapshot file if one is given.

        Those of a `base` count too: what of their params is secret has to be known before any of them is shown.
        """
        models = {match.desired.key: match.desired for match in found}
        others = () if base is None else (model for model in base.desired.models if model.key in models)
        scope = scope_of_types((*models.values(), *others))
        if scope is None:
            return {}
        if snapshot is not None:
            from reconciler.compare.params.snapshot import read_types

            return read_types(snapshot)
        return {str(document.get("id")): document for document in self.remote.list_model_types(scope)}

    def _ask_for_types(self, chosen: Desired) -> None:
        """Begin to list the model types beside the models, if it is certain that `_types` will need them."""
        scope = scope_of_types(chosen.models)
        if scope is None or self.settings.limits.parallelism < 2:
            return
        # Defaults may state params for models of other apps, and only the live side shows for which.
        if not chosen.defaults or chosen.scopes == {scope}:
            self.remote.ask_for_model_types(scope)

    def _expectations(self, found: tuple[Match, ...], deleted: set[Key]) -> tuple[Expectation, ...]:
        """What the manifests expect of versions together with what these have; without expectations there is no call."""
        stated = {key: item for key, item in stated_expectations(found).items() if key not in deleted}
        live = concepts_of(self.remote, stated, parallelism=self.settings.limits.parallelism)
        return tuple(expectation(key, *item, live[key]) for key, item in stated.items())

    def _decision(
        self,
        inputs: Inputs,
        desired: Desired,
        observed: Observed,
        found: tuple[Match, ...],
        rules: PruneRules | None,
    ) -> Decision:
        conflicts = owner_refusals(found, owner=self.settings.owner, take_over=inputs.take_over)
        if rules is None:
            return Decision(refusals=conflicts)
        if not any(model.has_manifest for model in desired.models):
            return Decision(refusals=(empty_desired_state(),))
        if desired.passed_over:
            return Decision(refusals=(*conflicts, manifests_passed_over(desired.passed_over)))
        candidates = [
            candidate
            for candidate in (
                *model_candidates(desired, observed, rules),
                *version_candidates(found, owner=self.settings.owner),
            )
            if is_targeted(candidate.key, inputs.targets, inputs.excludes)
        ]
        try:
            uses = self.uses([candidate.key for candidate in candidates]) if candidates else {}
        except RefusedError as error:
            return Decision(refusals=(*conflicts, *error.refusals))
        decision = decide(candidates, desired=desired, observed=observed, uses=uses, rules=rules)
        decision = of_shard(decision, rules, shard=inputs.shard)
        return replace(decision, refusals=(*conflicts, *decision.refusals))


def require_fitting_params_offline(path: str, desired: Desired) -> None:
    """Check params against a snapshot of the model types. Raises ProblemsError for values that no type allows."""
    from reconciler.compare.params.check import check_offline
    from reconciler.compare.params.snapshot import read_types

    problems = check_offline(desired, read_types(path))
    if problems:
        raise ProblemsError(problems)


def _judged(
    plan: Plan, desired: Desired, *, base: BaseState | None, observed: Observed, secrets: Secrets, inputs: Inputs
) -> tuple[Plan, tuple[Problem, ...]]:
    if not (desired.policies or inputs.overrides or (base is not None and base.desired.policies)):
        return plan, ()
    from reconciler.plan.policies import judged

    return judged(plan, desired, base=base, observed=observed, secrets=secrets, inputs=inputs)


def _calls(drifts: Sequence[Drift], *, batch: int) -> Calls:
    if not drifts:
        return Calls(requests=())
    from reconciler.requests.calls import calls_from_drifts

    return calls_from_drifts(drifts, batch=batch)


def _deletions(changes: Sequence[Change], *, batch: int) -> Iterator[Request] | tuple[Request, ...]:
    if not changes:
        return ()
    from reconciler.requests.calls import deletion_requests

    return deletion_requests((change.key for change in changes), batch=batch)


def _overrides(
    comparison: Comparison, found: tuple[Match, ...], types: Mapping[str, Document], inputs: Inputs
) -> tuple[PlannedOverride, ...]:
    if not inputs.is_probing:
        return ()
    from reconciler.plan.overrides import planned_overrides

    return planned_overrides(comparison.drifts, found, types)


def _prune_rules(inputs: Inputs, settings: Settings) -> PruneRules | None:
    if inputs.unmanaged and inputs.selectors:
        raise UsageError("--unmanaged and --selector exclude each other: a model without a manifest has no labels.")
    if not inputs.prune:
        return None
    if inputs.selectors:
        raise UsageError("--prune and --selector exclude each other: a model without a manifest has no labels.")
    if settings.owner is None and not inputs.prune_whole_app:
        raise UsageError(
            "--prune needs an owner in reconciler.yaml, or --prune-scope app to delete every model of the app "
            "that has no manifest."
        )
    return PruneRules(
        owner=settings.owner,
        whole_app=inputs.prune_whole_app,
        max_count=settings.prune.max_count,
        max_percent=settings.prune.max_percent,
        max_deletes=inputs.max_deletes,
        protect=settings.prune.protect,
    )


def assembled(
    *,
    found: tuple[Match, ...],
    comparison: Comparison,
    calls: Calls,
    decision: Decision,
    observed: Observed,
    owner: str | None,
    batch: int,
    source: Source,
    created_at: str,
    endpoint: str,
    environment: str | None,
    tool_version: str,
    expectations: tuple[Expectation, ...] = (),
    secrets: Secrets | None = None,
) -> Plan:
    """The plan of one run. Changes are ordered by key; requests as they are sent: updates, then deletions."""
    updates = [
        Change(
            key=drift.key,
            action="update",
            fields=drift.changes,
            origin=drift.origin,
            statements=drift.statements,
            unreadable=tuple(sorted(drift.unreadable)),
        )
        for drift in comparison.drifts
    ]
    deletes = deletions_of(decision.deletions, observed, secrets)
    changes = sorted((*updates, *deletes), key=lambda change: (change.key, change.action))
    deleted = {change.key.address for change in deletes}
    touched = {change.key.model() for change in changes}
    return Plan(
        tool_version=tool_version,
        created_at=created_at,
        endpoint=endpoint,
        environment=environment,
        source=source,
        changes=tuple(changes),
        owner=owner,
        only_defaults=_only_defaults(found, touched),
        requests=(*calls.requests, *_deletions(deletes, batch=batch)),
        refused=(*calls.refusals, *decision.refusals),
        notices=(
            *protection_notices(found, owner),
            *unshown_notices(comparison, owner),
            *calls.notices,
            *decision.notices,
        ),
        not_comparable=tuple(item for item in comparison.not_comparable if item.address not in deleted),
        expectations=expectations,
        compared=tuple(match.desired.key for match in found),
        stated_versions=tuple(key for match in found for key in match.versions),
        matched=found,
        unchanged=sum(match.desired.key not in touched for match in found),
        batch=batch,
    )


def _only_defaults(found: Iterable[Match], touched: Collection[Key]) -> tuple[str, ...]:
    """The addresses of the changed models that have no manifest."""
    return tuple(
        key.address for match in found if (key := match.desired.key) in touched and not match.desired.has_manifest
    )


def _recorded(plan: Plan) -> set[Key]:
    """The models whose owner mark records what the plan sends and can't be read back."""
    if plan.owner is None:
        return set()
    return {
        change.key.model()
        for change in plan.changes
        for item in change.fields
        if item.path in {*change.unreadable, IMAGE_URL} and item.after is not MISSING and change.action == "update"
    }
