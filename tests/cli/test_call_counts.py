"""How many calls a run makes: the number of calls is the speed, where 15 a second are allowed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pytest

from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Fault, Switches
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


def manifests(count: int, spec: str) -> str:
    """Manifests of models m000, m001, …, with the number put into the spec."""
    return "---\n".join(manifest(f"m{number:03d}", f"{{{spec % number}}}") for number in range(count))


@pytest.mark.parametrize(
    ("command", "count", "spec", "code", "calls"),
    [
        ("plan", 300, "name: model %d, " + PARAMS % 0.5, 0, {"ListModels": 1, "ListModelTypes": 1}),
        ("plan", 3, "name: model %d, " + PARAMS % 0.5, 0, {"GetModel": 3, "ListModelTypes": 2}),
        ("apply", 300, "name: new %d", 0, {"ListModels": 2, "PatchModels": 3}),
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
    (tmp_path / "m.yaml").write_text(manifests(count, spec), encoding="utf-8")
    with Emulator(seed=SEED) as emulator:
        emulator.clear_calls()
        options = ["--yes"] if command == "apply" else []
        pace = ("--endpoint", emulator.url, "--rate", "1000")
        result = cli(command, "m.yaml", *options, *pace, env={"CLARIFAI_PAT": "x"}, cwd=tmp_path)
        made = Counter(call.rpc for call in emulator.calls)
    assert (result.exit_code, dict(made)) == (code, calls), result.stderr


@pytest.mark.parametrize(
    ("settings", "calls"), [("", 3 + 1), ("limits: {batch: 32}", 10 + 1), ("limits: {batch: 1}", 300 + 1)]
)
def test_the_forecast_counts_the_calls_of_an_apply(cli: RunCli, tmp_path: Path, settings: str, calls: int) -> None:
    (tmp_path / "m.yaml").write_text(manifests(MODELS, "name: new %d"), encoding="utf-8")
    (tmp_path / "reconciler.yaml").write_text(
        f"apiVersion: reconciler/v1\nkind: Config\n{settings}\n", encoding="utf-8"
    )
    with Emulator(seed=SEED) as emulator:
        pace = ("--endpoint", emulator.url, "--rate", "1000")
        env = {"CLARIFAI_PAT": "x"}
        planned = cli("plan", "m.yaml", "--format", "json", "--out", "p.json", *pace, env=env, cwd=tmp_path).document()
        # A saved plan has the size of its requests, whatever the settings are by then.
        (tmp_path / "reconciler.yaml").unlink()
        emulator.clear_calls()
        applied = cli("apply", "--plan", "p.json", *pace, env=env, cwd=tmp_path)
        made = Counter(call.rpc for call in emulator.calls)
    assert planned["forecast"]["calls"] == calls
    assert (applied.exit_code, dict(made)) == (0, {"ListModels": 2, "PatchModels": calls - 1})


def sizes_of_patches(cli: RunCli, place: Path, code: int, **switches: Any) -> list[tuple[int, bool]]:
    """Of an apply of 300 renames, one call after the other: the number of models in each patch, and whether it succeeded."""
    (place / "m.yaml").write_text(manifests(MODELS, "name: new %d"), encoding="utf-8")
    with Emulator(seed=SEED, switches=Switches(**switches)) as emulator:
        pace = ("--endpoint", emulator.url, "--rate", "1000", "--parallelism", "1")
        result = cli("apply", "m.yaml", "--yes", *pace, env={"CLARIFAI_PAT": "x"}, cwd=place)
        assert result.exit_code == code, result
        patches = [call for call in emulator.calls if call.rpc == "PatchModels"]
        names = {model["id"]: model["name"] for app in emulator.snapshot()["apps"] for model in app["models"]}
    left = [number for number in range(MODELS) if names[f"m{number:03d}"] != f"new {number}"]
    assert bool(left) == bool(code)
    return [(len(call.request["models"]), call.status_code == 10000) for call in patches]


@pytest.mark.parametrize("refusal", ["11102", "21203", "40033", "INVALID_ARGUMENT"])
def test_a_smaller_batch_than_expected_is_found_once(
    cli: RunCli, tmp_path: Path, refusal: Literal["11102", "21203", "40033", "INVALID_ARGUMENT"]
) -> None:
    sizes = sizes_of_patches(cli, tmp_path, 0, max_batch=32, batch_over=refusal)
    assert sizes == [(128, False), (64, False), *[(32, True)] * 9, (12, True)]


def test_one_refused_object_does_not_make_other_batches_smaller(cli: RunCli, tmp_path: Path) -> None:
    refusal = Fault(rpc="PatchModels", names="m150", kind="21202", times=99)
    sizes = sizes_of_patches(cli, tmp_path, 4, faults=(refusal,))
    refused = [size for size, is_done in sizes if not is_done]
    assert refused == [128, 64, 32, 16, 8, 4, 2, 1]
    # The two other requests, and of the refused one the other half at each step.
    assert sorted((size for size, is_done in sizes if is_done), reverse=True) == [128, 64, 44, 32, 16, 8, 4, 2, 1]


def test_one_refused_object_is_told_from_a_smaller_batch(cli: RunCli, tmp_path: Path) -> None:
    refusal = Fault(rpc="PatchModels", names="m000", kind="21202", times=99)
    sizes = sizes_of_patches(cli, tmp_path, 4, max_batch=32, faults=(refusal,))
    # The first half of the first request has the refused object; the second half shows that 64 are too many.
    refused = [size for size, is_done in sizes if not is_done]
    assert refused == [128, 64, 32, 16, 8, 4, 2, 1, 64]
    assert sizes[-6:] == [(32, True)] * 5 + [(12, True)]


def calls_of(cli: RunCli, place: Path, text: str, seed: Mapping[str, Any] = SEED, **switches: Any) -> list[str]:
    """The calls of an apply that exits 0, in order."""
    (place / "m.yaml").write_text(text, encoding="utf-8")
    with Emulator(seed=seed, switches=Switches(**switches)) as emulator:
        pace = ("--endpoint", emulator.url, "--rate", "1000", "--parallelism", "1")
        result = cli("apply", "m.yaml", "--yes", *pace, env={"CLARIFAI_PAT": "x"}, cwd=place)
        assert result.exit_code == 0, result
        return [call.rpc for call in emulator.calls]


@pytest.mark.parametrize(("page", "pages"), [(1000, 1), (128, 3)])
def test_renames_of_a_fleet_are_read_once_before_and_once_after(
    cli: RunCli, tmp_path: Path, page: int, pages: int
) -> None:
    calls = calls_of(cli, tmp_path, manifests(MODELS, "name: new %d"), max_per_page=page)
    assert calls == ["ListModels"] * pages + ["PatchModels"] * 3 + ["ListModels"] * pages


TAGGED = "toolkits: [t%d]"
REMOVED = "remove: {metadata: [m%d]}"
LISTED = "versions: [{select: latest, output_info: {params: {words: [w%d]}}}]"


@pytest.mark.parametrize(
    ("count", "spec", "reads", "rpc"),
    [
        (1, TAGGED, ["GetModel"], "PatchModels"),
        (2, TAGGED, ["GetModel"] * 2, "PatchModels"),
        (3, TAGGED, ["ListModels"], "PatchModels"),
        (32, TAGGED, ["ListModels"], "PatchModels"),
        (32, REMOVED, ["ListModels"], "PatchModels"),
        (1, LISTED, ["GetModel"], "PatchModelVersions"),
        (
            1,
            LISTED.replace("select: latest", f"id: {'a' * 32}"),
            ["GetModel", "ListModelVersions"],
            "PatchModelVersions",
        ),
    ],
)
def test_a_request_that_is_checked_pays_at_most_two_reads(
    cli: RunCli, tmp_path: Path, count: int, spec: str, reads: list[str], rpc: str
) -> None:
    models = [
        {
            "id": f"m{number:03d}",
            "model_type_id": "free",
            "metadata": {f"m{number}": 1, "kept": 1},
            "versions": [{"id": "a" * 32}, {"id": f"{number:032x}"}],
        }
        for number in range(count)
    ]
    calls = calls_of(cli, tmp_path, manifests(count, spec), seeded(*models))
    at = calls.index(rpc)
    assert calls.count(rpc) == 1
    assert calls[at - len(reads) : at] == reads
    # What stands before that are the reads of the plan.
    planning = ["ListModels"] if count > 3 else ["GetModel"] * count
    assert calls[: len(planning)] == planning


OLDER = "versions: [{id: '%032x', output_info: {params: {min_value: 0.5}}}]"


@pytest.mark.parametrize(
    ("shown", "count", "calls"),
    [
        ("asked", 200, {"ListModels": 3, "ListModelTypes": 1}),
        ("latest", 200, {"ListModels": 2, "ListModelTypes": 1, "ListModelVersions": 200}),
        ("asked", 3, {"GetModel": 3, "ListModelTypes": 2, "ListModelVersions": 6}),
    ],
)
def test_older_versions_of_many_models_are_read_together_where_the_service_shows_them(
    cli: RunCli, tmp_path: Path, shown: Literal["asked", "latest"], count: int, calls: dict[str, int]
) -> None:
    versions = [{"output_info": {"params": {"min_value": value}}} for value in (0.5, 0.9)]
    models = [
        {
            "id": f"m{number:03d}",
            "model_type_id": "embedding-classifier",
            "versions": [{"id": f"{number + 1000 * index:032x}", **each} for index, each in enumerate(versions)],
        }
        for number in range(count)
    ]
    (tmp_path / "m.yaml").write_text(manifests(count, OLDER), encoding="utf-8")
    with Emulator(seed=seeded(*models), switches=Switches(listed_version=shown)) as emulator:
        emulator.clear_calls()
        pace = ("--endpoint", emulator.url, "--rate", "1000")
        result = cli("plan", "m.yaml", "--detailed-exitcode", *pace, env={"CLARIFAI_PAT": "x"}, cwd=tmp_path)
        made = Counter(call.rpc for call in emulator.calls)
    assert (result.exit_code, dict(made)) == (0, calls), result.stdout


@pytest.mark.parametrize(
    ("deleted", "cap", "code", "counted"), [(32, "99", 0, 32), (33, "99", 0, 33), (32, "31", 3, 32), (33, "32", 3, 0)]
)
def test_what_many_refused_deletions_would_take_is_not_counted(
    cli: RunCli, tmp_path: Path, deleted: int, cap: str, code: int, counted: int
) -> None:
    """A call per model to delete says how many versions go with it; a plan that is refused pays for a few models only."""
    (tmp_path / "reconciler.yaml").write_text("apiVersion: reconciler/v1\nkind: Config\nowner: us\n", encoding="utf-8")
    (tmp_path / "m.yaml").write_text(manifest("m", "{}"), encoding="utf-8")
    mark = {"reconciler": {"owner": "us", "protect": False}}
    gone = [
        {"id": f"g{number:02d}", "metadata": mark, "versions": [{"id": f"{number:032x}"}]} for number in range(deleted)
    ]
    with Emulator(seed=seeded({"id": "m", "metadata": mark}, *gone)) as emulator:
        emulator.clear_calls()
        pace = ("--endpoint", emulator.url, "--rate", "1000", "--format", "json")
        result = cli("plan", "m.yaml", "--prune", "--max-deletes", cap, *pace, env={"CLARIFAI_PAT": "x"}, cwd=tmp_path)
        made = Counter(call.rpc for call in emulator.calls)
    assert (result.exit_code, made["ListModelVersions"]) == (code, counted), result.stdout
    changes = result.document()["changes"]
    assert [change["action"] for change in changes] == ["delete"] * deleted
    shown = [field["before"] for change in changes for field in change["fields"] if field["path"] == "versions"]
    assert shown == [1] * counted


def test_what_a_listing_leaves_out_of_versions_is_taken_from_the_responses(cli: RunCli, tmp_path: Path) -> None:
    """Of the versions that were patched alike, one is read as a sample; the listing doesn't show the params of the others."""
    text = manifests(5, "notes: n%d, " + PARAMS % 0.9)
    calls = Counter(calls_of(cli, tmp_path, text, output_info_in_list=False))
    assert (calls["PatchModelVersions"], calls["ListModelVersions"]) == (5, 6)
