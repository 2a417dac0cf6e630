"""`plan`: what it needs before it shows a deletion or takes a model over."""

from __future__ import annotations

import pytest

from reconciler.emulator.switches import Switches
from tests.cli.live_side import Service, manifest
from tests.wording import Wording


def test_taking_models_over_needs_an_owner(service: Service, wording: Wording) -> None:
    service.write("m.yaml", manifest())
    result = service.run("plan", "m.yaml", "--take-over", "*")
    assert (result.exit_code, service.calls()) == (64, [])
    wording(result.stderr)


@pytest.mark.parametrize("rpc", ["ListWorkflows", "ListDeployments"])
def test_nothing_is_pruned_where_the_token_may_not_see_who_uses_a_model(
    service: Service, rpc: str, wording: Wording
) -> None:
    service.write("m.yaml", manifest())
    service.emulator.switches = Switches(refused_calls=(rpc,))
    result = service.run("plan", "m.yaml", "--prune", "--prune-scope", "app", "--max-deletes", "9", "--format", "json")
    document = result.document()
    assert (result.exit_code, document["changes"], service.writes()) == (3, [], [])
    (refusal,) = document["refused"]
    wording(f"{refusal['rule']}: {refusal['message']} {refusal['remedy']}")


def test_nothing_is_pruned_where_reading_who_uses_a_model_fails(service: Service) -> None:
    service.write("m.yaml", manifest())
    service.emulator.switches = Switches.parse([], faults=["rpc=ListWorkflows,kind=21203"])
    result = service.run("plan", "m.yaml", "--prune", "--prune-scope", "app", "--max-deletes", "9")
    assert (result.exit_code, "ListWorkflows failed" in result.stderr, service.writes()) == (1, True, [])


def test_an_unknown_model_gets_the_nearest_live_id_and_an_unknown_app_is_told_once(service: Service) -> None:
    service.write("m/a.yaml", manifest("petsIDs", "{name: x}"))
    (problem,) = service.run("plan", "m", "--format", "json").document()["problems"]
    assert (problem["code"], problem["line"], problem["column"]) == ("unknown-model", 3, 16)
    assert problem["hint"].startswith("Did you mean petsID? ")
    for name in ("a", "b"):
        service.write(f"m/{name}.yaml", manifest(f"model-{name}", "{name: x}").replace("app_id: pets", "app_id: typo"))
    result = service.run("plan", "m", "--format", "json")
    assert (result.exit_code, [each["code"] for each in result.document()["problems"]]) == (1, ["unknown-app"])
