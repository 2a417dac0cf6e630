"""`export` as a user runs it, against the emulator: outputs whole, calls exact."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.emulator.sample import SAMPLE
from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Switches
from tests.cli.live_side import LATEST, SECRET, Service, seeded
from tests.command_line import RunCli
from tests.emulator.client import connected
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
    assert {**document, "manifests": []} == {
        "kind": "Export",
        "manifests": [],
        "model_types": {"demo/pets/pet-breeds": "visual-classifier"},
        "files": [],
        "skipped": [],
        "lost": [],
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ("--name", "none*"),
        ("--name", "petz*"),
        ("--name", "pets", "--type", "clusterer"),
        ("--type", "visual-clasifier"),
        ("pet-name",),
        ("pet-names", "pet-finders", "unlike-any-other"),
        ("general-image-recognition",),
    ],
    ids=" ".join,
)
def test_what_matches_nothing_is_an_error_that_names_the_nearest(
    service: Service, wording: Wording, arguments: tuple[str, ...]
) -> None:
    result = service.run("export", *arguments, "--output", "out")
    assert (result.exit_code, result.stdout, list(service.folder.iterdir())) == (1, "", [])
    wording(result.stderr)


def test_an_app_without_models_is_exported_as_nothing(cli: RunCli, folder: Path) -> None:
    with Emulator(seed=seeded()) as emulator:
        service = Service(emulator, cli, folder)
        result = service.run("export")
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", "There are no models in app demo/pets.\n")
        assert service.run("export", "--name", "x").exit_code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("petsID", "--name", "pets"),
        ("petsID", "--type", "visual-classifier"),
        ("--select", "latest", "--version", "all"),
        ("--force",),
        ("",),
    ],
)
def test_options_that_contradict_each_other_are_a_usage_error(service: Service, arguments: tuple[str, ...]) -> None:
    assert (service.run("export", *arguments).exit_code, service.calls()) == (64, [])


def manifests(service: Service, *arguments: str, **more: Any) -> list[Any]:
    result = service.run("export", *arguments, "--format", "json", **more)
    assert result.exit_code == 0, result
    found: list[Any] = result.document()["manifests"]
    return found


def test_export_by_id_reads_these_models_alone(service: Service) -> None:
    found = manifests(service, "pet-names", "petsID", "pet-names")
    assert [each["metadata"]["id"] for each in found] == ["pet-names", "petsID"]
    assert sorted(service.calls()) == ["GetModel", "GetModel", *["ListModelTypes"] * 2]


def test_the_latest_version_is_stated_as_the_latest(service: Service) -> None:
    (by_id,), (selected,) = manifests(service, "petsID"), manifests(service, "petsID", "--select", "latest")
    assert by_id["spec"]["versions"][0].pop("id") == LATEST["petsID"]
    assert selected["spec"]["versions"][0].pop("select") == "latest"
    assert by_id == selected
    stream = service.run("export", "--select", "latest", "-q").stdout
    assert service.run("plan", "-", "--detailed-exitcode", stdin=stream).exit_code == 0


CONFIG = """\
apiVersion: reconciler/v1
kind: Config
user_id: demo
environments: {prod: {app_id: pets}, other: {app_id: other}}
"""


@pytest.mark.parametrize(
    ("config", "arguments", "stated"),
    [
        ("", (), {"user_id": "demo", "app_id": "pets"}),
        (CONFIG, (), {"app_id": "pets"}),
        (f"{CONFIG}endpoint: http://unused.example.com\n", (), {"app_id": "pets"}),
        (CONFIG, ("--environment", "prod"), {}),
        (CONFIG, ("--environment", "prod", "--scope", "always"), {"user_id": "demo", "app_id": "pets"}),
        (CONFIG.replace("demo", "someone"), ("--user-id", "demo"), {"user_id": "demo", "app_id": "pets"}),
    ],
    ids=[
        "no settings file",
        "the file's user",
        "an endpoint that is not used",
        "the environment's app",
        "always",
        "the file's user is another",
    ],
)
def test_ids_that_the_settings_file_states_are_left_out(
    service: Service, config: str, arguments: tuple[str, ...], stated: dict[str, str]
) -> None:
    if config:
        service.write("reconciler.yaml", config)
    (found,) = manifests(service, "petsID", *arguments)
    assert found["metadata"] == {"id": "petsID", **stated}, "the variables with the ids are no reason to leave one out"
    scope = arguments[:2]
    stream = service.run("export", "petsID", *arguments, "-q").stdout
    assert service.run("plan", "-", *scope, "--detailed-exitcode", stdin=stream).exit_code == 0


def test_export_never_has_clarifais_own_models(service: Service) -> None:
    assert service.run("export", "--name", "Image*", "--format", "json").exit_code == 1
    assert not any(each["metadata"]["id"].startswith("general") for each in manifests(service))


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


# --- everything that somebody adds is drift ------------------------------------------------------------------------


BARE = {"id": "bare", "model_type_id": "visual-classifier", "versions": [{"id": "d" * 32}]}
FULL = {
    "id": "full",
    "model_type_id": "visual-classifier",
    "toolkits": ["OpenAI"],
    "metadata": {"team": "vision", "tiers": {"gold": 1}},
    "versions": [{"id": "e" * 32, "metadata": {"a": 1}, "output_info": {"params": {"min_value": 0.5}}}],
}
ADDITIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "a toolkit": ("PatchModels", {"toolkits": ["HuggingFace"]}),
    "a use case": ("PatchModels", {"use_cases": ["added"]}),
    "a language": ("PatchModels", {"languages": ["en"]}),
    "a key of the metadata": ("PatchModels", {"metadata": {"added": 1}}),
    "a key inside the metadata": ("PatchModels", {"metadata": {"tiers": {"silver": 2}}}),
    "an image": ("PatchModels", {"image": {"url": "https://samples.clarifai.com/metro-north.jpg"}}),
    "a param": ("PatchModelVersions", {"output_info": {"params": {"max_concepts": 20}}}),
    "a key of the version's metadata": ("PatchModelVersions", {"metadata": {"added": 1}}),
}


@pytest.fixture
def exact(cli: RunCli, folder: Path) -> Iterator[Service]:
    """An app that was exported under `overwrite`."""
    with Emulator(seed=seeded(BARE, FULL)) as emulator:
        service = Service(emulator, cli, folder)
        assert service.run("export", "--action", "overwrite", "--output", "models").exit_code == 0
        yield service


def test_an_app_exported_under_overwrite_is_in_sync(exact: Service) -> None:
    planned = exact.run("drift", "models")
    assert (planned.exit_code, planned.stdout) == (0, "In sync: 2 models unchanged.\n")
    assert yaml.safe_load((exact.folder / "models/bare.yaml").read_text())["spec"] == {
        "action": "overwrite",
        "name": "bare",
        "visibility": "PRIVATE",
        "toolkits": [],
        "use_cases": [],
        "languages": [],
        "metadata": {},
        "remove": {"image": True},
        "versions": [{"id": "d" * 32, "visibility": "PRIVATE", "metadata": {}, "output_info": {"params": {}}}],
    }


@pytest.mark.parametrize("model", [BARE, FULL], ids=["bare", "full"])
@pytest.mark.parametrize("addition", ADDITIONS)
def test_whatever_somebody_adds_to_it_is_drift(exact: Service, addition: str, model: dict[str, Any]) -> None:
    rpc, fields = ADDITIONS[addition]
    with connected(exact.emulator) as client:
        if rpc == "PatchModels":
            client.json(rpc, models=[{"id": model["id"], **fields}], action="merge")
        else:
            version = {"id": model["versions"][0]["id"], **fields}
            client.json(rpc, model_id=model["id"], model_versions=[version], action="merge")
    drifted = exact.run("drift", "models", "--format", "json")
    assert (drifted.exit_code, [change["model_id"] for change in drifted.document()["changes"]]) == (2, [model["id"]])
    assert exact.run("apply", "models", "--yes").exit_code == 0
    assert exact.run("drift", "models").exit_code == 0


def test_secret_params_are_neither_stated_nor_deleted_under_overwrite(secretive: Service) -> None:
    stream = secretive.run("export", "--action", "overwrite", "-q").stdout
    (document,) = yaml.safe_load_all(stream)
    assert document["spec"]["versions"][0]["output_info"] == {"params": {"max_tokens": 512}}
    assert secretive.run("drift", "-", stdin=stream).exit_code == 0


# --- what is not in the files --------------------------------------------------------------------------------------


def test_a_secret_is_named_once_for_each_file_and_not_at_all_with_quiet(cli: RunCli, folder: Path) -> None:
    params = {"max_tokens": 512, "api_key": SECRET}
    versions = [{"id": name * 32, "output_info": {"params": params}} for name in "abc"]
    models = [{"id": name, "model_type_id": "text-to-text", "versions": versions} for name in ("one", "two")]
    with Emulator(seed=seeded(*models)) as emulator:
        service = Service(emulator, cli, folder)
        result = service.run("export", "--version", "all", "--output", "out")
        assert (result.exit_code, result.stdout) == (0, "out/one.yaml\nout/two.yaml\n")
        assert result.stderr.splitlines() == [
            f"warning: not exported: demo/pets/{name} output_info.params.api_key of 3 versions: a secret, (sensitive)."
            for name in ("one", "two")
        ]
        for name in ("one", "two"):
            assert (folder / f"out/{name}.yaml").read_text().count("api_key") == 1
        quiet = service.run("export", "--version", "all", "--output", "out", "--force", "--quiet")
        assert (quiet.exit_code, quiet.stderr) == (0, "")


EDITED = """\
# the team's own words
apiVersion: reconciler/v1
kind: Model
metadata:
  id: petsID # as in the app
  user_id: demo
  app_id: pets
  labels: {team: vision}
