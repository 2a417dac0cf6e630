"""What uses models: workflows and deployments, through the real stubs; and users."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.emulator.sample import SAMPLE
from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Switches
from tests.emulator.client import PETS_VERSION, Client, connected, user_app

DEMO = {"user_id": "demo"}


def node(model_id: str, version_id: str = "", **owner: str) -> dict[str, Any]:
    """A workflow's node."""
    model: dict[str, Any] = {"id": model_id, **owner}
    return {"id": model_id, "model": {**model, **({"model_version": {"id": version_id}} if version_id else {})}}


def worker(model_id: str, version_id: str, app_id: str = "pets") -> dict[str, Any]:
    """A deployment's worker that runs a model version."""
    return {"model": {"id": model_id, "user_id": "demo", "app_id": app_id, "model_version": {"id": version_id}}}


SEED = {
    "users": [
        {"id": "demo", "first_name": "Dee", "primary_email": "dee@x.test", "created_at": "2023-01-01T00:00:00Z"},
        {"id": "ann", "first_name": "Ann", "company_name": "Ann & Co", "primary_email": "ann@x.test", "star_count": 2},
    ],
    "apps": [
        {
            **user_app("demo", "flows"),
            "models": [{"id": "m", "versions": [{"id": "v"}]}],
            "workflows": [
                {"id": "other-app", "nodes": [node("petsID", PETS_VERSION, app_id="pets")], "star_count": 3},
                {
                    "id": "grown",
                    "description": "Grew twice",
                    "versions": [
                        {"id": "w1", "nodes": [node("m", "v")]},
                        {"id": "w2", "nodes": [node("m")], "description": "Follows the latest"},
                        {"id": "w3", "nodes": [node("petsID", app_id="pets")]},
                    ],
                },
            ],
        },
        {
            **user_app("ann", "lab"),
            "workflows": [
                {"id": "open", "visibility": {"gettable": "PUBLIC"}, "nodes": [node("x")]},
                {"id": "closed", "nodes": [node("x")]},
            ],
        },
    ],
    "deployments": [
        {
            "id": "serve-pets",
            "user_id": "demo",
            "nodepools": [{"id": "gpu", "compute_cluster": {"id": "west"}}],
            "worker": worker("petsID", PETS_VERSION),
            "autoscale_config": {"min_replicas": 1, "max_replicas": 2},
        },
        {
            "id": "moving",
            "user_id": "demo",
            "deployment_nodepools": [{"id": "cpu", "priority": 7}],
            "worker": worker("pet-breeds", "3f1c6f0f5f0d4b2a9a3b5f4b8d6c1e01"),
            "desired_worker": worker("pet-breeds", "3f1c6f0f5f0d4b2a9a3b5f4b8d6c1e03"),
        },
        {"id": "flow", "user_id": "demo", "worker": {"workflow": {"id": "grown", "version": {"id": "w2"}}}},
        {"id": "anns", "user_id": "ann", "worker": worker("petsID", PETS_VERSION)},
    ],
}


@pytest.fixture
def used(emulator: Emulator) -> Emulator:
    """The emulator with the sample app, and with users of its models."""
    emulator.load(SEED)
    emulator.switches = Switches()
    return emulator


@pytest.fixture
def client() -> Iterator[Client]:
    """A client whose token is demo's."""
    with Emulator(seed=SAMPLE, user_id="demo") as emulator, connected(emulator) as found:
        emulator.load(SEED)
        yield found


def workflows(client: Client, **fields: Any) -> list[str]:
    return [workflow["id"] for workflow in client.json("ListWorkflows", **fields).get("workflows", [])]


def deployments(client: Client, **fields: Any) -> list[str]:
    fields = {"user_app_id": DEMO, **fields}
    return [found["id"] for found in client.json("ListDeployments", **fields).get("deployments", [])]


