"""One call that changes the service, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.resources.keys import Key


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call that changes the service.

    `body` is the whole request message as JSON with proto field names (it parses into service_pb2.<rpc>Request);
    it may hold Sensitive leaves. `keys` are the resources it changes, ordered.
    """

    rpc: str
    action: str | None
    body: Mapping[str, Any]
    keys: tuple[Key, ...]
