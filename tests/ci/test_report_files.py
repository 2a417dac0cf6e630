"""--junit, --code-quality and --max-chars: read back as a CI system reads them, also under hostile text and at line shifts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.ci.code_quality import code_quality_document
from reconciler.ci.findings import Finding, Level
from reconciler.ci.junit import junit_text
from reconciler.emulator.server import Emulator
from reconciler.errors import Origin
from tests.ci.repositories import Repository
from tests.command_line import CliResult, RunCli

HEAD = "apiVersion: reconciler/v1\nkind: Model\nmetadata: {id: petsID, user_id: demo, app_id: pets}\n"
DRIFT = HEAD + "spec:\n  name: new\n  versions: [{select: latest, expect: {concepts: [unicorn]}}]\n"
BAD = HEAD + "spec:\n  nmae: new\n  toolkits: 5\n"


class Place:
    """A folder with a manifest, and the command line."""

    def __init__(self, cli: RunCli, emulator: Emulator, root: Path) -> None:
        self.cli, self.emulator, self.root = cli, emulator, root

    def run(self, command: str, text: str, *args: str, env: dict[str, str] | None = None) -> CliResult:
        (self.root / "models").mkdir(exist_ok=True)
        (self.root / "models" / "pets.yaml").write_text(text)
        files = ("--junit", "junit.xml", "--code-quality", "quality.json")
        endpoint = () if "--endpoint" in args else ("--endpoint", self.emulator.url)
        given = {"CLARIFAI_PAT": "pat-of-the-test", **(env or {})}
        return self.cli(command, "models", *files, *args, *endpoint, env=given, cwd=self.root)

    @property
    def suite(self) -> ET.Element:
        return ET.parse(self.root / "junit.xml").getroot()

    @property
    def quality(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads((self.root / "quality.json").read_text())
        for entry in found:
            assert entry.keys() == {"description", "check_name", "fingerprint", "severity", "location"}
            assert entry["severity"] in {"info", "minor", "major", "critical", "blocker"}
            assert entry["location"]["lines"]["begin"] >= 1
        assert len({entry["fingerprint"] for entry in found}) == len(found)
        return found


@pytest.fixture
def place(cli: RunCli, emulator: Emulator, tmp_path: Path) -> Place:
    return Place(cli, emulator, tmp_path)


def cases(suite: ET.Element) -> dict[str, list[str]]:
    """What each test case holds."""
    assert suite.attrib["tests"] == str(len(suite))
    return {str(case.get("name")): [child.tag for child in case] for case in suite}


@pytest.mark.parametrize("command", ["validate", "plan", "drift"])
def test_problems_are_failures_at_their_lines(place: Place, command: str) -> None:
    assert place.run(command, BAD).exit_code == 1
    assert (place.suite.get("name"), place.suite.get("failures")) == (f"reconciler {command}", "1")
    assert cases(place.suite) == {"models/pets.yaml": ["failure"]}
    found = {(entry["check_name"], entry["location"]["lines"]["begin"]) for entry in place.quality}
    assert found == {("unknown-key", 5), ("wrong-type", 6)}
    assert {entry["location"]["path"] for entry in place.quality} == {"models/pets.yaml"}
    assert {entry["severity"] for entry in place.quality} == {"major"}


def test_a_plan_lists_its_changes_and_fails_at_refusals_alone(place: Place) -> None:
    assert place.run("plan", DRIFT).exit_code == 0
    version = next(entry["description"] for entry in place.quality if entry["check_name"] == "expectation")
    address, _, _ = version.partition(": ")
    assert cases(place.suite) == {"demo/pets/petsID": ["system-out"], address: ["system-out"]}
    assert place.suite.get("failures") == "0"
    change = next(entry for entry in place.quality if entry["check_name"] == "change")
    assert (change["severity"], change["location"]) == ("info", {"path": "models/pets.yaml", "lines": {"begin": 5}})
    assert change["description"] == 'demo/pets/petsID: name is "pets", the manifest has "new"'
    assert place.run("plan", HEAD + "spec: {}\n", "--prune", "--prune-scope", "app").exit_code == 3
    failed = [name for name, tags in cases(place.suite).items() if "failure" in tags]
    assert failed == [case.get("name") for case in place.suite if case.find("failure") is not None]
    assert failed
    refused = [entry for entry in place.quality if entry["severity"] == "major"]
    assert {entry["check_name"] for entry in refused} >= {"delete-cap"}


def test_drift_fails_for_every_model_that_differs_and_passes_for_the_others(place: Place) -> None:
    assert place.run("drift", DRIFT).exit_code == 2
    assert {tuple(tags) for tags in cases(place.suite).values()} == {("failure",)}
    assert {entry["check_name"] for entry in place.quality} == {"drift", "expectation"}
    assert place.run("drift", HEAD + "spec: {}\n").exit_code == 0
    assert cases(place.suite) == {"demo/pets/petsID": []}
    assert place.quality == []


def test_what_is_no_longer_managed_is_a_notice_at_its_place_in_the_base(place: Place) -> None:
    repository = Repository(place.root)
    repository.commit({"models/pets.yaml": HEAD + "spec:\n  name: pets\n  notes: here\n"})
    assert place.run("plan", HEAD + "spec: {name: pets}\n", "--base", "HEAD").exit_code == 0
    (entry,) = place.quality
    assert (entry["check_name"], entry["severity"], entry["location"]["lines"]["begin"]) == (
        "no-longer-managed",
        "info",
        6,
    )
    assert entry["description"].startswith("demo/pets/petsID: notes: has no live value")
    assert cases(place.suite) == {"demo/pets/petsID": ["system-out"]}


def test_an_overridden_policy_is_a_warning_at_its_rule(place: Place) -> None:
    pytest.importorskip("cel_expr_python", reason="rules of policies need it, and it has no wheel for every platform")
    rule = "{name: no-names, severity: deny, message: No., when: 'change.kind == \"model\"'}"
    policy = f"apiVersion: reconciler/v1\nkind: Policy\nmetadata: {{name: p}}\nspec: {{rules: [{rule}]}}\n"
    text = f"{DRIFT}---\n{policy}"
    assert place.run("plan", text).exit_code == 3
    assert {entry["check_name"]: entry["severity"] for entry in place.quality}["policy"] == "major"
    assert place.run("plan", text, "--override", "no-names").exit_code == 0
    (found,) = (entry for entry in place.quality if entry["check_name"] == "policy-overridden")
    assert (found["severity"], found["location"]["path"]) == ("minor", "models/pets.yaml")
    assert place.suite.get("failures") == "0"


def test_with_new_only_what_stands_is_no_failure(place: Place) -> None:
    options = ("--state", "state.json", "--new-only")
    failures = []
    for text in (DRIFT, DRIFT, DRIFT.replace("name: new", "name: newer")):
        code = place.run("drift", text, *options).exit_code
        failures.append((code, place.suite.get("failures")))
    assert failures == [(2, "2"), (0, "0"), (2, "1")]


def test_a_run_that_fails_otherwise_says_so_too(place: Place) -> None:
    assert place.run("plan", DRIFT, "--timeout", "1", "--endpoint", "http://127.0.0.1:9").exit_code == 1
    assert cases(place.suite) == {"the run": ["failure"]}
    (entry,) = place.quality
    assert (entry["check_name"], entry["location"]["path"]) == ("error", "reconciler.yaml")


def test_fingerprints_stay_when_lines_move_values_change_or_the_folder_is_another(place: Place) -> None:
    def fingerprints(text: str, **env: str) -> set[str]:
        place.run("drift", text, env=env)
        return {entry["fingerprint"] for entry in place.quality}

    first = fingerprints(DRIFT)
    assert len(first) == 2
    assert fingerprints("# a comment\n\n" + DRIFT) == first
    assert fingerprints(DRIFT.replace("name: new", "name: newer")) == first
    assert fingerprints(DRIFT.replace("name: new", "notes: new")) != first
    problems = fingerprints(BAD)
    assert fingerprints(BAD.replace("spec:", "# here\nspec:")) == problems
    assert len(fingerprints(BAD, CI_PROJECT_DIR=str(place.root.parent)) - problems) == 2
    paths = {entry["location"]["path"] for entry in place.quality}
    assert paths == {f"{place.root.name}/models/pets.yaml"}


def test_secrets_stay_secret(place: Place) -> None:
    text = HEAD + 'spec: {notes: "${env:PLANTED}"}\n'
    assert place.run("drift", text, env={"PLANTED": "planted-secret"}).exit_code == 2
    for name in ("junit.xml", "quality.json"):
        assert "planted-secret" not in (place.root / name).read_text()
        assert "(sensitive) from PLANTED" in (place.root / name).read_text()


def test_a_file_that_cannot_be_written_is_an_error(place: Place) -> None:
    result = place.run("drift", DRIFT, "--junit", "no/where.xml")
    assert result.exit_code == 1
    assert "no/where.xml" in result.stderr


def test_markdown_is_cut_to_the_characters_that_a_forge_takes(place: Place) -> None:
    text = DRIFT.replace("name: new", f"name: new\n  notes: {'é' * 300}")
    for command in ("plan", "drift"):
        whole = place.run(command, text, "--format", "markdown", "--out", "plan.json").stdout
        cut = place.run(command, text, "--format", "markdown", "--max-chars", "400").stdout
        assert len(cut) <= 400 < len(whole)
        assert cut.split("\n")[0] == whole.split("\n")[0]
    shown = place.cli("show", "plan.json", "--format", "markdown", "--max-chars", "400", cwd=place.root).stdout
    assert len(shown) <= 400
    for args in (
        ("--max-chars", "400"),
        ("--format", "json", "--max-chars", "400"),
        ("--format", "markdown", "--max-chars", "10"),
    ):
        assert place.cli("show", "plan.json", *args, cwd=place.root).exit_code == 64


# --- laws -----------------------------------------------------------------------------------------------------------

LEVELS: list[Level] = ["error", "warning", "notice"]
TEXT = st.text(st.characters(codec="utf-8") | st.sampled_from("\x00\x07\x1b\ufffe\uffff<>&\"']]>\n\r"), max_size=20)
FINDINGS = st.lists(
    st.builds(
        Finding,
        level=st.sampled_from(LEVELS),
        rule=TEXT,
        subject=TEXT,
        message=TEXT,
        path=TEXT,
        origin=st.none() | st.builds(Origin, path=TEXT, line=st.integers(1, 99)),
    ),
    max_size=8,
)


@given(FINDINGS, st.lists(TEXT, max_size=4))
def test_junit_is_well_formed_and_fails_exactly_for_errors(findings: list[Finding], subjects: list[str]) -> None:
    suite = ET.fromstring(junit_text(findings, subjects, command="drift"))
    assert len(suite) == len({*subjects, *(each.subject for each in findings)})
    failed = {each.subject for each in findings if each.level == "error"}
    assert suite.get("failures") == str(len(failed)) == str(len(suite.findall("testcase/failure")))


@given(FINDINGS, st.integers(1, 9))
def test_fingerprints_are_unique_and_independent_of_lines_and_messages(findings: list[Finding], shift: int) -> None:
    def fingerprints(found: list[Finding]) -> list[str]:
        document = code_quality_document(found, shown_path=lambda path: path)
        return [entry["fingerprint"] for entry in document]

    moved = [
        Finding(
            level=each.level,
            rule=each.rule,
            subject=each.subject,
            path=each.path,
            message=each.message + "!",
            origin=None if each.origin is None else each.origin._replace(line=each.origin.line + shift),
        )
        for each in findings
    ]
    assert fingerprints(findings) == fingerprints(moved)
    assert len(set(fingerprints(findings))) == len(findings)
