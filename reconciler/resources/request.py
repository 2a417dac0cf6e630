"""Requests, and the table of the RPCs that change the service.

Takes what a request does to which resources, and builds the body of its request message. The body is built nowhere else,
and no other module parses one. The facts about the RPCs are those of service.proto (clarifai-grpc 12.6).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from reconciler.resources.fields import KINDS, FieldSpec
from reconciler.resources.keys import Key, Kind, Scope
from reconciler.resources.tree import MISSING, FieldPath, lookup


@dataclass(frozen=True, slots=True, kw_only=True)
class Rpc:
    """The facts about one RPC.

    `kind` is the kind of resource that it changes. `entries` is the field of the request message that lists those
    resources, None for an RPC about a single resource. `replaces` is the managed field that the RPC replaces, if it
    replaces a single one, and `replaces_as` the name of that field in the request message. A `repeatable` RPC leaves the
    same state if it is carried out twice.
    """

    kind: Kind
    entries: str | None = None
    replaces: FieldPath | None = None
    replaces_as: str = ""
    deletes: bool = False
    repeatable: bool = True


RPCS: Final[Mapping[str, Rpc]] = {
    "PatchModels": Rpc(kind=Kind.MODEL, entries="models"),
    "PatchModelVersions": Rpc(kind=Kind.MODEL_VERSION, entries="model_versions"),
    # proto3 doesn't send an empty repeated field, so PatchModels can't empty a tag list. These RPCs can: "overwrite" is their
    # only action, and it removes every tag that isn't in the request.
    "PatchModelToolkits": Rpc(kind=Kind.MODEL, replaces=("toolkits",), replaces_as="toolkits"),
    "PatchModelUseCases": Rpc(kind=Kind.MODEL, replaces=("use_cases",), replaces_as="usecases"),
    "PatchModelLanguages": Rpc(kind=Kind.MODEL, replaces=("languages",), replaces_as="languages"),
    # A second deletion could delete what somebody has created with the same id in between.
    "DeleteModels": Rpc(kind=Kind.MODEL, entries="ids", deletes=True, repeatable=False),
    "DeleteModelVersion": Rpc(kind=Kind.MODEL_VERSION, deletes=True, repeatable=False),
}
"""Every RPC that this tool may send to change something."""

PATCH_RPCS: Final[Mapping[Kind, str]] = {Kind.MODEL: "PatchModels", Kind.MODEL_VERSION: "PatchModelVersions"}

DELETE_ALL: Final = "delete_all"
"""The action of a DeleteModels without ids, which deletes all models of the app. Only a purge sends it."""


def replacing_rpc(spec: FieldSpec) -> str | None:
    """Return the name of the RPC that replaces this field alone, and so can empty it; None if there is none."""
    return next((name for name, rpc in RPCS.items() if rpc.replaces == spec.path), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a request does to one resource.

    `values` are what it sends, nested as in the API document; leaves may be Sensitive. A deletion has no values.
    """

    key: Key
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fields(self) -> tuple[FieldSpec, ...]:
        """The managed fields that `values` contains."""
        return tuple(spec for spec in KINDS[self.key.kind] if lookup(self.values, spec.path) is not MISSING)


@dataclass(frozen=True, kw_only=True)
class Request:
    """One RPC that changes the service, with its action and an entry per resource in the order of the request message.

    `action` is None for an RPC without actions.
    """

    rpc: str
    action: str | None
    scope: Scope
    entries: tuple[Entry, ...]

    @property
    def facts(self) -> Rpc:
        """The facts about the RPC. Raises KeyError for an RPC that isn't in the table."""
        return RPCS[self.rpc]

    @property
    def keys(self) -> tuple[Key, ...]:
        """The keys of the resources that it changes."""
        return tuple(entry.key for entry in self.entries)

    @property
    def deletes(self) -> bool:
        """Whether it deletes the resources of its entries."""
        return self.facts.deletes

    @property
    def is_repeatable(self) -> bool:
        """Whether it may be sent again after its response was lost."""
        # `remove` may not: it could remove what somebody has added in between.
        return self.facts.repeatable and self.action != "remove"

    def entry(self, key: Key) -> Entry | None:
        """Return the entry of one resource, or None."""
        return next((entry for entry in self.entries if entry.key == key), None)

    def carries(self, key: Key, path: FieldPath) -> bool:
        """Return whether it sets or removes the managed field that contains `path` of a resource."""
        entry = self.entry(key)
        return entry is not None and any(path[: len(spec.path)] == spec.path for spec in entry.fields)

    def bisect(self) -> tuple[Request, ...]:
        """Return two requests with half of the entries each, or () if it can't be split."""
        if self.facts.entries is None or self.action == DELETE_ALL or len(self.entries) < 2:
            return ()
        middle = len(self.entries) // 2
        return (replace(self, entries=self.entries[:middle]), replace(self, entries=self.entries[middle:]))

    @cached_property
    def body(self) -> Mapping[str, Any]:
        """The request message as JSON with proto field names; leaves may be Sensitive."""
        facts, first = self.facts, self.entries[0]
        body: dict[str, Any] = {"user_app_id": {"user_id": self.scope.user_id, "app_id": self.scope.app_id}}
        if self.action == DELETE_ALL:
            return {**body, "delete_all": True}
        if facts.entries == "ids":
            return {**body, "ids": [entry.key.model_id for entry in self.entries]}
        if facts.kind is Kind.MODEL_VERSION or facts.replaces is not None:
            body["model_id"] = first.key.model_id
        if facts.deletes:
            return {**body, "version_id": first.key.version_id}
        if facts.replaces is not None:
            body[facts.replaces_as] = lookup(first.values, facts.replaces)
        else:
            body[str(facts.entries)] = [
                {"id": entry.key.version_id or entry.key.model_id, **entry.values} for entry in self.entries
            ]
        return {**body, "action": self.action}


def request_from_body(rpc: str, action: str | None, body: Mapping[str, Any], keys: tuple[Key, ...]) -> Request:
    """Return the request about `keys` that has this body, which comes from a saved plan.

    Raises ValueError if no such request has exactly this body.
    """
    if rpc not in RPCS or not keys:
        raise ValueError(f"{rpc} is not one of {', '.join(RPCS)}")
    facts = RPCS[rpc]
    sent: list[Mapping[str, Any]] = [{} for _ in keys]
    if facts.replaces is not None:
        sent = [{facts.replaces[0]: body.get(facts.replaces_as)}]
    elif facts.entries is not None and not facts.deletes:
        sent = [{name: value for name, value in item.items() if name != "id"} for item in body[facts.entries]]
    entries = tuple(Entry(key=key, values=values) for key, values in zip(keys, sent, strict=True))
    request = Request(rpc=rpc, action=action, scope=keys[0].scope, entries=entries)
    # Built again and compared, so that a body with more in it than its entries say is never sent.
    if request.body != body:
        raise ValueError(f"the body of a {rpc} request does not match its changes")
    return request