# --- workflows ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "ids"),
    [
        ({}, ["find-and-classify"]),
        ({"user_app_id": user_app("demo", "flows")}, ["grown", "other-app"]),
        ({"user_app_id": DEMO}, ["grown", "find-and-classify", "other-app"]),
        ({"user_app_id": {"user_id": "me"}}, ["grown", "find-and-classify", "other-app"]),
        ({"user_app_id": {"user_id": "ann"}}, ["closed", "open"]),
        ({"user_app_id": {}}, ["closed", "grown", "find-and-classify", "open", "other-app"][1:]),
        ({"user_app_id": DEMO, "sort_by_id": True}, ["other-app", "grown", "find-and-classify"]),
        ({"user_app_id": DEMO, "sort_by_star_count": True}, ["other-app", "find-and-classify", "grown"]),
        ({"user_app_id": DEMO, "sort_by_created_at": True, "sort_ascending": True, "page": 2, "per_page": 2}, ["grown"]),
        ({"user_app_id": DEMO, "search": "grew"}, ["grown"]),
        ({"user_app_id": DEMO, "search_term": "classi"}, ["find-and-classify"]),
        ({"user_app_id": DEMO, "query": "twice"}, ["grown"]),
        ({"user_app_id": DEMO, "id": "*-app"}, ["other-app"]),
        ({"user_app_id": DEMO, "bookmark": True}, []),
        ({"user_app_id": DEMO, "starred_only": True}, []),
        ({"user_app_id": DEMO, "featured_only": True}, []),
        ({"user_app_id": {"user_id": "ann"}, "visibility": {"gettable": "PUBLIC"}}, ["open"]),
        ({"user_app_id": DEMO, "search": "grew", "sort_by_relevance": True}, ["grown"]),
    ],
)  # fmt: skip
def test_list_workflows(client: Client, fields: dict[str, Any], ids: list[str]) -> None:
    assert workflows(client, **fields) == ids


def test_list_workflows_refuses_relevance_without_search(client: Client) -> None:
    assert client.status("ListWorkflows", sort_by_relevance=True)[0] == 11102


def test_a_workflow_shows_its_latest_version_and_that_version_s_nodes(client: Client) -> None:
    flows = user_app("demo", "flows")
    grown = client.json("GetWorkflow", user_app_id=flows, workflow_id="grown")["workflow"]

    assert [found["model"]["id"] for found in grown["nodes"]] == ["petsID"]
    assert (grown["version"]["id"], grown["version"]["workflow_id"]) == ("w3", "grown")
    assert grown["version"]["nodes"] == grown["nodes"]
    assert grown == client.json("ListWorkflows", user_app_id=flows)["workflows"][0]


def test_stars_of_a_workflow_come_only_when_asked_for(client: Client) -> None:
    where = {"user_app_id": user_app("demo", "flows"), "workflow_id": "other-app"}

    assert "star_count" not in client.json("GetWorkflow", **where)["workflow"]
    assert client.json("GetWorkflow", **where, additional_fields=["stars"])["workflow"]["star_count"] == 3


def test_workflow_versions_come_newest_first_in_pages(client: Client) -> None:
    where = {"user_app_id": user_app("demo", "flows"), "workflow_id": "grown"}

    def versions(**fields: Any) -> list[str]:
        answer = client.json("ListWorkflowVersions", **where, **fields)
        return [version["id"] for version in answer.get("workflow_versions", [])]

    assert versions() == ["w3", "w2", "w1"]
    assert versions(page=2, per_page=2) == ["w1"]
    version = client.json("GetWorkflowVersion", **where, workflow_version_id="w2")["workflow_version"]
    assert version["description"] == "Follows the latest"


@pytest.mark.parametrize(
    ("rpc", "fields", "message"),
    [
        ("GetWorkflow", {"workflow_id": "nope"}, "Workflow nope does not exist"),
        ("ListWorkflowVersions", {"workflow_id": "nope"}, "Workflow nope does not exist"),
        (
            "GetWorkflowVersion",
            {"workflow_id": "find-and-classify", "workflow_version_id": "x"},
            "Workflow version x does not exist",
        ),
        ("GetDeployment", {"deployment_id": "nope"}, "Deployment nope does not exist"),
        ("GetUser", {"user_app_id": {"user_id": "nobody"}}, "User nobody does not exist"),
        ("ListWorkflows", {"user_app_id": user_app("demo", "nope")}, "App demo/nope does not exist"),
    ],
)
def test_what_does_not_exist_is_11101(client: Client, rpc: str, fields: Any, message: str) -> None:
    assert client.status(rpc, **fields) == (11101, message)


# --- deployments --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "ids"),
    [
        ({}, ["flow", "moving", "serve-pets"]),
        ({"user_app_id": {"user_id": "me"}}, ["flow", "moving", "serve-pets"]),
        ({"user_app_id": {}}, ["flow", "moving", "serve-pets"]),
        ({"user_app_id": {"user_id": "ann"}}, ["anns"]),
        ({"page": 2, "per_page": 2}, ["serve-pets"]),
        ({"model_version_ids": [PETS_VERSION]}, ["serve-pets"]),
        ({"model_version_ids": ["3f1c6f0f5f0d4b2a9a3b5f4b8d6c1e03", PETS_VERSION]}, ["moving", "serve-pets"]),
        ({"model_version_ids": ["f" * 32]}, []),
        ({"workflow_version_ids": ["w2"]}, ["flow"]),
        ({"nodepool_id": "gpu"}, ["serve-pets"]),
        ({"nodepool_id": "cpu"}, ["moving"]),
        ({"compute_cluster_id": "west"}, ["serve-pets"]),
        ({"scheduling_priorities": [7]}, ["moving"]),
        ({"scheduling_priorities": [0, 1]}, ["flow", "serve-pets"]),
    ],
)
def test_list_deployments(client: Client, fields: dict[str, Any], ids: list[str]) -> None:
    assert deployments(client, **fields) == ids


