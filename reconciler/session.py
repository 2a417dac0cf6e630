"""Strings the steps together: the only module that knows their order.

In: Settings, a Remote, paths and options as data. Out: a Report. It prints nothing and asks nobody: whether to go on
is a function that `cli` passes in.

    files → load → validate → Desired ─┐
                                       ├─ resolve → diff → calls → policy → plan ─→ apply → verify ─→ report
    service → remote → observe ────────┘
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import BinaryIO, Literal, TextIO

from reconciler import __version__
from reconciler.apply import StepResult, apply_requests
from reconciler.calls import Calls, Notice, calls_from_drifts
from reconciler.config import Settings
from reconciler.deletions import deletion_requests
from reconciler.diff import Drift, drifts
from reconciler.errors import ReconcilerError, Refusal, RefusedError, RemoteError, UsageError
from reconciler.observe import NeedsVersions, observe
from reconciler.plan import Change, Plan, Source
from reconciler.policy import (
    Decision,
    PruneRules,
    decide,
    empty_desired_state,
    model_candidates,
    owner_mark,
    version_candidates,
)
from reconciler.remote.port import Remote
from reconciler.report import EXIT_CHANGES, EXIT_DONE, Report
from reconciler.resolve import Match, matches, needs_all_versions
from reconciler.resources import (
    MARK_KEY,
    MISSING,
    Desired,
    DesiredModel,
    FieldChange,
    Key,
    Kind,
    Observed,
    ObservedModel,
    Scope,
)
from reconciler.selection import is_targeted, require_targets_match, selected
from reconciler.validate import Validated
from reconciler.verify import remaining, staleness


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What one run is about."""

    paths: tuple[str, ...]
    targets: tuple[str, ...] = ()
    selectors: tuple[tuple[str, str], ...] = ()
    prune: bool = False
    prune_whole_app: bool = False
    max_deletes: int | None = None
    stdin: TextIO | BinaryIO | None = None


