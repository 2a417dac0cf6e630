"""Strings the steps together: the only module that knows their order.

In: Settings, a Remote, paths and options as data. Out: a Report. It prints nothing and asks nobody: whether to go on
is a function that `cli` passes in.

    files → load → validate → Desired ─┐
                                       ├─ resolve → typecheck → diff → calls → policy → plan ─→ apply → verify ─→ report
    service → remote → observe ────────┘
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import BinaryIO, Literal, TextIO

from reconciler import __version__
from reconciler.apply import StepResult, apply_requests, settled
from reconciler.assemble import assembled
from reconciler.calls import calls_from_drifts
from reconciler.config import Settings
from reconciler.deletions import DELETING_RPCS
from reconciler.diff import drifts
from reconciler.errors import (
    Problem,
    ProblemsError,
    ReconcilerError,
    Refusal,
    RefusedError,
    RemoteError,
    UsageError,
)
from reconciler.manifests.validate import Validated
from reconciler.observe import observe
from reconciler.plan import Plan, Source
from reconciler.policy import (
    Decision,
    PruneRules,
    decide,
    empty_desired_state,
    mark_conflicts,
    model_candidates,
    used_by_workflows,
    version_candidates,
)
from reconciler.remote.port import Remote
from reconciler.report import EXIT_CHANGES, EXIT_DONE, Report
from reconciler.resolve import Match, is_about_params, lacks_versions, matches, needs_all_versions
from reconciler.resources import Desired, DesiredModel, Document, Key, Observed, ObservedModel, Scope
from reconciler.restore import needs_manifests, needs_secrets, restored
from reconciler.selection import in_one_spelling, is_targeted, require_targets_match, selected
from reconciler.sensitive import Secrets, known_secrets
from reconciler.verify import remaining, staleness

BACKUPS = Path(".reconciler") / "backup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What one run is about. `types` is a file with a snapshot of the model types, used instead of asking for them."""

    paths: tuple[str, ...]
    targets: tuple[str, ...] = ()
    selectors: tuple[tuple[str, str], ...] = ()
    prune: bool = False
    prune_whole_app: bool = False
    max_deletes: int | None = None
    types: str | None = None
    stdin: TextIO | BinaryIO | None = None


