"""Records in owner marks which values were sent that can't be read back, so that the next plan knows whether they changed.

In: a plan that was sent, the results of its requests, and the live state read afterwards. Out: the live state in which the marks
hold the digests that compare/unreadable.py reads. A mark is written by PatchModels with a merge of the digests alone, for up to
`batch` models at once, and read again. That second read also shows which values the service shows differently with each read:
their records are corrected by one more write. Writing the same record twice changes nothing.

Nothing is recorded without an owner, or on a model whose mark isn't the run's. Nor are secrets of a PUBLIC model, values that
the service shows as they were sent, images that aren't there, and images whose URL has changed in the manifest but not on
the service, because these were not stored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from secrets import token_hex
from typing import Any, Final

from reconciler.apply.gate import LiveState
from reconciler.apply.results import Status, StepResult
from reconciler.compare.desired_spec import merged
from reconciler.compare.digests import digests
from reconciler.compare.unreadable import UNREADABLE, UNSTABLE, Record, memory_from, place_of
from reconciler.plan.plan import Plan
from reconciler.resources.canonical import equal
from reconciler.resources.fields import IMAGE_URL
from reconciler.resources.keys import Key
from reconciler.resources.observed import Document
from reconciler.resources.request import PATCH_RPCS, Entry, Request
from reconciler.resources.secrets import revealed
from reconciler.resources.tree import MISSING, FieldPath, lookup, with_value

ROUNDS: Final = 2
"""The most writes to one mark: the second corrects values that seemed stable at first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A value that was sent and can't be read back."""

    key: Key
    path: FieldPath
    value: Any
    action: str | None

    def is_shown_in(self, live: Any) -> bool:
        """Whether the live value is, or holds, the value that was sent."""
        if live is MISSING:
            return False
        return equal(live, self.value if self.action == "overwrite" else merged(live, self.value))


def sent_values(plan: Plan, results: Sequence[StepResult]) -> tuple[Sent, ...]:
    """The values that can't be read back and that successful requests have sent."""
    unreadable = {change.key: {*change.unreadable, IMAGE_URL} for change in plan.changes}
    return tuple(
        Sent(key=entry.key, path=path, value=revealed(value), action=action)
        for action, entry in _carried_out(results)
        if entry.key.model().address not in plan.only_defaults
        for path in sorted(unreadable.get(entry.key, ()))
        if (value := lookup(entry.values, path)) is not MISSING
    )


def _carried_out(results: Sequence[StepResult]) -> Iterator[tuple[str | None, Entry]]:
    for result in results:
        if result.request.action not in ("merge", "overwrite") or result.status in (Status.SKIPPED, Status.NOT_REACHED):
            continue
        failed = {failure.key for failure in result.failures}
        yield from ((result.request.action, entry) for entry in result.request.entries if entry.key not in failed)


@dataclass(kw_only=True)
class Recording:
    """Records what one run has sent. `shown` are the documents in the responses, the first sight of the values.

    `write` sends requests and gives their results. `read` reads models and versions.
    """

    plan: Plan
    sent: tuple[Sent, ...]
    shown: Mapping[Key, Document]
    batch: int
    write: Callable[[Sequence[Request]], Sequence[StepResult]]
    read: Callable[[Sequence[Key]], LiveState]
    _looks: dict[tuple[Key, FieldPath], list[Any]] = field(init=False, default_factory=lambda: defaultdict(list))

    def recorded(self, live: LiveState) -> tuple[LiveState, tuple[StepResult, ...]]:
        """Record what isn't recorded yet, given the live state after the run. Returns the new live state and the results."""
        if self.plan.owner is None or not self.sent:
            return live, ()
        for item in self.sent:
            first = lookup(self.shown.get(item.key, {}), item.path)
            if first is not MISSING and not item.is_shown_in(first):
                self._looks[item.key, item.path].append(first)
        results: list[StepResult] = []
        for _ in range(ROUNDS):
            self._look(live)
            requests = self._requests(live)
            if not requests:
                break
            done = self.write(requests)
            results += done
            models = sorted({key for request in requests for key in request.keys})
            keys = [change.key for change in self.plan.changes if change.key.model() in models]
            again = self.read([*models, *keys])
            live = replace(
                live, observed=replace(live.observed, models={**live.observed.models, **again.observed.models})
            )
            if any(result.status is not Status.DONE for result in done):
                break
        return live, tuple(results)

    def _look(self, live: LiveState) -> None:
        for item in self.sent:
            self._looks[item.key, item.path].append(lookup(live.document(item.key) or {}, item.path))

    def _requests(self, live: LiveState) -> tuple[Request, ...]:
        """The requests that bring the marks up to date, given the latest two looks at each value."""
        entries: dict[Key, dict[str, Record]] = defaultdict(dict)
        salts: dict[Key, str] = {}
        for item in self.sent:
            key, model = item.key.model(), live.document(item.key.model())
            if model is None or lookup(model, (*UNREADABLE[:-1], "owner")) != self.plan.owner:
                continue
            memory = memory_from(model, owner=self.plan.owner)
            looks = self._looks[item.key, item.path][-2:]
            is_lost = item.path == IMAGE_URL and looks[-1] is MISSING
            if not memory.keeps(item.path) or item.is_shown_in(looks[-1]) or is_lost:
                continue
            salt = salts.setdefault(key, memory.salt or token_hex(16))
            place, known = place_of(item.key, item.path), memory.record(item.key, item.path)
            made = digests(salt, place, item.value)
            seen = [made.seen(look) for look in looks]
            record = Record(sent=made.sent, seen=seen[-1] if seen[0] == seen[-1] else UNSTABLE)
            if record != known and not (known is not None and self._is_untouched(item, known, record)):
                entries[key][place] = record
        return tuple(self._request(group, salts, entries) for group in _grouped(sorted(entries), self.batch))

    def _is_untouched(self, item: Sent, known: Record, record: Record) -> bool:
        """Whether another image was sent, and the service still shows the copy of the one before."""
        if item.path != IMAGE_URL or known.sent == record.sent:
            return False
        return equal(self._images_before.get(item.key, MISSING), self._looks[item.key, item.path][-1])

    @cached_property
    def _images_before(self) -> Mapping[Key, Any]:
        """What the service showed of each image when the plan was made."""
        return {
            change.key: each.before for change in self.plan.changes for each in change.fields if each.path == IMAGE_URL
        }

    def _request(
        self, keys: Sequence[Key], salts: Mapping[Key, str], entries: Mapping[Key, Mapping[str, Record]]
    ) -> Request:
        def entry(key: Key) -> Entry:
            records = {place: {"sent": record.sent, "seen": record.seen} for place, record in entries[key].items()}
            values = with_value({}, UNREADABLE, {"salt": salts[key], "values": records})
            return Entry(key=key, values=values)

        rpc = PATCH_RPCS[keys[0].kind]
        return Request(rpc=rpc, action="merge", scope=keys[0].scope, entries=tuple(map(entry, keys)))


def _grouped(keys: Sequence[Key], size: int) -> Iterator[list[Key]]:
    """Keys of one app each, at most `size` together."""
    group: list[Key] = []
    for key in keys:
        if group and (len(group) == size or group[0].scope != key.scope):
            yield group
            group = []
        group.append(key)
    if group:
        yield group
