"""`export` and `get` write nothing, and need to know an app."""

from __future__ import annotations

import json

import pytest

from tests.cli.live_side import Service
from tests.wording import Wording


@pytest.mark.parametrize(
    "args",
    [
        ["export", "--version", "all", "--output", "out"],
        ["export", "--type", "text-to-text"],
        *(["get", subject] for subject in ("types", "models", "versions", "concepts", "output-info")),
    ],
)
def test_a_read_only_command_never_writes(service: Service, args: list[str]) -> None:
    before = service.emulator.snapshot()
    assert service.run(*args).exit_code == 0
    assert service.writes() == []
    assert json.dumps(service.emulator.snapshot()) == json.dumps(before)


@pytest.mark.parametrize("command", [["export"], ["get", "types"], ["get", "models"], ["get", "versions", "a"]])
def test_a_read_only_command_needs_an_app(service: Service, command: list[str], wording: Wording) -> None:
    result = service.run(*command, scope=False)
    assert (result.exit_code, result.stdout) == (1, "")
    assert service.calls() == []
    wording(result.stderr)


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
