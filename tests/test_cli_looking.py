"""export, get and purge as a user runs them, against the emulator: outputs whole, calls exact."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from clarifai_grpc.grpc.api import resources_pb2, service_pb2

from reconciler.cli.main import main
from reconciler.cli.options import FORMATS
from reconciler.emulator.sample import SAMPLE
from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Fault, Switches
from reconciler.state.locks import locked
from tests.command_line import CliResult, RunCli
from tests.unit.scripted_service import ScriptedService, in_turn, models_of, ok

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


@pytest.fixture(autouse=True)
def _quiet_log() -> Iterator[None]:
    """Take away what -v adds to the log: it writes to a standard error that ends with its test."""
    yield
    logging.getLogger("reconciler").handlers.clear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "work"
    made.mkdir()
    return made


@pytest.fixture
def service(emulator: Emulator, cli: RunCli, folder: Path) -> Service:
    return Service(emulator, cli, folder)


def seeded(*models: Mapping[str, Any]) -> dict[str, Any]:
    """An app demo/pets with these models."""
    return {"apps": [{"user_id": "demo", "app_id": "pets", "models": list(models)}]}


@pytest.fixture
def secretive(cli: RunCli, folder: Path) -> Iterator[Service]:
    """An app whose one model has a secret in its params."""
    params = {"max_tokens": 512, "api_key": SECRET, "secrets": [{"id": "a", "value": SECRET}]}
    version = {"id": "c" * 32, "output_info": {"params": params}}
    with Emulator(seed=seeded({"id": "bot", "model_type_id": "text-to-text", "versions": [version]})) as emulator:
        yield Service(emulator, cli, folder)


# --- export ---------------------------------------------------------------------------------------------------


def test_export_prints_a_stream_that_plans_empty(service: Service) -> None:
    result = service.run("export")
    secret = f"demo/pets/pet-names@{LATEST['pet-names']} output_info.params.secrets: a secret, (sensitive)"
    assert (result.exit_code, result.stderr) == (0, f"warning: not exported: {secret}.\n")
    assert service.calls() == ["ListModels", "ListModels", "ListModelTypes"]
    documents = list(yaml.safe_load_all(result.stdout))
    assert [(each["metadata"]["id"], [v["id"] for v in each["spec"].get("versions", [])]) for each in documents] == [
        (model_id, [LATEST[model_id]] if model_id in LATEST else [])
        for model_id in ("pet-breeds", "pet-draft", "pet-finder", "pet-names", "petsID")
    ]
    assert result.stdout.split("---\n")[1] == (
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
    assert (planned.exit_code, planned.stdout, planned.stderr) == (0, "In sync: 5 models unchanged.\n", "")


def test_export_to_a_folder_writes_a_file_per_model_and_never_over_one(service: Service) -> None:
    result = service.run("export", "--output", "live/pets", "--version", "all", "-q")
    names = ["pet-breeds", "pet-draft", "pet-finder", "pet-names", "petsID"]
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
    there = ", ".join(f"live/pets/{name}.yaml" for name in names if name != "pet-draft")
    assert (again.exit_code, again.stdout) == (3, "")
    assert again.stderr == (
        f"error: No file was written, because there is one already: {there}. "
        "Give another folder, or --force to overwrite.\n"
    )
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
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "There are no such models.\n")


def test_export_never_has_clarifais_own_models(service: Service) -> None:
    found = service.run("export", "--name", "Image*", "--format", "json").document()
    assert found == {"kind": "Export", "manifests": [], "files": [], "skipped": []}


def test_export_reads_a_version_that_the_listing_shows_in_part(cli: RunCli, folder: Path) -> None:
    with Emulator(seed=SAMPLE, switches=Switches(output_info_in_list=False)) as emulator:
        service = Service(emulator, cli, folder)
        document = service.run("export", "--name", "pets", "--format", "json").document()
    version = document["manifests"][0]["spec"]["versions"][0]
    assert version["output_info"]["params"] == {"max_concepts": 20, "min_value": 0.5, "select_concepts": []}


def test_export_leaves_secrets_out_and_what_no_manifest_can_hold(secretive: Service) -> None:
    secretive.emulator.load(seeded({"id": "a b"}, {"id": "long", "notes": "x" * 65537}))
    result = secretive.run("export", "--format", "json")
    document = result.document()
    assert document["skipped"] == [
        {
            "address": "demo/pets/a b",
            "path": None,
            "reason": 'the id "a b" holds white space, which can\'t stand in a URL',
        },
        *(
            {
                "address": f"demo/pets/bot@{'c' * 32}",
                "path": f"output_info.params.{name}",
                "reason": "a secret, (sensitive)",
            }
            for name in ("api_key", "secrets")
        ),
        {
            "address": "demo/pets/long",
            "path": "notes",
            "reason": "longer than the 65,536 bytes that notes may have",
        },
    ]
    assert [manifest["metadata"]["id"] for manifest in document["manifests"]] == ["bot", "long"]
    stream = secretive.run("export")
    assert SECRET not in result.stdout + result.stderr + stream.stdout + stream.stderr
    planned = secretive.run("plan", "-", "--detailed-exitcode", stdin=stream.stdout)
    assert (planned.exit_code, planned.stdout) == (0, "In sync: 2 models unchanged.\n")


def test_export_round_trips_hard_texts_through_the_service(cli: RunCli, folder: Path) -> None:
    hard = [
        "no",
        "12:30",
        "1e3",
        "${var:x}",
        "$${",
        " a\n",
        "a\x85b",
        "\u202e",
        "# a",
        "<<",
        "- a",
        "\x1b[31m",
        "😀",
        "~",
    ]
    model = {
        "id": "hard",
        "name": "${env:HOME}",
        "notes": "\n".join(hard),
        "metadata": {"list": hard, **{text: text for text in hard}, "tiny": 1e-7, "deep": {"a": [{"b": [[], {}]}]}},
        "toolkits": ["off", "0x1F"],
    }
    with Emulator(seed=seeded(model)) as emulator:
        service = Service(emulator, cli, folder)
        exported = service.run("export")
        planned = service.run("plan", "-", "--detailed-exitcode", stdin=exported.stdout)
    assert (exported.stderr, planned.exit_code, planned.stdout) == ("", 0, "In sync: 1 model unchanged.\n")
    assert not any(letter in exported.stdout for letter in "\x1b\x85\u202e")


def test_export_for_me_names_the_same_models_as_the_real_id(service: Service) -> None:
    result = service.run("export", "--user-id", "me", "-q", "--name", "pets")
    assert yaml.safe_load(result.stdout)["metadata"] == {"id": "petsID", "user_id": "me", "app_id": "pets"}
    assert service.run("plan", "-", "--detailed-exitcode", stdin=result.stdout).exit_code == 0


@pytest.mark.parametrize("command", [["export"], ["get", "types"], ["get", "models"], ["get", "versions", "a"]])
def test_looking_needs_an_app(service: Service, command: list[str]) -> None:
    result = service.run(*command, scope=False)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "error: No user and no app id was given. Give --user-id, user_id in reconciler.yaml, or CLARIFAI_USER_ID; "
        "and --app-id, app_id in reconciler.yaml, or CLARIFAI_APP_ID.\n"
    )
    assert service.calls() == []


@pytest.mark.parametrize(
    "args",
    [
        ["export", "--force"],
        ["export", "--output", ""],
        ["export", "--name", " "],
        ["export", "--version", "v1"],
        ["get"],
    ],
)
def test_options_that_make_no_sense_are_usage_errors(service: Service, args: list[str]) -> None:
    assert (service.run(*args).exit_code, service.calls()) == (64, [])


def test_export_to_a_place_that_cannot_be_written(service: Service) -> None:
    (service.folder / "file").write_text("")
    result = service.run("export", "--output", "file", "-q")
    assert (result.exit_code, result.stdout) == (1, "")
    assert (
        result.stderr.splitlines()[-1] == "error: The manifest can't be written to file/pet-breeds.yaml: File exists."
    )


# --- get ------------------------------------------------------------------------------------------------------


def test_get_types(service: Service) -> None:
    result = service.run("get", "types", "text-to-text", "visual-detector")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "TYPE             PARAM          KIND              ALLOWED          DEFAULT\n"
        "text-to-text     max_tokens     range             1 to 32768 by 1  512\n"
        "text-to-text     temperature    range             0 to 2 by 0.01   1\n"
        "text-to-text     system_prompt  string\n"
        "text-to-text     secrets        array_of_secrets                   []\n"
        "text-to-text     api_key        encrypted_string\n"
        "visual-detector  min_value      range             0 to 100 by 0.1  0\n"
        "visual-detector  image_size     array_of_numbers                   [320]\n"
    )
    assert service.calls() == ["ListModelTypes", "ListModelTypes"]
    every = service.run("get", "types").stdout.splitlines()
    assert every[0] == "ID                    TITLE                 PARAMS"
    assert (
        every[3]
        == "text-to-text          Text To Text          max_tokens, temperature, system_prompt, secrets, api_key"
    )
    document = service.run("get", "types", "--format", "json").document()
    assert (document["kind"], [each["id"] for each in document["model_types"]]) == (
        "ModelTypes",
        ["concept-threshold", "embedding-classifier", "text-to-text", "visual-classifier", "visual-detector"],
    )


def test_get_models(service: Service) -> None:
    result = service.run("get", "models")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "ID          NAME        TYPE                  VISIBILITY  LATEST VERSION                    STATUS\n"
        "pet-breeds  Pet breeds  visual-classifier     ORG         3f1c6f0f5f0d4b2a9a3b5f4b8d6c1e03  trained\n"
        "pet-draft   pet-draft   embedding-classifier  PRIVATE\n"
        "pet-finder  Pet finder  visual-detector       PRIVATE     77d41a2d95a64cf0a2f2d0f4f7c6b5a1  queued_for_training\n"
        "pet-names   Pet names   text-to-text          PRIVATE     c2d4e6f8a0b14c3d9e5f7a6b8c0d2e4f  trained\n"
        "petsID      pets        embedding-classifier  PRIVATE     b0b89c973e5d4b6d9599ce13da04b894  trained\n"
    )
    assert service.calls() == ["ListModels", "ListModels", "ListModelTypes"]
    document = service.run("get", "models", "pet-draft", "--format", "json").document()
    assert service.calls() == ["GetModel"]
    assert (document["kind"], len(document["models"])) == ("Models", 1)
    assert document["models"][0]["notes"] == "Has no version yet"
    assert "model_version" not in document["models"][0]


def test_get_versions(service: Service) -> None:
    result = service.run("get", "versions", "pet-breeds")
    assert service.calls() == ["ListModelVersions", "ListModelVersions", "ListModelTypes", "ListModelTypes"]
    prefix = "pet-breeds  3f1c6f0f5f0d4b2a9a3b5f4b8d6c1e0"
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "MODEL       VERSION                           CREATED               STATUS   VISIBILITY  DESCRIPTION\n"
        f"{prefix}3  2024-01-01T00:01:03Z  trained  PRIVATE     The March set\n"
        f"{prefix}2  2024-01-01T00:01:02Z  trained  PRIVATE     More poodles\n"
        f"{prefix}1  2024-01-01T00:01:01Z  trained  PRIVATE     First try\n"
    )
    one = service.run("get", "versions", f"petsID@{LATEST['petsID']}", "--format", "json").document()
    assert service.calls() == ["GetModelVersion", "ListModelTypes", "ListModelTypes"]
    assert (one["kind"], [(each["model_id"], each["id"]) for each in one["versions"]]) == (
        "ModelVersions",
        [("petsID", LATEST["petsID"])],
    )


def test_get_concepts(service: Service) -> None:
    result = service.run("get", "concepts", f"pet-breeds@{'3f1c6f0f5f0d4b2a9a3b5f4b8d6c1e01'}", "petsID")
    assert sorted(service.calls()) == ["ListModelConcepts"] * 4
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "MODEL       ID      NAME    LANGUAGE\n"
        "pet-breeds  beagle  beagle  en\n"
        "pet-breeds  poodle  poodle  en\n"
        "petsID      cat     cat     en\n"
        "petsID      dog     dog     en\n"
    )
    document = service.run("get", "concepts", "petsID", "--format", "json").document()
    assert (document["kind"], [(each["model_id"], each["id"]) for each in document["concepts"]]) == (
        "Concepts",
        [("petsID", "cat"), ("petsID", "dog")],
    )


def test_get_output_info(service: Service) -> None:
    result = service.run("get", "output-info", "petsID")
    assert service.calls() == ["GetModelOutputInfo", "ListModelTypes", "ListModelTypes"]
    assert (result.exit_code, result.stderr) == (0, "")
    row = f"petsID  {LATEST['petsID']}  "
    assert result.stdout == (
        "MODEL   VERSION                           PATH                    VALUE\n"
        f"{row}output_config           {{}}\n"
        f"{row}params.max_concepts     20\n"
        f"{row}params.min_value        0.5\n"
        f"{row}params.select_concepts  []\n"
        f'{row}data.concepts           ["cat", "dog"]\n'
    )
    document = service.run("get", "output-info", "petsID", "--format", "json").document()
    info = document["models"][0]["model_version"]["output_info"]
    assert (document["kind"], [concept["id"] for concept in info["data"]["concepts"]]) == ("OutputInfo", ["cat", "dog"])


@pytest.mark.parametrize("subject", ["versions", "concepts", "output-info"])
def test_get_without_an_id_is_about_every_model_with_a_version(service: Service, subject: str) -> None:
    table = service.run("get", subject).stdout.splitlines()[1:]
    with_concepts = {"pet-breeds", "pet-finder", "petsID"}
    assert {row.split()[0] for row in table} == (
        with_concepts if subject == "concepts" else with_concepts | {"pet-names"}
    )


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["types", "text-to-text", "nope"], 'No model type "nope"'),
        (["models", "nope", "petsID", "no2"], 'No model "nope", "no2"'),
        (["models", "general-image-recognition"], 'No model "general-image-recognition"'),
        (["versions", "nope"], 'No model or version "nope"'),
        (["versions", f"petsID@{'0' * 32}", "nope@v1"], f'No model or version "petsID@{"0" * 32}", "nope@v1"'),
        (["concepts", "nope"], 'No model or version "nope"'),
        (["concepts", f"petsID@{'0' * 32}"], f'No model or version "petsID@{"0" * 32}"'),
        (["output-info", "nope"], 'No model or version "nope"'),
    ],
)
def test_get_names_every_unknown_id(service: Service, args: list[str], told: str) -> None:
    result = service.run("get", *args)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"error: {told} in app demo/pets. Check the spelling and the app.\n"


@pytest.mark.parametrize("text", ["", "a/b", "a@", "@v1", "a b"])
def test_get_refuses_ids_that_cannot_be_asked_about(service: Service, text: str) -> None:
    assert (service.run("get", "versions", text).exit_code, service.calls()) == (64, [])


@pytest.mark.parametrize("subject", ["models", "versions", "output-info", "concepts"])
def test_get_of_an_empty_app(cli: RunCli, folder: Path, subject: str) -> None:
    with Emulator(seed=seeded()) as emulator:
        result = Service(emulator, cli, folder).run("get", subject)
    assert (result.exit_code, len(result.stdout.splitlines())) == (0, 1)
    assert result.stderr == f"There are no {subject.replace('-', ' ')}.\n"


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize(
    "args",
    [
        ["models"],
        ["models", "bot"],
        ["versions"],
        ["versions", f"bot@{'c' * 32}"],
        ["output-info"],
        ["output-info", "bot"],
    ],
)
def test_get_never_shows_a_secret(secretive: Service, args: list[str], format_name: str) -> None:
    result = secretive.run("get", *args, "--format", format_name, "-v")
    assert result.exit_code == 0
    assert SECRET not in result.stdout + result.stderr
    if format_name == "json" or args[0] == "output-info":
        assert "(sensitive)" in result.stdout


def test_a_name_from_the_service_cannot_act_on_the_terminal(service: Service) -> None:
    service.emulator.load(
        seeded({"id": "evil", "name": "a\x1b[2J\nb\u202e" + "x" * 80}, {"id": "wide", "name": "東京"})
    )
    result = service.run("get", "models", "evil", "wide", "petsID")
    assert result.stdout == (
        f"ID      NAME{' ' * 58}TYPE                  VISIBILITY  LATEST VERSION                    STATUS\n"
        f"evil    a\\x1b[2J\\x0ab\\u202e{'x' * 40}…{' ' * 24}PRIVATE\n"
        f"wide    東京{' ' * 80}PRIVATE\n"
        f"petsID  pets{' ' * 58}embedding-classifier  PRIVATE     b0b89c973e5d4b6d9599ce13da04b894  trained\n"
    )


# --- purge ----------------------------------------------------------------------------------------------------


def test_purge_backs_up_deletes_and_looks_again(service: Service) -> None:
    result = service.run("purge", "demo/pets", "--confirm", "demo/pets", scope=False)
    lines = result.stdout.splitlines()
    assert (result.exit_code, result.stderr) == (0, "")
    assert lines[0].startswith("Backup: .reconciler/backup/")
    names = ["pet-breeds", "pet-draft", "pet-finder", "pet-names", "petsID"]
    assert lines[1:] == [
        *(f"deleted demo/pets/{name}" for name in names),
        "Purge of demo/pets: 5 models deleted, none left.",
    ]
    requests = [call for call in service.emulator.calls if call.rpc.startswith(WRITES)]
    assert [(call.rpc, call.request) for call in requests] == [
        ("DeleteModels", {"user_app_id": {"user_id": "demo", "app_id": "pets"}, "delete_all": True})
    ]
    calls = service.calls()
    listing = ["ListModels"] * 2
    assert (calls[:4], calls[-5:]) == (listing * 2, [*listing, "DeleteModels", *listing])
    assert sorted(calls[4:-5]) == ["ListModelTypes"] + ["ListModelVersions"] * 5
    assert service.models() == []
    kept = service.folder / lines[0].removeprefix("Backup: ")
    assert sorted(path.name for path in kept.rglob("*.yaml")) == [f"{name}.yaml" for name in names]
    assert service.run("validate", kept).exit_code == 0


def test_purge_as_json(service: Service) -> None:
    result = service.run("purge", "demo/pets", "--confirm", "demo/pets", "--format", "json")
    document = result.document()
    assert (result.exit_code, result.stderr) == (0, f"Backup: {document['backup']}\n")
    assert (service.folder / document["backup"]).is_dir()
    assert {**document, "backup": ""} == {
        "kind": "Purge",
        "deleted": [f"demo/pets/{name}" for name in ("pet-breeds", "pet-draft", "pet-finder", "pet-names", "petsID")],
        "remaining": [],
        "backup": "",
        "converged": True,
        "error": None,
    }


def test_purge_of_an_empty_app_writes_nothing(cli: RunCli, folder: Path) -> None:
    with Emulator(seed=seeded()) as emulator:
        service = Service(emulator, cli, folder)
        result = service.run("purge", "demo/pets", "--confirm", "demo/pets", "--format", "json")
        calls = service.calls()
    assert (result.exit_code, set(calls)) == (0, {"ListModels"})
    assert result.document() == {
        "kind": "Purge",
        "deleted": [],
        "remaining": [],
        "backup": None,
        "converged": True,
        "error": None,
    }
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["demo/pets"], "--confirm is missing. To delete every model of demo/pets, give --confirm demo/pets."),
        (
            ["demo/pets", "--confirm", "demo/pet"],
            "--confirm says demo/pet. To delete every model of demo/pets, give --confirm demo/pets.",
        ),
        (["demo/pets", "--yes"], "--confirm is missing. To delete every model of demo/pets, give --confirm demo/pets."),
        (["pets", "--confirm", "pets"], '"pets" is not of the form USER/APP, for example demo/pets.'),
        (["demo/", "--confirm", "demo/"], '"demo/" is not of the form USER/APP, for example demo/pets.'),
        (["a/b/c", "--confirm", "a/b/c"], '"a/b/c" is not of the form USER/APP, for example demo/pets.'),
        (
            ["demo/pets", "--confirm", "demo/pets", "--app-id", "other"],
            "--app-id other contradicts USER/APP, demo/pets. Leave --app-id out.",
        ),
    ],
)
def test_purge_reads_and_writes_nothing_unless_the_app_is_named_twice(
    service: Service, args: list[str], told: str
) -> None:
    result = service.run("purge", *args)
    assert (result.exit_code, result.stdout, service.calls()) == (64, "", [])
    assert result.stderr.splitlines()[-1] == f"error: {told}"


CONFIG = "apiVersion: reconciler/v1\nkind: Config\n"


@pytest.mark.parametrize(
    ("config", "metadata", "rules"),
    [
        ("owner: us\n", {"reconciler": {"owner": "us", "protect": True}}, ["is protected: its live mark says so."]),
        ("owner: us\n", {"reconciler": {"owner": "them"}}, ["belongs to 'them', by its owner mark."]),
        ("", {"reconciler": {"owner": "us"}}, ["belongs to 'us', by its owner mark."]),
        ('prune: {protect: ["prod-*"]}\n', {}, ["matches 'prod-*' of prune.protect."]),
        ('prune: {protect: ["Fine *"]}\n', {}, ["matches 'Fine *' of prune.protect."]),
    ],
)
def test_purge_is_refused_where_a_model_is_not_to_go(
    service: Service, config: str, metadata: dict[str, Any], rules: list[str]
) -> None:
    (service.folder / "reconciler.yaml").write_text(CONFIG + config)
    service.emulator.load(seeded({"id": "prod-1", "name": "Fine name", "metadata": metadata}))
    result = service.run("purge", "demo/pets", "--confirm", "demo/pets", "--format", "json")
    assert (result.exit_code, result.document()["exit_code"]) == (3, 3)
    assert all(f"demo/pets/prod-1 {rule}" in result.document()["message"] for rule in rules)
    assert set(service.calls()) == {"ListModels"}
    assert len(service.models()) == 6
    assert not (service.folder / ".reconciler").exists()


def test_purge_goes_where_the_owner_is_this_one(service: Service) -> None:
    (service.folder / "reconciler.yaml").write_text(f"{CONFIG}owner: us\n")
    service.emulator.load(seeded({"id": "ours", "metadata": {"reconciler": {"owner": "us", "protect": False}}}))
    assert service.run("purge", "demo/pets", "--confirm", "demo/pets").exit_code == 0
    assert service.models() == []


def test_purge_deletes_nothing_where_the_backup_cannot_be_written(service: Service) -> None:
    (service.folder / ".reconciler").mkdir()
    (service.folder / ".reconciler/backup").write_text("a file")
    result = service.run("purge", "demo/pets", "--confirm", "demo/pets")
    assert (result.exit_code, result.stdout, len(service.models())) == (1, "", 5)
    assert "The backup can't be written" in result.stderr
    assert "DeleteModels" not in service.calls()


def test_purge_waits_for_no_other_run(service: Service) -> None:
    with locked(service.folder / ".reconciler/locks", service.emulator.url, {"pets"}, run="another"):
        result = service.run("purge", "demo/pets", "--confirm", "demo/pets")
    assert (result.exit_code, result.stdout, len(service.models())) == (1, "", 5)
    assert "another" in result.stderr
    assert not (service.folder / ".reconciler/backup").exists()
    assert "DeleteModels" not in service.calls()


def test_purge_whose_answer_was_lost_is_done_where_the_app_is_empty(service: Service) -> None:
    service.emulator.switches = Switches(faults=(Fault(rpc="DeleteModels", kind="LOST_REPLY", nth=1),))
    result = service.run("purge", "demo/pets", "--confirm", "demo/pets", "--format", "json")
    document = result.document()
    assert (result.exit_code, document["converged"], len(document["deleted"])) == (0, True, 5)
    assert "UNAVAILABLE" in document["error"]


def test_purge_that_failed_is_incomplete_and_names_what_is_left(service: Service) -> None:
    service.emulator.switches = Switches(faults=(Fault(rpc="DeleteModels", kind="10020", times=None),))
    result = service.run("purge", "demo/pets", "--confirm", "demo/pets", "--format", "json")
    document = result.document()
    assert (result.exit_code, document["converged"], document["deleted"]) == (4, False, [])
    assert document["remaining"] == [
        f"demo/pets/{name}" for name in ("pet-breeds", "pet-draft", "pet-finder", "pet-names", "petsID")
    ]
    assert document["error"].startswith("DeleteModels failed: 10020 FAILURE")


def test_purge_deletes_nothing_where_a_model_came_after_the_backup(cli: RunCli, folder: Path) -> None:
    first, second = (resources_pb2.Model(id=name, user_id="demo", app_id="pets") for name in ("first", "second"))
    listings = in_turn(models_of(first), models_of(), models_of(first, second), models_of())
    one = service_pb2.SingleModelResponse(status=ok(), model=first)
    none = service_pb2.MultiModelVersionResponse(status=ok())
    answers = {"ListModels": listings, "GetModel": in_turn(one), "ListModelVersions": in_turn(none)}
    with ScriptedService(**answers) as scripted:
        url = f"http://127.0.0.1:{scripted.port}"
        args = ("purge", "demo/pets", "--confirm", "demo/pets", "--endpoint", url, "--rate", "1000")
        result = cli(*args, env={"CLARIFAI_PAT": "pat"}, cwd=folder)
        assert scripted.rpcs == [
            "ListModels",
            "ListModels",
            "GetModel",
            "ListModelVersions",
            "ListModels",
            "ListModels",
        ]
    told = (
        "error: demo/pets/second was created during this run and is in no backup; nothing was deleted. Run the command"
    )
    assert (result.exit_code, result.stderr) == (3, f"{told} again.\n")


class Terminal(io.TextIOWrapper):
    """Standard input that says it is a terminal, and answers with what it was given."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "left"), [("n\n", 5), ("y\n", 0)])
