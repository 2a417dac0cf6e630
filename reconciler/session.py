"""One run of the tool, step by step: the only module, with `planning`, `writing` and `purging`, that knows their order.

In: Settings, a Remote, paths and options as data. Out: a Report. It prints nothing and asks nobody: whether to go on
is a function that `cli` passes in.

    files → load → validate → Desired ─┐
                                       ├─ resolve → typecheck → diff → calls → policy → plan ─→ apply → verify ─→ report
    service → remote → observe ────────┘
                            (planning, reads only)                                (writing)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from reconciler import __version__, exit_codes
from reconciler.apply.sending import OnError, StepResult
from reconciler.apply.verify import staleness
from reconciler.compare.expectations import unmet_warning
from reconciler.config import Settings
from reconciler.errors import Problem, ProblemsError, ReconcilerError, Refusal, RefusedError
from reconciler.loading.load import Loaded
from reconciler.manifests.selection import Shard
from reconciler.manifests.validate import Validated
from reconciler.plan.attribution import BaseState
from reconciler.plan.plan import Plan
from reconciler.plan.planning import Inputs, Planning, require_fitting_params_offline
from reconciler.plan.saved import needs_manifests, needs_secrets, restored
from reconciler.remote.port import Remote
from reconciler.report.memory import recalled, was_looked_at
from reconciler.report.memory_file import read_memory, update_memory
from reconciler.report.report import Report
from reconciler.resources.desired import Desired
from reconciler.resources.keys import Key, Scope
from reconciler.resources.observed import ObservedModel
from reconciler.resources.secrets import known_secrets, secret_texts
from reconciler.state import folder as statedir
from reconciler.state.signals import Stop

if TYPE_CHECKING:
    from reconciler.apply.journal import Journal
    from reconciler.apply.purging import Purged
    from reconciler.remote.caller import Timing
    from reconciler.remote.clarifai import ClarifaiRemote


EMBEDDED_STATE = Path(".reconciler") / "embedded.db"


@contextmanager
def connected(settings: Settings, *, is_stopping: Callable[[], bool] = lambda: False) -> Iterator[ClarifaiRemote]:
    """A Remote for the settings' endpoint, closed at the end. Raises ReconcilerError where a token is needed and missing.

    Once `is_stopping`, no failed call is made again.
    """
    timing = _timing(settings, is_stopping)
    if not settings.endpoint.is_embedded:
        with _remote(settings, timing) as remote:
            yield remote
        return
    from reconciler.emulator.sample import SAMPLE
    from reconciler.emulator.server import Emulator

    state = Path(settings.endpoint.state or EMBEDDED_STATE)
    state.parent.mkdir(parents=True, exist_ok=True)
    # A seed goes into a new state only, in one transaction: several commands may start at once.
    with Emulator(state=state, seed=SAMPLE) as emulator, _remote(settings, timing, url=emulator.url) as remote:
        yield remote


def _remote(settings: Settings, timing: Timing, *, url: str | None = None) -> ClarifaiRemote:
    from reconciler.config.endpoint import parse_endpoint
    from reconciler.remote.clarifai import ClarifaiRemote

    if url is not None:
        return ClarifaiRemote(parse_endpoint(url), timing=timing, name=settings.endpoint.url)
    return ClarifaiRemote(
        settings.endpoint,
        token=settings.require_token(),
        root_certificates=settings.root_certificates,
        timing=timing,
    )


def _timing(settings: Settings, is_stopping: Callable[[], bool]) -> Timing:
    from reconciler.remote.caller import Timing

    return Timing(rate=settings.limits.rate, timeout=settings.limits.timeout, is_stopping=is_stopping)


@dataclass(frozen=True, kw_only=True)
class Session:
    """One run's surroundings. `environ` answers `${env:…}`; `now` is the clock in UTC; `state` is a folder.

    Without a `remote` only what is offline works.
    """

    settings: Settings
    environ: Mapping[str, str]
    remote: Remote | None = None
    now: Callable[[], datetime] = field(default=lambda: datetime.now(timezone.utc))
    git_commit: Callable[[], str | None] = field(default=lambda: None)
    on_plan: Callable[[Plan], None] = field(default=lambda plan: None)
    on_result: Callable[[StepResult], None] = field(default=lambda result: None)
    on_error: OnError = "continue"
    state: Path = statedir.DEFAULT
    stop: Stop = field(default_factory=Stop)

    @property
    def backups(self) -> Path:
        """The folder that keeps what was deleted."""
        return self.state / "backup"

    @property
    def runs(self) -> Path:
        """The folder that keeps a journal of each apply."""
        return self.state / "runs"

    def validated(self, inputs: Inputs) -> Validated:
        """Read and check the manifests. Raises ProblemsError with every problem of every file."""
        from reconciler.loading.load import load

        return self._desired_from(load(inputs.paths, stdin=inputs.stdin))

    def _desired_from(self, loaded: Loaded, *, shard: Shard | None = None) -> Validated:
        from reconciler.manifests.validate import desired_from_loaded

        return desired_from_loaded(loaded, self.settings, environ=self.environ, shard=shard)

    def validated_shard(self, inputs: Inputs) -> Validated:
        """Read and check the manifests of `inputs.shard` alone, where there is one."""
        from reconciler.manifests.validate import manifests_at

        return manifests_at(inputs.paths, self.settings, environ=self.environ, stdin=inputs.stdin, shard=inputs.shard)

    def validated_with_types(self, inputs: Inputs) -> Validated:
        """The same, and their params checked: against `inputs.types` offline, else against the live models and types."""
        validated = self.validated_shard(inputs)
        if inputs.types is None:
            more = self._planning().checked(inputs, validated.desired)
        else:
            more = require_fitting_params_offline(inputs.types, validated.desired)
        return replace(validated, warnings=(*validated.warnings, *more))

    def readable(self, inputs: Inputs) -> tuple[Desired, tuple[Problem, ...]]:
        """What can be used of manifests that nobody can mend any more, and the problems of the files left out for them."""
        from reconciler.loading.load import load

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
        plan = self._planned(inputs, validated, base=state)
        return Report(
            kind=kind,
            plan=plan,
            changes_exit_code=exit_codes.CHANGES if detailed else exit_codes.OK,
            warnings=plan.warnings,
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
            is_partial=bool(inputs.targets or inputs.selectors or inputs.shard),
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
        with self._locked(model.key.scope for model in validated.desired.models):
            plan = self._planned(inputs, validated)
            warnings = (*plan.warnings, *map(unmet_warning, plan.unmet))
            if plan.refused or not plan.changes:
                return Report(kind="Apply", plan=plan, warnings=warnings)
            if confirm is None:
                report = self._written(plan, frozenset(), known=known_secrets(validated.desired))
            elif confirm(Report(kind="Plan", plan=plan, warnings=warnings)):
                report = self._rechecked(plan, known=known_secrets(validated.desired))
            else:
                return None
        return replace(report, warnings=warnings)

    def apply_saved(self, plan: Plan, *, max_age_hours: float | None) -> Report:
        """Apply a plan read from a file. Raises RefusedError where it is for another endpoint or too old."""
        refusals = tuple(_file_refusals(plan, self.settings.endpoint.url, self.now(), max_age_hours))
        if refusals:
            raise RefusedError(refusals)
        return replace(self.apply_plan(plan), warnings=tuple(map(unmet_warning, plan.unmet)))

    def apply_plan(self, plan: Plan) -> Report:
        """Apply exactly a plan's requests, if every object is still as planned; then read back."""
        with self._locked(change.key.scope for change in plan.changes):
            return self._rechecked(plan)

    def resume(self, run_id: str) -> Report:
        """Finish a run that did not end, or did not end well: what is there is skipped, the rest is sent as planned."""
        from reconciler.apply.journal import Journal, read_run

        run = read_run(self.runs, run_id)
        refusals = tuple(_file_refusals(run.plan, self.settings.endpoint.url, self.now(), None))
        if refusals:
            raise RefusedError(refusals)
        with self._locked(change.key.scope for change in run.plan.changes):
            return self._rechecked(run.plan, journal=lambda: Journal(run.folder))

    def undo(self, run_id: str, *, confirm: Callable[[Report], bool] | None) -> Report | None:
        """Put back what a run wrote, where live still has what it wrote. With `confirm`, ask first: None where it says no."""
        from reconciler.apply.journal import read_run
        from reconciler.apply.undo import inverse
        from reconciler.compare.live_secrets import read_secrets_of_models

        run = read_run(self.runs, run_id)
        refusals = tuple(_file_refusals(run.plan, self.settings.endpoint.url, self.now(), None))
        if refusals:
            raise RefusedError(refusals)
        with self._locked(change.key.scope for change in run.plan.changes):
            observed = self._planning().read(run.plan)
            plan = inverse(
                run.plan,
                run=run.folder.name,
                sent=run.sent,
                observed=observed,
                secrets=read_secrets_of_models(self._remote(), tuple(observed.models.values())),
                backups=run.backups,
                batch=self.settings.limits.batch,
                created_at=self.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
                tool_version=__version__,
            )
            if not plan.changes:
                return Report(kind="Apply", plan=plan)
            if confirm is None:
                return self._written(plan, frozenset(), known=frozenset())
            return self._rechecked(plan) if confirm(Report(kind="Plan", plan=plan)) else None

    def purge(
        self,
        scope: Scope,
        *,
        confirm: Callable[[tuple[ObservedModel, ...]], bool],
        on_backup: Callable[[Path], None],
    ) -> Purged | None:
        """Delete every model of an app, after a backup; None where `confirm` says no. Raises RefusedError."""
        from reconciler.apply.purging import Purging

        purging = Purging(
            remote=self._remote(),
            scope=scope,
            owner=self.settings.owner,
            protect=self.settings.prune.protect,
            backups=self.backups,
            run_id=self._run_id(),
            parallelism=self.settings.limits.parallelism,
            alone=lambda: self._locked([scope]),
        )
        return purging.purge(confirm=confirm, on_backup=on_backup)

    def _planned(self, inputs: Inputs, validated: Validated, *, base: BaseState | None = None) -> Plan:
        """The plan with all that the manifests may not have meant."""
        plan, more = self._planning().planned(inputs, validated.desired, base=base)
        return replace(plan, warnings=(*validated.warnings, *more))

    def _rechecked(
        self, plan: Plan, *, known: frozenset[str] = frozenset(), journal: Callable[[], Journal] | None = None
    ) -> Report:
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
        return self._written(plan, before.done, known=known, journal=journal)

    def _written(
        self,
        plan: Plan,
        done: frozenset[int],
        *,
        known: frozenset[str],
        journal: Callable[[], Journal] | None = None,
    ) -> Report:
        """Write a plan whose guards were passed. `known` are secrets that no backup may show."""
        from reconciler.apply.journal import start_run
        from reconciler.apply.writing import Writing

        self.on_plan(plan)
        # All of them before the first call: the answer to one request may quote what another one sends.
        for secret in sorted({text for request in plan.requests for text in secret_texts(request.body)}):
            self._remote().register_secret(secret)
        opened = start_run(self.runs, self._run_id(), plan) if journal is None else journal()
        try:
            opened.begin(at=self.now().strftime("%Y-%m-%dT%H:%M:%SZ"))
            writing = Writing(
                remote=self._remote(),
                journal=opened,
                read=self._planning().read,
                stop=self.stop,
                backups=self.backups,
                parallelism=self.settings.limits.parallelism,
                on_error=self.on_error,
                on_result=self.on_result,
            )
            return Report(kind="Apply", plan=plan, outcome=writing.written(plan, done, known=known))
        finally:
            opened.close()

    @contextmanager
    def _locked(self, scopes: Iterable[Scope]) -> Iterator[None]:
        """Keep other runs on this machine from writing to the same apps meanwhile."""
        from reconciler.state.locks import locked

        apps = {scope.app_id for scope in scopes}
        with locked(self.state / "locks", self.settings.endpoint.url, apps, run=self._run_id()):
            yield

    def _run_id(self) -> str:
        return self.now().strftime("%Y%m%dT%H%M%S%fZ")

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
            wanted = planning.desired_specs(desired)
        return restored(plan, environ=self.environ, desired_of=lambda key: wanted.get(key, {}))


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