def test_get_deployment(client: Client) -> None:
    found = client.json("GetDeployment", user_app_id=DEMO, deployment_id="serve-pets")["deployment"]

    assert found["worker"] == worker("petsID", PETS_VERSION)
    assert found["autoscale_config"] == {"min_replicas": 1, "max_replicas": 2}
    assert found["created_at"] == "2024-01-01T00:00:00Z"


# --- deletions ----------------------------------------------------------------------------------------------------


def deprecated(emulator: Emulator) -> set[str]:
    """The versions of app flows' workflows that are marked as deprecated, as workflow/version."""
    flows = next(app for app in emulator.snapshot()["apps"] if app["app_id"] == "flows")
    return {
        f"{workflow['id']}/{version['id']}"
        for workflow in flows["workflows"]
        for version in workflow["versions"]
        if version.get("is_deprecated")
    }


def delete(emulator: Emulator, rpc: str, **fields: Any) -> int:
    with connected(emulator) as client:
        return int(client(rpc, **fields).status.code)


FLOWS = user_app("demo", "flows")


def test_deleting_a_version_deprecates_the_workflow_versions_that_pin_it(used: Emulator) -> None:
    assert delete(used, "DeleteModelVersion", user_app_id=FLOWS, model_id="m", version_id="v") == 10000
    assert deprecated(used) == {"grown/w1"}


def test_deleting_a_model_deprecates_the_workflow_versions_that_run_it(used: Emulator) -> None:
    assert delete(used, "DeleteModel", user_app_id=FLOWS, model_id="m") == 10000
    assert deprecated(used) == {"grown/w1", "grown/w2"}


def test_a_deletion_of_what_workflows_use_can_be_refused(used: Emulator) -> None:
    used.switches = Switches(delete_used_by_workflow="error")

    assert delete(used, "DeleteModelVersion", user_app_id=FLOWS, model_id="m", version_id="v") == 21203
    assert delete(used, "DeleteModel", model_id="petsID") == 21203
    assert delete(used, "DeleteModel", model_id="pet-names") == 10000
    assert deprecated(used) == set()


def test_a_deletion_of_what_deployments_run_can_be_refused(used: Emulator) -> None:
    first, second, third = (f"3f1c6f0f5f0d4b2a9a3b5f4b8d6c1e0{number}" for number in (1, 2, 3))
    used.switches = Switches(delete_used_by_deployment="error")

    assert delete(used, "DeleteModel", model_id="petsID") == 21203
    assert delete(used, "DeleteModelVersion", model_id="pet-breeds", version_id=first) == 21203
    assert delete(used, "DeleteModelVersion", model_id="pet-breeds", version_id=third) == 21203
    assert delete(used, "DeleteModelVersion", model_id="pet-breeds", version_id=second) == 10000
    used.switches = Switches()
    assert delete(used, "DeleteModelVersion", model_id="pet-breeds", version_id=first) == 10000


# --- users --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("user_id", ["me", "demo", ""])
def test_get_user_gives_the_token_s_own_user_with_what_is_personal(client: Client, user_id: str) -> None:
    assert client.json("GetUser", user_app_id={"user_id": user_id})["user"] == {
        "id": "demo",
        "first_name": "Dee",
        "primary_email": "dee@x.test",
        "created_at": "2023-01-01T00:00:00Z",
    }


def test_get_user_of_somebody_else_leaves_out_what_is_personal(client: Client) -> None:
    ann = {"id": "ann", "company_name": "Ann & Co", "created_at": "2024-01-01T00:00:00Z"}

    assert client.json("GetUser", user_app_id={"user_id": "ann"})["user"] == ann
    asked = client.json("GetUser", user_app_id={"user_id": "ann"}, additional_fields=["stars"])["user"]
    assert asked == {**ann, "star_count": 2}


def test_a_user_that_no_seed_lists_exists_where_it_owns_an_app(emulator: Emulator) -> None:
    with connected(emulator) as client:
        assert client.json("GetUser", user_app_id={"user_id": "me"})["user"] == {
            "id": "demo",
            "created_at": "2024-01-01T00:00:00Z",
        }


def test_a_snapshot_has_what_uses_models_and_is_a_seed_of_it(used: Emulator) -> None:
    taken = used.snapshot()

    assert [user["id"] for user in taken["users"]] == ["ann", "demo"]
    assert [found["id"] for found in taken["deployments"]] == ["anns", "flow", "moving", "serve-pets"]
    with Emulator(seed=taken) as other:
        assert other.snapshot() == taken
