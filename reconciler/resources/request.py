"""Requests, and the table of the RPCs that change the service.

Takes what a request does to which resources, and builds the body of its request message. The body is built nowhere else,
and no other module parses one. The facts about the RPCs are those of service.proto (clarifai-grpc 12.6).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from reconciler.resources.fields import MOST_ENTRIES, FieldSpec, fields_below
from reconciler.resources.keys import Key, Kind, Scope
from reconciler.resources.secrets import Sensitive
from reconciler.resources.tree import MISSING, FieldPath, is_mapping, lookup


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

MOST_BYTES: Final = 3 * 1024 * 1024
"""The most bytes of a request with several entries. A gRPC server refuses messages over 4 MiB unless it is configured
otherwise (gRPC, GRPC_DEFAULT_MAX_RECV_MESSAGE_LENGTH in channel_arg_names.h); Clarifai doesn't document its limit. The rest is
room for what a proxy may add."""

_BYTES_AROUND: Final = 24
"""More bytes than protobuf needs around a value or a key. The deepest wrapping is that of an entry of a Struct: for key and
value together, four tags with a length of up to five bytes each, and eight bytes for a number."""

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
        below = fields_below(self.key.kind, frozenset(self.values))
        return tuple(spec for spec in below if lookup(self.values, spec.path) is not MISSING)

    @property
    def most_bytes(self) -> int:
        """At least as many bytes as it takes in the request message."""
        return _most_bytes(self.key.version_id or self.key.model_id) + _most_bytes(self.values)


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

    @property
    def is_divisible(self) -> bool:
        """Whether several requests with a part of its entries each do the same."""
        return self.facts.entries is not None and self.action != DELETE_ALL and len(self.entries) > 1

    @property
    def may_be_too_large(self) -> bool:
        """Whether its size may be the reason for a failure: it has several entries, or a single one of more than MOST_BYTES."""
        return self.is_divisible or any(entry.most_bytes > MOST_BYTES for entry in self.entries)

    def bisect(self) -> tuple[Request, ...]:
        """Return two requests with about half of the entries each, or () if it can't be split.

        The first one has a power of two of them, so that requests of any size lead to the same sizes, of which one that the service
        takes is then found once for all of them.
        """
        if not self.is_divisible:
            return ()
        middle = 1 << ((len(self.entries) - 1).bit_length() - 1)
        return (replace(self, entries=self.entries[:middle]), replace(self, entries=self.entries[middle:]))

    def in_parts(self, most_entries: int = MOST_ENTRIES) -> tuple[Request, ...]:
        """Return requests with the same entries in their order, each with at most `most_entries` and MOST_BYTES.

        An entry that is larger than that alone is sent alone. A request that is small enough, or can't be split, is returned as it is.
        """
        if not self.is_divisible:
            return (self,)
        groups: list[list[Entry]] = [[]]
        size = 0
        for entry in self.entries:
            more = entry.most_bytes
            if groups[-1] and (len(groups[-1]) >= most_entries or size + more > MOST_BYTES):
                groups.append([])
                size = 0
            groups[-1].append(entry)
            size += more
        return (self,) if len(groups) == 1 else tuple(replace(self, entries=tuple(group)) for group in groups)

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


def _most_bytes(value: Any) -> int:
    if isinstance(value, str):
        # Whether a string is ASCII is known without looking at it; encoding copies it.
        return _BYTES_AROUND + (len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass")))
    if is_mapping(value):
        return _BYTES_AROUND + sum(map(_most_bytes, value)) + sum(map(_most_bytes, value.values()))
    if isinstance(value, (list, tuple)):
        return _BYTES_AROUND + sum(map(_most_bytes, value))
    return _most_bytes(value.reveal()) if isinstance(value, Sensitive) else _BYTES_AROUND


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
