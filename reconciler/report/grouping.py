"""Which changes a reader sees together: by attribution and app, identical edits once.

In: a plan's changes, in their order. Out: sections of groups of changes. What this change causes comes before what was pending
already. Nothing is omitted: the groups together hold all changes of the plan.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reconciler.plan.parts import field_document
from reconciler.plan.plan import Change
from reconciler.report.escape import neutral
from reconciler.resources.keys import Kind, Scope

GROUP_FROM: Final = 3
"""From this number on, updates of one app with the same fields and values are shown as one."""

NOUNS: Final = {Kind.MODEL: ("model", "models"), Kind.MODEL_VERSION: ("version", "versions")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Changes that are shown as one, usually just one. All have the same fields, action, kind and reason."""

    changes: tuple[Change, ...]

    @property
    def first(self) -> Change:
        """The change that is shown for all of them."""
        return self.changes[0]

    @property
    def counted(self) -> str:
        """Their number with a noun, such as "37 models"."""
        return counted(len(self.changes), *NOUNS[self.first.key.kind])

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the changed resources inside their app: MODEL or MODEL@VERSION."""
        return tuple(name_in_app(change) for change in self.changes)

    @property
    def place(self) -> str:
        """The place in the manifests: FILE:LINE of one change, FILE if several have the same, else ""."""
        origins = [change.origin for change in self.changes]
        if len(origins) == 1 and origins[0] is not None:
            return f"{origins[0].path}:{origins[0].line}"
        paths = {origin.path if origin else "" for origin in origins}
        return paths.pop() if len(paths) == 1 else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The groups of one app with the same attribution."""

    scope: Scope
    is_base: bool
    groups: tuple[Group, ...]


def counted(count: int, singular: str, plural: str) -> str:
    """A number with its noun."""
    return f"{count:,} {singular if count == 1 else plural}"


def name_in_app(change: Change) -> str:
    """MODEL or MODEL@VERSION."""
    key = change.key
    return f"{key.model_id}@{key.version_id}" if key.version_id else key.model_id


def labelled(change: Change, field: Mapping[str, Any]) -> str:
    """A field's path, marked where this change causes other fields of the resource but not this one."""
    is_mixed = change.attribution == "this_change" and field.get("attribution") == "base"
    return f"{neutral(field['path'])}{' (already pending)' if is_mixed else ''}"


def is_attributed(changes: Iterable[Change]) -> bool:
    """Whether any change is attributed."""
    return any(change.attribution is not None for change in changes)


def sections(changes: Sequence[Change], *, group_from: int = GROUP_FROM) -> tuple[Section, ...]:
    """The changes by attribution (those that this change causes first) and app, in the plan's order."""
    parts: dict[tuple[bool, Scope], list[Change]] = {}
    for change in changes:
        parts.setdefault((change.attribution == "base", change.key.scope), []).append(change)
    return tuple(
        Section(scope=scope, is_base=is_base, groups=_groups(part, group_from))
        for (is_base, scope), part in sorted(parts.items(), key=lambda item: item[0][0])
    )


def _groups(changes: list[Change], group_from: int) -> tuple[Group, ...]:
    """Identical updates as one group, at the place of the first. Deletions are never grouped."""
    alike: dict[str, list[Change]] = {}
    for change in changes:
        alike.setdefault(_identity(change), []).append(change)
    groups: list[Group] = []
    for same in alike.values():
        if len(same) >= group_from:
            groups.append(Group(changes=tuple(same)))
        else:
            groups.extend(Group(changes=(change,)) for change in same)
    order = {change.key: position for position, change in enumerate(changes)}
    return tuple(sorted(groups, key=lambda group: order[group.first.key]))


identified: Final = json.JSONEncoder(sort_keys=True).encode
"""As json.dumps, which makes an encoder for each call with options: that takes longer than to encode most edits."""


def _identity(change: Change) -> str:
    if change.action == "delete":
        return change.key.address  # each deletion is reviewed by itself
    fields = [field_document(item) for item in change.fields]
    return identified([change.key.kind.value, change.reason, fields])
