"""What uses models: workflows and deployments. The calls that read them, and what a deletion means for them.

In: a request of a listing, or the model or version that is to be deleted. Out: answers, or a refusal. A workflow's
version names a model and mostly one of its versions in each node; a deployment names one as its worker.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from clarifai_grpc.grpc.api import service_pb2

from reconciler.emulator import listing, rows
from reconciler.emulator.answers import MODEL_INVALID_REQUEST, RESOURCE_MISSING, RefusedCallError
from reconciler.emulator.turn import Turn

# --- the calls ----------------------------------------------------------------------------------------------------


def list_workflows(turn: Turn, request: Any) -> Any:
    """ListWorkflows of an app, or of all apps of a user."""
    user_id, app_id = turn.listed_scope(request.user_app_id)
    page = listing.workflow_page(turn.connection, request, turn.switches, user_id=user_id, app_id=app_id, me=turn.me)
    fields = frozenset(request.additional_fields)
    return service_pb2.MultiWorkflowResponse(workflows=[turn.show.workflow(pk, fields) for pk in page])


def get_workflow(turn: Turn, request: Any) -> Any:
    """GetWorkflow."""
    pk = _workflow(turn, request)
    return service_pb2.SingleWorkflowResponse(workflow=turn.show.workflow(pk, frozenset(request.additional_fields)))


def list_workflow_versions(turn: Turn, request: Any) -> Any:
    """ListWorkflowVersions, newest first (the order is a guess, after ListModelVersions)."""
    versions = rows.workflow_versions(turn.connection, _workflow(turn, request))
    limit, offset = listing.page_bounds(request.page, request.per_page, turn.switches)
    page = [row.message for row in versions[offset : offset + limit]]
    return service_pb2.MultiWorkflowVersionResponse(workflow_versions=page)


def get_workflow_version(turn: Turn, request: Any) -> Any:
    """GetWorkflowVersion."""
    for row in rows.workflow_versions(turn.connection, _workflow(turn, request)):
        if row.message.id == request.workflow_version_id:
            return service_pb2.SingleWorkflowVersionResponse(workflow_version=row.message)
    raise RefusedCallError(RESOURCE_MISSING, f"Workflow version {request.workflow_version_id} does not exist")


def _workflow(turn: Turn, request: Any) -> int:
    """The row number of the workflow that a request names. The status of an unknown one is a guess."""
    pk = rows.find_workflow(turn.connection, *turn.scope(request.user_app_id), request.workflow_id)
    if pk is None:
        raise RefusedCallError(RESOURCE_MISSING, f"Workflow {request.workflow_id} does not exist")
    return pk


def list_deployments(turn: Turn, request: Any) -> Any:
    """ListDeployments of a user; without one, the caller's (V2.ListDeployments has both HTTP bindings).

    The filters are those of service.proto, ListDeploymentsRequest. The order is a guess: newest first.
    """
    user_id = turn.scope(request.user_app_id)[0] or turn.me
    found = [
        deployment
        for deployment in rows.all_deployments(turn.connection)
        if deployment.user_id == user_id and _fits(deployment, request)
    ]
    limit, offset = listing.page_bounds(request.page, request.per_page, turn.switches)
    return service_pb2.MultiDeploymentResponse(deployments=found[offset : offset + limit])


def get_deployment(turn: Turn, request: Any) -> Any:
    """GetDeployment. The status of an unknown one is a guess."""
    user_id = turn.scope(request.user_app_id)[0] or turn.me
    found = rows.find_deployment(turn.connection, user_id, request.deployment_id)
    if found is None:
        raise RefusedCallError(RESOURCE_MISSING, f"Deployment {request.deployment_id} does not exist")
    return service_pb2.SingleDeploymentResponse(deployment=found)


def _fits(deployment: Any, request: Any) -> bool:
    pools = [*deployment.nodepools, *deployment.deployment_nodepools]
    workers = _workers(deployment)
    priorities = {pool.priority for pool in deployment.deployment_nodepools} or {0}
    filters = (
        (request.nodepool_id, {pool.id for pool in pools}),
        (request.compute_cluster_id, {pool.compute_cluster.id for pool in pools}),
        (request.model_version_ids, {worker.model.model_version.id for worker in workers}),
        (request.workflow_version_ids, {worker.workflow.version.id for worker in workers}),
        (request.scheduling_priorities, priorities),
    )
    return all(
        not asked or bool({asked} & has if isinstance(asked, str) else set(asked) & has) for asked, has in filters
    )


def _workers(deployment: Any) -> list[Any]:
    """What a deployment runs, and what it is about to run."""
    return [getattr(deployment, name) for name in ("worker", "desired_worker") if deployment.HasField(name)]


# --- deletions ----------------------------------------------------------------------------------------------------


def give_up(turn: Turn, user_id: str, app_id: str, model_id: str, *, version_id: str = "") -> None:
    """Prepare the deletion of a model, or of one of its versions, for whatever uses it.

    Refuses the deletion where a switch says so. Otherwise the workflow versions that use it are marked as deprecated
    (resources.proto, WorkflowVersion.is_deprecated); a deployment stays as it is.
    """
    target = (user_id, app_id, model_id)
    what = f"version {version_id} of model" if version_id else "model"
    if turn.switches.delete_used_by_deployment == "error":
        for deployment in rows.all_deployments(turn.connection):
            if any(_is_model(worker.model, target, version_id) for worker in _workers(deployment)):
                raise RefusedCallError(
                    MODEL_INVALID_REQUEST, f"{what} '{model_id}' is used by deployment '{deployment.id}'"
                )
    for row in _versions_that_use(turn, target, version_id):
        if turn.switches.delete_used_by_workflow == "error":
            raise RefusedCallError(
                MODEL_INVALID_REQUEST, f"{what} '{model_id}' is used by workflow '{row.message.workflow_id}'"
            )
        row.message.is_deprecated = True
        rows.save_workflow_version(turn.connection, row)


def _versions_that_use(turn: Turn, target: tuple[str, str, str], version_id: str) -> Iterator[rows.WorkflowVersionRow]:
    """The workflow versions, not yet deprecated, with a node that runs the model (or pins the version of it)."""
    for row in rows.all_workflow_versions(turn.connection):
        version = row.message
        owner = (version.user_id, version.app_id)
        if not version.is_deprecated and any(
            _is_model(node.model, target, version_id, default_owner=owner) for node in version.nodes
        ):
            yield row


def _is_model(
    model: Any, target: tuple[str, str, str], version_id: str, *, default_owner: tuple[str, str] = ("", "")
) -> bool:
    """Whether a Model message names the target; an owner that it leaves out is the default one."""
    named = (model.user_id or default_owner[0], model.app_id or default_owner[1], model.id)
    return named == target and version_id in ("", model.model_version.id)
