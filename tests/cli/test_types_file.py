"""`--types FILE`: params are checked against a file of model types, and the service isn't asked for them."""

from __future__ import annotations

import pytest

from tests.cli.live_side import LATEST, Service, manifest


def stating(min_value: float) -> str:
    params = f"{{params: {{min_value: {min_value}}}}}"
    return manifest("petsID", f"{{versions: [{{id: {LATEST['petsID']}, output_info: {params}}}]}}")


@pytest.fixture
def checked(service: Service) -> Service:
    """A service whose model types are in types.json."""
    service.write("types.json", service.run("get", "types", "--format", "json").stdout)
    service.calls()
    return service


@pytest.mark.parametrize(("value", "codes"), [(0.95, []), (-1, ["param-out-of-range"])])
@pytest.mark.parametrize(("command", "calls"), [("validate", []), ("plan", ["GetModel"])])
def test_params_are_checked_against_the_file(
    checked: Service, command: str, calls: list[str], value: float, codes: list[str]
) -> None:
    checked.write("m.yaml", stating(value))
    result = checked.run(command, "m.yaml", "--types", "types.json", "--format", "json")
    assert (result.exit_code, checked.calls()) == (len(codes), calls), result
    assert [problem["code"] for problem in result.document().get("problems", [])] == codes


@pytest.mark.parametrize("command", ["validate", "plan"])
def test_a_file_that_holds_no_types_is_an_error(checked: Service, command: str) -> None:
    checked.write("m.yaml", stating(0.95))
    result = checked.run(command, "m.yaml", "--types", "m.yaml")
    assert (result.exit_code, "m.yaml" in result.stderr) == (1, True)


def test_a_run_takes_the_types_from_one_side(checked: Service) -> None:
    checked.write("m.yaml", stating(0.95))
    result = checked.run("validate", "m.yaml", "--online", "--types", "types.json")
    assert (result.exit_code, checked.calls()) == (64, [])
