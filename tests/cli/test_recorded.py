"""`reconciler test`: plans against a recorded live side, without a token and without the service."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.live_side import Service, manifest
from tests.cli.test_policies import PUBLIC, policy, rule
from tests.command_line import CliResult, RunCli

pytest.importorskip("cel_expr_python", reason="policies need Python 3.11 or later")

EXAMPLE = Path(__file__).parents[2] / "examples" / "fleet"


def offline(cli: RunCli, folder: Path, *args: str | Path) -> CliResult:
    """A run that has no token, and an endpoint that nobody answers at."""
    return cli("test", *args, env={"CLARIFAI_PAT": "", "CLARIFAI_API_BASE": "http://127.0.0.1:9"}, cwd=folder)


def test_the_example_fleet_is_planned(cli: RunCli, folder: Path) -> None:
    result = offline(cli, folder, EXAMPLE, "--against", EXAMPLE / "live.json", "--format", "json")
    assert result.exit_code == 0, result.stderr
    document = result.document()
    assert document["summary"] == {"update": 5, "delete": 0, "unchanged": 0, "refused": 0}
    assert [(item["rule"], item["address"]) for item in document["policy"]] == [("two-labels", "demo/fleet/experiment")]
    places = {
        f"{change['model_id']} {field['path']}": Path((field.get("origin") or change["origin"])["path"]).name
        for change in document["changes"]
        for field in change["fields"]
    }
    assert places["cls-birds description"] == "cls-birds.yaml"
    assert places["cls-birds toolkits"] == "defaults.yaml"
    assert not (folder / ".reconciler").exists(), "nothing is kept"


def test_exit_codes_are_those_of_plan(cli: RunCli, folder: Path) -> None:
    live = EXAMPLE / "live.json"
    changes = offline(cli, folder, EXAMPLE, "--against", live, "--detailed-exitcode")
    (folder / "m").mkdir()
    public = manifest("cls-pets", "{visibility: PUBLIC}").replace("app_id: pets", "app_id: fleet")
    (folder / "m/a.yaml").write_text(public, encoding="utf-8")
    (folder / "m/p.yaml").write_text(policy(rule(PUBLIC)), encoding="utf-8")
    refused = offline(cli, folder, "m", "--against", live)
    unknown = offline(cli, folder, "m", "--against", live, "--target", "nothing")
    assert (changes.exit_code, refused.exit_code, unknown.exit_code) == (2, 3, 1)
    assert offline(cli, folder, "m").exit_code == 64
    assert offline(cli, folder, "m", "--against", "none.json").exit_code == 1
    assert offline(cli, folder, "m", "--against", "m/a.yaml").exit_code == 1


def test_an_export_serves_as_the_live_side(service: Service) -> None:
    live = service.run("export", "--format", "json", "--version", "all").stdout
    service.write("live.json", live)
    service.write(
        "m/a.yaml",
        manifest("petsID", "{name: Pets, versions: [{select: latest, output_info: {params: {min_value: 0.9}}}]}"),
    )
    service.write("reconciler.yaml", "apiVersion: reconciler/v1\nkind: Config\nowner: vision\n")
    service.calls()
    result = service.run("test", "m", "--against", "live.json", "--format", "json")
    assert (result.exit_code, service.calls()) == (0, [])
    changed = {field["path"]: field["before"] for change in result.document()["changes"] for field in change["fields"]}
    assert changed == {"name": "pets", "output_info.params.min_value": 0.5}, "the mark is taken to be there"
    document = json.loads(live)
    assert document["model_types"]["demo/pets/petsID"] == "embedding-classifier"
    del document["model_types"]
    service.write("live.json", json.dumps(document))
    assert service.run("test", "m", "--against", "live.json").exit_code == 1
