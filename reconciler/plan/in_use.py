"""What uses a model or version: workflows of any app of its user, and deployments.

In: keys, and the Workflow and Deployment messages that the service lists by user. Out: for each key its users in words, and a
refusal for each that is used. The service deletes a version that a workflow runs without an error, and marks that workflow's version
as deprecated (resources.proto, WorkflowVersion.is_deprecated), so this tool has to check.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.errors import Refusal, RefusedError, RemoteError
from reconciler.remote.observe import each
from reconciler.remote.port import Remote
from reconciler.remote.statuses import INSUFFICIENT_SCOPES
from reconciler.resources.keys import Key
from reconciler.resources.observed import Document
from reconciler.resources.tree import lookup

WORKFLOWS: Final = "workflows"
DEPLOYMENTS: Final = "deployments"

SCOPES: Final[Mapping[str, tuple[str, ...]]] = {
    WORKFLOWS: ("Apps:Get", "Models:Get", "Workflows:Get"),
    DEPLOYMENTS: (
        "Apps:Get", "ComputeClusters:Get", "Deployments:Get", "InstanceTypes:Get", "Models:Get", "Nodepools:Get",
        "Runners:Get", "Workflows:Get",
    ),
}  # fmt: skip
"""The scopes of a token that each look needs (service.proto, cl_depending_scopes of ListWorkflows and ListDeployments)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One user of a model or version: a workflow or a deployment, by `kind`, with its name in words."""

    kind: str
    name: str
    app_id: str = ""

    def __str__(self) -> str:
        return self.name


def read_uses(
    keys: Collection[Key], remote: Remote, *, kinds: Collection[str], parallelism: int
) -> dict[Key, tuple[Use, ...]]:
    """What uses these models and versions now; workflows and deployments are listed at the same time.

    Raises RefusedError where the token may not look.
    """
    users = sorted({key.user_id for key in keys})
    looks = [(kind, user_id) for user_id in users for kind in (WORKFLOWS, DEPLOYMENTS) if kind in kinds]
    listed = dict(zip(looks, each(lambda look: _listed(remote, *look), looks, parallelism), strict=True))
    found: dict[Key, tuple[Use, ...]] = {}
    for user_id in users:
        workflows, deployments = (listed.get((kind, user_id), ()) for kind in (WORKFLOWS, DEPLOYMENTS))
        mine = [key for key in keys if key.user_id == user_id]
        found.update(uses_of(mine, workflows=workflows, deployments=deployments))
    return found


def _listed(remote: Remote, kind: str, user_id: str) -> tuple[Document, ...]:
    read = remote.list_workflows if kind == WORKFLOWS else remote.list_deployments
    try:
        return tuple(read(user_id))
    except RemoteError as error:
        if error.status != INSUFFICIENT_SCOPES:
            raise
        raise RefusedError((unknown_use(kind, user_id),)) from error


def uses_of(
    keys: Iterable[Key], *, workflows: Iterable[Document], deployments: Iterable[Document]
) -> dict[Key, tuple[Use, ...]]:
    """The users of each key that has any. User ids are not compared, because "me" is another name for the same user."""
    listed, deployed = list(workflows), list(deployments)
    found = {key: (*_workflows_using(key, listed), *_deployments_using(key, deployed)) for key in keys}
    return {key: uses for key, uses in found.items() if uses}


def in_use_refusals(uses: Mapping[Key, tuple[Use, ...]]) -> tuple[Refusal, ...]:
    """A refusal for each key that is used."""
    return tuple(
        Refusal(
            rule=f"used-by-{use.kind.removesuffix('s')}",
            address=key.address,
            message=f"{key.address} is used by {use}.",
            remedy=f"Take it out of the {use.kind.removesuffix('s')} first, or keep its manifest.",
        )
        for key, found in uses.items()
        for use in found
    )


def unknown_use(kind: str, user_id: str) -> Refusal:
    """The refusal of deletions because the token doesn't allow to find out whether something uses them."""
    return Refusal(
        rule="in-use-unknown",
        message=f"The token may not list the {kind} of {user_id}, so it is not known what they use. "
        f"That needs the scopes {', '.join(SCOPES[kind])}.",
        remedy=f"Give the token these scopes, or leave {kind} out of prune.in_use in reconciler.yaml.",
    )


def _workflows_using(key: Key, workflows: Iterable[Document]) -> Iterator[Use]:
    found = {
        (str(workflow.get("app_id", key.app_id)), str(workflow.get("id")))
        for workflow in workflows
        if any(_is_about(key, node.get("model"), app_id=workflow.get("app_id")) for node in _nodes(workflow))
    }
    for app_id, name in sorted(found):
        yield Use(kind=WORKFLOWS, name=f"workflow {name} of app {app_id}", app_id=app_id)


def _nodes(workflow: Document) -> Iterator[Mapping[str, Any]]:
    in_version = lookup(workflow, ("version", "nodes"))
    for nodes in (workflow.get("nodes"), in_version):
        yield from (node for node in nodes if isinstance(node, Mapping)) if isinstance(nodes, list) else ()


def _deployments_using(key: Key, deployments: Iterable[Document]) -> Iterator[Use]:
    names = {
        str(deployment.get("id"))
        for deployment in deployments
        for worker in ("worker", "desired_worker")
        if _is_about(key, lookup(deployment, (worker, "model")))
    }
    for name in sorted(names):
        yield Use(kind=DEPLOYMENTS, name=f"deployment {name}")


def _is_about(key: Key, model: Any, *, app_id: str | None = None) -> bool:
    """Whether a Model message names the model, and for a version's key that version.

    A message that names no app means that of the workflow around it (`app_id`); one without a version runs the latest
    version, which is never deleted by itself.
    """
    if not isinstance(model, Mapping) or model.get("id") != key.model_id:
        return False
    if (model.get("app_id") or app_id or key.app_id) != key.app_id:
        return False
    return not key.version_id or lookup(model, ("model_version", "id")) == key.version_id
