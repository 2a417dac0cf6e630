"""Wraps what must not be shown before anything can show it.

In: values from the service or a manifest. Out: the same with secrets inside a Sensitive. Two things are secret: params
that the model type declares as ENCRYPTED_STRING or ARRAY_OF_SECRETS, wherever their value comes from, and every text
equal to a value that a manifest took from the environment, wherever it turns up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.resources.desired import Desired
from reconciler.resources.keys import Key
from reconciler.resources.tree import MISSING, Place, leaves, lookup, map_leaves, with_value

SENSITIVE_TEXT: Final = "(sensitive)"


class Sensitive:
    """A value that no output, plan, backup, log or error may show; only `reveal` gives it, only to be sent or compared.

    `source` says where it can be read again: "env:NAME", "manifest" or "live". Not JSON on purpose: what forgets
    to redact it fails instead of leaking.
    """

    __slots__ = ("_value", "source")

    def __init__(self, value: Any, source: str) -> None:
        self._value = value
        self.source = source

    def reveal(self) -> Any:
        """The value itself."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sensitive) and type(self._value) is type(other._value) and self._value == other._value

    def __hash__(self) -> int:
        return hash(("Sensitive", str(self._value)))

    def __repr__(self) -> str:
        return SENSITIVE_TEXT

    __str__ = __repr__


def revealed(value: Any) -> Any:
    """A JSON value as plain dicts and lists with what every Sensitive holds; only for sending and comparing."""
    return map_leaves(value, lambda leaf: revealed(leaf.reveal()) if isinstance(leaf, Sensitive) else leaf)


def redacted(value: Any) -> Any:
    """A JSON value as plain dicts and lists with `(sensitive)` in place of every Sensitive."""
    return map_leaves(value, lambda leaf: SENSITIVE_TEXT if isinstance(leaf, Sensitive) else leaf)


def holds_sensitive(value: Any) -> bool:
    """Whether `value` is, or contains, a Sensitive."""
    return any(isinstance(leaf, Sensitive) for _, leaf in leaves(value))


def sensitive_places(value: Any) -> Iterator[tuple[Place, Sensitive]]:
    """Every Sensitive inside a JSON value, with the place where it stands."""
    return ((path, leaf) for path, leaf in leaves(value) if isinstance(leaf, Sensitive))


def secret_texts(value: Any) -> Iterator[str]:
    """The text of every string and number inside every Sensitive of a JSON value."""
    for _, secret in sensitive_places(value):
        for _, leaf in leaves(revealed(secret)):
            if leaf is not None and not isinstance(leaf, bool):
                yield str(leaf)


PARAMS = ("output_info", "params")


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What is secret in this run: `known` texts, and per model version the names of its secret params."""

    known: frozenset[str] = frozenset()
    params_of: Callable[[Key], frozenset[str]] = field(default=lambda key: frozenset())

    def may_be_in(self, key: Key) -> bool:
        """Whether anything of a resource could be secret."""
        return bool(self.known) or bool(key.version_id and self.params_of(key))

    def conceal(self, key: Key, tree: Mapping[str, Any], *, source: str) -> dict[str, Any]:
        """A spec or document with its secrets wrapped; `source` says where their values can be read again."""

        def wrapped(leaf: Any) -> Any:
            return Sensitive(leaf, source) if isinstance(leaf, str) and leaf in self.known else leaf

        concealed: dict[str, Any] = _lists_wrapped(map_leaves(tree, wrapped))
        if not key.version_id:
            return concealed
        for name in sorted(self.params_of(key)):
            value = lookup(concealed, (*PARAMS, name))
            if value is not MISSING and not isinstance(value, Sensitive):
                concealed = with_value(concealed, (*PARAMS, name), Sensitive(revealed(value), source))
        return concealed

    def redacted(self, key: Key, tree: Mapping[str, Any]) -> dict[str, Any]:
        """A live spec or document as plain JSON data, with `(sensitive)` in place of its secrets."""
        shown: dict[str, Any] = redacted(self.conceal(key, tree, source="live"))
        return shown


def _lists_wrapped(value: Any) -> Any:
    """A list with a secret in it as one secret: its other items may be the secrets of before."""
    if isinstance(value, list):
        return Sensitive(revealed(value), "manifest") if holds_sensitive(value) else value
    if isinstance(value, Mapping):
        return {name: _lists_wrapped(item) for name, item in value.items()}
    return value


def known_secrets(desired: Desired) -> frozenset[str]:
    """Every text that the manifests took from the environment."""
    found: set[str] = set()
    if not desired.has_references:
        return frozenset()
    for model in desired.models:
        for stated in (model.stated, *(version.stated for version in model.versions)):
            values = (secret.reveal() for _, secret in sensitive_places(stated))
            # A number is not text that could be searched for in what is printed; it stays wrapped where it stands.
            found.update(value for value in values if isinstance(value, str))
    return frozenset(found)