spec:
  name: "#1 ${var:name}" # not a comment: "#1"
  notes: |
    # a heading
  metadata: {threshold: "${var:threshold}", escaped: "$${var:kept}"}
  retain_versions: 3
  versions:
    - id: b0b89c973e5d4b6d9599ce13da04b894
      expect: {concepts: [cat]}
"""


def test_what_a_replaced_file_loses_is_listed(service: Service, wording: Wording) -> None:
    service.write("out/petsID.yaml", EDITED)
    result = service.run("export", "petsID", "--output", "out", "--force")
    assert (result.exit_code, result.stdout) == (0, "out/petsID.yaml\n")
    wording(result.stderr)
    again = service.run("export", "petsID", "--output", "out", "--force", "--format", "json")
    assert (again.stderr, again.document()["lost"]) == ("", [])
    service.write("out/petsID.yaml", EDITED)
    assert service.run("export", "petsID", "--output", "out", "--force", "-q").stderr == ""


@pytest.mark.parametrize(
    ("content", "lost"),
    [
        (b"\xff\xfe", ["its content, which is not text in UTF-8"]),
        (b"a: [", ["its content, which could not be read as YAML"]),
        (b"", []),
        (b"b: {c: 1}\n", ["the key b"]),
    ],
)
def test_a_replaced_file_need_not_be_a_manifest(service: Service, content: bytes, lost: list[str]) -> None:
    (service.folder / "petsID.yaml").write_bytes(content)
    result = service.run("export", "petsID", "--output", ".", "--force", "--format", "json")
    assert (result.exit_code, [each["what"] for each in result.document()["lost"]]) == (0, [lost] if lost else [])
