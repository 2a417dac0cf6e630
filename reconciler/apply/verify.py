"""Verifies a run: compares the live state after the writes with what the manifests mean.

In: a plan and the live state read afterwards. Out: every path that isn't as the manifest states, as live → desired. The live state
isn't compared with what was sent: under `overwrite`, a key that the service added is a difference; under `merge`, a list in
another order isn't. If nothing is left here, a new plan would be empty. Changes that no manifest states (those of an undo) are
compared path by path.

Also keeps what the responses show of the objects. PatchModels and PatchModelVersions return whole objects as they are
afterwards; these are used only for versions that no listing shows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.apply.gate import MARK, OWNER, Gate, LiveState, State, field_of, live_value, planned_owners
from reconciler.apply.results import Left
from reconciler.compare.diff import spec_as_stated
from reconciler.compare.paths import changed_paths
from reconciler.compare.results import FieldChange
from reconciler.compare.unreadable import Memory, Verdict, judged, memory_from, verdict
from reconciler.plan.guards import owner_mark
from reconciler.plan.plan import Change, Plan
from reconciler.remote.port import Reply
from reconciler.resources.canonical import is_within, spec_from_document
from reconciler.resources.desired import Statement
from reconciler.resources.fields import IMAGE_URL, KINDS, MODEL_TRAINED, fields_below
from reconciler.resources.keys import Key, Kind
from reconciler.resources.observed import Document, Observed, ObservedModel, ObservedVersion
from reconciler.resources.request import Entry, Request
from reconciler.resources.secrets import Sensitive, revealed, sensitive_places
from reconciler.resources.tree import MISSING, FieldPath, lookup, with_value


def remaining(plan: Plan, live: LiveState) -> tuple[Left, ...]:
    """What of a plan is missing from the live state."""
    gate = Gate(plan)
    sent: dict[Key, list[Entry]] = defaultdict(list)
    for request in plan.requests:
        for entry in request.entries:
            sent[entry.key].append(entry)
    found = [
        left
        for change in plan.changes
        for left in _left(change, live, gate, sent[change.key], _memory(change.key, live, plan))
    ]
    return (*found, *_newer_left(plan, live, sent), *_owners_left(plan, live))


def newer_versions(plan: Plan, live: LiveState) -> dict[Key, tuple[Statement, ...]]:
    """Versions that statements of the plan select now, but that did not exist when it was made; with these statements."""
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
        memory = _memory(key, live, plan)
        for item in () if document is None else _against_statements(meant, document, secrets, memory):
            yield key, item


def _owners_left(plan: Plan, live: LiveState) -> Iterator[Left]:
    """Models that now have another owner than the one that the plan was made for: a new plan would be refused."""
    planned = planned_owners(plan)
    updated = {change.key.model() for change in plan.changes if change.action == "update"}
    pruned = {change.key.model() for change in plan.changes if change.key.kind is Kind.MODEL_VERSION}
    for key in sorted({*updated, *pruned} - planned.keys()):
        model = live.observed.models.get(key)
        owner = MISSING if model is None else owner_mark(model).get("owner", MISSING)
        desired = plan.owner or MISSING
        is_right = owner == desired or (owner is MISSING and key.address in plan.only_defaults)
        if model is not None and not is_right:
            yield key, FieldChange(path=OWNER, before=owner, after=desired)


def _memory(key: Key, live: LiveState, plan: Plan) -> Memory:
    model = live.document(key.model())
    # Nothing is recorded of models that only defaults manage: they get no mark.
    owner = None if key.model().address in plan.only_defaults else plan.owner
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
            # No manifest states the owner mark, or what an undo restores. There, the planned value is the desired one.
            is_stated = field_of(key, item).path in stated and item.path[:2] != MARK
            if not is_stated and not _is_there(key, item, document, gate, memory):
                before = live_value(key, item, document)
                yield key, FieldChange(path=item.path, before=before, after=item.after)
        yield from ((key, item) for item in _against_statements(change, document, sent, memory))


def _is_there(key: Key, item: FieldChange, document: Document, gate: Gate, memory: Memory) -> bool:
    """Whether the live state has a planned value, as far as that can be known."""
    if item.path != IMAGE_URL or item.after is MISSING:
        return gate.state_of(key, item, document) is State.AFTER
    found = verdict(
        live=live_value(key, item, document),
        stated=item.after,
        record=memory.record(key, item.path),
        digests_of=memory.digests(key, item.path),
        is_kept=memory.keeps(item.path),
    )
    return found is not Verdict.SEND


def _stated_paths(change: Change, statement: Statement) -> Iterator[FieldPath]:
    for spec in KINDS[change.key.kind]:
        is_removed = any(removal.path[: len(spec.path)] == spec.path for removal in statement.removals)
        if is_removed or lookup(statement.stated, spec.path) is not MISSING:
            yield spec.path


def _against_statements(change: Change, document: Document, sent: list[Entry], memory: Memory) -> Iterator[FieldChange]:
    """The paths that a new plan from the same statements would change."""
    # Only what is stated can differ. Another field may hold a value that has no JSON form, which no plan was about.
    names = {name for each in change.statements for name in each.names} | {path[0] for path in change.unreadable}
    fields = fields_below(change.key.kind, frozenset(names))
    before = spec_from_document(change.key.kind, document, fields)
    statements = [replace(each, stated=_known(each.stated, sent, before)) for each in change.statements]
    secret = [path[-1] for path in change.unreadable if path != IMAGE_URL]
    desired = spec_as_stated(change.key.kind, before, statements, fields)
    after = judged(change.key, before, desired, statements, secret_params=secret, memory=memory).after
    hidden = {path for each in change.statements for path, _ in sensitive_places(each.stated)}
    hidden |= {item.path for item in change.fields if item.is_sensitive}
    tolerances = {item.path: item.tolerance for item in change.fields}
    for spec in fields:
        for path in changed_paths(spec, lookup(before, spec.path), lookup(after, spec.path)):
            one, other = lookup(before, path), lookup(after, path)
            if is_within(one, other, tolerances.get(path, 0.0)):
                continue
            if any(path[: len(secret)] == secret[: len(path)] for secret in hidden):
                one, other = (value if value is MISSING else Sensitive(value, "live") for value in (one, other))
            yield FieldChange(path=path, before=one, after=other)


def _known(stated: Mapping[str, Any], sent: list[Entry], live: Mapping[str, Any]) -> dict[str, Any]:
    """What is stated, with secrets in clear: those that the requests of a saved plan send, or else the live ones."""
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
    """The newest whole document of each object in a response. Safe to use from several threads."""

    documents: dict[Key, Document] = field(default_factory=dict)

    def add(self, request: Request, reply: Reply) -> None:
        """Keep the documents of a response; those of earlier ones about the same objects are out of date.

        A document without a time of creation only repeats what was sent, so it isn't kept.
        """
        by_id = {document.get("id"): document for document in reply.documents if "created_at" in document}
        for key in request.keys:
            document = by_id.get(key.version_id or key.model_id)
            if document is None:
                self.documents.pop(key, None)
            else:
                self.documents[key] = document

    def with_versions_of(self, observed: Observed) -> Observed:
        """The live state as read, with the versions that only responses showed, and with what a listing left out of others."""
        models = dict(observed.models)
        for key, document in self.documents.items():
            model = models.get(key.model())
            if not key.version_id or model is None:
                continue
            version = model.versions_by_id.get(key.version_id)
            if version is None:
                version = ObservedVersion(key=key, document=document)
            elif "output_info" not in version.document and "output_info" in document:
                # A listing may show a version without its params: then they are not known to be missing.
                whole = {**version.document, "output_info": document["output_info"]}
                version = replace(version, document=whole)
            else:
                continue
            models[key.model()] = _with_version(model, version)
        return replace(observed, models=models)


def _with_version(model: ObservedModel, version: ObservedVersion) -> ObservedModel:
    """The model with this version, in place of what was read of it."""
    if version.key.version_id not in model.versions_by_id:
        return replace(model, versions=(*model.versions, version))
    is_latest = model.latest is not None and model.latest.key == version.key
    return replace(
        model,
        latest=version if is_latest else model.latest,
        versions=tuple(version if each.key == version.key else each for each in model.versions),
    )
