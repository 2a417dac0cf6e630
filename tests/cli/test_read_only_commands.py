"""`export` and `get` write nothing, and need to know an app."""

from __future__ import annotations

import json

import pytest

from tests.cli.live_side import WRITES, Service


@pytest.mark.parametrize(
    "args",
    [
        ["export", "--version", "all", "--output", "out"],
        ["export", "--type", "text-to-text"],
        *(["get", subject] for subject in ("types", "models", "versions", "concepts", "output-info")),
    ],
)
def test_looking_never_writes(service: Service, args: list[str]) -> None:
    before = service.emulator.snapshot()
    assert service.run(*args).exit_code == 0
    assert [name for name in service.calls() if name.startswith(WRITES) and name != "PostModelsSearches"] == []
    assert json.dumps(service.emulator.snapshot()) == json.dumps(before)


@pytest.mark.parametrize("command", [["export"], ["get", "types"], ["get", "models"], ["get", "versions", "a"]])
def test_looking_needs_an_app(service: Service, command: list[str]) -> None:
    result = service.run(*command, scope=False)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "error: There is no user id and no app id. Give --user-id, user_id in reconciler.yaml, or CLARIFAI_USER_ID; "
        "and --app-id, app_id in reconciler.yaml, or CLARIFAI_APP_ID.\n"
    )
    assert service.calls() == []


@pytest.mark.parametrize(
    "args",
    [
        ["export", "--force"],
        ["export", "--output", ""],
        ["export", "--name", " "],
        ["export", "--version", "v1"],
        ["get"],
    ],
)
def test_options_that_make_no_sense_are_usage_errors(service: Service, args: list[str]) -> None:
    assert (service.run(*args).exit_code, service.calls()) == (64, [])
