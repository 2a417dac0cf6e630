"""`expect: {concepts: […]}` in a manifest: what is asked of the service, what is reported, and how commands end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from reconciler.compare.expectations import Expectation, expectation_document, expectation_from_document
from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Switches
from reconciler.errors import Origin
from reconciler.loading.schema import schema_document
from reconciler.resources.keys import Key
from tests.cli.live_side import Service, manifest
from tests.command_line import RunCli
from tests.emulator.client import PETS_VERSION
from tests.wording import Wording

ADDRESS = f"demo/pets/petsID@{PETS_VERSION}"


class Place(Service):
    """A folder with one manifest of petsID, and the sample app, whose petsID knows cat and dog."""

    def wants(self, spec: str) -> None:
        self.write("m.yaml", manifest("petsID", f"\n{spec}"))


@pytest.fixture
def place(cli: RunCli, emulator: Emulator, folder: Path) -> Place:
    return Place(emulator, cli, folder)


def expecting(*concepts: str, select: str = "latest") -> str:
    return f"  versions:\n    - select: {select}\n      expect: {{concepts: {json.dumps(list(concepts))}}}\n"


def test_a_met_expectation_is_in_sync_in_any_order(place: Place) -> None:
    place.wants(expecting("dog", "cat"))
    result = place.run("drift", "m.yaml")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "In sync: 1 model unchanged.\n", "")


def test_concepts_are_asked_for_only_where_they_are_expected(place: Place) -> None:
    place.wants("  name: x\n  versions:\n    - select: latest\n      license: MIT\n")
    place.run("plan", "m.yaml")
    assert place.calls() == ["GetModel"]
    place.wants(expecting("cat", "dog"))
    place.run("plan", "m.yaml")
    # Two pages: a short first page proves nothing of the server's page size, an empty second one does.
    assert place.calls() == ["GetModel", "ListModelConcepts", "ListModelConcepts"]


def test_only_versions_that_are_expected_anything_of_are_asked_about(place: Place) -> None:
    place.write("breeds.yaml", manifest("pet-breeds", "{versions: [{select: all, license: MIT}]}"))
    place.wants(expecting("cat", "dog", select="all"))
    place.run("plan", "m.yaml", "breeds.yaml")
    asked = [call.request["model_id"] for call in place.emulator.calls if call.rpc == "ListModelConcepts"]
    assert set(asked) == {"petsID"}


def test_an_unmet_expectation_is_drift_that_is_shown_and_not_planned(place: Place) -> None:
    place.wants(expecting("cat", "bird"))
    drift = place.run("drift", "m.yaml", "--format", "json")
    document = drift.document()
    assert drift.exit_code == 2
    assert (document["changes"], document["requests"]) == ([], [])
    assert document["expectations"] == [
        {
            "address": ADDRESS,
            "user_id": "demo",
            "app_id": "pets",
            "model_id": "petsID",
            "version_id": PETS_VERSION,
            "met": False,
            "expected": ["bird", "cat"],
            "live": ["cat", "dog"],
            "missing": ["bird"],
            "unexpected": ["dog"],
            "names": {"cat": "cat", "dog": "dog"},
            "origin": {"path": "m.yaml", "line": 6, "column": 7},
        }
    ]
    assert list(Draft202012Validator(schema_document("Plan")).iter_errors(document)) == []
    assert place.run("drift", "m.yaml").stdout == (
        "Expectations not met:\n"
        f"  {ADDRESS}: concepts missing: bird; unexpected: dog (no call can change them)\n"
        "\n"
        "Drift: 1 expectation not met; 1 model unchanged.\n"
    )


def test_plan_exits_with_2_only_where_asked_to(place: Place) -> None:
    place.wants(expecting("bird"))
    assert place.run("plan", "m.yaml").exit_code == 0
    assert place.run("plan", "m.yaml", "--detailed-exitcode").exit_code == 2


def test_apply_writes_what_it_can_and_warns_of_the_rest(place: Place, wording: Wording) -> None:
    place.wants("  description: Told apart\n" + expecting("bird"))
    result = place.run("apply", "m.yaml", "--yes")
    assert result.exit_code == 0
    wording(*(line for line in result.stderr.splitlines() if line.startswith("warning")))
    assert place.run("drift", "m.yaml", "--format", "json").document()["summary"]["update"] == 0


def test_a_saved_plan_keeps_what_was_expected(place: Place) -> None:
    place.wants("  description: Told apart\n" + expecting("bird"))
    place.run("plan", "m.yaml", "--out", "plan.json")
    shown = place.run("show", "plan.json", "--format", "json").document()
    assert shown["expectations"][0]["missing"] == ["bird"]
    applied = place.run("apply", "--plan", "plan.json")
    assert (applied.exit_code, "concepts missing: bird" in applied.stderr) == (0, True)


def test_entries_that_expect_different_things_of_one_version_contradict_each_other(
    place: Place, wording: Wording
) -> None:
    place.wants(
        f"  versions:\n    - {{select: latest, expect: {{concepts: [cat]}}}}\n    - {{id: {PETS_VERSION}, expect: {{concepts: [dog]}}}}\n"
    )
    result = place.run("plan", "m.yaml")
    assert (result.exit_code, result.stdout) == (1, "")
    wording(result.stderr)


def test_an_expectation_that_is_taken_from_a_variable(place: Place) -> None:
    config = "apiVersion: reconciler/v1\nkind: Config\nenvironments: {prod: {vars: {pets: [cat, dog]}}}\n"
    place.write("reconciler.yaml", config)
    place.wants("  versions:\n    - select: latest\n      expect: {concepts: '${var:pets}'}\n")
    assert place.run("drift", "m.yaml", "--environment", "prod").exit_code == 0


def test_a_read_that_fails_is_no_missing_concept(place: Place) -> None:
    place.emulator.switches = Switches.parse([], faults=["rpc=ListModelConcepts,kind=21203"])
    place.wants(expecting("bird"))
    result = place.run("drift", "m.yaml", "--timeout", "2")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "ListModelConcepts failed" in result.stderr


def test_export_writes_no_expectation(place: Place) -> None:
    place.run("export", "--user-id", "demo", "--app-id", "pets", "--output", "out")
    assert not any("expect" in path.read_text(encoding="utf-8") for path in (place.folder / "out").rglob("*.yaml"))


def test_the_document_is_read_back_as_it_was() -> None:
    item = Expectation(
        key=Key(user_id="u", app_id="a", model_id="m", version_id=PETS_VERSION),
        expected=("cat",),
        live=("cat", "dog"),
        names={"cat": "Cat", "dog": "Dog"},
        origin=Origin(path="m.yaml", line=3, column=1),
    )
    assert expectation_from_document(expectation_document(item)) == item


def test_a_document_about_no_version_is_no_expectation() -> None:
    item = Expectation(
        key=Key(user_id="u", app_id="a", model_id="m"), expected=(), live=(), origin=Origin(path="m.yaml")
    )
    with pytest.raises(ValueError, match=r"^an expectation without a version$"):
        expectation_from_document(expectation_document(item))
