"""Documents of kind Probe: what they are read into, and which files their inputs may name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.errors import Origin
from reconciler.manifests.probe_files import MAX_BYTES, UnreadableFileError, content_of, digest_of
from reconciler.resources.keys import Key, Scope
from reconciler.resources.probe import Probe, ProbeExpectation, ProbeInput
from tests.command_line import RunCli
from tests.manifests.test_validate import validated

METRO = "https://samples.clarifai.com/metro-north.jpg"
PROBE = f"""\
apiVersion: reconciler/v1
kind: Probe
metadata: {{name: pets-smoke, user_id: demo, app_id: pets}}
spec:
  models: ["pets*"]
  inputs:
    - {{id: cat, image: {{url: "{METRO}"}}}}
    - {{id: ask, text: "Is this a cat?"}}
  expect:
    - {{input: cat, concept: cat, at_least: "${{var:low}}"}}
    - {{input: ask, text_matches: "yes|no"}}
"""
MODEL = """\
apiVersion: reconciler/v1
kind: Model
metadata: {id: petsID, user_id: demo, app_id: pets}
spec: {}
"""
WITH_FILE = f"{MODEL}---\n" + PROBE.replace(f'url: "{METRO}"', "file: FILE").replace('"${var:low}"', "0.9")


def test_a_probe_is_read_with_the_places_of_its_parts() -> None:
    (probe,) = validated(PROBE, variables={"low": 0.9}).desired.probes

    assert probe == Probe(
        name="pets-smoke",
        scope=Scope("demo", "pets"),
        models=("pets*",),
        inputs=(
            ProbeInput(id="cat", url=METRO, origin=Origin("-", 7, 30)),
            ProbeInput(id="ask", text="Is this a cat?", origin=Origin("-", 8, 7)),
        ),
        expect=(
            ProbeExpectation(input="cat", concept="cat", at_least=0.9, origin=Origin("-", 10, 7)),
            ProbeExpectation(input="ask", text_matches="yes|no", origin=Origin("-", 11, 7)),
        ),
        origin=Origin("-", 1, 1),
    )
    assert [item.origin for item in probe.inputs] == [Origin("-", 7, 30), Origin("-", 8, 7)]
    assert [item.origin for item in probe.expect] == [Origin("-", 10, 7), Origin("-", 11, 7)]


@pytest.mark.parametrize(
    ("key", "is_named"),
    [
        (Key("demo", "pets", "petsID", "v1"), True),
        (Key("demo", "pets", "petsID"), True),
        (Key("demo", "pets", "cats", "v1"), False),
        (Key("demo", "dogs", "petsID", "v1"), False),
        (Key("other", "pets", "petsID", "v1"), False),
    ],
)
def test_a_probe_names_the_models_of_its_app_by_globs(key: Key, is_named: bool) -> None:
    (probe,) = validated(PROBE, variables={"low": 0.9}).desired.probes
    assert probe.names(key) is is_named


def test_a_file_is_found_beside_its_manifest(cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models" / "samples").mkdir(parents=True)
    (tmp_path / "models" / "samples" / "dog.jpg").write_bytes(b"dog")
    (tmp_path / "models" / "pets.yaml").write_text(WITH_FILE.replace("FILE", "samples/./dog.jpg"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    assert cli("validate", "models").exit_code == 0
    monkeypatch.chdir(tmp_path / "models")
    assert cli("validate", "pets.yaml").exit_code == 0


def _linked_away(folder: Path) -> None:
    (folder.parent / "secret.jpg").write_bytes(b"secret")
    (folder / "dog.jpg").symlink_to(folder.parent / "secret.jpg")


def _large(folder: Path) -> None:
    with (folder / "dog.jpg").open("wb") as opened:
        opened.truncate(MAX_BYTES + 1)


FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda folder: None, "doesn't exist"),
    "empty": (lambda folder: (folder / "dog.jpg").touch(), "is empty"),
    "folder": (lambda folder: (folder / "dog.jpg").mkdir(), "is not a regular file"),
    "pipe": (lambda folder: os.mkfifo(folder / "dog.jpg"), "is not a regular file"),
    "link-away": (_linked_away, "is a link that leaves the folder of its manifest"),
    "dead-link": (lambda folder: (folder / "dog.jpg").symlink_to("nothing"), "doesn't exist"),
    "loop": (lambda folder: (folder / "dog.jpg").symlink_to("dog.jpg"), "can't be read"),
    "large": (_large, "is larger than 20 MiB"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_can_not_be_used_is_an_error_at_its_line(
    cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    make, why = FILES[case]
    folder = tmp_path / "models"
    folder.mkdir()
    make(folder)
    (folder / "pets.yaml").write_text(WITH_FILE.replace("FILE", "dog.jpg"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    found = cli("validate", "models", "--format", "json")

    assert found.exit_code == 1
    assert [(p["code"], p["path"], p["line"]) for p in found.document()["problems"]] == [
        ("bad-file", "models/pets.yaml", 12)
    ]
    assert why in found.document()["problems"][0]["message"]


def test_a_link_within_the_folder_is_followed(cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "a.jpg").write_bytes(b"dog")
    (tmp_path / "dog.jpg").symlink_to("samples/a.jpg")
    (tmp_path / "pets.yaml").write_text(WITH_FILE.replace("FILE", "dog.jpg"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    assert cli("validate", "pets.yaml").exit_code == 0


def test_a_manifest_from_standard_input_has_no_files(cli: RunCli) -> None:
    found = cli("validate", "-", "--format", "json", stdin=WITH_FILE.replace("FILE", "dog.jpg"))

    assert [(p["code"], p["line"]) for p in found.document()["problems"]] == [("bad-file", 12)]


def test_the_content_must_be_what_a_saved_plan_recorded(tmp_path: Path) -> None:
    (tmp_path / "dog.jpg").write_bytes(b"dog")
    origin = Origin(str(tmp_path / "pets.yaml"))
    item = ProbeInput(id="dog", file=str(tmp_path / "dog.jpg"), digest=digest_of(b"dog"), origin=origin)
    probe = Probe(name="p", scope=Scope("demo", "pets"), models=("*",), inputs=(item,), origin=origin)

    assert content_of(probe, item) == b"dog"
    (tmp_path / "dog.jpg").write_bytes(b"cat")
    with pytest.raises(UnreadableFileError, match="has changed since the plan was made"):
        content_of(probe, item)
