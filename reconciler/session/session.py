"""One run of the tool: strings the stages together, with one method per command.

In: Settings, a Remote, paths and options as data. Out: a Report, or another value that says what was found or done. It
prints nothing and asks nobody: whether to go on is a function that `cli` passes in.

    files → load → validate → Desired ─┐
                                       ├─ match → check params → diff → calls → guards → Plan ─→ apply → verify ─→ Report
    service → remote → observe ────────┘
                            (plan/planning.py, reads only)                  (session/applying.py)

The stages are imported by the methods that need them, so that a command loads no more than it uses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from reconciler import __version__, exit_codes
from reconciler.config import Flags, Settings
from reconciler.config import settings as settings_from
from reconciler.config.places import home_folder, working_directory
from reconciler.errors import ReconcilerError
from reconciler.session.checkout import branch_of, commit_of
from reconciler.state import folder as state_folder
from reconciler.state.signals import Stop

if TYPE_CHECKING:
    from reconciler.apply.accept import Acceptance
    from reconciler.apply.export import Exported
    from reconciler.apply.journal import Run
    from reconciler.apply.live import Live
    from reconciler.apply.purging import Purged
    from reconciler.apply.results import OnError, Outcome, StepResult
    from reconciler.apply.runs import RunEntry
    from reconciler.config.file import ConfigFile
    from reconciler.manifests.base import BaseState
    from reconciler.manifests.selection import Inputs
    from reconciler.manifests.validate import Validated
    from reconciler.plan.guards import Terms
    from reconciler.plan.plan import Plan
    from reconciler.plan.planning import Planning
    from reconciler.remote.port import Remote
    from reconciler.report.drift_history import HistoryComparison
    from reconciler.report.explanation import Explanation
    from reconciler.report.report import Report
    from reconciler.resources.keys import Scope
    from reconciler.resources.observed import ObservedModel
    from reconciler.resources.probe import Probe
    from reconciler.session.applying import Applying
    from reconciler.session.exporting import Exporting
    from reconciler.session.probing import Probing


def saved_report(path: str, *, kind: Literal["Plan", "Drift"] = "Plan") -> Report:
    """A saved plan as the report of a run that has just made it.

    Raises ReconcilerError for a file that can't be read, RefusedError for one that is not a plan as it was saved.
    """
    from reconciler.plan.saved import read_plan
    from reconciler.report.report import Report

    plan = read_plan(path)
    return Report(kind=kind, plan=plan, warnings=plan.warnings)


@dataclass(frozen=True, kw_only=True)
class Session:
    """One run's surroundings. `environ` answers `${env:…}`; `now` is the clock in UTC; `state` is a folder.

    `flags` are the options that `settings` were resolved with. Without a `remote` only what is offline works.
    """

    settings: Settings
    environ: Mapping[str, str]
    flags: Flags = field(default_factory=Flags)
    remote: Remote | None = None
    now: Callable[[], datetime] = field(default=lambda: datetime.now(timezone.utc))
    git_commit: Callable[[Sequence[str]], str | None] = field(default=lambda paths: None)
    git_branch: Callable[[Sequence[str]], str | None] = field(default=lambda paths: None)
    on_plan: Callable[[Plan], None] = field(default=lambda plan: None)
    on_result: Callable[[StepResult], None] = field(default=lambda result: None)
    on_error: OnError = "continue"
    state: Path = state_folder.DEFAULT
    stop: Stop = field(default_factory=Stop)

    @classmethod
    def from_flags(cls, flags: Flags, environ: Mapping[str, str]) -> Session:
        """A session in the working directory of this process, not connected. Raises as `config.settings` does."""
        found = settings_from(flags=flags, environ=environ, cwd=working_directory(), home=home_folder())
        state = state_folder.state_dir(environ, root=found.root)
        branch = partial(branch_of, environ=environ)
        return cls(settings=found, environ=environ, flags=flags, git_commit=commit_of, git_branch=branch, state=state)

    @contextmanager
    def connected(self) -> Iterator[Session]:
        """The same session with a connection to the service, which is closed at the end."""
        from reconciler.session.connection import connected

        with connected(self.settings, is_stopping=self.stop.is_set) as remote:
            yield replace(self, remote=remote)

    @property
    def backups(self) -> Path:
        """The folder that keeps what was deleted."""
        return self.state / "backup"

    @property
    def runs(self) -> Path:
        """The folder that keeps a journal of each apply."""
        return self.state / "runs"

    # --- reading ----------------------------------------------------------------------------------------------

    def validate(self, inputs: Inputs, *, online: bool = False) -> Validated:
        """Read and check the manifests, those of `inputs.shard` alone if one is given.

        Params are checked against the types in `inputs.types`, or the service's where `online`. Raises ProblemsError for all files.
        """
        from reconciler.manifests.selection import chosen_offline
        from reconciler.manifests.validate import manifests_at

        validated = manifests_at(
            inputs.paths,
            self.settings,
            environ=self.environ,
            stdin=inputs.stdin,
            shard=None if inputs.targets or inputs.excludes else inputs.shard,
            allow_empty=inputs.allow_empty,
        )
        validated = replace(validated, desired=chosen_offline(inputs, validated.desired))
        if inputs.types is not None:
            from reconciler.plan.planning import require_fitting_params_offline

            require_fitting_params_offline(inputs.types, validated.desired)
        elif online:
            more = self._planning().checked(inputs, validated.desired)
            return replace(validated, warnings=(*validated.warnings, *more))
        return validated

    def plan(
        self, inputs: Inputs, *, detailed: bool = False, base: str | None = None, out: str | None = None
    ) -> Report:
        """Compare the manifests with the live side; writes nothing to the service.

        With `base`, a git revision, changes are attributed. `out` is the file that the plan is saved in.
        """
        validated = self._validated(inputs)
        probing = self._probing(inputs.probe_limit, validated.desired.probes)
        plan = self._planned(inputs, validated, base=None if base is None else self._base_state(base, inputs.paths))
        if probing is not None:
            plan = probing.previewed(plan)
        return self._compared("Plan", plan, is_detailed=detailed, out=out)

    def drift(
        self, inputs: Inputs, *, history_file: Path | None = None, only_new: bool = False, out: str | None = None
    ) -> Report:
        """The plan, read as drift; compared with the history in `history_file`, which is updated."""
        from reconciler.report.drift_history_file import read_history
        from reconciler.report.report import NEW_DRIFT

        endpoint = self.settings.endpoint.url
        if history_file is not None:
            read_history(history_file, endpoint=endpoint)  # a file that can't be used is an error before any call
        validated = self._validated(inputs)
        plan = self._planned(replace(inputs, enforces_policies=False), validated)
        skipped, has_manifests = (
            validated.desired.passed_over,
            bool(validated.desired.models or validated.desired.defaults),
        )
        # A run over nothing has checked nothing, so it says nothing about what earlier runs found.
        history = None
        if history_file is not None and has_manifests:
            history = self._history(plan, history_file, inputs=inputs, skipped=skipped)
            if only_new:
                plan = replace(plan, extra={**plan.extra, NEW_DRIFT: history.new_count})
        report = self._compared("Drift", plan, is_detailed=True, out=out)
        return replace(report, passed_over=skipped, has_manifests=has_manifests, history=history)

    def _history(self, plan: Plan, file: Path, *, inputs: Inputs, skipped: tuple[str, ...]) -> HistoryComparison:
        from reconciler.report.drift_history import compared_with_history, was_checked
        from reconciler.report.drift_history_file import update_history

        checked = partial(
            was_checked,
            compared=frozenset(key.address for key in plan.compared),
            targets=inputs.targets,
            excludes=inputs.excludes,
            is_partial=bool(inputs.targets or inputs.excludes or inputs.selectors or inputs.shard or skipped),
            is_pruning=inputs.prune,
        )
        return update_history(
            file,
            lambda before: compared_with_history(plan, before, now=plan.created_at, was_checked=checked),
            endpoint=self.settings.endpoint.url,
        )

    @property
    def live(self) -> Live:
        """The app that the settings name, to read from. Raises ReconcilerError if they name none."""
        from reconciler.apply.live import Live

        return Live(remote=self._remote(), scope=self._scope(), parallelism=self.settings.limits.parallelism)

    def export(self, exporting: Exporting) -> Exported:
        """Live models as manifests. Raises as `Exporting.exported` does."""
        return exporting.exported(self.live, flags=self.flags, environ=self.environ)

    def explain(self, inputs: Inputs, name: str) -> Explanation:
        """What the manifests state of the model that `name` means, and what apply would do. Raises as `explained` does."""
        from reconciler.session.explaining import explained

        return explained(self._planning(), inputs, self._validated(inputs).desired, name)

    def list_runs(self) -> tuple[RunEntry, ...]:
        """The runs of the state folder, the newest first."""
        from reconciler.apply.runs import list_runs

        state_folder.require_own(self.state)
        return list_runs(self.runs)

    def accept(self, inputs: Inputs) -> Acceptance:
        """The manifests with the drift of the live side taken into them; nothing is written."""
        from reconciler.session.accepting import accepted

        return accepted(inputs, self.settings, self.environ, planned=partial(self._planned, inputs))

    # --- writing ----------------------------------------------------------------------------------------------

    def apply(
        self, inputs: Inputs, *, confirm: Callable[[Report], bool] | None, undo_on_miss: bool = False
    ) -> Report | None:
        """Plan, write and read back. With `confirm`, ask first: None if the answer is no.

        The live side can change while somebody thinks, so after a yes it is compared once more. Probes are checked afterwards; with
        `undo_on_miss`, a run that misses an expectation is undone.
        """
        from reconciler.compare.expectations import unmet_warning
        from reconciler.compare.match import named_versions
        from reconciler.report.report import Report
        from reconciler.resources.secrets import known_secrets

        validated = self._validated(inputs)
        probing = self._probing(inputs.probe_limit, validated.desired.probes, undo_on_miss=undo_on_miss)
        with self._locked(validated.desired.scopes):
            plan = self._planned(inputs, validated)
            if probing is not None:
                probing.require_ready(plan)
            warnings = (*plan.warnings, *map(unmet_warning, plan.unmet))
            applying = replace(
                self._applying(),
                known=known_secrets(validated.desired),
                named=partial(named_versions, validated.desired),
            )
            if plan.refused or not plan.changes:
                report = Report(kind="Apply", plan=plan)
            elif confirm is None:
                report = applying.written(plan)
            elif confirm(Report(kind="Plan", plan=plan, warnings=warnings)):
                report = applying.rechecked(plan)
            else:
                return None
            if probing is not None:
                report = probing.checked(report)
        return replace(report, warnings=(*warnings, *report.warnings))

    def apply_saved(
        self,
        plan: Plan,
        *,
        max_age_hours: float | None,
        digest: str | None = None,
        probe_limit: int | None = None,
        undo_on_miss: bool = False,
    ) -> Report:
        """Apply exactly the requests of a saved plan, if every object is still as planned; then read back.

        Raises RefusedError if the plan doesn't fit this run, for example its endpoint or `digest`, or is too old.
        """
        from reconciler.compare.expectations import unmet_warning

        terms = replace(self._terms(), now=self.now(), max_age_hours=max_age_hours, digest=digest)
        self._require_usable(plan, terms)
        probing = None
        if probe_limit is not None:
            from reconciler.session.probing import saved_probes

            probing = self._probing(probe_limit, saved_probes(plan), undo_on_miss=undo_on_miss)
        with self._locked(change.key.scope for change in plan.changes):
            if probing is not None:
                probing.require_ready(plan)
            report = self._applying().rechecked(plan)
            if probing is not None:
                report = probing.checked(report)
        return replace(report, warnings=(*map(unmet_warning, plan.unmet), *report.warnings))

    def resume(self, run_id: str) -> Report:
        """Finish a run that was cut off or incomplete: what is done is skipped, the rest is sent as planned."""
        from reconciler.apply.journal import Journal, read_run

        run = read_run(self.runs, run_id)
        self._require_usable(run.plan)
        with self._locked(change.key.scope for change in run.plan.changes):
            return replace(self._applying(), journal=lambda: Journal(run.folder)).rechecked(run.plan)

    def undo(self, run_id: str, *, confirm: Callable[[Report], bool] | None) -> Report | None:
        """Restore what a run changed, where the live state is still what it wrote. `confirm` is as for `apply`.

        "latest" is the latest run that is not an undo and is not undone. Raises ReconcilerError if there is none.
        """
        from reconciler.apply.journal import LATEST, read_run
        from reconciler.apply.runs import latest_to_undo
        from reconciler.plan.document import PLAN, PURGE

        run_id = latest_to_undo(self.runs) if run_id == LATEST else run_id
        run = read_run(self.runs, run_id, kinds=(PLAN, PURGE))
        self._require_usable(run.plan)
        with self._locked(change.key.scope for change in run.plan.changes):
            return self._undone(run, confirm=confirm)

    def _undone(self, run: Run, *, confirm: Callable[[Report], bool] | None) -> Report | None:
        """The undo of a run whose apps are locked."""
        from reconciler.apply.live import read_secrets
        from reconciler.apply.undo import inverse
        from reconciler.report.report import Report

        observed = self._planning().read([change.key for change in run.plan.changes])
        plan = inverse(
            run.plan,
            run=run.folder.name,
            sent=run.sent,
            observed=observed,
            secrets=read_secrets(self._remote(), tuple(observed.models.values())),
            backups=run.backups,
            batch=self.settings.limits.batch,
            created_at=self.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            tool_version=__version__,
        )
        if plan.refused or not plan.changes:
            return Report(kind="Apply", plan=plan)
        if confirm is None:
            return self._applying().written(plan)
        return self._applying().rechecked(plan) if confirm(Report(kind="Plan", plan=plan)) else None

    def purge(
        self,
        scope: Scope,
        *,
        confirm: Callable[[tuple[ObservedModel, ...]], bool],
        on_backup: Callable[[Path], None],
        deletes_all: bool = False,
    ) -> Purged | None:
        """Delete every model of an app, after a backup; None if `confirm` says no. Raises RefusedError."""
        from reconciler.apply.purging import Purging

        planning = self._planning()

        def write(plan: Plan) -> Outcome:
            return replace(self._applying(), on_backup=on_backup, uses=purging.uses_elsewhere).outcome(plan)

        purging = Purging(
            remote=self._remote(),
            scope=scope,
            owner=self.settings.owner,
            protect=self.settings.prune.protect,
            batch=self.settings.limits.batch,
            deletes_all=deletes_all,
            empty_plan=planning.empty_plan,
            write=write,
            uses=planning.uses,
            alone=lambda: self._locked([scope]),
        )
        return purging.purge(confirm=confirm)

    # --- steps that commands share ----------------------------------------------------------------------------

    def _validated(self, inputs: Inputs) -> Validated:
        """Every manifest, whatever shard the run is about: what is deleted is decided on all of them."""
        from reconciler.manifests.validate import manifests_at

        # With --prune it is the guard that refuses an empty desired state.
        is_allowed = inputs.allow_empty or inputs.prune
        return manifests_at(
            inputs.paths, self.settings, environ=self.environ, stdin=inputs.stdin, allow_empty=is_allowed
        )

    def _probing(self, limit: int | None, probes: tuple[Probe, ...], *, undo_on_miss: bool = False) -> Probing | None:
        """What predicts in this run, None without --probe. Raises ReconcilerError if there is nothing to predict on."""
        if limit is None:
            return None
        from reconciler.session.probing import probing

        undo = self._run_undone if undo_on_miss else None
        return probing(self.settings, probes, remote=self._remote(), stop=self.stop, limit=limit, undo=undo)

    def _run_undone(self, run_id: str) -> Report | None:
        from reconciler.apply.journal import read_run

        return self._undone(read_run(self.runs, run_id), confirm=None)

    def _base_state(self, ref: str, paths: tuple[str, ...]) -> BaseState:
        from reconciler.manifests.base import base_state

        def settings_then(file: ConfigFile) -> Settings:
            return settings_from(
                flags=self.flags, environ=self.environ, cwd=working_directory(), home=home_folder(), file=file
            )

        return base_state(ref, paths, settings=self.settings, settings_then=settings_then, environ=self.environ)

    def _planned(self, inputs: Inputs, validated: Validated, *, base: BaseState | None = None) -> Plan:
        """The plan, with every warning about the manifests."""
        plan, more = self._planning().planned(inputs, validated.desired, base=base)
        return replace(plan, warnings=(*validated.warnings, *more))

    def _compared(self, kind: Literal["Plan", "Drift"], plan: Plan, *, is_detailed: bool, out: str | None) -> Report:
        from reconciler.report.report import Report

        saved_as = None
        if out is not None:
            from reconciler.plan.saved import write_plan

            saved_as = write_plan(plan, out)
        code = exit_codes.CHANGES if is_detailed else exit_codes.OK
        return Report(kind=kind, plan=plan, changes_exit_code=code, warnings=plan.warnings, saved_as=saved_as)

    def _require_usable(self, plan: Plan, terms: Terms | None = None) -> None:
        """Raise RefusedError for a saved plan that doesn't fit `terms`, or the endpoint and environment of this run."""
        from reconciler.plan.saved import require_usable

        require_usable(plan, self._terms() if terms is None else terms)

    def _terms(self) -> Terms:
        from reconciler.plan.guards import Terms

        return Terms(endpoint=self.settings.endpoint.url, environment=self.flags.environment)

    # --- surroundings -----------------------------------------------------------------------------------------

    @contextmanager
    def _locked(self, scopes: Iterable[Scope]) -> Iterator[None]:
        """Keep other runs on this machine from writing to the same apps meanwhile."""
        from reconciler.state.locks import locked

        state_folder.require_own(self.state)
        apps = {scope.app_id for scope in scopes}
        with locked(self.state / "locks", self.settings.endpoint.url, apps, run=self._run_id()):
            yield

    def _run_id(self) -> str:
        return self.now().strftime("%Y%m%dT%H%M%S%fZ")

    def _remote(self) -> Remote:
        if self.remote is None:
            raise ReconcilerError("This command needs a connection to the service.")
        return self.remote

    def _scope(self) -> Scope:
        """The app that the settings name. Raises ReconcilerError that says where its ids can be given."""
        from reconciler.resources.keys import Scope

        user_id, app_id = self.settings.user_id, self.settings.app_id
        if user_id and app_id:
            return Scope(user_id, app_id)
        missing = [name for name, value in (("user", user_id), ("app", app_id)) if not value]
        ids = " and no ".join(f"{name} id" for name in missing)
        ways = [f"--{name}-id, {name}_id in reconciler.yaml, or CLARIFAI_{name.upper()}_ID" for name in missing]
        raise ReconcilerError(f"There is no {ids}. Give {'; and '.join(ways)}.")

    def _planning(self) -> Planning:
        from reconciler.plan.planning import Planning

        git = {"git_commit": self.git_commit, "git_branch": self.git_branch}
        return Planning(settings=self.settings, remote=self._remote(), now=self.now, **git)

    def _applying(self) -> Applying:
        from reconciler.manifests.selection import Inputs
        from reconciler.session.applying import Applying
        from reconciler.session.provenance import provenance

        return Applying(
            planning=self._planning(),
            desired_at=lambda paths: self._validated(Inputs(paths=paths, allow_empty=True)).desired,
            runs=self.runs,
            backups=self.backups,
            new_run_id=self._run_id,
            by=lambda: provenance(self.environ, folder=working_directory()),
            stop=self.stop,
            on_plan=self.on_plan,
            on_result=self.on_result,
            on_error=self.on_error,
        )
