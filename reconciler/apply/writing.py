"""The writing half of a run: the journal first, then a backup of what goes, the requests, and reading back.

In: a plan whose guards were passed, what is done of it already, and how to read the live side. Out: an Outcome. Before
each call its request is in the journal, on disk; a lost answer is settled by reading; a signal ends the run after the
calls under way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from reconciler import exit_codes
from reconciler.apply.journal import Journal
from reconciler.apply.sending import Conduct, Fate, HeldBackError, OnError, Status, StepResult, apply_requests, settled
from reconciler.apply.verify import Shown, carries_unmanaged, fate, remaining, unmanaged_moved
from reconciler.compare.diff import FieldChange
from reconciler.errors import ReconcilerError, RemoteError
from reconciler.plan.plan import Plan
from reconciler.remote.observe import FEW
from reconciler.remote.port import Remote
from reconciler.resources.keys import Key
from reconciler.resources.observed import Observed
from reconciler.resources.request import Request
from reconciler.state.signals import Stop

MOST_BACKUPS: Final = 1000
"""How often one run may be resumed with deletions left to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What writing a plan did.

    `remaining` are the planned paths that live doesn't have afterwards (None: a deletion that did not happen), `unread` is
    why reading back failed. `backups` are the folders that hold what was deleted, `run` is the id of the journal.
    """

    results: tuple[StepResult, ...] = ()
    remaining: tuple[tuple[Key, FieldChange | None], ...] = ()
    unread: str | None = None
    backups: tuple[str, ...] = ()
    is_interrupted: bool = False
    run: str | None = None

    def is_complete(self, plan: Plan) -> bool:
        """Whether every request of the plan was done and the live state matches it."""
        sent = all(result.status in (Status.DONE, Status.SKIPPED) for result in self.results)
        return sent and len(self.results) == len(plan.requests) and not (self.remaining or self.unread)

    def exit_code(self, plan: Plan) -> int:
        """The exit code of a run that ends in this."""
        if self.is_interrupted:
            return exit_codes.INTERRUPTED
        return exit_codes.OK if self.is_complete(plan) else exit_codes.INCOMPLETE


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

    def written(self, plan: Plan, done: frozenset[int], *, known: frozenset[str]) -> Outcome:
        """Write a plan. `done` are positions of requests whose effect is there, `known` secrets that no backup may show."""
        outcome = Outcome(run=self.journal.run, backups=self._backed_up(plan, done, known))
        with self.stop.watching():
            shown = Shown()
            conduct = replace(self._conduct(plan), on_reply=shown.add)
            results = apply_requests(plan.requests, self.remote, already_done=done, conduct=conduct)
            outcome = replace(outcome, results=results, is_interrupted=self.stop.is_set())
            if not outcome.is_interrupted:
                outcome = self._read_back(plan, outcome, shown)
        # A disk that is full by now is no reason to lose the report of what was written.
        with suppress(ReconcilerError):
            self.journal.end(exit_code=outcome.exit_code(plan), backups=outcome.backups)
        return outcome

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

    def _read_back(self, plan: Plan, outcome: Outcome, shown: Shown) -> Outcome:
        try:
            doubtful = self._doubtful(plan, outcome, shown)
            observed = self.read(doubtful)
        except RemoteError as error:
            with suppress(ReconcilerError):
                self.journal.verified(converged=False, remaining=(), unread=str(error))
            return replace(outcome, unread=str(error))
        left = remaining(doubtful, observed)
        results = settled(outcome.results, lambda request: fate(plan, request, observed))
        outcome = replace(outcome, results=results, remaining=left)
        with suppress(ReconcilerError):
            converged = outcome.is_complete(plan)
            self.journal.verified(converged=converged, remaining=[key for key, _ in left], unread=None)
        return outcome

    def _doubtful(self, plan: Plan, outcome: Outcome, shown: Shown) -> Plan:
        """The part of the plan that has to be read: all of it, unless answers have shown many objects as wanted.

        A few objects are read anyway: it costs no more. Of many, one is read although its answer showed it: a service whose
        answers don't show what it stores would be found out, and then everything is read.
        """
        keys = [change.key for change in plan.changes]
        if len({key.model() for key in keys}) <= FEW or any(result.is_unknown for result in outcome.results):
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
        keys = [key for request in requests if request.deletes for key in request.keys]
        if not keys:
            return ()
        from reconciler.apply.backup import backup_plan

        # A resumed run keeps what is left to delete once more, beside what it kept before.
        run = self.journal.run
        names = (run, *(f"{run}-again{number}" for number in range(1, MOST_BACKUPS)))
        name = next((name for name in names if not (self.backups / name).exists()), run)
        return (str(backup_plan(self.remote, keys, self.backups, name, self.parallelism, known=known)),)


def _about(plan: Plan, keys: Sequence[Key]) -> Plan:
    """The plan as if it were about these objects alone, for reading them."""
    wanted = frozenset(keys)
    return replace(plan, changes=tuple(change for change in plan.changes if change.key in wanted))
