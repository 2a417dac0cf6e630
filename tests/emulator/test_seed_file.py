"""Seeds in files: the published schema, and the line and column of what is wrong."""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reconciler.emulator.sample import MAIN, SAMPLE
from reconciler.emulator.seeds import SeedError
from reconciler.emulator.server import Emulator
from scripts import seed_schema
from tests.emulator.test_usage import SEED

FILE = Path(__file__).resolve().parents[2] / "schemas" / "seed.v1.schema.json"
SCHEMA = json.loads(FILE.read_text(encoding="utf-8"))


def problems(text: str, tmp_path: Path, name: str = "seed.yaml") -> list[str]:
    """What an emulator that is started with this file reports, a line each, without the folder."""
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SeedError) as caught:
        Emulator(seed=file).start()
    return str(caught.value).replace(f"{tmp_path}/", "").splitlines()


@pytest.mark.parametrize("seed", [SAMPLE, MAIN, SEED], ids=["sample", "main", "usage"])
def test_seeds_and_snapshots_are_valid_against_the_schema(seed: Any) -> None:
    validator = Draft202012Validator(SCHEMA)
    validator.check_schema(SCHEMA)

    assert list(validator.iter_errors(json.loads(json.dumps(seed)))) == []
    with Emulator(seed=seed) as emulator:
        assert list(validator.iter_errors(emulator.snapshot())) == []


def test_the_schema_is_the_one_that_its_script_writes() -> None:
    if version("clarifai-grpc") not in SCHEMA["$comment"]:
        pytest.skip(f"made from another clarifai-grpc than the installed {version('clarifai-grpc')}")

    assert FILE.read_text(encoding="utf-8") == seed_schema.text(), "run: python -m scripts.seed_schema"


def test_every_problem_is_reported_with_its_place(tmp_path: Path) -> None:
    text = """\
apps:
- user_id: demo
  app_id: pets
  models:
  - id: petsID
    colour: red
    toolkits: 7
    visibility: {gettable: PUBLICK}
    versions:
    - output_info: {params: 3}
      descripton: first
  - name: nameless
  workflows: {}
deployments:
- id: serve
model_type: []
"""
    assert problems(text, tmp_path) == [
        'seed.yaml:6:5: unknown key "colour" in apps[0].models[0]. `reconciler schema Seed` prints the known ones.',
        "seed.yaml:7:15: apps[0].models[0].toolkits must be a list, found the number 7.",
        'seed.yaml:8:28: apps[0].models[0].visibility.gettable can\'t be "PUBLICK". Did you mean PUBLIC?',
        "seed.yaml:10:29: apps[0].models[0].versions[0].output_info.params must be a mapping, found the number 3.",
        'seed.yaml:11:7: unknown key "descripton" in apps[0].models[0].versions[0]. Did you mean "description"?',
        "seed.yaml:12:5: apps[0].models[1] has no id. Add `id: …`.",
        "seed.yaml:13:14: apps[0].workflows must be a list, found a mapping.",
        "seed.yaml:15:3: deployments[0] has no user_id. Add `user_id: …`.",
        'seed.yaml:16:1: unknown key "model_type" in the seed. Did you mean "model_types"?',
    ]


def test_what_only_loading_finds_has_its_place_too(tmp_path: Path) -> None:
    text = """\
apps:
- {user_id: u, app_id: a, models: [{id: m, versions: [{id: v}, {id: v}]}]}
"""
    assert problems(text, tmp_path) == [
        "seed.yaml:2:64: apps[0].models[0].versions[1] has the id v of an earlier version. Give each its own."
    ]
    deep = "apps:\n- {user_id: u, app_id: a, models: [{id: m, default_eval_info: {nothing: 1}}]}\n"
    assert [line.partition(": ")[0] for line in problems(deep, tmp_path)] == ["seed.yaml:2:36"]


def test_json_has_places_too(tmp_path: Path) -> None:
    text = '{"apps": [\n  {"user_id": "u", "app_id": "a",\n   "models": [{"id": 3}]}]}'

    assert problems(text, tmp_path, "seed.json") == [
        "seed.json:3:22: apps[0].models[0].id must be a string, found the number 3."
    ]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("seed.json", "{", r"seed\.json:1:2: not JSON: Expecting property name.*\. Correct the file\."),
        ("seed.yaml", "apps: [", r"seed\.yaml:2:1: not YAML: .*\. Correct the file\."),
        ("seed.yaml", "apps: []\napps: []\n", r'seed\.yaml:2:1: not YAML: the key "apps" is there twice\. Correct the file\.'),
        ("seed.yaml", "- apps\n", r"seed\.yaml:1:1: the seed must be a mapping, found a list\."),
        ("seed.yaml", "", r"seed\.yaml:1:1: the seed must be a mapping, found nothing\."),
    ],
)  # fmt: skip
def test_a_file_that_is_no_seed(tmp_path: Path, name: str, text: str, message: str) -> None:
    assert re.fullmatch(message, "\n".join(problems(text, tmp_path, name)))


def test_a_long_list_of_problems_is_cut(tmp_path: Path) -> None:
    lines = problems("apps:\n" + "- {user_id: u}\n" * 60, tmp_path)

    assert len(lines) == 51
    assert lines[-1] == "10 further problems omitted."


def test_the_command_reports_them_and_exits_1(tmp_path: Path, cli: Any) -> None:
    file = tmp_path / "seed.yaml"
    file.write_text("app: []\n", encoding="utf-8")

    result = cli("emulator", "--seed", file)

    assert (result.exit_code, result.stdout) == (1, "")
    assert f'{file}:1:1: unknown key "app" in the seed. Did you mean "apps"?' in result.stderr


def test_the_seed_in_the_documentation_loads(tmp_path: Path) -> None:
    page = (FILE.parents[1] / "docs" / "emulator.md").read_text(encoding="utf-8")
    shown = re.search(r'```yaml title="seed.yaml"\n(.*?)```', page, re.DOTALL)
    assert shown is not None
    (tmp_path / "seed.yaml").write_text(shown[1], encoding="utf-8")

    with Emulator(seed=tmp_path / "seed.yaml") as emulator:
        taken = emulator.snapshot()
    assert [model["id"] for model in taken["apps"][0]["models"]] == ["petsID"]
    assert [deployment["id"] for deployment in taken["deployments"]] == ["serve-pets"]
