"""Measures the window between the last read of a check and the call that it belongs to: `python -m tests.races.windows`.

Out: a table for docs/reliability.md. The time runs from the arrival of that read at the emulator to the arrival of the call,
so that the read itself is within it: what it shows may be as old as its arrival.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import yaml

from reconciler.config import Settings
from reconciler.config.endpoint import parse_endpoint
from reconciler.config.settings import Limits, PruneLimits
from reconciler.emulator.server import Emulator
from reconciler.manifests.selection import Inputs
from reconciler.remote.caller import Timing
from reconciler.remote.clarifai import ClarifaiRemote
from reconciler.resources.fields import MOST_ENTRIES
from reconciler.session import Session

RUNS: Final = 20
OWNER: Final = "vision"


def _model(number: int) -> dict[str, Any]:
    versions = [{"id": f"{number:031x}{age}", "created_at": f"2024-01-0{age + 1}T00:00:00Z"} for age in range(3)]
    mark = {"owner": OWNER, "protect": False}
    return {"id": f"m{number:03}", "metadata": {"reconciler": mark, "draft": 1}, "versions": versions}


def _manifest(number: int, spec: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {"id": f"m{number:03}", "user_id": "demo", "app_id": "pets"}
    return {"apiVersion": "reconciler/v1", "kind": "Model", "metadata": metadata, "spec": dict(spec)}


KINDS: Final[Mapping[str, tuple[int, int, Mapping[str, Any], str]]] = {
    "tags of 1 model": (1, 1, {"toolkits": ["OpenAI"]}, "PatchModels"),
    "tags of 128 models": (128, 128, {"toolkits": ["OpenAI"]}, "PatchModels"),
    "a Struct of 128 models, overwritten": (128, 128, {"remove": {"metadata": ["draft"]}}, "PatchModels"),
    "params of the latest version": (
        1, 1, {"versions": [{"select": "latest", "output_info": {"params": {"words": ["a"]}}}]}, "PatchModelVersions",
    ),
    "deletion of 1 model": (2, 1, {}, "DeleteModels"),
    "deletion of 128 models": (129, 1, {}, "DeleteModels"),
    "deletion of a version": (1, 1, {"retain_versions": 2}, "DeleteModelVersion"),
}  # fmt: skip
"""Models that are there, manifests, what these state, and the call whose window is measured."""


def window(models: int, manifests: int, spec: Mapping[str, Any], rpc: str, *, rate: float) -> float:
    """The milliseconds from the last read before a call to the call."""
    arrivals: list[tuple[str, float]] = []
    note: Callable[[str, Any], None] = lambda name, _: arrivals.append((name, time.perf_counter()))  # noqa: E731
    seed = {"apps": [{"user_id": "demo", "app_id": "pets", "models": [_model(number) for number in range(models)]}]}
    with TemporaryDirectory() as folder, Emulator(seed=seed, user_id="demo", before_call=note) as emulator:
        stated = [_manifest(number, spec) for number in range(manifests)]
        (Path(folder) / "m.yaml").write_text(yaml.safe_dump_all(stated), encoding="utf-8")
        endpoint = parse_endpoint(emulator.url)
        settings = Settings(
            endpoint=endpoint,
            owner=OWNER,
            limits=Limits(rate=rate, parallelism=8, batch=MOST_ENTRIES, timeout=30),
            prune=PruneLimits(max_count=128, max_percent=100),
        )
        with ClarifaiRemote(endpoint, timing=Timing(rate=rate, timeout=30)) as remote:
            session = Session(settings=settings, environ={}, remote=remote, state=Path(folder) / "state")
            report = session.apply(Inputs(paths=(str(Path(folder) / "m.yaml"),), prune=True), confirm=None)
        assert report is not None
        assert report.exit_code == 0, report
    at = next(number for number, (name, _) in enumerate(arrivals) if name == rpc)
    return (arrivals[at][1] - arrivals[at - 1][1]) * 1000


def main() -> None:
    """Print the table."""
    sys.stdout.write("| request | window, median ms | longest of 20, ms |\n|---|---|---|\n")
    for name, (models, manifests, spec, rpc) in KINDS.items():
        found = [window(models, manifests, spec, rpc, rate=1000) for _ in range(RUNS)]
        sys.stdout.write(f"| {name} | {statistics.median(found):.0f} | {max(found):.0f} |\n")


if __name__ == "__main__":
    main()
