"""The writing half of a run: the journal first, then a backup of what goes, the requests, and reading back.

In: a plan whose guards were passed, what is done of it already, and how to read the live side. Out: a Report. Before
each call its request is in the journal, on disk; a lost answer is settled by reading; a signal ends the run after the
calls under way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from reconciler.apply import Conduct, Fate, HeldBackError, OnError, StepResult, apply_requests, settled
from reconciler.deletions import DELETING_RPCS
from reconciler.errors import ReconcilerError, RemoteError
from reconciler.interrupts import Stop
from reconciler.journal import Journal
from reconciler.observe import FEW
from reconciler.plan import Plan
from reconciler.remote.port import Remote
from reconciler.report import Report
from reconciler.resources import Key, Observed, Request
from reconciler.shown import Shown
from reconciler.verify import carries_unmanaged, fate, remaining, unmanaged_moved

MOST_BACKUPS: Final = 1000
"""How often one run may be resumed with deletions left to do."""


@dataclass(frozen=True, kw_only=True)
class Writing:
    """What writing needs around it. `read` gives the live side of what a plan, or a part of one, touches."""

    remote: Remote
    journal: Journal
    read: Callable[[Plan], Observed]
    stop: Stop
    backups: Path
    parallelism: int
    on_error: OnError = "continue"
    on_result: Callable[[StepResult], None] = lambda result: None

    def written(self, plan: Plan, done: frozenset[int], *, known: frozenset[str]) -> Report:
        """Write a plan. `done` are positions of requests whose effect is there, `known` secrets that no backup may show."""
        report = Report(kind="Apply", plan=plan, run=self.journal.run, backups=self._backed_up(plan, done, known))
        with self.stop.watching():
            shown = Shown()
            conduct = replace(self._conduct(plan), on_reply=shown.add)
            results = apply_requests(plan.requests, self.remote, already_done=done, conduct=conduct)
            report = replace(report, results=results, is_interrupted=self.stop.is_set())
            if not report.is_interrupted:
                report = self._read_back(report, shown)
        # A disk that is full by now is no reason to lose the report of what was written.
        with suppress(ReconcilerError):
            self.journal.end(exit_code=report.exit_code, backups=report.backups)
        return report

    def _conduct(self, plan: Plan) -> Conduct:
        return Conduct(
            on_error=self.on_error,
            parallelism=self.parallelism,
            before_send=lambda position, request: self._before_send(plan, position, request),
            after_answer=self.journal.answered,
            on_result=self.on_result,
            fates=lambda requests: self._fates(plan, requests),
            may_start=lambda: not self.stop.is_set(),
            pause=self.stop.wait,
        )

    def _before_send(self, plan: Plan, position: int, request: Request) -> None:
        """Note the call. One that sends unmanaged values back is not made where somebody has just changed one of them."""
        if carries_unmanaged(plan, request):
            moved = unmanaged_moved(plan, request, self.read(_about(plan, request.keys)))
            if moved:
                told = ", ".join(f"{item.key.address} {item.path}" for item in moved)
                raise HeldBackError(
                    f"not sent: it would revert what somebody has changed since the plan was made: {told}. Run again."
                )
        self.journal.sending(position, request)

    def _fates(self, plan: Plan, requests: Sequence[Request]) -> Sequence[Fate]:
        keys = tuple(key for request in requests for key in request.keys)
        try:
            observed = self.read(_about(plan, keys))
        except RemoteError:
            return [Fate.UNREAD] * len(requests)
        return [fate(plan, request, observed) for request in requests]

    def _read_back(self, report: Report, shown: Shown) -> Report:
        plan = report.plan
        try:
            doubtful = self._doubtful(report, shown)
            observed = self.read(doubtful)
        except RemoteError as error:
            with suppress(ReconcilerError):
                self.journal.verified(converged=False, remaining=(), unread=str(error))
            return replace(report, unread=str(error))
        left = remaining(doubtful, observed)
        results = settled(report.results, lambda request: fate(plan, request, observed))
        report = replace(report, results=results, remaining=left)
        with suppress(ReconcilerError):
            self.journal.verified(converged=report.converged, remaining=[key for key, _ in left], unread=None)
        return report

    def _doubtful(self, report: Report, shown: Shown) -> Plan:
        """The part of the plan that has to be read: all of it, unless answers have shown many objects as wanted.

        A few objects are read anyway: it costs no more. Of many, one is read although its answer showed it: a service whose
        answers don't show what it stores would be found out, and then everything is read.
        """
        plan = report.plan
        keys = [change.key for change in plan.changes]
        if len({key.model() for key in keys}) <= FEW or any(result.is_unknown for result in report.results):
            return plan
        seen = frozenset(shown.documents)
        kept = _about(plan, tuple(seen))
        missed = {key for key, _ in remaining(kept, shown.observed())}
        updated = {change.key for change in plan.changes if change.action == "update"}
        settled_keys = [key for key in keys if key in seen and key in updated and key not in missed]
        if not settled_keys:
            return plan
        sample = _about(plan, settled_keys[:1])
        if remaining(sample, self.read(sample)):
            return plan
        settled_set = frozenset(settled_keys)
        return _about(plan, tuple(key for key in keys if key not in settled_set))

    def _backed_up(self, plan: Plan, done: frozenset[int], known: frozenset[str]) -> tuple[str, ...]:
        requests = (request for position, request in enumerate(plan.requests) if position not in done)
        keys = [key for request in requests if request.rpc in DELETING_RPCS for key in request.keys]
        if not keys:
            return ()
        from reconciler.backup import backup_plan

        # A resumed run keeps what is left to delete once more, beside what it kept before.
        run = self.journal.run
        names = (run, *(f"{run}-again{number}" for number in range(1, MOST_BACKUPS)))
        name = next((name for name in names if not (self.backups / name).exists()), run)
        return (str(backup_plan(self.remote, keys, self.backups, name, self.parallelism, known=known)),)


def _about(plan: Plan, keys: Sequence[Key]) -> Plan:
    """The plan as if it were about these objects alone, for reading them."""
    wanted = frozenset(keys)
    return replace(plan, changes=tuple(change for change in plan.changes if change.key in wanted))
