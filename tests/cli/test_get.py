"""`get` as a user runs it, against the emulator: outputs whole, calls exact."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.cli.options import FORMATS
from reconciler.emulator.server import Emulator
from tests.cli.live_side import LATEST, SECRET, Service, seeded
from tests.command_line import RunCli
from tests.wording import Wording


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
        "ID               NAME             TYPE                  VISIBILITY  LATEST VERSION                    STATUS\n"
        "model_clusterer  model_clusterer  clusterer             PRIVATE     5a4f1c8e2b7d4e6f9a0b3c5d7e8f1a2b  trained\n"
        "pet-breeds       Pet breeds       visual-classifier     ORG         3f1c6f0f5f0d4b2a9a3b5f4b8d6c1e03  trained\n"
        "pet-draft        pet-draft        embedding-classifier  PRIVATE\n"
        "pet-finder       Pet finder       visual-detector       PRIVATE     77d41a2d95a64cf0a2f2d0f4f7c6b5a1  queued_for_training\n"
        "pet-names        Pet names        text-to-text          PRIVATE     c2d4e6f8a0b14c3d9e5f7a6b8c0d2e4f  trained\n"
        "petsID           pets             embedding-classifier  PRIVATE     b0b89c973e5d4b6d9599ce13da04b894  trained\n"
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
        with_concepts if subject == "concepts" else with_concepts | {"model_clusterer", "pet-names"}
    )


@pytest.mark.parametrize(
    "args",
    [
        ["types", "text-to-text", "nope"],
        ["models", "nope", "petsID", "no2"],
        ["models", "general-image-recognition"],
        ["versions", "nope"],
        ["versions", f"petsID@{'0' * 32}", "nope@v1"],
        ["concepts", "nope"],
        ["concepts", f"petsID@{'0' * 32}"],
        ["output-info", "nope"],
    ],
    ids=" ".join,
)
def test_get_names_every_unknown_id(service: Service, args: list[str], wording: Wording) -> None:
    result = service.run("get", *args)
    assert (result.exit_code, result.stdout) == (1, "")
    wording(result.stderr)


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
        f"evil    a\\x1b[2J\\x0ab\\u202e{'x' * 80}{' ' * 24}PRIVATE\n"
        f"wide    東京{' ' * 80}PRIVATE\n"
        f"petsID  pets{' ' * 58}embedding-classifier  PRIVATE     b0b89c973e5d4b6d9599ce13da04b894  trained\n"
    )


@pytest.mark.parametrize("subject", ["types", "models", "versions", "concepts", "output-info"])
@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_table_fits_the_terminal_and_cuts_nothing(service: Service, subject: str, columns: int) -> None:
    shown = service.run("get", subject, env={"COLUMNS": str(columns)}).stdout
    assert max(map(len, shown.splitlines())) <= columns
    whole = service.run("get", subject).stdout
    assert set(whole.split()) == set(shown.split())


@pytest.mark.parametrize("subject", ["type", "model", "version", "concept"])
def test_singular_and_plural_mean_the_same(service: Service, subject: str) -> None:
    one, all_of_them = (service.run("get", name) for name in (subject, f"{subject}s"))
    assert (one.exit_code, one.stdout) == (0, all_of_them.stdout)
