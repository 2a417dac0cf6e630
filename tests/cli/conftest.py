"""What the tests of commands share: a working directory, an emulated service, a command that does what a test says."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest

from reconciler.cli.main import COMMANDS
from reconciler.cli.options import common_options, paths_argument, plan_options
from reconciler.emulator.server import Emulator
from tests.cli.live_side import SECRET, Service, seeded
from tests.command_line import RunCli


@pytest.fixture(autouse=True)
def _quiet_log() -> Iterator[None]:
    """Take away what -v adds to the log: it writes to a standard error that ends with its test."""
    yield
    logging.getLogger("reconciler").handlers.clear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "work"
    made.mkdir()
    return made


@pytest.fixture
def service(emulator: Emulator, cli: RunCli, folder: Path) -> Service:
    return Service(emulator, cli, folder)


@pytest.fixture
def secretive(cli: RunCli, folder: Path) -> Iterator[Service]:
    """An app whose one model has a secret in its params."""
    params = {"max_tokens": 512, "api_key": SECRET, "secrets": [{"id": "a", "value": SECRET}]}
    version = {"id": "c" * 32, "output_info": {"params": params}}
    with Emulator(seed=seeded({"id": "bot", "model_type_id": "text-to-text", "versions": [version]})) as emulator:
        yield Service(emulator, cli, folder)


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """A command `probe` whose callback the test gives, with every shared option, beside the real commands."""
    module = ModuleType("reconciler.cli.probe")
    monkeypatch.setitem(sys.modules, "reconciler.cli.probe", module)
    monkeypatch.setitem(COMMANDS, "probe", ("reconciler.cli.probe", "Do what the test says."))

    def install(callback: Any) -> None:
        decorated = plan_options(out=True, detailed_exitcode=True)(callback)
        decorated = common_options(formats=("text", "json", "markdown"))(decorated)
        module.__dict__["command"] = click.command(name="probe")(paths_argument(required=False)(decorated))

    return install
