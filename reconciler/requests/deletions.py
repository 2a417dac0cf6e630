"""Deletion requests: DeleteModels by id in batches, DeleteModelVersion one by one; never `delete_all`.

In: keys that `policy` allowed. Out: requests, versions first. service.proto has no bulk deletion of versions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from reconciler.resources.keys import Key, Scope
from reconciler.resources.request import Request

DELETING_RPCS = frozenset({"DeleteModels", "DeleteModelVersion"})


def deletion_requests(keys: Iterable[Key], *, batch: int) -> Iterator[Request]:
    """The requests that delete `keys`, at most `batch` ids in each."""
    ordered = sorted(keys)
    for key in ordered:
        if key.version_id:
            body = {"user_app_id": scope_body(key.scope), "model_id": key.model_id, "version_id": key.version_id}
            yield Request(rpc="DeleteModelVersion", action=None, body=body, keys=(key,))
    models = [key for key in ordered if not key.version_id]
    for scope, group in groupby(models, key=lambda key: key.scope):
        members = list(group)
        for start in range(0, len(members), batch):
            chunk = tuple(members[start : start + batch])
            body = {"user_app_id": scope_body(scope), "ids": [key.model_id for key in chunk]}
            yield Request(rpc="DeleteModels", action=None, body=body, keys=chunk)


def purge_request(scope: Scope, keys: tuple[Key, ...]) -> Request:
    """The one request that deletes every model of an app; only `purge` makes it."""
    return Request(
        rpc="DeleteModels",
        action="delete_all",
        body={"user_app_id": scope_body(scope), "delete_all": True},
        keys=keys,
    )


def scope_body(scope: Scope) -> dict[str, str]:
    """A UserAppIDSet."""
    return {"user_id": scope.user_id, "app_id": scope.app_id}