@dataclass(frozen=True, kw_only=True)
class Session:
    """One run's surroundings. `environ` answers `${env:…}`; `now` is the clock in UTC."""

    settings: Settings
    environ: Mapping[str, str]
    remote: Remote | None = None
    now: Callable[[], datetime] = field(default=lambda: datetime.now(timezone.utc))
    git_commit: Callable[[], str | None] = field(default=lambda: None)
    on_result: Callable[[StepResult], None] = field(default=lambda result: None)

    # --- steps ------------------------------------------------------------------------------------------------

    def validated(self, inputs: Inputs) -> Validated:
        """Read and check the manifests. Raises ProblemsError with every problem of every file."""
        from reconciler.load import load
        from reconciler.validate import desired_from_documents

        settings = self.settings
        return desired_from_documents(
            load(inputs.paths, stdin=inputs.stdin),
            user_id=settings.user_id,
            app_id=settings.app_id,
            flag_user_id=settings.flag_user_id,
            flag_app_id=settings.flag_app_id,
            variables=settings.variables,
            environ=self.environ,
        )

    def plan(self, inputs: Inputs, *, kind: Literal["Plan", "Drift"] = "Plan", detailed: bool = False) -> Report:
        """Compare the manifests with the live side; writes nothing."""
        plan = self.planned(inputs, self.validated(inputs).desired)
        return Report(kind=kind, plan=plan, changes_exit_code=EXIT_CHANGES if detailed else EXIT_DONE)

    def planned(self, inputs: Inputs, desired: Desired) -> Plan:
        """The plan for manifests that are already read."""
        if inputs.prune and inputs.selectors:
            raise UsageError("--prune and --selector exclude each other: a model without a manifest has no labels.")
        rules = self._prune_rules(inputs) if inputs.prune else None
        chosen = selected(desired, targets=inputs.targets, selectors=inputs.selectors)
        observed = self._observed(chosen, desired if rules else None)
        require_targets_match(inputs.targets, {*observed.models, *(model.key for model in desired.models)})
        found = matches(chosen, observed)
        decision = self._decision(inputs, desired, observed, found, rules)
        deleted = {candidate.key for candidate in decision.deletions}
        differing = [drift for drift in drifts(found, owner=self.settings.owner) if drift.key not in deleted]
        calls = calls_from_drifts(differing, batch=self.settings.limits.batch)
        return self._assembled(desired, found, differing, calls, decision, observed)

    def apply(self, inputs: Inputs, *, confirm: Callable[[Report], bool]) -> Report | None:
        """Plan and, if `confirm` says yes, write and read back; None where it says no."""
        plan = self.planned(inputs, self.validated(inputs).desired)
        report = Report(kind="Apply", plan=plan)
        if plan.refused or not plan.changes:
            return report
        if not confirm(Report(kind="Plan", plan=plan)):
            return None
        return self.apply_plan(plan)

    def apply_plan(self, plan: Plan) -> Report:
        """Apply exactly a plan's requests, if every object is still as planned; then read back."""
        report = Report(kind="Apply", plan=plan)
        if plan.refused:
            return report
        before = staleness(plan, self._read(plan))
        if before.moved:
            return replace(report, moved=before.moved)
        results: list[StepResult] = []

        def told(result: StepResult) -> None:
            results.append(result)
            self.on_result(result)

        try:
            apply_requests(plan.requests, self._remote(), already_done=before.done, on_result=told)
        except KeyboardInterrupt:
            return replace(report, results=tuple(results), is_interrupted=True)
        report = replace(report, results=tuple(results))
        try:
            return replace(report, remaining=remaining(plan, self._read(plan)))
        except RemoteError as error:
            return replace(report, unread=str(error))

    def apply_saved(self, plan: Plan, *, max_age_hours: float | None) -> Report:
        """Apply a plan read from a file. Raises RefusedError where it is for another endpoint or too old."""
        refusals = []
        if plan.endpoint != self.settings.endpoint.url:
            refusals.append(
                Refusal(
                    rule="other-endpoint",
                    message=f"The plan was made for {plan.endpoint}, this run talks to {self.settings.endpoint.url}.",
                    remedy="Give the plan's endpoint, or make a new plan.",
                )
            )
        age = self.now() - datetime.fromisoformat(plan.created_at.replace("Z", "+00:00"))
        if max_age_hours is not None and age > timedelta(hours=max_age_hours):
            refusals.append(
                Refusal(
                    rule="plan-too-old",
                    message=f"The plan was made at {plan.created_at}, more than {max_age_hours:g} hours ago.",
                    remedy="Make a new plan.",
                )
            )
        if refusals:
            raise RefusedError(tuple(refusals))
        return self.apply_plan(plan)

    # --- parts of steps -----------------------------------------------------------------------------------------

    def _remote(self) -> Remote:
        if self.remote is None:
            raise ReconcilerError("This step needs a connection to the service.")
        return self.remote

    def _prune_rules(self, inputs: Inputs) -> PruneRules:
        settings = self.settings
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

    def _observed(self, chosen: Desired, pruned: Desired | None) -> Observed:
        needs = {model.key: partial(_needs_versions, model, pruned is not None) for model in chosen.models}
        listed = frozenset(model.key.scope for model in pruned.models) if pruned else frozenset[Scope]()
        return observe(self._remote(), needs, listed=listed, parallelism=self.settings.limits.parallelism)

    def _read(self, plan: Plan) -> Observed:
        """The live side of everything a plan touches."""
        versions: dict[Key, set[str]] = {}
        for change in plan.changes:
            versions.setdefault(change.key.model(), set()).update({change.key.version_id} - {""})
        needs = {key: partial(_lacks_versions, ids) for key, ids in versions.items()}
        return observe(self._remote(), needs, parallelism=self.settings.limits.parallelism)

    def _decision(
        self,
        inputs: Inputs,
        desired: Desired,
        observed: Observed,
        found: tuple[Match, ...],
        rules: PruneRules | None,
    ) -> Decision:
        if rules is None:
            return Decision()
        if not desired.models:
            return Decision(refusals=(empty_desired_state(),))
        candidates = [
            candidate
            for candidate in (*model_candidates(desired, observed, rules), *version_candidates(found))
            if is_targeted(candidate.key, inputs.targets)
        ]
        scopes = sorted({candidate.key.scope for candidate in candidates})
        workflows = {scope: tuple(self._remote().list_workflows(scope)) for scope in scopes}
        return decide(candidates, desired=desired, observed=observed, workflows=workflows, rules=rules)

    def _assembled(
        self,
        desired: Desired,
        found: tuple[Match, ...],
        differing: list[Drift],
        calls: Calls,
        decision: Decision,
        observed: Observed,
    ) -> Plan:
        refused = (*calls.refusals, *decision.refusals)
        updates = [
            Change(key=drift.key, action="update", fields=drift.changes, origin=drift.origin) for drift in differing
        ]
        deletes = [
            Change(
                key=candidate.key,
                action="delete",
                reason=candidate.reason,
                origin=candidate.origin,
                fields=_deleted_fields(observed.models[candidate.key.model()], candidate.key),
            )
            for candidate in decision.deletions
        ]
        touched = {change.key.model() for change in (*updates, *deletes)}
        deletions = deletion_requests((change.key for change in deletes), batch=self.settings.limits.batch)
        return Plan(
            tool_version=__version__,
            created_at=self.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            endpoint=self.settings.endpoint.url,
            environment=self.settings.environment,
            source=Source(digest=desired.digest, files=desired.files, git_commit=self.git_commit()),
            changes=tuple(sorted((*updates, *deletes), key=lambda change: (change.key, change.action))),
            requests=(*calls.requests, *deletions),
            refused=refused,
            notices=(*_unmarked_protection(found, self.settings.owner), *calls.notices, *decision.notices),
            unchanged=sum(match.desired.key not in touched for match in found),
        )


def _needs_versions(model: DesiredModel, pruning: bool, live: ObservedModel) -> bool:
    return needs_all_versions(model, live) or (pruning and model.retain_versions is not None)


def _lacks_versions(version_ids: set[str], live: ObservedModel) -> bool:
    return not version_ids <= live.versions_by_id.keys()


def _deleted_fields(model: ObservedModel, key: Key) -> tuple[FieldChange, ...]:
    """What a deletion shows, and what must still be so when it is sent: the model's owner mark."""
    mark = owner_mark(model)
    if key.kind is Kind.MODEL_VERSION or not mark:
        return ()
    return (FieldChange(path=("metadata", MARK_KEY), before=dict(mark), after=MISSING),)


def _unmarked_protection(found: Iterable[Match], owner: str | None) -> Iterable[Notice]:
    """`protect` lives in the owner mark: without an owner it would protect nothing, so say so."""
    for match in found:
        if owner is None and match.desired.protect:
            yield Notice(
                address=match.desired.key.address,
                message="protect: true has no effect without an owner in reconciler.yaml: it is kept in the owner mark.",
            )


__all__ = ["Inputs", "NeedsVersions", "Session"]
