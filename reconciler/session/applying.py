"""One plan, written: the last look at the live side, the journal, the requests, and the report of what came of it.

In: a plan, how the live side is read, and the folder of the runs. Out: a Report. Nothing is written unless every object is still
as planned, and before the first call everything that the requests keep secret is known to the remote.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from reconciler.apply.gate import Gate, LiveState
from reconciler.apply.journal import Journal, Provenance, start_run
from reconciler.apply.results import OnError, Outcome, StepResult
from reconciler.apply.writing import Reading, Writing
from reconciler.compare.match import Named, no_names
from reconciler.errors import ReconcilerError
from reconciler.plan.guards import protected_name_refusals
from reconciler.plan.in_use import Use, in_use_refusals
from reconciler.plan.plan import CREATED_AT, Plan
from reconciler.plan.planning import Planning
from reconciler.plan.saved import needs_manifests, needs_secrets, restored
from reconciler.report.report import Report
from reconciler.resources.desired import Desired
from reconciler.resources.keys import Key, Kind
from reconciler.resources.secrets import secret_texts
from reconciler.state.signals import Stop


@dataclass(frozen=True, kw_only=True)
class Applying:
    """What writing a plan needs around it, and what is special about this plan.

    `desired_at` reads the manifests at some paths again. `runs` and `backups` are folders; `new_run_id` names the run in both.

    `by` says who runs this process.

    `known` are secrets that no backup may show. `named` are the versions that manifests name. `uses` says what uses models and
    versions, if not the planning's own reading. `journal` continues the journal of an earlier run.
    """

    planning: Planning
    desired_at: Callable[[tuple[str, ...]], Desired]
    runs: Path
    backups: Path
    new_run_id: Callable[[], str]
    by: Callable[[], Provenance]
    stop: Stop
    on_plan: Callable[[Plan], None]
    on_result: Callable[[StepResult], None]
    on_error: OnError
    known: frozenset[str] = frozenset()
    named: Named = no_names
    uses: Callable[[Collection[Key]], Mapping[Key, tuple[Use, ...]]] | None = None
    on_backup: Callable[[Path], None] = lambda folder: None
    journal: Callable[[], Journal] | None = None

    def rechecked(self, plan: Plan) -> Report:
        """Write a plan if the live side, read now, is still as planned."""
        if plan.refused or not plan.changes:
            return Report(kind="Apply", plan=plan)
        deleted = [change.key for change in plan.changes if change.action == "delete"]
        whole = {key.model() for key in deleted if key.kind is Kind.MODEL_VERSION}
        observed = self.planning.read([change.key for change in plan.changes], whole)
        if needs_secrets(plan):
            plan = self._with_secrets(plan, LiveState(observed=observed))
        live = LiveState(observed=observed, named=self.named(observed))
        there = [key for key in deleted if live.document(key) is not None]
        uses = self.planning.uses(there) if there else {}
        before = Gate(plan).staleness(live)
        protected = protected_name_refusals(there, observed, protect=self.planning.settings.prune.protect)
        refused = (*in_use_refusals(uses), *protected)
        if before.moved or refused:
            return Report(kind="Apply", plan=replace(plan, refused=refused), stale=before.moved)
        return self.written(plan, before.done)

    def written(self, plan: Plan, done: frozenset[int] = frozenset()) -> Report:
        """Write a plan that has passed its guards. `done` are the positions of requests that need not be sent."""
        return Report(kind="Apply", plan=plan, outcome=self.outcome(plan, done))

    def outcome(self, plan: Plan, done: frozenset[int] = frozenset()) -> Outcome:
        """The same, without a report around it."""
        self.on_plan(plan)
        remote, planning = self.planning.remote, self.planning
        # All of them before the first call: the response to one request may quote what another one sends.
        for secret in sorted({text for request in plan.requests for text in secret_texts(request.body)}):
            remote.register_secret(secret)
        opened = start_run(self.runs, self.new_run_id(), plan) if self.journal is None else self.journal()
        try:
            opened.begin(plan, at=planning.now().strftime(CREATED_AT), by=self.by())
            writing = Writing(
                plan=plan,
                remote=remote,
                journal=opened,
                reading=Reading(
                    objects=planning.read_again,
                    afterwards=lambda keys, gone: planning.read(keys, gone=gone),
                    listed=planning.listed,
                    uses=self.uses or planning.uses,
                    named=self.named,
                ),
                stop=self.stop,
                backups=self.backups,
                parallelism=planning.settings.limits.parallelism,
                batch=planning.settings.limits.batch,
                known=self.known,
                on_error=self.on_error,
                on_result=self.on_result,
                on_backup=self.on_backup,
            )
            return writing.written(done)
        finally:
            opened.close()

    def _with_secrets(self, plan: Plan, live: LiveState) -> Plan:
        """A saved plan with the secrets that its file does not hold, from the manifests, the environment and owner marks."""
        specs: dict[Key, Mapping[str, object]] = {}
        if needs_manifests(plan):
            desired = self.desired_at(plan.source.files)
            if desired.digest != plan.source.digest:
                raise ReconcilerError(
                    "The plan needs secrets from its manifests, and these have changed since. Make a new plan."
                )
            specs = self.planning.desired_specs(desired, plan)
        return restored(
            plan,
            references=self.planning.settings.references,
            desired_of=lambda key: specs.get(key, {}),
            live_of=lambda key: live.document(key) or {},
        )
