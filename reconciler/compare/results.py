"""What a comparison finds: paths whose values differ, resources with such paths, and what can't be compared.

They are types of their own, so that what shows, saves or sends changes doesn't import what finds them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from reconciler.errors import Origin
from reconciler.resources.desired import Statement
from reconciler.resources.keys import Key
from reconciler.resources.observed import Document
from reconciler.resources.secrets import holds_sensitive
from reconciler.resources.tree import MISSING, FieldPath

if TYPE_CHECKING:
    from reconciler.compare.unreadable import NotComparable, Unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One path whose value differs. `before`/`after` are MISSING where the value is absent on that side.

    `origin` is the place of the statement that the change comes from: a stated value, or an entry of `remove`. Where a plan was compared with a base, `attribution` says who wants it, and `base` is the value that the base's own
    manifests would leave there (MISSING: none). A number on the grid of a range counts as read back where live is within
    `tolerance` of it.
    """

    path: FieldPath
    before: Any
    after: Any
    origin: Origin | None = None
    attribution: str | None = None
    base: Any = MISSING
    tolerance: float = 0.0

    @property
    def is_sensitive(self) -> bool:
        """Whether either side holds a value that must not be shown."""
        return holds_sensitive(self.before) or holds_sensitive(self.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A resource whose live spec is not the desired one. `changes` is never empty and is ordered by path.

    `before` and `after` are the specs of the fields that may differ; what neither of them has stays as it is. `origin` is the place
    of its first stated change. `statements` are what the manifest states of it, in order; none where the
    drift is not a manifest's. `unreadable` are its values that can't be read back, with what may be sent of each.
    """

    key: Key
    document: Document
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    changes: tuple[FieldChange, ...]
    origin: Origin | None = None
    statements: tuple[Statement, ...] = ()
    unreadable: Mapping[FieldPath, Unreadable] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What comparing manifests with the live side finds, ordered by key.

    `not_comparable` are stated values about which nothing can be said. `unshown` are values that are sent although the
    service won't show them, and nothing will record that they were sent.
    """

    drifts: tuple[Drift, ...]
    not_comparable: tuple[NotComparable, ...] = ()
    unshown: tuple[NotComparable, ...] = ()

    def without(self, keys: Collection[Key]) -> Comparison:
        """The same without the drifts of these resources."""
        return replace(self, drifts=tuple(drift for drift in self.drifts if drift.key not in keys))
