"""The writing half of a run: the gate, the journal and a backup before each call, the requests, and reading back.

In: a plan that passed the guards, which of its requests are done already, and how to read the live state. Out: an Outcome. Before
each call, its request is written to the journal, and its objects are checked if it sends more than its own leaves. After a lost
response the objects are read. A signal ends the run after the calls in progress.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from reconciler.apply.backup import Backup
from reconciler.apply.batch_sizes import BatchSizes
from reconciler.apply.gate import Effect, Finding, Gate, HeldBackError, LiveState, State
from reconciler.apply.journal import Journal
from reconciler.apply.live import read_secrets
from reconciler.apply.mark import Recording, sent_values
from reconciler.apply.results import Moved, OnError, Outcome, Status, StepResult
from reconciler.apply.sending import SendOptions, UnreadError, apply_requests, settled
from reconciler.apply.verify import Shown, newer_versions, remaining
from reconciler.compare.match import no_names
from reconciler.errors import ReconcilerError, RemoteError
from reconciler.plan.in_use import Use
from reconciler.plan.plan import Plan
from reconciler.remote.port import Remote
from reconciler.resources.keys import Key, Kind, Scope
from reconciler.resources.observed import Observed
from reconciler.resources.request import DELETE_ALL, Request
from reconciler.resources.tree import MISSING
from reconciler.state.signals import Stop

MOST_BACKUPS: Final = 1000
"""The most times that one run with deletions left to do can be resumed."""

USES_SECONDS: Final = 10.0
"""The most seconds between reading workflows and deployments and a deletion that relies on them."""

MOST_CHECKS: Final = 3
"""The most times that a deletion is checked again because reading its objects took longer than that."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a run reads the live side again.

    `objects(keys, whole)` reads the named models and versions, and every version of the models in `whole`;
    `afterwards(keys, gone)` reads them after writing, where the deletion of `gone` was acknowledged.
    `listed(scope)` reads an app's whole listing. `uses(keys)` finds the workflows and deployments that use objects;
    `named(observed)` are the versions that manifests name.
    """

    objects: Callable[[Collection[Key], Collection[Key]], Observed]
    afterwards: Callable[[Collection[Key], Collection[Key]], Observed]
    uses: Callable[[Collection[Key]], Mapping[Key, tuple[Use, ...]]]
    listed: Callable[[Scope], Observed]
    named: Callable[[Observed], frozenset[Key]] = no_names


@dataclass(kw_only=True)
class Writing:
    """Writes one plan. `known` are secrets that no backup may contain; `batch` is the most models in one call."""

    plan: Plan
    remote: Remote
    journal: Journal
    reading: Reading
    stop: Stop
    backups: Path
    parallelism: int
    batch: int = 1
    known: frozenset[str] = frozenset()
    on_error: OnError = "continue"
    on_result: Callable[[StepResult], None] = lambda result: None
    on_backup: Callable[[Path], None] = lambda folder: None
    clock: Callable[[], float] = time.monotonic
    _gate: Gate = field(init=False)
    _shown: Shown = field(init=False, default_factory=Shown)
    _backup: Backup = field(init=False)
    _uses: tuple[float, Mapping[Key, tuple[Use, ...]]] | None = field(init=False, default=None)
    _sent: set[Key] = field(init=False, default_factory=set)
    _uses_lock: threading.Lock = field(init=False, default_factory=threading.Lock)
    _sizes: BatchSizes = field(init=False, default_factory=BatchSizes)

    def __post_init__(self) -> None:
        self._gate = Gate(self.plan)
        # A resumed run makes another backup of what is left to delete, next to the earlier one.
        run = self.journal.run
        names = (run, *(f"{run}-again{number}" for number in range(1, MOST_BACKUPS)))
        name = next((name for name in names if not (self.backups / name).exists()), run)
        self._backup = Backup(
            root=self.backups,
            run_id=name,
            keys=self._deleted,
            secrets_of=lambda models: replace(read_secrets(self.remote, models), known=self.known),
            on_folder=self.on_backup,
        )

    @property
    def _deleted(self) -> tuple[Key, ...]:
        return tuple(change.key for change in self.plan.changes if change.action == "delete")

    def written(self, done: frozenset[int]) -> Outcome:
        """Write the plan; `done` are the positions of requests whose changes are there already."""
        if self._deleted:
            self._backup.prepare()
        with self.stop.watching():
            results = apply_requests(self.plan.requests, self.remote, already_done=done, options=self._options())
            outcome = Outcome(
                run=self.journal.run,
                backups=self._backup.folders,
                results=results,
                is_interrupted=self.stop.is_set(),
            )
            if not outcome.is_interrupted:
                outcome = self._read_back(outcome)
        # If the disk is full now, the report of what was written must still be printed.
        with suppress(ReconcilerError):
            self.journal.end(exit_code=outcome.exit_code(self.plan), backups=outcome.backups)
        return outcome

    def _options(self) -> SendOptions:
        return SendOptions(
            on_error=self.on_error,
            parallelism=self.parallelism,
            before_attempt=self._before_attempt,
            after_response=self.journal.answered,
            on_reply=self._shown.add,
            on_result=self.on_result,
            effects=self._effects,
            may_start=lambda: not self.stop.is_set(),
            pause=self.stop.wait,
            sizes=self._sizes,
        )

    # --- the gate -----------------------------------------------------------------------------------------------

    def _before_attempt(self, position: int, request: Request, attempt: int) -> None:
        if self._gate.needs_check(request):
            try:
                if request.deletes:
                    self._require_deletable(request)
                else:
                    self._require_as_planned(request, self.reading.objects(request.keys, ()))
            except RemoteError as error:
                raise UnreadError(f"not sent: its objects could not be read right before: {error}") from error
        if attempt == 1:
            self.journal.sending(position, request)
        self._sent.update(request.keys)

    def _require_as_planned(
        self, request: Request, observed: Observed, uses: Mapping[Key, tuple[Use, ...]] | None = None
    ) -> None:
        named = self.reading.named(observed)
        live = LiveState(observed=observed, uses=uses or {}, named=named, sent=frozenset(self._sent))
        findings = self._gate.findings(request, live)
        if any(finding.state is not State.BEFORE for finding in findings):
            raise HeldBackError(findings)

    def _require_deletable(self, request: Request) -> None:
        """Back up what is about to be deleted, then read and check it once more right before the call."""
        models = sorted({key.model() for key in request.keys})
        if not self._backup.has(models):
            observed = self.reading.objects(request.keys, models)
            self._require_as_planned(request, observed, self._current_uses())
            self._backup.add([observed.models[key] for key in models])
        if request.action == DELETE_ALL:
            self._check_freshly(request, lambda: self._listed_alone(request))
        else:
            whole = [key.model() for key in request.keys if key.kind is Kind.MODEL_VERSION]
            self._check_freshly(request, lambda: self.reading.objects(request.keys, whole))

    def _check_freshly(self, request: Request, read: Callable[[], Observed]) -> None:
        """Check the objects as they are now, together with uses that are at most USES_SECONDS old.

        The objects are read last, right before the call. Reading them can take long if the service throttles; if the uses are
        too old then, both are read again.
        """
        for _ in range(MOST_CHECKS):
            uses = self._current_uses()
            observed = read()
            if not self._are_uses_old():
                self._require_as_planned(request, observed, uses)
                return
        raise UnreadError(f"not sent: reading its objects took more than {USES_SECONDS:g} seconds, {MOST_CHECKS} times")

    def _listed_alone(self, request: Request) -> Observed:
        """The app's listing, if it shows only what was reviewed and backed up, because the call deletes everything there."""
        listed = self.reading.listed(request.scope)
        others = sorted(set(listed.models) - set(request.keys))
        if others:
            moved = tuple(Moved(key=key, path="", planned=MISSING, live="exists", desired=MISSING) for key in others)
            findings = [Finding(key=key, state=State.MOVED) for key in request.keys]
            raise HeldBackError((replace(findings[0], moved=moved), *findings[1:]))
        return listed

    def _current_uses(self) -> Mapping[Key, tuple[Use, ...]]:
        """What uses the planned deletions; read again if it was read more than USES_SECONDS ago."""
        with self._uses_lock:
            if self._uses is None or self._are_uses_old():
                now = self.clock()
                self._uses = (now, self.reading.uses(self._deleted))
            return self._uses[1]

    def _are_uses_old(self) -> bool:
        return self._uses is not None and self.clock() - self._uses[0] > USES_SECONDS

    def _effects(self, requests: Sequence[Request]) -> Sequence[Effect]:
        keys = [key for request in requests for key in request.keys]
        try:
            live = LiveState(observed=self.reading.objects(keys, ()))
        except RemoteError:
            return [Effect.UNREAD] * len(requests)
        return [self._gate.effect_of(request, live) for request in requests]

    # --- verification -------------------------------------------------------------------------------------------

    def _read_back(self, outcome: Outcome) -> Outcome:
        try:
            live = LiveState(observed=self._with_newer_versions(self._read_again(outcome)))
            live, marks = self._recording(outcome).recorded(live)
        except RemoteError as error:
            with suppress(ReconcilerError):
                self.journal.verified(converged=False, remaining=(), unread=str(error))
            return replace(outcome, unread=str(error))
        outcome = replace(outcome, marks=marks)
        left = remaining(self.plan, live)
        results = settled(outcome.results, lambda request: self._gate.effect_of(request, live))
        outcome = replace(outcome, results=results, remaining=left)
        with suppress(ReconcilerError):
            converged = outcome.is_complete(self.plan)
            self.journal.verified(converged=converged, remaining=[key for key, _ in left], unread=None)
        return outcome

    def _recording(self, outcome: Outcome) -> Recording:
        def send(requests: Sequence[Request]) -> Sequence[StepResult]:
            options = SendOptions(
                parallelism=self.parallelism,
                before_attempt=lambda _position, request, _attempt: self.journal.recording(request),
                after_response=lambda _position, result: self.journal.recorded(result),
                # Writing the same record twice changes nothing, and what the marks have by then is read afterwards.
                effects=lambda requests: [Effect.NOT_APPLIED] * len(requests),
                may_start=lambda: not self.stop.is_set(),
                pause=self.stop.wait,
                sizes=self._sizes,
            )
            return apply_requests(requests, self.remote, options=options)

        return Recording(
            plan=self.plan,
            sent=sent_values(self.plan, outcome.results),
            shown=self._shown.documents,
            batch=self.batch,
            write=send,
            read=lambda keys: LiveState(observed=self.reading.objects(keys, ())),
        )

    def _read_again(self, outcome: Outcome) -> Observed:
        """Everything that was written, read again, except versions that no listing shows.

        Reading each of these would cost one call per version, so the responses to their patches count instead. One version for
        each field and kind of call is read anyway. If it differs from its response, the service doesn't show what it stores,
        and all versions are read.
        """
        keys = [change.key for change in self.plan.changes]
        done = [result for result in outcome.results if result.status is Status.DONE and result.request.deletes]
        gone = {key for result in done for key in result.request.keys}
        if any(result.is_unknown for result in outcome.results):
            return self.reading.afterwards(keys, gone)
        unreadable = {item.key for item in sent_values(self.plan, outcome.results)}
        answered = {key for key in self._shown.documents if key.kind is Kind.MODEL_VERSION} - unreadable
        sampled = self._samples(answered)
        read = [key for key in keys if key not in answered or key in sampled]
        models = [key.model() for key in keys if key in answered]
        observed = self.reading.afterwards([*read, *models], gone)
        if any(
            key in sampled
            for key, _ in remaining(self.plan, LiveState(observed=self._shown.with_versions_of(observed)))
        ):
            return self.reading.objects(keys, ())
        return self._shown.with_versions_of(observed)

    def _with_newer_versions(self, observed: Observed) -> Observed:
        """The same, with the params of versions that were added during the run and that manifests select now."""
        live = LiveState(observed=observed)
        short = [key for key in newer_versions(self.plan, live) if "output_info" not in (live.document(key) or {})]
        if not short:
            return observed
        models = {key.model() for key in short}
        planned = [change.key for change in self.plan.changes if change.key.model() in models]
        return replace(observed, models={**observed.models, **self.reading.objects([*short, *planned], ()).models})

    def _samples(self, answered: Collection[Key]) -> frozenset[Key]:
        """For each field and kind of call, one of the versions whose response counts."""
        sample: dict[tuple[str, str | None, tuple[str, ...]], Key] = {}
        for request in self.plan.requests:
            for entry in request.entries:
                if entry.key in answered:
                    for spec in entry.fields:
                        sample.setdefault((request.rpc, request.action, spec.path), entry.key)
        return frozenset(sample.values())
