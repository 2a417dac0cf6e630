"""Did what was sent take? Compares the live side with what the manifests mean, after the writing.

In: a plan and the live side read afterwards. Out: every path that isn't as the manifest states, as live → wanted. What was
sent is not the measure: under `overwrite` a key that the service added is a difference, under `merge` a list whose items
somebody reordered isn't. A plan made now would be empty exactly where nothing is left here. Changes that are not a
manifest's (an undo's) are compared path by path.

Also what responses to writes show of the objects that they changed. PatchModels and PatchModelVersions answer with the whole
objects as they are afterwards; that counts only for versions that no listing shows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.apply.gate import MARK, OWNER, Gate, LiveState, State, field_of, live_value, planned_owners
from reconciler.compare.diff import FieldChange, changed_paths, spec_as_stated
from reconciler.compare.unreadable import IMAGE_URL, Memory, Verdict, judged, memory_from, verdict
from reconciler.plan.guards import owner_mark
from reconciler.plan.plan import Change, Plan
from reconciler.remote.port import Reply
from reconciler.resources.canonical import is_within, spec_from_document
from reconciler.resources.desired import Statement
from reconciler.resources.fields import KINDS, MODEL_TRAINED
from reconciler.resources.keys import Key, Kind
from reconciler.resources.observed import Document, Observed, ObservedVersion
from reconciler.resources.request import Entry, Request
from reconciler.resources.secrets import Sensitive, revealed, sensitive_places
from reconciler.resources.tree import MISSING, FieldPath, lookup, with_value

Left = tuple[Key, "FieldChange | None"]
"""A planned path that live doesn't have as wanted, as live → wanted; None stands for a deletion not done."""


def remaining(plan: Plan, live: LiveState) -> tuple[Left, ...]:
    """What of a plan is not there, though it was sent."""
    gate = Gate(plan)
    sent: dict[Key, list[Entry]] = defaultdict(list)
    for request in plan.requests:
        for entry in request.entries:
            sent[entry.key].append(entry)
    found = [
        left
        for change in plan.changes
        for left in _left(change, live, gate, sent[change.key], _memory(change.key, live, plan.owner))
    ]
    return (*found, *_newer_left(plan, live, sent), *_owners_left(plan, live))


def newer_versions(plan: Plan, live: LiveState) -> dict[Key, tuple[Statement, ...]]:
    """Versions that statements of the plan mean by now, though they were not there to be changed; with these statements."""
    found: dict[Key, tuple[Statement, ...]] = {}
    planned = {change.key for change in plan.changes}
    for change in plan.changes:
        model = live.observed.models.get(change.key.model())
        newest = None if model is None else model.latest
        if newest is None or newest.key in planned:
            continue
        trained = ("latest-trained",) if newest.status_code == MODEL_TRAINED else ()
        meant = tuple(each for each in change.statements if each.select in ("latest", "all", *trained))
        if meant:
            found.setdefault(newest.key, meant)
    return found


def _newer_left(plan: Plan, live: LiveState, sent: Mapping[Key, list[Entry]]) -> Iterator[Left]:
    for key, statements in newer_versions(plan, live).items():
        document = live.document(key)
        secrets = [entry for change in plan.changes if change.key.model() == key.model() for entry in sent[change.key]]
        unreadable = {
            path for change in plan.changes if change.key.model() == key.model() for path in change.unreadable
        }
        meant = Change(key=key, action="update", statements=statements, unreadable=tuple(sorted(unreadable)))
        memory = _memory(key, live, plan.owner)
        for item in () if document is None else _against_statements(meant, document, secrets, memory):
            yield key, item


def _owners_left(plan: Plan, live: LiveState) -> Iterator[Left]:
    """Models that have another owner by now than the plan was made for: a plan made now would be refused."""
    planned = planned_owners(plan)
    updated = {change.key.model() for change in plan.changes if change.action == "update"}
    pruned = {change.key.model() for change in plan.changes if change.key.kind is Kind.MODEL_VERSION}
    for key in sorted({*updated, *pruned} - planned.keys()):
        model = live.observed.models.get(key)
        owner = MISSING if model is None else owner_mark(model).get("owner", MISSING)
        wanted = plan.owner or MISSING
        if model is not None and owner != wanted:
            yield key, FieldChange(path=OWNER, before=owner, after=wanted)


def _memory(key: Key, live: LiveState, owner: str | None) -> Memory:
    model = live.document(key.model())
    return memory_from({} if model is None else model, owner=owner)


