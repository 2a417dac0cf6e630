"""`export` as a user runs it, against the emulator: outputs whole, calls exact."""

from __future__ import annotations

from pathlib import Path

import yaml

from reconciler.emulator.sample import SAMPLE
from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Switches
from tests.cli.live_side import LATEST, SECRET, Service, seeded
from tests.command_line import RunCli
from tests.wording import Wording


def test_export_prints_a_stream_that_plans_empty(service: Service, wording: Wording) -> None:
    result = service.run("export")
    assert (result.exit_code, len(result.stderr.splitlines())) == (0, 1)
    wording(result.stderr)
    assert service.calls() == ["ListModels", "ListModels", "ListModelTypes"]
    documents = list(yaml.safe_load_all(result.stdout))
    assert [(each["metadata"]["id"], [v["id"] for v in each["spec"].get("versions", [])]) for each in documents] == [
        (model_id, [LATEST[model_id]] if model_id in LATEST else [])
        for model_id in ("model_clusterer", "pet-breeds", "pet-draft", "pet-finder", "pet-names", "petsID")
    ]
    assert result.stdout.split("---\n")[2] == (
        "apiVersion: reconciler/v1\n"
        "kind: Model\n"
        "metadata:\n"
        "  id: pet-draft\n"
        "  user_id: demo\n"
        "  app_id: pets\n"
        "spec:\n"
        "  action: merge\n"
        "  name: pet-draft\n"
        "  notes: Has no version yet\n"
        "  visibility: PRIVATE\n"
    )
    planned = service.run("plan", "-", "--detailed-exitcode", stdin=result.stdout)
    assert (planned.exit_code, planned.stdout, planned.stderr) == (0, "In sync: 6 models unchanged.\n", "")


def test_export_to_a_folder_writes_a_file_per_model_and_never_over_one(service: Service, wording: Wording) -> None:
    result = service.run("export", "--output", "live/pets", "--version", "all", "-q")
    names = ["model_clusterer", "pet-breeds", "pet-draft", "pet-finder", "pet-names", "petsID"]
    assert (result.exit_code, result.stdout) == (0, "".join(f"live/pets/{name}.yaml\n" for name in names))
    calls = service.calls()
    assert (calls[:2], sorted(calls[2:])) == (
        ["ListModels"] * 2,
        ["ListModelTypes"] + ["ListModelVersions"] * calls.count("ListModelVersions"),
    )
    files = sorted(path.name for path in (service.folder / "live/pets").iterdir())
    assert files == [f"{name}.yaml" for name in names]
    breeds = yaml.safe_load((service.folder / "live/pets/pet-breeds.yaml").read_text())
    assert [version["id"][-1] for version in breeds["spec"]["versions"]] == ["3", "2", "1"]
    assert service.run("plan", "live", "--detailed-exitcode").exit_code == 0

    (service.folder / "live/pets/petsID.yaml").write_text("mine")
    (service.folder / "live/pets/pet-draft.yaml").unlink()
    again = service.run("export", "--output", "live/pets", "-q")
    assert (again.exit_code, again.stdout) == (3, "")
    wording(again.stderr)
    assert (service.folder / "live/pets/petsID.yaml").read_text() == "mine"
    assert not (service.folder / "live/pets/pet-draft.yaml").exists()
    assert service.run("export", "--output", "live/pets", "--force", "-q").exit_code == 0
    assert service.run("plan", "live", "--detailed-exitcode").exit_code == 0


def test_export_names_the_schema_that_lies_above_the_folder(service: Service) -> None:
    service.run("export", "--name", "pets", "--output", "bare")
    assert (service.folder / "bare/petsID.yaml").read_text().splitlines()[0] == "apiVersion: reconciler/v1"
    (service.folder / "schemas").mkdir()
    (service.folder / "schemas/model.v1.schema.json").write_text("{}")
    service.run("export", "--name", "pets", "--output", "a/b")
    text = (service.folder / "a/b/petsID.yaml").read_text()
    assert text.splitlines()[0] == "# yaml-language-server: $schema=../../schemas/model.v1.schema.json"
    service.run("export", "--name", "pets", "--output", "manifests")
    text = (service.folder / "manifests/petsID.yaml").read_text()
    assert text.splitlines()[0] == "# yaml-language-server: $schema=../schemas/model.v1.schema.json"


def test_export_by_name_and_type_searches(service: Service) -> None:
    result = service.run("export", "--name", "Pet *", "--type", "visual-classifier", "--format", "json")
    assert service.calls() == ["PostModelsSearches", "PostModelsSearches", "ListModelTypes", "ListModelTypes"]
    document = result.document()
    assert (result.exit_code, result.stderr) == (0, "")
    assert [manifest["metadata"]["id"] for manifest in document["manifests"]] == ["pet-breeds"]
    assert {**document, "manifests": []} == {"kind": "Export", "manifests": [], "files": [], "skipped": []}


def test_export_of_nothing_says_so(service: Service) -> None:
    result = service.run("export", "--name", "none*")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "No model matches.\n")


def test_export_never_has_clarifais_own_models(service: Service) -> None:
    found = service.run("export", "--name", "Image*", "--format", "json").document()
    assert found == {"kind": "Export", "manifests": [], "files": [], "skipped": []}


def test_export_reads_a_version_that_the_listing_shows_in_part(cli: RunCli, folder: Path) -> None:
    with Emulator(seed=SAMPLE, switches=Switches(output_info_in_list=False)) as emulator:
        service = Service(emulator, cli, folder)
        document = service.run("export", "--name", "pets", "--format", "json").document()
    version = document["manifests"][0]["spec"]["versions"][0]
    assert version["output_info"]["params"] == {"max_concepts": 20, "min_value": 0.5, "select_concepts": []}


def test_export_leaves_secrets_out_and_what_no_manifest_can_hold(secretive: Service, wording: Wording) -> None:
    secretive.emulator.load(seeded({"id": "a b"}, {"id": "long", "notes": "x" * 65537}))
    result = secretive.run("export", "--format", "json")
    document = result.document()
    bot = f"demo/pets/bot@{'c' * 32}"
    assert [(each["address"], each["path"]) for each in document["skipped"]] == [
        ("demo/pets/a b", None),
        (bot, "output_info.params.api_key"),
        (bot, "output_info.params.secrets"),
        ("demo/pets/long", "notes"),
    ]
    wording(*(each["reason"] for each in document["skipped"]))
    assert [manifest["metadata"]["id"] for manifest in document["manifests"]] == ["bot", "long"]
    stream = secretive.run("export")
    assert SECRET not in result.stdout + result.stderr + stream.stdout + stream.stderr
    planned = secretive.run("plan", "-", "--detailed-exitcode", stdin=stream.stdout)
    assert (planned.exit_code, planned.stdout) == (0, "In sync: 2 models unchanged.\n")


def test_export_for_me_names_the_same_models_as_the_real_id(service: Service) -> None:
    result = service.run("export", "--user-id", "me", "-q", "--name", "pets")
    assert yaml.safe_load(result.stdout)["metadata"] == {"id": "petsID", "user_id": "me", "app_id": "pets"}
    assert service.run("plan", "-", "--detailed-exitcode", stdin=result.stdout).exit_code == 0


def test_export_to_a_place_that_cannot_be_written(service: Service, wording: Wording) -> None:
    (service.folder / "file").write_text("")
    result = service.run("export", "--output", "file", "-q")
    assert (result.exit_code, result.stdout) == (1, "")
    wording(result.stderr.splitlines()[-1])