@dataclass(frozen=True, kw_only=True)
class Session:
    """One run's surroundings. `environ` answers `${env:…}`; `now` is the clock in UTC; `backups` is a folder."""

    settings: Settings
    environ: Mapping[str, str]
    remote: Remote | None = None
    now: Callable[[], datetime] = field(default=lambda: datetime.now(timezone.utc))
    git_commit: Callable[[], str | None] = field(default=lambda: None)
    on_result: Callable[[StepResult], None] = field(default=lambda result: None)
    backups: Path = BACKUPS

    # --- steps ------------------------------------------------------------------------------------------------

    def validated(self, inputs: Inputs) -> Validated:
        """Read and check the manifests. Raises ProblemsError with every problem of every file."""
        from reconciler.manifests.load import load
        from reconciler.manifests.validate import desired_from_documents

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

    def validated_with_types(self, inputs: Inputs) -> Validated:
        """Check the manifests, and their params against a snapshot of the model types, or against the live models.

        With `inputs.types` nothing is asked of the service.
        """
        validated = self.validated(inputs)
        if inputs.types is None:
            desired = in_one_spelling(validated.desired, self._remote().resolve_user_id)
            found = matches(desired, self._observed(desired, desired, is_pruning=False))
            more = _require_fitting_params(found, self._types(found, inputs))
        else:
            from reconciler.typecheck import check_offline
            from reconciler.typecheck.snapshot import read_types

            problems = check_offline(validated.desired, read_types(inputs.types))
            if problems:
                raise ProblemsError(problems)
            more = ()
        return replace(validated, warnings=(*validated.warnings, *more))

    def plan(self, inputs: Inputs, *, kind: Literal["Plan", "Drift"] = "Plan", detailed: bool = False) -> Report:
        """Compare the manifests with the live side; writes nothing."""
        validated = self.validated(inputs)
        plan, more = self.planned(inputs, validated.desired)
        return Report(
            kind=kind,
            plan=plan,
            changes_exit_code=EXIT_CHANGES if detailed else EXIT_DONE,
            warnings=(*validated.warnings, *more),
        )

    def planned(self, inputs: Inputs, desired: Desired) -> tuple[Plan, tuple[Problem, ...]]:
        """The plan for manifests that are already read, and warnings about their params."""
        rules = self._prune_rules(inputs)
        desired = in_one_spelling(desired, self._remote().resolve_user_id)
        for secret in sorted(known_secrets(desired)):
            self._remote().register_secret(secret)
        chosen = selected(desired, targets=inputs.targets, selectors=inputs.selectors)
        observed = self._observed(chosen, desired, is_pruning=rules is not None)
        require_targets_match(inputs.targets, {*observed.models, *(model.key for model in desired.models)})
        found = matches(chosen, observed)
        types = self._types(found, inputs)
        warnings = _require_fitting_params(found, types)
        decision = self._decision(inputs, desired, observed, found, rules)
        conflicts = mark_conflicts(found, owner=self.settings.owner)
        decision = replace(decision, refusals=(*conflicts, *decision.refusals))
        deleted = {candidate.key for candidate in decision.deletions}
        differing = [
            drift
            for drift in drifts(found, owner=self.settings.owner, secrets=_secrets(desired, found, types))
            if drift.key not in deleted
        ]
        batch = self.settings.limits.batch
        plan = assembled(
            found=found,
            drifts=differing,
            calls=calls_from_drifts(differing, batch=batch),
            decision=decision,
            observed=observed,
            owner=self.settings.owner,
            batch=batch,
            source=Source(digest=desired.digest, files=desired.files, git_commit=self.git_commit()),
            created_at=self.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            endpoint=self.settings.endpoint.url,
            environment=self.settings.environment,
            tool_version=__version__,
        )
        return plan, warnings

    def apply(self, inputs: Inputs, *, confirm: Callable[[Report], bool] | None) -> Report | None:
        """Plan, write and read back. With `confirm`, ask first: None where it says no.

        Asking takes time in which the live side can move, so it is compared once more after a yes.
        """
        validated = self.validated(inputs)
        plan, more = self.planned(inputs, validated.desired)
        warnings = (*validated.warnings, *more)
        if plan.refused or not plan.changes:
            return Report(kind="Apply", plan=plan, warnings=warnings)
        if confirm is None:
            report = self._written(plan, frozenset(), known=known_secrets(validated.desired))
        elif confirm(Report(kind="Plan", plan=plan, warnings=warnings)):
            report = self.apply_plan(plan)
        else:
            return None
        return replace(report, warnings=warnings)

    def apply_saved(self, plan: Plan, *, max_age_hours: float | None) -> Report:
        """Apply a plan read from a file. Raises RefusedError where it is for another endpoint or too old."""
        refusals = tuple(_file_refusals(plan, self.settings.endpoint.url, self.now(), max_age_hours))
        if refusals:
            raise RefusedError(refusals)
        return self.apply_plan(plan)

    def apply_plan(self, plan: Plan) -> Report:
        """Apply exactly a plan's requests, if every object is still as planned; then read back."""
        if plan.refused or not plan.changes:
            return Report(kind="Apply", plan=plan)
        observed = self._read(plan)
        if needs_secrets(plan):
            plan = self._with_secrets(plan)
        before = staleness(plan, observed)
        refused = self._workflow_refusals(plan)
        if before.moved or refused:
            return Report(kind="Apply", plan=replace(plan, refused=refused), moved=before.moved)
        return self._written(plan, before.done)

    def _written(self, plan: Plan, done: frozenset[int], *, known: frozenset[str] = frozenset()) -> Report:
        """Back up what goes, send the requests, read back. `known` are secrets that no backup may show."""
        report = Report(kind="Apply", plan=plan, backups=self._backed_up(plan, known))
        results: list[StepResult] = []

        def told(result: StepResult) -> None:
            results.append(result)
            self.on_result(result)

        try:
            apply_requests(plan.requests, self._remote(), already_done=done, on_result=told)
        except KeyboardInterrupt:
            return replace(report, results=tuple(results), is_interrupted=True)
        report = replace(report, results=tuple(results))
        try:
            left = remaining(plan, self._read(plan))
        except RemoteError as error:
            return replace(report, unread=str(error))
        unreached = {key for key, _ in left}
        settled_results = settled(results, lambda request: any(key in unreached for key in request.keys))
        return replace(report, results=settled_results, remaining=left)

    # --- reading ------------------------------------------------------------------------------------------------

    def _remote(self) -> Remote:
        if self.remote is None:
            raise ReconcilerError("This step needs a connection to the service.")
        return self.remote

    def _observed(self, chosen: Desired, desired: Desired, *, is_pruning: bool) -> Observed:
        needs = {model.key: partial(_needs_versions, model, is_pruning) for model in chosen.models}
        listed = frozenset(model.key.scope for model in desired.models) if is_pruning else frozenset[Scope]()
        return observe(self._remote(), needs, listed=listed, parallelism=self.settings.limits.parallelism)

    def _read(self, plan: Plan) -> Observed:
        """The live side of everything a plan touches."""
        versions: dict[Key, set[str]] = {}
        for change in plan.changes:
            versions.setdefault(change.key.model(), set()).update({change.key.version_id} - {""})
        needs = {key: partial(lacks_versions, frozenset(ids)) for key, ids in versions.items()}
        return observe(self._remote(), needs, parallelism=self.settings.limits.parallelism)

    def _types(self, found: tuple[Match, ...], inputs: Inputs) -> Mapping[str, Document]:
        """The model types by id, where any manifest is about params; from the snapshot file if one is given."""
        about_params = [match for match in found if any(map(is_about_params, match.desired.versions))]
        if not about_params:
            return {}
        if inputs.types is not None:
            from reconciler.typecheck.snapshot import read_types

            return read_types(inputs.types)
        scope = about_params[0].desired.key.scope
        return {str(document.get("id")): document for document in self._remote().list_model_types(scope)}

    def _with_secrets(self, plan: Plan) -> Plan:
        """The saved plan with the secrets that its file does not hold; manifests are read again where they are there."""
        wanted: dict[Key, Mapping[str, object]] = {}
        if needs_manifests(plan):
            inputs = Inputs(paths=plan.source.files)
            desired = self.validated(inputs).desired
            if desired.digest != plan.source.digest:
                raise ReconcilerError(
                    "The plan needs secrets from its manifests, and these have changed since. Make a new plan."
                )
            found = matches(desired, self._observed(desired, desired, is_pruning=False))
            wanted = {drift.key: drift.after for drift in drifts(found, owner=self.settings.owner)}
        return restored(plan, environ=self.environ, wanted_of=lambda key: wanted.get(key, {}))

    # --- pruning ------------------------------------------------------------------------------------------------

    def _prune_rules(self, inputs: Inputs) -> PruneRules | None:
        if not inputs.prune:
            return None
        settings = self.settings
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
        workflows = self._workflows(candidate.key.scope for candidate in candidates)
        return decide(candidates, desired=desired, observed=observed, workflows=workflows, rules=rules)

    def _workflows(self, scopes: Iterable[Scope]) -> dict[Scope, tuple[Document, ...]]:
        return {scope: tuple(self._remote().list_workflows(scope)) for scope in sorted(set(scopes))}

    def _workflow_refusals(self, plan: Plan) -> tuple[Refusal, ...]:
        """A workflow may have taken a model into use since its deletion was planned."""
        keys = [change.key for change in plan.changes if change.action == "delete"]
        return used_by_workflows(keys, self._workflows(key.scope for key in keys))

    def _backed_up(self, plan: Plan, known: frozenset[str]) -> tuple[str, ...]:
        keys = [key for request in plan.requests if request.rpc in DELETING_RPCS for key in request.keys]
        if not keys:
            return ()
        from reconciler.backup import backup_plan

        run_id = self.now().strftime("%Y%m%dT%H%M%S%fZ")
        parallelism = self.settings.limits.parallelism
        return (str(backup_plan(self._remote(), keys, self.backups, run_id, parallelism, known=known)),)