def _left(change: Change, live: LiveState, gate: Gate, sent: list[Entry], memory: Memory) -> Iterator[Left]:
    key, document = change.key, live.document(change.key)
    if change.action == "delete":
        if document is not None:
            yield key, None
        elif key.kind is Kind.MODEL_VERSION and live.document(key.model()) is None:
            # The model, which has a manifest, is gone too.
            yield key.model(), FieldChange(path=("id",), before=MISSING, after=key.model_id)
    elif document is None:
        for item in change.fields:
            yield key, FieldChange(path=item.path, before=MISSING, after=item.after)
    else:
        stated = {path for statement in change.statements for path in _stated_paths(change, statement)}
        for item in change.fields:
            # The owner mark, and what an undo puts back, are stated by nobody: the planned value itself is wanted.
            is_stated = field_of(key, item).path in stated and item.path[:2] != MARK
            if not is_stated and not _is_there(key, item, document, gate, memory):
                before = live_value(key, item, document)
                yield key, FieldChange(path=item.path, before=before, after=item.after)
        yield from ((key, item) for item in _against_statements(change, document, sent, memory))


def _is_there(key: Key, item: FieldChange, document: Document, gate: Gate, memory: Memory) -> bool:
    """Whether live has a planned value, as far as that can be said."""
    if item.path != IMAGE_URL or item.after is MISSING:
        return gate.state_of(key, item, document) is State.AFTER
    found = verdict(
        live=live_value(key, item, document),
        stated=item.after,
        record=memory.record(key, item.path),
        digest_of=memory.digest(key, item.path),
        is_kept=memory.keeps(item.path),
    )
    return found is not Verdict.SEND


def _stated_paths(change: Change, statement: Statement) -> Iterator[FieldPath]:
    for spec in KINDS[change.key.kind]:
        is_removed = any(removal.path[: len(spec.path)] == spec.path for removal in statement.removals)
        if is_removed or lookup(statement.stated, spec.path) is not MISSING:
            yield spec.path


def _against_statements(change: Change, document: Document, sent: list[Entry], memory: Memory) -> Iterator[FieldChange]:
    """The paths that a plan made now from the same statements would change."""
    before = spec_from_document(change.key.kind, document)
    statements = [replace(each, stated=_known(each.stated, sent, before)) for each in change.statements]
    secret = [path[-1] for path in change.unreadable if path != IMAGE_URL]
    wanted = spec_as_stated(change.key.kind, before, statements)
    after = judged(change.key, before, wanted, statements, secret_params=secret, memory=memory).after
    hidden = {path for each in change.statements for path, _ in sensitive_places(each.stated)}
    hidden |= {item.path for item in change.fields if item.is_sensitive}
    tolerances = {item.path: item.tolerance for item in change.fields}
    for spec in KINDS[change.key.kind]:
        for path in changed_paths(spec, lookup(before, spec.path), lookup(after, spec.path)):
            one, other = lookup(before, path), lookup(after, path)
            if is_within(one, other, tolerances.get(path, 0.0)):
                continue
            if any(path[: len(secret)] == secret[: len(path)] for secret in hidden):
                one, other = (value if value is MISSING else Sensitive(value, "live") for value in (one, other))
            yield FieldChange(path=path, before=one, after=other)


def _known(stated: Mapping[str, Any], sent: list[Entry], live: Mapping[str, Any]) -> dict[str, Any]:
    """What is stated, with secrets in clear: of a plan from a file those that its requests send, else those that are live."""
    known: Mapping[str, Any] = stated
    for place, secret in sensitive_places(stated):
        path = tuple(map(str, place))
        if secret.reveal() is None:
            values = (revealed(lookup(tree, path)) for tree in (*(entry.values for entry in sent), live))
            known = with_value(known, path, next((value for value in values if value is not MISSING), MISSING))
    return dict(revealed(known))


# --- what responses show ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shown:
    """The newest whole document of each object that a response showed. Safe for several threads at once."""

    documents: dict[Key, Document] = field(default_factory=dict)

    def add(self, request: Request, reply: Reply) -> None:
        """Take note of a response; what an earlier one showed of the same objects is out of date.

        A document without a time of creation is an echo of what was sent, and no object.
        """
        by_id = {document.get("id"): document for document in reply.documents if "created_at" in document}
        for key in request.keys:
            document = by_id.get(key.version_id or key.model_id)
            if document is None:
                self.documents.pop(key, None)
            else:
                self.documents[key] = document

    def versions_beside(self, observed: Observed) -> Observed:
        """The live side as read, with the versions that only responses showed."""
        models = dict(observed.models)
        for key, document in self.documents.items():
            model = models.get(key.model())
            if key.version_id and model is not None and key.version_id not in model.versions_by_id:
                version = ObservedVersion(key=key, document=document)
                models[key.model()] = replace(model, versions=(*model.versions, version))
        return replace(observed, models=models)
