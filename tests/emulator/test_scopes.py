"""A token that lacks scopes: which calls are refused with 11007."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.emulator.sample import SAMPLE
from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Switches
from reconciler.errors import UsageError
from tests.emulator.client import PETS_VERSION, connected

READ = {
    "GetModel": {"model_id": "petsID"},
    "GetUser": {},
    "ListDeployments": {},
    "ListModels": {},
    "ListWorkflows": {},
}


@pytest.mark.parametrize(
    ("switches", "refused"),
    [
        ({}, set()),
        ({"refused_calls": ("ListDeployments", "ListWorkflows")}, {"ListDeployments", "ListWorkflows"}),
        ({"refused_calls": ("GetUser",)}, {"GetUser"}),
        ({"missing_scopes": ("Workflows_Get",)}, {"ListDeployments", "ListWorkflows"}),
        ({"missing_scopes": ("Deployments_Get", "Runners_Get")}, {"ListDeployments"}),
        ({"missing_scopes": ("Models_Get",)}, {"GetModel", "ListDeployments", "ListModels", "ListWorkflows"}),
    ],
)
def test_calls_without_their_scopes_are_refused(switches: Any, refused: set[str]) -> None:
    with Emulator(seed=SAMPLE, switches=Switches(**switches)) as emulator, connected(emulator) as client:
        codes = {rpc: client.status(rpc, **fields)[0] for rpc, fields in READ.items()}

    assert codes == {rpc: 11007 if rpc in refused else 10000 for rpc in READ}


def test_the_refusal_names_the_scopes_and_changes_nothing() -> None:
    switches = Switches.parse(["missing_scopes=Models_Delete, Deployments_Get"])
    with Emulator(seed=SAMPLE, switches=switches) as emulator, connected(emulator) as client:
        status = client("DeleteModelVersion", model_id="petsID", version_id=PETS_VERSION).status
        assert (status.code, status.description, status.details) == (
            11007,
            "API key has insufficient permissions",
            "DeleteModelVersion needs the scopes Models_Delete",
        )
        assert client.version()["id"] == PETS_VERSION
        assert [(call.rpc, call.status_code) for call in emulator.calls] == [
            ("DeleteModelVersion", 11007),
            ("GetModelVersion", 10000),
        ]
        emulator.switches = Switches(refused_calls=("ListDeployments", "GetUser"))
        assert client.status("GetUser")[1] == "the token may not make the call GetUser"
        assert client.status("ListDeployments")[1] == (
            "ListDeployments needs the scopes Deployments_Get, Models_Get, Workflows_Get, Nodepools_Get, "
            "InstanceTypes_Get, ComputeClusters_Get, Apps_Get, Runners_Get"
        )


@pytest.mark.parametrize(
    ("switches", "message"),
    [
        ({"refused_calls": ("ListDeployment",)}, "switch refused_calls=ListDeployment is not known. Did you mean ListDeployments?"),
        ({"missing_scopes": ("Deployments:Get",)}, "switch missing_scopes=Deployments:Get is not known. Did you mean Deployments_Get?"),
        ({"missing_scopes": ("zzz",)}, "switch missing_scopes=zzz is not known. Use the names of service.proto and scope.proto."),
    ],
)  # fmt: skip
def test_unknown_names_are_reported(switches: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught, Emulator(switches=Switches(**switches)):
        pass

    assert str(caught.value) == message
