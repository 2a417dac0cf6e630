"""What differs between the manifests and the live side, path by path.

In: matches of manifests with live resources (`match.py`). Out: one Drift per resource that differs, ordered by key. A Drift holds
the whole value, before and after, of each field that may differ (`in_sync.py`), so `calls` can prove that nothing else in it
changes, and the leaf paths that change (`paths.py`), so people can read them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from reconciler.compare.desired_spec import desired_spec
from reconciler.compare.filling import Stating
from reconciler.compare.in_sync import doubtful, is_mark_in_sync
from reconciler.compare.match import Match
from reconciler.compare.paths import changed_paths
from reconciler.compare.results import Comparison, Drift, FieldChange
from reconciler.compare.unreadable import (
    Judged,
    Memory,
    NotComparable,
    Resend,
    Unreadable,
    is_empty,
    judged,
    memory_from,
    unreadable_paths,
    without_secrets,
)
from reconciler.errors import Origin, ProblemList
from reconciler.resources.canonical import equal, spec_from_document
from reconciler.resources.desired import Statement
from reconciler.resources.fields import KINDS, MARK, FieldSpec, fields_below
from reconciler.resources.keys import Key, Kind
from reconciler.resources.observed import Document
from reconciler.resources.secrets import PARAMS, Secrets, Sensitive, holds_sensitive
from reconciler.resources.tree import MISSING, FieldPath, lookup, with_value

Tolerances = Callable[[Key, Document, Mapping[str, Any], Collection[FieldPath]], Mapping[FieldPath, float]]
"""Given a resource, its document, its desired spec and paths in it: how far from the desired number at each of them a live one may
be and still count as that number. Only paths with such a tolerance are in the result."""


def _no_tolerances(
    _key: Key, _document: Document, _after: Mapping[str, Any], _paths: Collection[FieldPath]
) -> Mapping[FieldPath, float]:
    return {}


@dataclass(frozen=True, kw_only=True)
class _Comparing:
    """What one comparison goes by, and what it collects."""

    owner: str | None
    secrets: Secrets
    resend: Collection[Resend] = ()
    tolerances: Tolerances = _no_tolerances
    problems: ProblemList = field(default_factory=ProblemList)
    judgements: list[Judged] = field(default_factory=list)

    def judged(
        self,
        key: Key,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
        statements: tuple[Statement, ...],
        mark: _Mark,
    ) -> Judged:
        """Judge the values of one resource that can't be read back."""
        names = self._secret_params(key)
        found = judged(key, before, after, statements, secret_params=names, memory=mark.memory, resend=self.resend)
        self.judgements.append(found)
        return found

    def hidden(self, key: Key, statements: tuple[Statement, ...]) -> set[str]:
        """The first names of the paths of a resource whose values can't be read back; most have none."""
        return {path[0] for path in unreadable_paths(key, statements, self._secret_params(key))}

    def _secret_params(self, key: Key) -> Collection[str]:
        return self.secrets.params_of(key) if key.version_id else ()


def compared(
    matches: Iterable[Match],
    *,
    owner: str | None,
    secrets: Secrets | None = None,
    resend: Collection[Resend] = (),
    tolerances: Tolerances = _no_tolerances,
) -> Comparison:
    """Compare every resource with its manifest.

    With an `owner`, each model must also have the owner mark. What `secrets` names is wrapped. Stated values that can't be
    compared are sent again where `resend` says so. `tolerances` are kept with the changes. Raises ProblemsError where entries of
    `versions` that select the same live version contradict each other.
    """
    comparing = _Comparing(owner=owner, secrets=secrets or Secrets(), resend=resend, tolerances=tolerances)
    found: list[Drift] = []
    for match in matches:
        found.extend(_drifts(match, comparing))
    comparing.problems.raise_if_any()
    return Comparison(
        drifts=tuple(sorted(found, key=lambda drift: drift.key)),
        not_comparable=_ordered(item for each in comparing.judgements for item in each.not_comparable),
        unshown=_ordered(item for each in comparing.judgements for item in each.unshown),
    )


def _ordered(items: Iterable[NotComparable]) -> tuple[NotComparable, ...]:
    return tuple(sorted(items, key=lambda item: (item.address, item.path)))


def _drifts(match: Match, comparing: _Comparing) -> Iterable[Drift]:
    mark = _Mark(match, comparing.owner)
    yield from _model_drift(match, comparing, mark)
    yield from _version_drifts(match, comparing, mark)


