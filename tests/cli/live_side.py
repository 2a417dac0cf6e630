"""A live side for commands: an emulator, and the command line run against it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconciler.emulator.server import Emulator
from tests.command_line import CliResult, RunCli

READS_BY_POST = ("PostModelsSearches", "PostModelOutputs")
WRITES = ("Patch", "Post", "Put", "Delete")
LATEST = {
    "model_clusterer": "5a4f1c8e2b7d4e6f9a0b3c5d7e8f1a2b",
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
        self.cli = cli

    def run(
        self, *args: str | Path, scope: bool = True, stdin: str = "", env: Mapping[str, str] | None = None
    ) -> CliResult:
        """`reconciler ARGS` for the app demo/pets."""
        ids = {"CLARIFAI_USER_ID": "demo", "CLARIFAI_APP_ID": "pets"} if scope else {}
        environ = {"CLARIFAI_PAT": "pat", "CLARIFAI_API_BASE": self.emulator.url, **ids, **(env or {})}
        return self.cli(*args, "--rate", "1000", env=environ, stdin=stdin, cwd=self.folder)

    def write(self, name: str, text: str) -> None:
        """Put a file into the working directory."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def calls(self) -> list[str]:
        """The names of the calls since this was last asked."""
        names = [call.rpc for call in self.emulator.calls]
        self.emulator.clear_calls()
        return names

    def writes(self) -> list[str]:
        """The names of the changing calls since this was last asked."""
        return [name for name in self.calls() if name.startswith(WRITES) and name not in READS_BY_POST]

    def models(self) -> list[str]:
        """The ids of the models that are there."""
        return [model["id"] for app in self.emulator.snapshot()["apps"] for model in app["models"]]

    def model(self, model_id: str = "petsID") -> dict[str, Any]:
        """A model of the sample app, with its versions."""
        models = self.emulator.snapshot()["apps"][-1]["models"]
        found: dict[str, Any] = next(model for model in models if model["id"] == model_id)
        return found


def manifest(model_id: str = "petsID", spec: str = "{}") -> str:
    """A manifest of a model of the app demo/pets; `spec` is a flow mapping, or lines of a block one."""
    head = "apiVersion: reconciler/v1\nkind: Model\n"
    space = "" if spec.startswith("\n") else " "
    return f"{head}metadata: {{id: {model_id}, user_id: demo, app_id: pets}}\nspec:{space}{spec}\n"


def seeded(*models: Mapping[str, Any]) -> dict[str, Any]:
    """An app demo/pets with these models."""
    return {"apps": [{"user_id": "demo", "app_id": "pets", "models": list(models)}]}
