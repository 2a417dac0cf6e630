"""Values that no output may show.

Takes values from the service or from manifests and wraps each secret in a Sensitive, before any other stage sees it.
Secrets are the params that the model type declares as ENCRYPTED_STRING or ARRAY_OF_SECRETS, wherever their value comes
from, and every string that equals a value which a manifest takes from an environment variable, wherever it occurs.

Text that has already been rendered is never searched for secrets here; `remote/scrub.py` does that for errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.resources.desired import Desired
from reconciler.resources.fields import MARK_KEY, UNREADABLE_KEY
from reconciler.resources.keys import Key
from reconciler.resources.tree import MISSING, Place, is_plain, leaves, lookup, map_leaves, with_value

SENSITIVE_TEXT: Final = "(sensitive)"
"""What every output shows in place of a secret."""

ENV: Final = "env:"
"""How the source of a value from an environment variable begins."""


class Sensitive:
    """A value that no output, plan, backup, log or error may show.

    `source` says where the value can be read again: "env:NAME", "manifest", LIVE, or MARK for the owner mark. `variables` are
    the names of the environment variables that are part of the value.
    """

    # Deliberately not JSON-serializable: code that forgets to redact a value fails instead of leaking it.

    __slots__ = ("_value", "source", "variables")

    def __init__(self, value: Any, source: str, variables: tuple[str, ...] = ()) -> None:
        self._value = value
        self.source = source
        self.variables = (source.removeprefix(ENV),) if source.startswith(ENV) else variables

    def reveal(self) -> Any:
        """Return the value itself, to be sent or compared and never to be shown."""
        return self._value

    def __eq__(self, other: object) -> bool:
        # The types too, since 1 == True in Python.
        return isinstance(other, Sensitive) and type(self._value) is type(other._value) and self._value == other._value

    def __hash__(self) -> int:
        return hash(("Sensitive", str(self._value)))

    def __repr__(self) -> str:
        return SENSITIVE_TEXT

    __str__ = __repr__


def revealed(value: Any) -> Any:
    """Return a JSON value as plain dicts and lists with every Sensitive replaced by its value.

    The result is only for sending and comparing.
    """
    # Most values are plain: to find that out takes a fifth of replacing nothing in them.
    if is_plain(value):
        return value
    return map_leaves(value, lambda leaf: revealed(leaf.reveal()) if isinstance(leaf, Sensitive) else leaf)


def redacted(value: Any) -> Any:
    """Return a JSON value as plain dicts and lists with every Sensitive replaced by `(sensitive)`."""
    if is_plain(value):
        return value
    return map_leaves(value, lambda leaf: SENSITIVE_TEXT if isinstance(leaf, Sensitive) else leaf)


def holds_sensitive(value: Any) -> bool:
    """Return whether `value` is or contains a Sensitive."""
    return not is_plain(value) and any(isinstance(leaf, Sensitive) for _, leaf in leaves(value))


def sensitive_places(value: Any) -> Iterator[tuple[Place, Sensitive]]:
    """Yield every Sensitive in a JSON value with its position."""
    if is_plain(value):
        return iter(())
    return ((path, leaf) for path, leaf in leaves(value) if isinstance(leaf, Sensitive))


def variables_in(value: Any) -> tuple[str, ...]:
    """Return the names of the environment variables whose values a JSON value contains, sorted."""
    return tuple(sorted({name for _, secret in sensitive_places(value) for name in secret.variables}))


def secret_texts(value: Any) -> Iterator[str]:
    """Yield the text of every string and number that a Sensitive in a JSON value contains."""
    for _, secret in sensitive_places(value):
        for _, leaf in leaves(revealed(secret)):
            if leaf is not None and not isinstance(leaf, bool):
                yield str(leaf)


PARAMS = ("output_info", "params")

LIVE: Final = "live"
"""The source of a value of the live side. In a request, only an undo has such values: what it leaves as it is travels along."""

MARK: Final = "mark"
"""The source of the digests in an owner mark, which are read again from the live model."""

_SALT_LENGTH: Final = 32

_DIGESTS: Final = ("metadata", MARK_KEY, UNREADABLE_KEY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What is secret in a run.

    `known` are the strings that the manifests take from environment variables, and `variables` the names of those
    variables, by string. `params_of` returns, for the key of a
    model version, the names of the params that its model type declares secret.
    """

    known: frozenset[str] = frozenset()
    variables: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    params_of: Callable[[Key], frozenset[str]] = field(default=lambda key: frozenset())

    def may_be_in(self, key: Key, tree: Mapping[str, Any]) -> bool:
        """Return whether a resource could contain a secret. It saves the walk through resources that can't."""
        if self.known:
            return True
        return bool(self.params_of(key)) if key.version_id else lookup(tree, _DIGESTS) is not MISSING

    def conceal(self, key: Key, tree: Mapping[str, Any], *, source: str) -> dict[str, Any]:
        """Return a spec or document with its secrets wrapped. `source` is that of each new Sensitive."""

        def wrapped(leaf: Any) -> Any:
            if not isinstance(leaf, str) or leaf not in self.known:
                return leaf
            return Sensitive(leaf, source, self.variables.get(leaf, ()))

        # Strings first, wherever they are: a manifest can put a value from the environment into any field.
        concealed: dict[str, Any] = _lists_wrapped(map_leaves(tree, wrapped))
        if not key.version_id:
            # The digests are made to resist guessing, but outputs may be public where models are private.
            digests = lookup(concealed, _DIGESTS)
            return concealed if digests is MISSING else with_value(concealed, _DIGESTS, map_leaves(digests, _hidden))
        for name in sorted(self.params_of(key)):
            value = lookup(concealed, (*PARAMS, name))
            if value is not MISSING and not isinstance(value, Sensitive):
                concealed = with_value(
                    concealed, (*PARAMS, name), Sensitive(revealed(value), source, variables_in(value))
                )
        return concealed

    def redacted(self, key: Key, tree: Mapping[str, Any]) -> dict[str, Any]:
        """A live spec or document as plain JSON data, with `(sensitive)` in place of its secrets."""
        return dict(redacted(self.conceal(key, tree, source="live")))