class _Mark:
    """The owner mark of a model, read when it is first asked about: most runs send nothing that can't be read back."""

    def __init__(self, match: Match, owner: str | None) -> None:
        self._match = match
        self._owner = owner

    @cached_property
    def memory(self) -> Memory:
        """What it records, and what of this run it will record."""
        desired = self._match.desired
        stated = (each.stated["visibility"] for each in desired.statements if "visibility" in each.stated)
        # A model that only defaults manage gets no mark, so nothing can be recorded of it.
        owner = self._owner if desired.has_manifest else None
        return memory_from(self._match.observed.document, owner=owner, visibility=next(stated, MISSING))


def drift_between(
    key: Key, document: Document, before: Mapping[str, Any], after: Mapping[str, Any], *, secrets: Secrets
) -> Drift | None:
    """What differs between two specs of a resource whose live document is at hand; None where nothing does."""
    # Nothing is stated here, so no secret may be sent.
    names = sorted(secrets.params_of(key)) if key.version_id else ()
    paths: list[FieldPath] = [(*PARAMS, name) for name in names]
    values: dict[FieldPath, Unreadable] = {path: Unreadable(is_empty=is_empty(lookup(before, path))) for path in paths}
    judgement = Judged(after=after, values=values)
    comparing = _Comparing(owner=None, secrets=secrets)
    return next(_drift(key, document, before, judgement, _Places(), (), comparing), None)


def _model_drift(match: Match, comparing: _Comparing, mark: _Mark) -> Iterable[Drift]:
    desired, document = match.desired, match.observed.document
    names = doubtful(desired.key.kind, document, (*desired.fills, desired))
    owner = None if is_mark_in_sync(match, owner=comparing.owner) else comparing.owner
    if owner is not None:
        names.add(MARK[0])
    if not names:
        return
    statements = desired.statements
    hidden = comparing.hidden(desired.key, statements)
    fields = fields_below(desired.key.kind, frozenset(names | hidden))
    before = spec_from_document(desired.key.kind, document, fields)
    after: Mapping[str, Any] = spec_as_stated(desired.key.kind, before, statements, fields)
    if owner is not None:
        live = lookup(before, MARK)
        wanted = desired_mark(live, owner=owner, protect=desired.protect)
        wanted = without_secrets(wanted) if mark.memory.is_public else wanted
        after = after if equal(live, wanted) else with_value(after, MARK, wanted)
    if _is_same(before, after):
        return
    found = Judged(after=after, values={})
    if hidden:
        found = comparing.judged(desired.key, before, after, statements, mark)
    places = _Places(
        entry=desired,
        stated=(desired.origins, *(fill.origins for fill in desired.fills)),
        removals=_removed(statements),
    )
    yield from _drift(desired.key, document, before, found, places, statements, comparing)


def spec_as_stated(
    kind: Kind, before: Mapping[str, Any], statements: Iterable[Statement], fields: Iterable[FieldSpec] | None = None
) -> dict[str, Any]:
    """The spec that statements ask for, one after the other, given what is there. `fields` are those that both are about."""
    after = dict(before)
    for each in statements:
        after = desired_spec(kind, after, each.stated, action=each.action, removals=each.removals, fields=fields)
    return after


def desired_mark(mark: Any, *, owner: str, protect: bool | None) -> dict[str, Any]:
    """The owner mark of a managed model. An unstated `protect` keeps the live one; other keys of a mark stay."""
    kept = dict(mark) if isinstance(mark, Mapping) else {}
    live = kept.get("protect", False)
    return {**kept, "owner": owner, "protect": live if protect is None else protect}


def _version_drifts(match: Match, comparing: _Comparing, mark: _Mark) -> Iterable[Drift]:
    for key, entries in match.versions.items():
        document = match.observed.versions_by_id[key.version_id].document
        names = doubtful(key.kind, document, entries)
        if not names:
            continue
        statements = tuple(entry.statement for entry in entries)
        hidden = comparing.hidden(key, statements)
        fields = fields_below(key.kind, frozenset(names | hidden))
        before = spec_from_document(key.kind, document, fields)
        after = spec_as_stated(key.kind, before, statements, fields)
        for entry in entries if len(entries) > 1 else ():  # one alone can't contradict itself
            if spec_as_stated(key.kind, after, (entry.statement,), fields) != after:
                comparing.problems.add(
                    "contradicting-versions",
                    f"this entry and another of model {key.model().address} select version {key.version_id} "
                    "and want different things of it.",
                    entry.origin,
                    hint="State each path in one of the entries only.",
                )
        if _is_same(before, after):
            continue
        found = Judged(after=after, values={})
        if hidden:
            found = comparing.judged(key, before, after, statements, mark)
        places = _Places(
            entry=entries[0],
            stated=tuple(entry.origins for entry in entries),
            removals=_removed(statements),
        )
        yield from _drift(key, document, before, found, places, statements, comparing)


