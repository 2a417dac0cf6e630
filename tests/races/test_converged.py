"""Single situations in which a run said something else than the next drift, or wrote past a guard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Switches
from tests.cli.live_side import manifest, seeded
from tests.command_line import CliResult, RunCli
from tests.emulator.client import connected

VERSION = "a" * 32
MODEL = {
    "id": "m",
    "model_type_id": "embedding-classifier",
    "metadata": {"rooms": [1, 2]},
    "versions": [{"id": VERSION, "output_info": {"params": {"min_value": 0.5, "max_concepts": 20}}}],
}
PARAM = "{versions: [{select: latest, output_info: {params: {min_value: %s}}}]}"


class Service:
    """An emulator with one model, and the command line against it."""

    def __init__(self, cli: RunCli, place: Path, emulator: Emulator) -> None:
        self._cli, self._place, self.emulator = cli, place, emulator

    def run(self, *arguments: str) -> CliResult:
        pace = ("--endpoint", self.emulator.url, "--rate", "1000")
        form = () if "--format" in arguments else ("--format", "json")
        return self._cli(*arguments, *pace, *form, env={"CLARIFAI_PAT": "x"}, cwd=self._place)

    def write(self, spec: str) -> None:
        (self._place / "m.yaml").write_text(manifest("m", spec), encoding="utf-8")


@contextmanager
def service(
    cli: RunCli, place: Path, model: Mapping[str, Any] = MODEL, before_call: Any = None, **switches: Any
) -> Iterator[Service]:
    with Emulator(seed=seeded(model), switches=Switches(**switches), before_call=before_call) as emulator:
        yield Service(cli, place, emulator)


@pytest.mark.parametrize("is_saved", [False, True])
@pytest.mark.parametrize("stated", ["0.010000001", "0.0099999995", "0.94999999", "0.95"])
def test_a_number_that_passes_for_a_point_of_the_grid_converges_where_the_service_rounds(
    cli: RunCli, tmp_path: Path, stated: str, is_saved: bool
) -> None:
    with service(cli, tmp_path, round_to_step=True) as live:
        live.write(PARAM % stated)
        if is_saved:
            assert live.run("plan", "m.yaml", "--out", "plan.json").exit_code == 0
            applied = live.run("apply", "--plan", "plan.json")
        else:
            applied = live.run("apply", "m.yaml", "--yes")
        drift = live.run("drift", "m.yaml")
        with connected(live.emulator) as client:
            stored = client.params(VERSION, "m")["min_value"]
    assert (applied.exit_code, applied.document()["remaining"], drift.exit_code) == (0, [], 0), applied.stdout
    assert stored == round(float(stated), 2)


def test_a_number_off_the_grid_is_an_error_as_before(cli: RunCli, tmp_path: Path) -> None:
    with service(cli, tmp_path) as live:
        live.write(PARAM % "0.0100001")
        result = live.run("plan", "m.yaml")
    assert (result.exit_code, [problem["code"] for problem in result.document()["problems"]]) == (1, ["param-off-grid"])


def test_a_neighbouring_point_of_the_grid_is_another_number(cli: RunCli, tmp_path: Path) -> None:
    with service(cli, tmp_path) as live:
        live.write(PARAM % "0.51")
        assert live.run("drift", "m.yaml").exit_code == 2


def test_a_merged_list_that_somebody_reorders_during_the_run_has_converged(cli: RunCli, tmp_path: Path) -> None:
    written: list[str] = []

    def before_call(rpc: str, request: Any) -> None:
        if rpc == "GetModel" and written == ["PatchModels"]:
            written.append("reordered")
            with connected(live.emulator) as client:
                client.json("PatchModels", models=[{"id": "m", "metadata": {"rooms": [3, 2, 1]}}], action="merge")
        elif rpc == "PatchModels" and not written:
            written.append(rpc)

    with service(cli, tmp_path, before_call=before_call) as live:
        live.write("{metadata: {rooms: [3]}}")
        applied = live.run("apply", "m.yaml", "--yes")
        assert written == ["PatchModels", "reordered"]
        assert (applied.exit_code, live.run("drift", "m.yaml").exit_code) == (0, 0), applied.stdout


def test_a_request_that_is_held_back_says_what_moved_and_what_to_do(cli: RunCli, tmp_path: Path) -> None:
    reads: list[str] = []

    def before_call(rpc: str, request: Any) -> None:
        reads.append(rpc)
        if reads == ["GetModel", "GetModel"]:
            with connected(live.emulator) as client:
                client.json("PatchModels", models=[{"id": "m", "metadata": {"rooms": [9]}}], action="merge")

    with service(cli, tmp_path, before_call=before_call) as live:
        live.write("{metadata: {rooms: [3]}}")
        result = live.run("apply", "m.yaml", "--yes", "--format", "text")
    lines = result.stdout.splitlines()
    assert result.exit_code == 4
    assert "  demo/pets/m metadata.rooms: planned from [1, 2], now [1, 2, 9], desired [1, 2, 3]" in lines
    assert result.stderr.splitlines()[-1].startswith("note: live values have changed since the plan was made")


OLD = {**MODEL, "id": "old"}
UNUSED = "owner: vision\nprune: {max_count: 5, max_percent: 100%s}\n"
CONFIG = "apiVersion: reconciler/v1\nkind: Config\n"


def test_a_saved_deletion_that_prune_protect_forbids_by_now_is_refused(cli: RunCli, tmp_path: Path) -> None:
    mark = {"reconciler": {"owner": "vision", "protect": False}}
    with service(cli, tmp_path, {**MODEL, "metadata": mark}) as live:
        live.emulator.load(seeded({**OLD, "metadata": mark}))
        live.write("{}")
        (tmp_path / "reconciler.yaml").write_text(CONFIG + UNUSED % "", encoding="utf-8")
        assert live.run("plan", "m.yaml", "--prune", "--out", "plan.json").exit_code == 0
        (tmp_path / "reconciler.yaml").write_text(CONFIG + UNUSED % ", protect: [ol*]", encoding="utf-8")
        result = live.run("apply", "--plan", "plan.json")
        left = [model["id"] for app in live.emulator.snapshot()["apps"] for model in app["models"]]
    assert (result.exit_code, [item["rule"] for item in result.document()["refused"]]) == (3, ["protected-name"])
    assert left == ["m", "old"]