def _needs_versions(model: DesiredModel, is_pruning: bool, live: ObservedModel) -> bool:
    return needs_all_versions(model, live) or (is_pruning and model.retain_versions is not None)


def _require_fitting_params(found: tuple[Match, ...], types: Mapping[str, Document]) -> tuple[Problem, ...]:
    """Raise ProblemsError for params that their model's type doesn't take; give what may be a slip."""
    if not types:
        return ()
    from reconciler.typecheck import findings

    told = findings(found, types)
    if told.problems:
        raise ProblemsError(told.problems)
    return told.warnings


def _secrets(desired: Desired, found: tuple[Match, ...], types: Mapping[str, Document]) -> Secrets:
    models = {match.desired.key: match.observed for match in found}

    def params_of(key: Key) -> frozenset[str]:
        from reconciler.typecheck import fields_for, sensitive_params

        model = models[key.model()]
        version = model.versions_by_id[key.version_id]
        return sensitive_params(fields_for(types.get(model.model_type_id), version.document))

    known = known_secrets(desired)
    return Secrets(known=known, params_of=params_of) if types else Secrets(known=known)


def _file_refusals(plan: Plan, endpoint: str, now: datetime, max_age_hours: float | None) -> list[Refusal]:
    refusals = []
    if plan.endpoint != endpoint:
        refusals.append(
            Refusal(
                rule="other-endpoint",
                message=f"The plan was made for {plan.endpoint}, this run talks to {endpoint}.",
                remedy="Give the plan's endpoint, or make a new plan.",
            )
        )
    age = now - datetime.fromisoformat(plan.created_at.replace("Z", "+00:00"))
    if max_age_hours is not None and age > timedelta(hours=max_age_hours):
        refusals.append(
            Refusal(
                rule="plan-too-old",
                message=f"The plan was made at {plan.created_at}, more than {max_age_hours:g} hours ago.",
                remedy="Make a new plan.",
            )
        )
    return refusals
