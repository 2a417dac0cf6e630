"""`expect: {concepts: […]}` in a manifest: what is asked of the service, what is told, and how commands end."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from reconciler.compare.expectations import Expectation, expectation_document, expectation_from_document
from reconciler.emulator.server import Emulator
from reconciler.errors import Origin
from reconciler.loading.schema import schema_document
from reconciler.resources.keys import Key
from tests.command_line import CliResult, RunCli
from tests.emulator.client import PETS_VERSION

HEAD = "apiVersion: reconciler/v1\nkind: Model\nmetadata: {id: petsID, user_id: demo, app_id: pets}\n"
ADDRESS = f"demo/pets/petsID@{PETS_VERSION}"
LIVE_PARAMS = "output_info: {params: {min_value: 0.5}}"


class Place:
    """A folder with one manifest, and a service."""

    def __init__(self, folder: Path, cli: RunCli, emulator: Emulator) -> None:
        self.folder = folder
        self.emulator = emulator
        self._cli = cli

    def run(self, *arguments: str) -> CliResult:
        """Run a command on the manifest against the service."""
        environ = {"CLARIFAI_PAT": "test"}
        return self._cli(*arguments, "--endpoint", self.emulator.url, env=environ, cwd=self.folder)

    def write(self, spec: str) -> None:
        """Set the manifest's spec."""
        (self.folder / "m.yaml").write_text(f"{HEAD}spec:\n{spec}", encoding="utf-8")

    def calls(self) -> Counter[str]:
        """The calls since the last time, by RPC."""
        found = Counter(call.rpc for call in self.emulator.calls)
        self.emulator.clear_calls()
        return found


@pytest.fixture
def place(tmp_path: Path, cli: RunCli, emulator: Emulator) -> Place:
    """A folder beside the sample app, whose petsID knows cat and dog."""
    return Place(tmp_path, cli, emulator)


def expecting(*concepts: str, select: str = "latest") -> str:
    return f"  versions:\n    - select: {select}\n      expect: {{concepts: {json.dumps(list(concepts))}}}\n"


def test_a_met_expectation_is_in_sync_in_any_order(place: Place) -> None:
    place.write(expecting("dog", "cat"))
    result = place.run("drift", "m.yaml")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "In sync: 1 model unchanged.\n", "")


def test_concepts_are_asked_for_only_where_they_are_expected(place: Place) -> None:
    place.write("  name: x\n  versions:\n    - select: latest\n      license: MIT\n")
    place.run("plan", "m.yaml")
    assert place.calls() == {"GetModel": 1}
    place.write(expecting("cat", "dog"))
    place.run("plan", "m.yaml")
    # Two pages: a short first page proves nothing of the server's page size, an empty second one does.
    assert place.calls() == {"GetModel": 1, "ListModelConcepts": 2}


def test_only_versions_that_are_expected_anything_of_are_asked_about(place: Place) -> None:
    (place.folder / "breeds.yaml").write_text(
        HEAD.replace("petsID", "pet-breeds") + "spec: {versions: [{select: all, license: MIT}]}\n", encoding="utf-8"
    )
    place.write(expecting("cat", "dog", select="all"))
    place.run("plan", "m.yaml", "breeds.yaml")
    asked = [call.request["model_id"] for call in place.emulator.calls if call.rpc == "ListModelConcepts"]
    assert set(asked) == {"petsID"}


def test_an_unmet_expectation_is_drift_that_is_told_and_not_planned(place: Place) -> None:
    place.write(expecting("cat", "bird"))
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
        "Drift: 0 to update, 0 to delete, 1 model unchanged, 1 expectation unmet.\n"
    )


def test_plan_exits_with_2_only_where_asked_to(place: Place) -> None:
    place.write(expecting("bird"))
    assert place.run("plan", "m.yaml").exit_code == 0
    assert place.run("plan", "m.yaml", "--detailed-exitcode").exit_code == 2


def test_apply_writes_what_it_can_and_warns_of_the_rest(place: Place) -> None:
    place.write("  description: Told apart\n" + expecting("bird"))
    result = place.run("apply", "m.yaml", "--yes")
    assert result.exit_code == 0
    warning = f"warning: m.yaml:7:7: {ADDRESS}: concepts missing: bird; unexpected: cat, dog (no call can change them)."
    assert [line for line in result.stderr.splitlines() if line.startswith("warning")] == [warning]
    assert place.run("drift", "m.yaml", "--format", "json").document()["summary"]["update"] == 0


def test_a_saved_plan_keeps_what_was_expected(place: Place) -> None:
    place.write("  description: Told apart\n" + expecting("bird"))
    place.run("plan", "m.yaml", "--out", "plan.json")
    shown = place.run("show", "plan.json", "--format", "json").document()
    assert shown["expectations"][0]["missing"] == ["bird"]
    applied = place.run("apply", "--plan", "plan.json")
    assert (applied.exit_code, "concepts missing: bird" in applied.stderr) == (0, True)


def test_entries_that_expect_different_things_of_one_version_contradict_each_other(place: Place) -> None:
    place.write(
        f"  versions:\n    - {{select: latest, expect: {{concepts: [cat]}}}}\n    - {{id: {PETS_VERSION}, expect: {{concepts: [dog]}}}}\n"
    )
    result = place.run("plan", "m.yaml")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"m.yaml:7:7: this entry and another of model demo/pets/petsID select version {PETS_VERSION} "
        "and expect different concepts of it. State expect in one of the entries only.\n"
    )


@pytest.mark.parametrize(
    ("expect", "said"),
    [
        ("{concepts: [cat, dog, cat]}", 'concepts lists the string "cat" twice. Keep one of them.'),
        ("{concepts: []}", "concepts is empty. List at least one, or leave the key out."),
        ('{concepts: ["", cat]}', "concepts[0] is empty. Write a text, or leave it out."),
        ("{concepts: cat}", "concepts must be a list, found"),
        ("{concepts: [7]}", "concepts[0] must be a text, found the number 7."),
        ("{}", "expect.concepts is missing. Add `concepts: …` here."),
        ("{concept: [cat]}", "unknown key"),
        ("{concepts: ['${env:HOME}']}", "can't be ${env:HOME}: environment variables are sensitive, this is shown."),
    ],
)
def test_validate_tells_what_is_wrong_with_an_expectation(place: Place, expect: str, said: str) -> None:
    place.write(f"  versions:\n    - select: latest\n      expect: {expect}\n")
    result = place.run("validate", "m.yaml")
    assert result.exit_code == 1
    assert said in result.stderr


def test_an_expectation_that_is_taken_from_a_variable(place: Place) -> None:
    (place.folder / "reconciler.yaml").write_text(
        "apiVersion: reconciler/v1\nkind: Config\nenvironments: {prod: {vars: {pets: [cat, dog]}}}\n", encoding="utf-8"
    )
    place.write("  versions:\n    - select: latest\n      expect: {concepts: '${var:pets}'}\n")
    assert place.run("drift", "m.yaml", "--environment", "prod").exit_code == 0


def test_a_read_that_fails_is_no_missing_concept(tmp_path: Path, cli: RunCli) -> None:
    from reconciler.emulator.sample import SAMPLE
    from reconciler.emulator.switches import Switches

    switches = Switches.parse([], faults=["rpc=ListModelConcepts,kind=21203"])
    with Emulator(seed=SAMPLE, switches=switches) as emulator:
        place = Place(tmp_path, cli, emulator)
        place.write(expecting("bird"))
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
