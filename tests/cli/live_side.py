"""A live side for commands: an emulator, and the command line run against it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconciler.emulator.server import Emulator
from tests.command_line import CliResult, RunCli

WRITES = ("Patch", "Post", "Put", "Delete")
LATEST = {
    "pet-breeds": "3f1c6f0f5f0d4b2a9a3b5f4b8d6c1e03",
    "pet-finder": "77d41a2d95a64cf0a2f2d0f4f7c6b5a1",
    "pet-names": "c2d4e6f8a0b14c3d9e5f7a6b8c0d2e4f",
    "petsID": "b0b89c973e5d4b6d9599ce13da04b894",
}
SECRET = "sk-planted-0123456789"


class Service:
    """An emulator, and the command line run against it with a working directory of its own."""

    def __init__(self, emulator: Emulator, cli: RunCli, folder: Path) -> None:
        self.emulator = emulator
        self.folder = folder
        self._cli = cli

    def run(self, *args: str | Path, scope: bool = True, stdin: str = "") -> CliResult:
        """`reconciler ARGS` for the app demo/pets."""
        ids = {"CLARIFAI_USER_ID": "demo", "CLARIFAI_APP_ID": "pets"} if scope else {}
        env = {"CLARIFAI_PAT": "pat", "CLARIFAI_API_BASE": self.emulator.url, **ids}
        return self._cli(*args, "--rate", "1000", env=env, stdin=stdin, cwd=self.folder)

    def calls(self) -> list[str]:
        """The names of the calls since this was last asked."""
        names = [call.rpc for call in self.emulator.calls]
        self.emulator.clear_calls()
        return names

    def models(self) -> list[str]:
        """The ids of the models that are there."""
        return [model["id"] for app in self.emulator.snapshot()["apps"] for model in app["models"]]


def seeded(*models: Mapping[str, Any]) -> dict[str, Any]:
    """An app demo/pets with these models."""
    return {"apps": [{"user_id": "demo", "app_id": "pets", "models": list(models)}]}
