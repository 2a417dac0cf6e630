"""--shard: every model belongs to one shard, and shards together do what one run does, pruning included."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.emulator.server import Emulator
from reconciler.manifests.selection import Shard, in_shard
from reconciler.resources.keys import Key
from tests.cli.live_side import manifest, seeded
from tests.command_line import RunCli

NAMES = [f"m{number:02d}" for number in range(20)]
SEED = seeded(*({"id": name} for name in NAMES))


def manifests(names: list[str]) -> str:
    return "---\n".join(manifest(name, "{notes: x}") for name in names)


@given(user=st.sampled_from(["me", "demo"]), app=st.text(), model=st.text(), count=st.integers(1, 20))
def test_every_model_belongs_to_one_shard(user: str, app: str, model: str, count: int) -> None:
    key = Key(user_id=user, app_id=app, model_id=model)
    assert sum(in_shard(key, Shard(number=number, count=count)) for number in range(1, count + 1)) == 1


def test_shards_never_move() -> None:
    keys = [Key(user_id="me", app_id="pets", model_id=name) for name in NAMES]
    second = [key.model_id for key in keys if in_shard(key, Shard(number=2, count=3))]
    assert second == ["m00", "m01", "m05", "m06", "m10", "m17", "m18"]


def planned(cli: RunCli, place: Path, emulator: Emulator, *options: str) -> list[tuple[str, str]]:
    pace = ("--endpoint", emulator.url, "--rate", "1000", "--format", "json")
    result = cli("plan", "m.yaml", *options, *pace, env={"CLARIFAI_PAT": "x"}, cwd=place)
    assert result.exit_code in {0, 3}, result
    document = result.document()
    return [(change["action"], change["model_id"]) for change in document["changes"]] + [
        ("refused", refusal["rule"]) for refusal in document["refused"]
    ]


@pytest.mark.parametrize(("manifested", "prune"), [(20, False), (18, True), (12, True)])
def test_shards_together_plan_what_one_run_plans(cli: RunCli, tmp_path: Path, manifested: int, prune: bool) -> None:
    (tmp_path / "m.yaml").write_text(manifests(NAMES[:manifested]), encoding="utf-8")
    options = ("--prune", "--prune-scope", "app") if prune else ()
    with Emulator(seed=SEED) as emulator:
        whole = planned(cli, tmp_path, emulator, *options)
        shards = [planned(cli, tmp_path, emulator, *options, "--shard", f"{number}/3") for number in (1, 2, 3)]
    refused = ("refused", "delete-cap")
    together = sorted(item for shard in shards for item in shard if item != refused)
    assert together == sorted(item for item in whole if item != refused)
    # Over the cap of the app, every shard is refused, however few of the deletions are its own.
    assert [refused in shard for shard in shards] == [refused in whole] * 3


@pytest.mark.parametrize(
    ("options", "rate"), [((), 15), (("--shard", "2/3"), 5), (("--shard", "2/3", "--rate", "30"), 10)]
)
def test_a_shard_takes_its_share_of_the_rate(
    cli: RunCli, tmp_path: Path, options: tuple[str, ...], rate: float
) -> None:
    (tmp_path / "m.yaml").write_text(manifests(NAMES), encoding="utf-8")
    with Emulator(seed=SEED) as emulator:
        where = ("--endpoint", emulator.url, "--format", "json")
        result = cli("plan", "m.yaml", *options, *where, env={"CLARIFAI_PAT": "x"}, cwd=tmp_path)
    assert result.document()["forecast"]["rate"] == rate


def test_validate_judges_its_own_shard(cli: RunCli, tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(manifests(NAMES).replace("notes: x", "note: x", 1), encoding="utf-8")
    codes = [cli("validate", "m.yaml", "--shard", f"{number}/4", cwd=tmp_path).exit_code for number in range(1, 5)]
    assert sorted(codes) == [0, 0, 0, 1]


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "1/0", "-1/3", "1/1001"])
def test_a_shard_is_one_of_n(cli: RunCli, text: str) -> None:
    assert cli("plan", "m.yaml", "--shard", text).exit_code == 64
