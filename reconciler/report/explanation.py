"""What the manifests state of one model, path by path: the value, where it is stated, what is live, and what apply would do.

In: a model matched with its manifest, and the plan for it. Out: an Explanation with a block for the model and one for each version
that the manifest means, and its JSON document. Secrets are concealed. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.compare.match import Match
from reconciler.errors import Origin, Refusal
from reconciler.plan.document import refusal_document
from reconciler.plan.plan import Change, Plan
from reconciler.resources.canonical import spec_from_document
from reconciler.resources.desired import DesiredModel, DesiredVersion, Fill
from reconciler.resources.fields import KINDS, MARK, Action
from reconciler.resources.keys import Key
from reconciler.resources.observed import Document
from reconciler.resources.secrets import Secrets, redacted
from reconciler.resources.tree import MISSING, FieldPath, lookup, path_text

OWNER_SETTING: Final = "`owner` in reconciler.yaml"
"""Where the owner mark comes from: no manifest states it."""


Entry = DesiredModel | DesiredVersion | Fill
"""What states fields of a resource: a manifest, or a default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedPath:
    """One managed path of a resource.

    `value` is what is stated; MISSING for what must be absent, which is then the value at `path` or, with `item`, that item of
    the tag list there. `live` is MISSING where nothing is live. `is_in_sync` is None where the two can't be compared, for which
    `reason` says why. `call` is the RPC, and its action, that would change the path.
    """

    path: FieldPath
    value: Any
    live: Any
    is_in_sync: bool | None
    action: Action | None = None
    item: str | None = None
    origin: Origin | None = None
    reason: str | None = None
    call: tuple[str, str | None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One resource: the model, or a version. `select` is how the manifest means the version, if not by its id."""

    key: Key
    origin: Origin
    paths: tuple[ExplainedPath, ...]
    select: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A model and its versions, and why an apply would be refused."""

    blocks: tuple[Block, ...]
    refused: tuple[Refusal, ...] = ()

    @property
    def paths(self) -> tuple[ExplainedPath, ...]:
        """The paths of all blocks."""
        return tuple(path for block in self.blocks for path in block.paths)


def explanation(match: Match, plan: Plan, *, secrets: Secrets) -> Explanation:
    """Explain a model by its manifest and by defaults, and by the plan that was made for it alone."""
    resource = _Resource(key=match.desired.key, document=match.observed.document, plan=plan, secrets=secrets)
    blocks = [
        Block(
            key=resource.key, origin=match.desired.origin, paths=resource.paths((match.desired, *match.desired.fills))
        )
    ]
    for key, entries in match.versions.items():
        document = match.observed.versions_by_id[key.version_id].document
        resource = _Resource(key=key, document=document, plan=plan, secrets=secrets)
        own_first = (*(each for each in entries if not each.default), *(each for each in entries if each.default))
        selects = (entry.selector.select for entry in entries)
        blocks.append(
            Block(
                key=key,
                origin=entries[0].origin,
                paths=resource.paths(own_first),
                select=next((select for select in selects if select is not None), None),
            )
        )
    return Explanation(blocks=tuple(blocks), refused=plan.refused)


@dataclass(frozen=True, kw_only=True)
class _Resource:
    """One resource, live and in the plan."""

    key: Key
    document: Document
    plan: Plan
    secrets: Secrets
    live: Mapping[str, Any] = field(init=False)
    change: Change | None = field(init=False)

    def __post_init__(self) -> None:
        spec = spec_from_document(self.key.kind, self.document)
        object.__setattr__(self, "live", self.secrets.conceal(self.key, spec, source="live"))
        change = next((change for change in self.plan.changes if change.key == self.key), None)
        object.__setattr__(self, "change", change)

    def paths(self, entries: Sequence[Entry]) -> tuple[ExplainedPath, ...]:
        """Every path that the entries state or remove, and every other one that the plan changes, ordered by path."""
        found: dict[tuple[FieldPath, str | None], ExplainedPath] = {}
        for entry in entries:
            for each in (*self._stated(entry), *self._removed(entry)):
                found.setdefault((each.path, each.item), each)
        for change in () if self.change is None else self.change.fields:
            if not any(_overlap(change.path, path) for path, _ in found):
                found[change.path, None] = ExplainedPath(
                    path=change.path,
                    value=change.after,
                    live=change.before,
                    is_in_sync=False,
                    origin=None if change.path == MARK else change.origin,
                    call=self._call(change.path),
                )
        if self.plan.owner is not None and not self.key.version_id and (MARK, None) not in found:
            mark = lookup(self.live, MARK)
            if mark is not MISSING:
                found[MARK, None] = ExplainedPath(path=MARK, value=mark, live=mark, is_in_sync=True)
        return tuple(found[place] for place in sorted(found, key=lambda place: (place[0], place[1] or "")))

    def _stated(self, entry: Entry) -> Iterator[ExplainedPath]:
        stated = self.secrets.conceal(self.key, entry.stated, source="manifest")
        for managed in KINDS[self.key.kind]:
            for path, value in _values(lookup(stated, managed.path), managed.path):
                reason = self._not_comparable(path)
                differs = self._differs(path)
                yield ExplainedPath(
                    path=path,
                    value=value,
                    live=lookup(self.live, path),
                    is_in_sync=None if reason is not None else not differs,
                    action=entry.action,
                    origin=entry.origins[path],
                    reason=reason,
                    call=self._call(path) if differs else None,
                )

    def _removed(self, entry: Entry) -> Iterator[ExplainedPath]:
        for removal in entry.removals:
            live = lookup(self.live, removal.path)
            if removal.item is not None:
                live = removal.item if live is not MISSING and removal.item in live else MISSING
            yield ExplainedPath(
                path=removal.path,
                value=MISSING,
                live=live,
                is_in_sync=live is MISSING,
                action=entry.action,
                item=removal.item,
                origin=removal.origin,
                call=None if live is MISSING else self._call(removal.path),
            )

    def _differs(self, path: FieldPath) -> bool:
        return self.change is not None and any(_overlap(change.path, path) for change in self.change.fields)

    def _not_comparable(self, path: FieldPath) -> str | None:
        address = self.key.address
        items = (item for item in self.plan.not_comparable if item.address == address and _overlap(item.path, path))
        return next((item.reason for item in items), None)

    def _call(self, path: FieldPath) -> tuple[str, str | None] | None:
        requests = (request for request in self.plan.requests if request.carries(self.key, path))
        return next(((request.rpc, request.action) for request in requests), None)


def _values(value: Any, path: FieldPath) -> Iterator[tuple[FieldPath, Any]]:
    """The values below a stated one: each key of a Struct is managed by itself, a list as a whole."""
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            yield from _values(item, (*path, name))
    elif value is not MISSING:
        yield path, value


def _overlap(one: FieldPath, other: FieldPath) -> bool:
    length = min(len(one), len(other))
    return one[:length] == other[:length]


# --- the document ---------------------------------------------------------------------------------------------


def explanation_document(found: Explanation) -> dict[str, Any]:
    """The explanation as a JSON document; `value` and `live` are left out where there is none."""
    return {
        "kind": "Explanation",
        "address": found.blocks[0].key.address,
        "in_sync": all(path.is_in_sync is not False for path in found.paths),
        "blocks": [_block_document(block) for block in found.blocks],
        "refused": [refusal_document(refusal) for refusal in found.refused],
    }


def _block_document(block: Block) -> dict[str, Any]:
    return {
        "address": block.key.address,
        "kind": block.key.kind.value,
        "version_id": block.key.version_id or None,
        "select": block.select,
        "origin": block.origin._asdict(),
        "paths": [_path_document(path) for path in block.paths],
    }


def _path_document(path: ExplainedPath) -> dict[str, Any]:
    document: dict[str, Any] = {"path": path_text(path.path)}
    if path.item is not None:
        document["item"] = path.item
    for name, value in (("value", path.value), ("live", path.live)):
        if value is not MISSING:
            document[name] = redacted(value)
    return {
        **document,
        "remove": path.value is MISSING,
        "action": None if path.action is None else path.action.value,
        "origin": None if path.origin is None else path.origin._asdict(),
        "in_sync": path.is_in_sync,
        "reason": path.reason,
        "call": None if path.call is None else {"rpc": path.call[0], "action": path.call[1]},
    }
