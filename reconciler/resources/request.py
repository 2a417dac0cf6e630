"""A call that changes the service, as one value from its proof to the wire, and the table of what each such call is.

In: what a call does to which resources. Out: the body of its request message, built here and nowhere else. The facts about
the RPCs are those of service.proto (clarifai-grpc 12.6).
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
    """What one RPC is.

    `kind` is the kind of resource that it changes. `entries` is the field of the request message that lists those
    resources; None for a call about one resource. `replaces` is the one field that the call replaces, `replaces_as` the
    name of that field in the request message. A `repeatable` call gives the same state when it is carried out twice.
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
    # A repeated field that is empty is not on the wire, so PatchModels can't empty a tag list. These calls can: they know
    # the action "overwrite" alone, and what they are not sent is gone.
    "PatchModelToolkits": Rpc(kind=Kind.MODEL, replaces=("toolkits",), replaces_as="toolkits"),
    "PatchModelUseCases": Rpc(kind=Kind.MODEL, replaces=("use_cases",), replaces_as="usecases"),
    "PatchModelLanguages": Rpc(kind=Kind.MODEL, replaces=("languages",), replaces_as="languages"),
    # A second deletion could take what somebody has made under the same id meanwhile.
    "DeleteModels": Rpc(kind=Kind.MODEL, entries="ids", deletes=True, repeatable=False),
    "DeleteModelVersion": Rpc(kind=Kind.MODEL_VERSION, deletes=True, repeatable=False),
}
"""Every call that this tool may send to change something."""

PATCH_RPCS: Final[Mapping[Kind, str]] = {Kind.MODEL: "PatchModels", Kind.MODEL_VERSION: "PatchModelVersions"}

DELETE_ALL: Final = "delete_all"
"""The action of a DeleteModels that names no ids and deletes whatever the app holds; only a purge makes it."""


def replacing_rpc(spec: FieldSpec) -> str | None:
    """The call that replaces one field of a model as a whole, and so can empty it; None where there is none."""
    return next((name for name, rpc in RPCS.items() if rpc.replaces == spec.path), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a request does to one resource: the `values` that it sends, nested as in the API document.

    Leaves may be Sensitive. A deletion sends no values.
    """

    key: Key
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fields(self) -> tuple[FieldSpec, ...]:
        """The managed fields that the values carry."""
        return tuple(spec for spec in KINDS[self.key.kind] if lookup(self.values, spec.path) is not MISSING)


@dataclass(frozen=True, kw_only=True)
class Request:
    """One call that changes the service: an RPC, its action, and an entry per resource, in the order of the request message."""

    rpc: str
    action: str | None
    scope: Scope
    entries: tuple[Entry, ...]

    @property
    def facts(self) -> Rpc:
        """What the RPC is. Raises KeyError for a call that is not in the table."""
        return RPCS[self.rpc]

    @property
    def keys(self) -> tuple[Key, ...]:
        """The resources that it changes."""
        return tuple(entry.key for entry in self.entries)

    @property
    def deletes(self) -> bool:
        """Whether it deletes what it names."""
        return self.facts.deletes

    @property
    def is_repeatable(self) -> bool:
        """Whether it may be sent again after a lost response: `remove` may not, since it takes away what may have come since."""
        return self.facts.repeatable and self.action != "remove"

    def entry(self, key: Key) -> Entry | None:
        """The entry about one resource, or None."""
        return next((entry for entry in self.entries if entry.key == key), None)

    def carries(self, key: Key, path: FieldPath) -> bool:
        """Whether it sets or removes the managed field that holds `path` of a resource."""
        entry = self.entry(key)
        return entry is not None and any(path[: len(spec.path)] == spec.path for spec in entry.fields)

    def bisect(self) -> tuple[Request, ...]:
        """The request as two, each about half of its resources; () where it can't be split."""
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
    """The request about `keys` whose body this is, as a saved plan holds it.

    Raises ValueError where the body is not the one that the call, its action and its resources lead to.
    """
    if rpc not in RPCS or not keys:
        raise ValueError(f"{rpc} is not one of the calls that change models: {', '.join(RPCS)}")
    facts = RPCS[rpc]
    sent: list[Mapping[str, Any]] = [{} for _ in keys]
    if facts.replaces is not None:
        sent = [{facts.replaces[0]: body.get(facts.replaces_as)}]
    elif facts.entries is not None and not facts.deletes:
        sent = [{name: value for name, value in item.items() if name != "id"} for item in body[facts.entries]]
    entries = tuple(Entry(key=key, values=values) for key, values in zip(keys, sent, strict=True))
    request = Request(rpc=rpc, action=action, scope=keys[0].scope, entries=entries)
    if request.body != body:
        raise ValueError(f"the body of a {rpc} is not the one that its changes lead to")
    return request
