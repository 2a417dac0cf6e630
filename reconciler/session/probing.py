"""What --probe adds to a plan and to an apply: predictions before, expectations afterwards, and the undo of a run that misses them.

In: a plan, the probes of its manifests or those that it was saved with, and a connection. Out: the plan with what the probes found,
or the report with what was checked. Without --probe there is no Probing, and nothing is predicted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from reconciler.config import Settings
from reconciler.errors import Problem, ReconcilerError, Refusal, RefusedError
from reconciler.manifests.probe_files import UnreadableFileError, content_of
from reconciler.plan.plan import Plan
from reconciler.plan.preview import Check
from reconciler.probing.asking import Asking
from reconciler.probing.checking import asked_of, checked
from reconciler.probing.previewing import previewed
from reconciler.probing.questions import in_spelling_of, require_within
from reconciler.remote.port import Remote
from reconciler.report.report import Report, Undone
from reconciler.resources.keys import Key
from reconciler.resources.probe import Probe
from reconciler.state.signals import Stop


@dataclass(frozen=True, kw_only=True)
class Probing:
    """The probes of one run, and what predicts them. At most `limit` inputs × versions are predicted.

    `undo` takes back a run of this name, for a run that is undone if an expectation is missed. Once `stop` is set, nothing more is
    predicted or undone.
    """

    probes: tuple[Probe, ...]
    asking: Asking
    limit: int
    stop: Stop
    undo: Callable[[str], Report | None] | None = None

    def previewed(self, plan: Plan) -> Plan:
        """The plan with what it does to predictions. Raises ReconcilerError above the limit, before anything is predicted."""
        with self.stop.watching():
            preview, warnings = previewed(plan, self.probes, self.asking, limit=self.limit)
        if self.stop.is_set():
            raise KeyboardInterrupt
        forecast = plan.forecast and replace(plan.forecast, predictions=preview.predictions)
        return replace(plan, preview=preview, forecast=forecast, warnings=(*plan.warnings, *warnings))

    def require_ready(self, plan: Plan) -> None:
        """Raise an error, before anything is written, for what could not be checked or undone afterwards."""
        require_within(asked_of(self._versions(plan), self._spelled(plan)), self.limit)
        self._require_recorded_files()
        deleted = [change.key.address for change in plan.changes if change.action == "delete"]
        if self.undo is not None and deleted:
            raise RefusedError(
                (
                    Refusal(
                        rule="undo-on-miss",
                        message=f"--undo-on-miss can't take back a deletion, and the plan deletes {len(deleted)} "
                        f"resource{'s' * (len(deleted) != 1)}, such as {deleted[0]}.",
                        address=deleted[0],
                        remedy="Delete in a run of its own, or leave out --undo-on-miss.",
                    ),
                )
            )

    def checked(self, report: Report) -> Report:
        """The report of an apply with the expectations that were checked on live, and the undo of what missed them."""
        if report.is_refused or report.outcome.is_interrupted:
            return report
        # A signal must not end the process here: the report says what was written.
        with self.stop.watching():
            checks = checked(self._versions(report.plan), self._spelled(report.plan), self.asking)
        if not checks:
            message = "nothing was checked: no Probe expects anything of a version that this run is about."
            warning = Problem(code="nothing-checked", message=message, origin=self.probes[0].origin)
            return replace(report, warnings=(*report.warnings, warning))
        return self._undone(replace(report, checks=checks), checks)

    def _undone(self, report: Report, checks: Sequence[Check]) -> Report:
        run = report.outcome.run
        if self.undo is None or run is None or all(check.is_met for check in checks):
            return report
        if self.stop.is_set():
            return replace(report, undone=Undone(run=run, error=f"interrupted; `reconciler undo {run}` takes it back"))
        try:
            undo = self.undo(run)
        except ReconcilerError as error:
            return replace(report, undone=Undone(run=run, error=str(error)))
        return replace(report, undone=Undone(run=run, report=undo))

    def _versions(self, plan: Plan) -> tuple[Key, ...]:
        """The versions whose predictions are checked: all that the run's manifests name, or those that a saved plan lists."""
        return plan.stated_versions or (() if plan.preview is None else plan.preview.versions)

    def _spelled(self, plan: Plan) -> tuple[Probe, ...]:
        return in_spelling_of(self._versions(plan), self.probes, self.asking.remote.resolve_user_id)

    def _require_recorded_files(self) -> None:
        for probe in self.probes:
            for item in probe.inputs:
                if item.file is None or not probe.expected_of(item.id):
                    continue
                try:
                    content_of(probe, item)
                except UnreadableFileError as error:
                    message = f"The file {item.file} of the input {item.id} of probe {probe.name} {error}."
                    refusal = Refusal(
                        rule="probe-file", message=message, remedy="Restore the file, or make a new plan."
                    )
                    raise RefusedError((refusal,)) from None


def saved_probes(plan: Plan) -> tuple[Probe, ...]:
    """The probes that a saved plan carries. Raises ReconcilerError for a plan that was made without --probe.

    Raises RefusedError for a file without a digest: a forged plan could make an apply send any file.
    """
    if plan.preview is not None:
        for probe in plan.preview.probes:
            for item in probe.inputs:
                if item.file is not None and item.digest is None:
                    message = f"The plan has no digest of the file {item.file} of probe {probe.name}, so it isn't sent."
                    raise RefusedError((Refusal(rule="probe-file", message=message, remedy="Make a new plan."),))
    if plan.preview is None:
        raise ReconcilerError(
            "The plan has no probes, because it was made without --probe. Make it with `plan --probe`."
        )
    return plan.preview.probes


def probing(
    settings: Settings,
    probes: tuple[Probe, ...],
    *,
    remote: Remote,
    stop: Stop,
    limit: int,
    undo: Callable[[str], Report | None] | None,
) -> Probing:
    """The Probing of a run with --probe. Raises ReconcilerError if there is nothing to predict on."""
    if not probes:
        raise ReconcilerError(
            "--probe needs a document of kind Probe below the given paths, and there is none. "
            "Add one (`reconciler schema Probe` prints its schema), or leave out --probe."
        )
    asking = Asking(remote=remote, parallelism=settings.limits.parallelism, is_stopping=stop.is_set)
    return Probing(probes=probes, asking=asking, limit=limit, stop=stop, undo=undo)
