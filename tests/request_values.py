"""Builds requests for tests, from what they do to each resource."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.resources.keys import Key
from reconciler.resources.request import Entry, Request


def request(rpc: str, action: str | None, values: Mapping[Key, Mapping[str, Any]]) -> Request:
    """The request with an entry for each key, in the given order."""
    entries = tuple(Entry(key=key, values=sent) for key, sent in values.items())
    return Request(rpc=rpc, action=action, scope=entries[0].key.scope, entries=entries)
