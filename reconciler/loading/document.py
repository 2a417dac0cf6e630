"""One YAML document that was read: its JSON value, and the position of each part in its file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from reconciler.errors import Origin
from reconciler.loading.nodes import JsonPath, Positions


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedDocument:
    """One YAML document. Its value is read-only, and shares its parts where the text uses aliases.

    `has_references` is False if no scalar contains `${`. `is_ordinary` is True only if no scalar needs another check:
    YAML reads none in a way that surprises people, every number is spelled as the service spells it and fits into a
    double, no key contains `${`, and nothing is nested deeply.
    """

    path: str
    value: Any
    positions: Positions
    has_references: bool = False
    is_ordinary: bool = False

    def origin(self, path: JsonPath = ()) -> Origin:
        """The place of the value at `path`, or of the nearest value above it that the text holds."""
        return Origin(self.path, *self.positions.position(path))

    def key_origin(self, path: JsonPath) -> Origin:
        """The place of the key that ends `path`; of the value itself where it isn't a mapping's."""
        return Origin(self.path, *self.positions.key_position(path))

    def raw(self, path: JsonPath) -> str | None:
        """The text as written of the plain scalar at `path`, where it isn't read as a string, or looks as if it weren't."""
        return self.positions.raw(path)

    def with_value(self, value: Any) -> LoadedDocument:
        """The same document with other values at the same places."""
        return replace(self, value=value, is_ordinary=False)

    def with_path(self, path: str) -> LoadedDocument:
        """The same document under another name of its file."""
        return replace(self, path=path)
