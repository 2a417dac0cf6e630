"""Wraps what must not be shown before anything can show it.

In: values from the service or a manifest. Out: the same with secrets inside a Sensitive. Two things are secret: params
that the model type declares as ENCRYPTED_STRING or ARRAY_OF_SECRETS, wherever their value comes from, and every text
equal to a value that a manifest took from the environment, wherever it turns up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.canon import lookup, plain, with_value
from reconciler.resources import MISSING, Desired, Key, Sensitive, holds_sensitive

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
        concealed: dict[str, Any] = _lists_wrapped(_known_wrapped(tree, self.known, source))
        if not key.version_id:
            return concealed
        for name in sorted(self.params_of(key)):
            value = lookup(concealed, (*PARAMS, name))
            if value is not MISSING and not isinstance(value, Sensitive):
                concealed = with_value(concealed, (*PARAMS, name), Sensitive(plain(value), source))
        return concealed


def _lists_wrapped(value: Any) -> Any:
    """A list with a secret in it as one secret: its other items may be the secrets of before."""
    if isinstance(value, list):
        return Sensitive(plain(value), "manifest") if holds_sensitive(value) else value
    if isinstance(value, Mapping):
        return {name: _lists_wrapped(item) for name, item in value.items()}
    return value


def _known_wrapped(value: Any, known: frozenset[str], source: str) -> Any:
    if isinstance(value, str):
        return Sensitive(value, source) if value in known else value
    if isinstance(value, Mapping):
        return {name: _known_wrapped(item, known, source) for name, item in value.items()}
    if isinstance(value, list):
        return [_known_wrapped(item, known, source) for item in value]
    return value


def known_secrets(desired: Desired) -> frozenset[str]:
    """Every text that the manifests took from the environment."""
    found: set[str] = set()
    if not desired.has_references:
        return frozenset()
    for model in desired.models:
        found.update(_texts(model.stated))
        for version in model.versions:
            found.update(_texts(version.stated))
    return frozenset(found)


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, Sensitive):
        if isinstance(value.reveal(), str):
            yield value.reveal()
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