def test_purge_asks_on_a_terminal(
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: str,
    left: int,
) -> None:
    monkeypatch.chdir(service.folder)
    monkeypatch.setattr("sys.stdin", Terminal(io.BytesIO(answer.encode()), encoding="utf-8"))
    args = ["purge", "demo/pets", "--confirm", "demo/pets", "--endpoint", service.emulator.url, "--rate", "1000"]
    monkeypatch.setenv("CLARIFAI_PAT", "pat")
    assert main(args) == 0
    captured = capsys.readouterr()
    assert "Delete 5 models of demo/pets? They can't be recovered. [y/N]: " in captured.err
    assert len(service.models()) == left
    assert captured.out.endswith("none left.\n") if left == 0 else captured.err.endswith("Nothing was deleted.\n")


# --- never a write --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "args",
    [
        ["export", "--version", "all", "--output", "out"],
        ["export", "--type", "text-to-text"],
        *(["get", subject] for subject in ("types", "models", "versions", "concepts", "output-info")),
    ],
)
def test_looking_never_writes(service: Service, args: list[str]) -> None:
    before = service.emulator.snapshot()
    assert service.run(*args).exit_code == 0
    assert [name for name in service.calls() if name.startswith(WRITES) and name != "PostModelsSearches"] == []
    assert json.dumps(service.emulator.snapshot()) == json.dumps(before)
