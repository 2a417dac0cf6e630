"""`--types FILE`: params checked against a file of model types, without asking the service for them."""

from __future__ import annotations

import pytest

from tests.cli.live_side import LATEST, Service, manifest

PARAMS = "{{versions: [{{id: {id}, output_info: {{params: {{{params}}}}}}}]}}"


def with_types(service: Service, params: str) -> Service:
    """The service's model types in types.json, and a manifest that states these params."""
    service.write("types.json", service.run("get", "types", "--format", "json").stdout)
    service.write("m.yaml", manifest(spec=PARAMS.format(id=LATEST["petsID"], params=params)))
    service.calls()
    return service


@pytest.mark.parametrize(("params", "problems"), [("min_value: 0.9", []), ("min_value: high", ["param-type"])])
def test_validate_checks_params_offline(service: Service, params: str, problems: list[str]) -> None:
    with_types(service, params)
    result = service.run("validate", "m.yaml", "--types", "types.json", "--format", "json")
    document = result.document()
    assert (result.exit_code, [item["code"] for item in document["problems"]]) == (int(bool(problems)), problems)
    assert service.calls() == []


def test_plan_reads_models_but_no_types(service: Service) -> None:
    with_types(service, "min_value: 0.9")
    result = service.run("plan", "m.yaml", "--types", "types.json", "--detailed-exitcode")
    assert (result.exit_code, service.calls()) == (2, ["GetModel"])


def test_validate_reads_types_or_asks_for_them(service: Service) -> None:
    with_types(service, "min_value: 0.9")
    result = service.run("validate", "m.yaml", "--types", "types.json", "--online")
    assert (result.exit_code, service.calls()) == (64, [])