def _hidden(leaf: Any) -> Any:
    """A leaf of what an owner mark records: salts and digests are hidden, and words such as "absent" are not."""
    return Sensitive(leaf, MARK) if isinstance(leaf, str) and len(leaf) >= _SALT_LENGTH else leaf


def _lists_wrapped(value: Any) -> Any:
    """Return a tree in which each list that contains a secret is one secret.

    The other items of such a list may be earlier values of the secret, which `known` doesn't contain.
    """
    if isinstance(value, list):
        return Sensitive(revealed(value), "manifest", variables_in(value)) if holds_sensitive(value) else value
    if isinstance(value, Mapping):
        return {name: _lists_wrapped(item) for name, item in value.items()}
    return value


def _stated_values(desired: Desired) -> Iterator[Mapping[str, Any]]:
    """All that manifests and defaults state, entry by entry."""
    for model in desired.models:
        yield model.stated
        yield from (version.stated for version in model.versions)
    for default in desired.defaults:
        yield default.model.stated
        yield from (version.stated for version in default.versions)


def known_secrets(desired: Desired) -> frozenset[str]:
    """Return every string that the manifests take from environment variables."""
    return frozenset(secret_variables(desired))


def secret_variables(desired: Desired) -> dict[str, tuple[str, ...]]:
    """Return the strings that the manifests take from environment variables, each with the names of the variables."""
    found: dict[str, set[str]] = {}
    if not desired.has_references:
        return {}
    for stated in _stated_values(desired):
        for _, secret in sensitive_places(stated):
            # Only strings can be recognized elsewhere. Other values stay wrapped at their own position.
            if isinstance(secret.reveal(), str):
                found.setdefault(secret.reveal(), set()).update(secret.variables)
    return {text: tuple(sorted(names)) for text, names in found.items()}
