"""How many calls a run makes: the number of calls is the speed, where 15 a second are allowed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from reconciler.emulator.server import Emulator
from tests.cli.live_side import manifest, seeded
from tests.command_line import RunCli

MODELS = 300
SEED = seeded(
    *(
        {
            "id": f"m{number:03d}",
            "name": f"model {number}",
            "model_type_id": "embedding-classifier",
            "versions": [{"id": f"{number:032x}", "output_info": {"params": {"min_value": 0.5}}}],
        }
        for number in range(MODELS)
    )
)
PARAMS = "versions: [{select: latest, output_info: {params: {min_value: %s}}}]"


@pytest.mark.parametrize(
    ("command", "count", "spec", "code", "calls"),
    [
        ("plan", 300, "name: model %d, " + PARAMS % 0.5, 0, {"ListModels": 1, "ListModelTypes": 1}),
        ("plan", 3, "name: model %d, " + PARAMS % 0.5, 0, {"GetModel": 3, "ListModelTypes": 2}),
        ("apply", 300, "name: new %d", 0, {"ListModels": 2, "PatchModels": 10}),
        ("apply", 3, "name: new %d", 0, {"GetModel": 6, "PatchModels": 1}),
        (
            "apply",
            20,
            "notes: n%d, " + PARAMS % 0.9,
            0,
            {"ListModels": 2, "ListModelTypes": 1, "PatchModels": 1, "PatchModelVersions": 20},
        ),
    ],
)
def test_a_run_makes_the_fewest_calls(
    cli: RunCli, tmp_path: Path, command: str, count: int, spec: str, code: int, calls: dict[str, int]
) -> None:
    texts = (manifest(f"m{number:03d}", f"{{{spec % number}}}") for number in range(count))
    (tmp_path / "m.yaml").write_text("---\n".join(texts), encoding="utf-8")
    with Emulator(seed=SEED) as emulator:
        emulator.clear_calls()
        options = ["--yes"] if command == "apply" else []
        pace = ("--endpoint", emulator.url, "--rate", "1000")
        result = cli(command, "m.yaml", *options, *pace, env={"CLARIFAI_PAT": "x"}, cwd=tmp_path)
        made = Counter(call.rpc for call in emulator.calls)
    assert (result.exit_code, dict(made)) == (code, calls), result.stderr