def _drift(
    key: Key,
    document: Document,
    before: Mapping[str, Any],
    judgement: Judged,
    places: _Places,
    statements: tuple[Statement, ...],
    comparing: _Comparing,
) -> Iterator[Drift]:
    after, secrets = judgement.after, comparing.secrets
    paths = [
        path
        for field in KINDS[key.kind]
        if before.get(field.path[0]) is not after.get(field.path[0])
        for path in changed_paths(field, lookup(before, field.path), lookup(after, field.path))
    ]
    if not paths:
        return
    origins = {path: places.of(path) for path in sorted(paths)}
    origin = next((place for path, place in origins.items() if place and path != MARK), None) or places.default
    if secrets.may_be_in(key, document):
        document = secrets.conceal(key, document, source="live")
        before = secrets.conceal(key, before, source="live")
        after = secrets.conceal(key, after, source="manifest")
        statements = tuple(
            replace(each, stated=secrets.conceal(key, each.stated, source="manifest")) for each in statements
        )
        origins = {shown: place for path, place in origins.items() for shown in _shown_paths(path, before, after)}
    tolerances = comparing.tolerances(key, document, after, origins)
    yield Drift(
        key=key,
        document=document,
        before=before,
        after=after,
        changes=tuple(
            FieldChange(
                path=path,
                before=lookup(before, path),
                after=lookup(after, path),
                origin=origins[path],
                tolerance=tolerances.get(path, 0.0),
            )
            for path in sorted(origins)
        ),
        origin=origin,
        statements=statements,
        unreadable=judgement.values,
    )


def _shown_paths(path: FieldPath, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[FieldPath]:
    """The paths by which a change is shown, given specs whose secrets are concealed."""
    visible = _visible(path, before, after)
    return _beside_secrets(visible, lookup(before, visible), lookup(after, visible))


def _visible(path: FieldPath, before: Mapping[str, Any], after: Mapping[str, Any]) -> FieldPath:
    """The path, cut where it enters a secret: a secret changes as one value."""
    for end in range(1, len(path)):
        if any(isinstance(lookup(spec, path[:end]), Sensitive) for spec in (before, after)):
            return path[:end]
    return path


def _beside_secrets(path: FieldPath, before: Any, after: Any) -> Iterator[FieldPath]:
    """The paths of a change: if it adds a mapping with a secret in it, one per value, so that the secret hides no other."""
    if before is MISSING and isinstance(after, Mapping) and holds_sensitive(after):
        for name, item in after.items():
            yield from _beside_secrets((*path, name), MISSING, item)
    else:
        yield path


def _is_same(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether two specs contain the same objects, as those of a resource in sync do."""
    return len(before) == len(after) and all(name in before and before[name] is item for name, item in after.items())


def _removed(statements: Iterable[Statement]) -> dict[FieldPath, Origin]:
    """The place of each removal, the first one where there are several of one path."""
    places: dict[FieldPath, Origin] = {}
    for statement in statements:
        for removal in statement.removals:
            places.setdefault(removal.path, removal.origin)
    return places


@dataclass(frozen=True, slots=True, kw_only=True)
class _Places:
    """Where one resource's statements stand: stated values by path for each source of them, and removals.

    `entry` is the manifest's, whose place is that of what no statement causes; None without a manifest.
    """

    entry: Stating | None = None
    stated: tuple[Mapping[FieldPath, Origin], ...] = ()
    removals: Mapping[FieldPath, Origin] = field(default_factory=dict)

    @property
    def default(self) -> Origin | None:
        """The place of the entry; None without one."""
        return None if self.entry is None else self.entry.origin

    def of(self, path: FieldPath) -> Origin | None:
        """The place of the innermost statement at or above a path."""
        if path == MARK:  # follows from settings, not from what the manifest states of `metadata`
            return self.default
        for end in range(len(path), 0, -1):
            above = path[:end]
            for origins in self.stated:
                if (origin := origins.get(above)) is not None:
                    return origin
            if above in self.removals:
                return self.removals[above]
        return self.default
