"""One run of the tool, step by step: the only module, with `planning`, that knows the order of the steps.

In: Settings, a Remote, paths and options as data. Out: a Report. It prints nothing and asks nobody: whether to go on
is a function that `cli` passes in.

    files → load → validate → Desired ─┐
                                       ├─ resolve → typecheck → diff → calls → policy → plan ─→ apply → verify ─→ report
    service → remote → observe ────────┘
                            (planning, reads only)                                  (session)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Literal

from reconciler.apply import StepResult, apply_requests, settled
from reconciler.attribution import BaseState
from reconciler.config import Settings
from reconciler.deletions import DELETING_RPCS
from reconciler.errors import Problem, ProblemsError, ReconcilerError, Refusal, RefusedError, RemoteError
from reconciler.expectations import unmet_warning
from reconciler.manifests.load import Loaded
from reconciler.manifests.validate import Validated
from reconciler.memory import recalled, was_looked_at
from reconciler.memoryfile import read_memory, update_memory
from reconciler.plan import Plan
from reconciler.planning import Inputs, Planning, require_fitting_params_offline
from reconciler.remote.port import Remote
from reconciler.report import EXIT_CHANGES, EXIT_DONE, Report
from reconciler.resources import Desired, Key
from reconciler.restore import needs_manifests, needs_secrets, restored
from reconciler.sensitive import known_secrets
from reconciler.verify import remaining, staleness

BACKUPS = Path(".reconciler") / "backup"


@dataclass(frozen=True, kw_only=True)
class Session:
    """One run's surroundings. `environ` answers `${env:…}`; `now` is the clock in UTC; `backups` is a folder.

    Without a `remote` only what is offline works.
    """

    settings: Settings
    environ: Mapping[str, str]
    remote: Remote | None = None
    now: Callable[[], datetime] = field(default=lambda: datetime.now(timezone.utc))
    git_commit: Callable[[], str | None] = field(default=lambda: None)
    on_result: Callable[[StepResult], None] = field(default=lambda result: None)
    backups: Path = BACKUPS

    def validated(self, inputs: Inputs) -> Validated:
        """Read and check the manifests. Raises ProblemsError with every problem of every file."""
        from reconciler.manifests.load import load

        return self._desired_from(load(inputs.paths, stdin=inputs.stdin))

    def _desired_from(self, loaded: Loaded) -> Validated:
        from reconciler.manifests.validate import desired_from_documents

        settings = self.settings
        return desired_from_documents(
            loaded,
            user_id=settings.user_id,
            app_id=settings.app_id,
            flag_user_id=settings.flag_user_id,
            flag_app_id=settings.flag_app_id,
            variables=settings.variables,
            environ=self.environ,
        )

    def validated_with_types(self, inputs: Inputs) -> Validated:
        """The same, and their params checked: against `inputs.types` offline, else against the live models and types."""
        validated = self.validated(inputs)
        if inputs.types is None:
            more = self._planning().checked(inputs, validated.desired)
        else:
            more = require_fitting_params_offline(inputs.types, validated.desired)
        return replace(validated, warnings=(*validated.warnings, *more))

    def readable(self, inputs: Inputs) -> tuple[Desired, tuple[Problem, ...]]:
        """What can be used of manifests that nobody can mend any more, and the problems of the files left out for them."""
        from reconciler.manifests.load import load

        loaded = load(inputs.paths)
        try:
            return self._desired_from(loaded).desired, ()
        except ProblemsError as error:
            problems = error.problems
        wrong = {problem.origin.path for problem in problems}
        kept = tuple(document for document in loaded.documents if document.path not in wrong)
        return self._desired_from(replace(loaded, documents=kept, problems=())).desired, problems

    def plan(
        self,
        inputs: Inputs,
        *,
        kind: Literal["Plan", "Drift"] = "Plan",
        detailed: bool = False,
        base: Callable[[], BaseState] | None = None,
    ) -> Report:
        """Compare the manifests with the live side; writes nothing. With a `base`, changes are attributed."""
        validated = self.validated(inputs)
        state = None if base is None else base()
        plan, more = self._planning().planned(inputs, validated.desired, base=state)
        return Report(
            kind=kind,
            plan=plan,
            changes_exit_code=EXIT_CHANGES if detailed else EXIT_DONE,
            warnings=(*validated.warnings, *more),
        )

    def drift(self, inputs: Inputs, *, memory_file: Path | None = None, only_new: bool = False) -> Report:
        """The plan, read as drift; beside the memory in `memory_file`, which is brought up to date."""
        endpoint = self.settings.endpoint.url
        if memory_file is not None:
            read_memory(memory_file, endpoint=endpoint)  # a file that can't be used is told before the service is asked
        report = self.plan(inputs, kind="Drift", detailed=True)
        if memory_file is None:
            return report
        plan = report.plan
        looked_at = partial(
            was_looked_at,
            compared=frozenset(key.address for key in plan.compared),
            targets=inputs.targets,
            is_partial=bool(inputs.targets or inputs.selectors),
            is_pruning=inputs.prune,
        )
        recollection = update_memory(
            memory_file,
            lambda memory: recalled(plan, memory, now=plan.created_at, looked_at=looked_at),
            endpoint=endpoint,
        )
        return replace(report, recollection=recollection, only_new=only_new)

    def apply(self, inputs: Inputs, *, confirm: Callable[[Report], bool] | None) -> Report | None:
        """Plan, write and read back. With `confirm`, ask first: None where it says no.

        Asking takes time in which the live side can move, so it is compared once more after a yes.
        """
        validated = self.validated(inputs)
        plan, more = self._planning().planned(inputs, validated.desired)
        warnings = (*validated.warnings, *more, *map(unmet_warning, plan.unmet))
        if plan.refused or not plan.changes:
            return Report(kind="Apply", plan=plan, warnings=warnings)
        if confirm is None:
            report = self._written(plan, frozenset(), known=known_secrets(validated.desired))
        elif confirm(Report(kind="Plan", plan=plan, warnings=warnings)):
            report = self.apply_plan(plan, known=known_secrets(validated.desired))
        else:
            return None
        return replace(report, warnings=warnings)

    def apply_saved(self, plan: Plan, *, max_age_hours: float | None) -> Report:
        """Apply a plan read from a file. Raises RefusedError where it is for another endpoint or too old."""
        refusals = tuple(_file_refusals(plan, self.settings.endpoint.url, self.now(), max_age_hours))
        if refusals:
            raise RefusedError(refusals)
        return replace(self.apply_plan(plan), warnings=tuple(map(unmet_warning, plan.unmet)))

    def apply_plan(self, plan: Plan, *, known: frozenset[str] = frozenset()) -> Report:
        """Apply exactly a plan's requests, if every object is still as planned; then read back."""
        if plan.refused or not plan.changes:
            return Report(kind="Apply", plan=plan)
        planning = self._planning()
        observed = planning.read(plan)
        if needs_secrets(plan):
            plan = self._with_secrets(plan, planning)
        before = staleness(plan, observed)
        refused = planning.workflow_refusals(plan)
        if before.moved or refused:
            return Report(kind="Apply", plan=replace(plan, refused=refused), moved=before.moved)
        return self._written(plan, before.done, known=known)

    def _written(self, plan: Plan, done: frozenset[int], *, known: frozenset[str]) -> Report:
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
            left = remaining(plan, self._planning().read(plan))
        except RemoteError as error:
            return replace(report, unread=str(error))
        unreached = {key for key, _ in left}
        settled_results = settled(results, lambda request: any(key in unreached for key in request.keys))
        return replace(report, results=settled_results, remaining=left)

    def _remote(self) -> Remote:
        if self.remote is None:
            raise ReconcilerError("This step needs a connection to the service.")
        return self.remote

    def _planning(self) -> Planning:
        return Planning(settings=self.settings, remote=self._remote(), now=self.now, git_commit=self.git_commit)

    def _with_secrets(self, plan: Plan, planning: Planning) -> Plan:
        """The saved plan with the secrets that its file does not hold; manifests are read again where they are there."""
        wanted: dict[Key, Mapping[str, object]] = {}
        if needs_manifests(plan):
            desired = self.validated(Inputs(paths=plan.source.files)).desired
            if desired.digest != plan.source.digest:
                raise ReconcilerError(
                    "The plan needs secrets from its manifests, and these have changed since. Make a new plan."
                )
            wanted = planning.wanted_specs(desired)
        return restored(plan, environ=self.environ, wanted_of=lambda key: wanted.get(key, {}))

    def _backed_up(self, plan: Plan, known: frozenset[str]) -> tuple[str, ...]:
        keys = [key for request in plan.requests if request.rpc in DELETING_RPCS for key in request.keys]
        if not keys:
            return ()
        from reconciler.backup import backup_plan

        run_id = self.now().strftime("%Y%m%dT%H%M%S%fZ")
        parallelism = self.settings.limits.parallelism
        return (str(backup_plan(self._remote(), keys, self.backups, run_id, parallelism, known=known)),)


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
