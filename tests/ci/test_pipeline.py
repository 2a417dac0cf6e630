"""What a run reports to GitHub and GitLab: annotations, summary, outputs and report files, read back as they read them."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from reconciler.emulator.server import Emulator
from tests.ci.runner_files import commands, outputs
from tests.command_line import CliResult, RunCli

HEAD = "apiVersion: reconciler/v1\nkind: Model\nmetadata: {id: petsID, user_id: demo, app_id: pets}\n"
GOOD = HEAD + "spec: {name: new}\n"
SAME = HEAD + "spec: {}\n"


class Runner:
    """A folder that plays GITHUB_WORKSPACE, the runner's files, and the command line."""

    def __init__(self, cli: RunCli, emulator: Emulator, root: Path) -> None:
        self.cli, self.emulator, self.root = cli, emulator, root
        root.mkdir()
        self.output, self.summary = root.parent / "output", root.parent / "summary.md"
        self.env = {
            "CLARIFAI_PAT": "pat-of-the-test",
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(root),
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_STEP_SUMMARY": str(self.summary),
        }

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def run(self, command: str, *args: str, cwd: Path | None = None) -> CliResult:
        self.output.unlink(missing_ok=True)
        self.summary.unlink(missing_ok=True)
        endpoint = ("--endpoint", self.emulator.url)
        return self.cli(command, *args, *endpoint, env=self.env, cwd=cwd or self.root)

    @property
    def outputs(self) -> dict[str, str]:
        return outputs(self.output)


@pytest.fixture
def runner(cli: RunCli, emulator: Emulator, tmp_path: Path) -> Runner:
    return Runner(cli, emulator, tmp_path / "workspace")


def test_a_plan_writes_outputs_and_the_summary(runner: Runner) -> None:
    runner.write("pets.yaml", GOOD)
    result = runner.run("plan", "pets.yaml", "--out", "plan.json")
    assert (result.exit_code, commands(result.stderr)) == (0, [])
    digest = json.loads((runner.root / "plan.json").read_text(encoding="utf-8"))["fingerprint"]
    assert runner.outputs == {
        "exitcode": "0",
        "changes": "true",
        "update": "1",
        "delete": "0",
        "plan": "plan.json",
        "digest": digest,
    }
    shown = runner.cli("show", runner.root / "plan.json", "--format", "markdown")
    assert runner.summary.read_text() == shown.stdout.rstrip() + "\n\n"


def test_a_run_in_sync_says_that_there_are_no_changes(runner: Runner) -> None:
    runner.write("pets.yaml", SAME)
    assert runner.run("drift", "pets.yaml").exit_code == 0
    assert runner.outputs == {"exitcode": "0", "changes": "false", "update": "0", "delete": "0"}


def test_drift_and_apply_give_their_exit_codes(runner: Runner) -> None:
    runner.write("pets.yaml", GOOD)
    assert runner.run("drift", "pets.yaml", "--out", "drift.json").exit_code == 2
    assert runner.outputs["exitcode"] == "2"
    assert runner.run("apply", "--plan", "drift.json").exit_code == 0
    digest = json.loads((runner.root / "drift.json").read_text(encoding="utf-8"))["fingerprint"]
    saved = {"plan": "drift.json", "digest": digest}
    expected = {"exitcode": "0", "changes": "true", "update": "1", "delete": "0", **saved}
    assert runner.outputs == expected


@pytest.mark.parametrize("command", ["validate", "plan"])
def test_problems_become_annotations_at_their_place(runner: Runner, command: str) -> None:
    runner.write("deep/pe,ts:50%.yaml", HEAD + "spec:\n  nmae: new\n")
    result = runner.run(command, "pe,ts:50%.yaml", cwd=runner.root / "deep")
    assert result.exit_code == 1
    ((name, properties, message),) = commands(result.stderr)
    assert (name, properties) == (
        "error",
        {"file": "deep/pe,ts:50%.yaml", "line": "5", "col": "3", "title": "unknown-key"},
    )
    assert "nmae" in message
    assert runner.outputs == {"exitcode": "1"}
    assert "### Reconciler: 1 problem in the manifests\n\n```text\n" in runner.summary.read_text()


def test_ten_problems_are_annotated_and_the_rest_is_counted(runner: Runner) -> None:
    runner.write("pets.yaml", HEAD + "spec:\n" + "".join(f"  wrong{n}: 1\n" for n in range(13)))
    result = runner.run("validate", "pets.yaml")
    assert len(commands(result.stderr)) == 10
    assert "3 more errors are not annotated. The step summary has them all." in result.stderr.splitlines()
    assert all(f"wrong{n}" in runner.summary.read_text() for n in range(13))


def test_a_refusal_is_annotated_with_its_rule(runner: Runner) -> None:
    runner.write("pets.yaml", GOOD)
    result = runner.run("plan", "pets.yaml", "--prune", "--prune-scope", "app")
    assert result.exit_code == 3
    assert {properties["title"] for _, properties, _ in commands(result.stderr)} == {
        "Refused: delete-cap",
        "Refused: used-by-workflow",
    }
    assert runner.outputs["exitcode"] == "3"


def test_what_a_manifest_says_begins_no_command_and_ends_no_output(runner: Runner) -> None:
    hostile = "::add-mask::x\\n::error::forged\\n##[error]forged"
    runner.write("::warning::x.yaml", f'{HEAD}spec: {{name: "{hostile}", "{hostile}": 1}}\n')
    refused = runner.run("validate", "::warning::x.yaml")
    assert [name for name, _, _ in commands(refused.stderr)] == ["error"]
    assert "##[" not in refused.stderr + refused.stdout
    runner.write("::warning::x.yaml", f'{HEAD}spec: {{name: "{hostile}"}}\n')
    reported = runner.run("plan", "::warning::x.yaml")
    assert (reported.exit_code, commands(reported.stdout), commands(reported.stderr)) == (0, [], [])
    assert "##[" not in reported.stdout + reported.stderr
    assert set(runner.outputs) == {"exitcode", "changes", "update", "delete"}


def test_an_error_is_reported_too(runner: Runner) -> None:
    result = runner.run("apply", "--plan", "nowhere.json")
    assert result.exit_code == 1
    assert [name for name, _, _ in commands(result.stderr)] == ["error"]
    assert runner.outputs == {"exitcode": "1"}
    assert "### Reconciler: error\n" in runner.summary.read_text()


def test_a_usage_error_is_reported_by_its_exit_code(runner: Runner) -> None:
    runner.write("pets.yaml", GOOD)
    assert runner.run("apply", "pets.yaml").exit_code == 64
    assert runner.outputs == {"exitcode": "64"}


def test_a_summary_that_is_nearly_full_is_kept_under_its_limit(runner: Runner) -> None:
    runner.write("pets.yaml", GOOD)
    for used in (1024 * 1024 - 700, 1024 * 1024 - 100):
        runner.output.unlink(missing_ok=True)
        runner.summary.write_text("x" * used)
        result = runner.cli("plan", "pets.yaml", "--endpoint", runner.emulator.url, env=runner.env, cwd=runner.root)
        assert result.exit_code == 0
        assert runner.summary.stat().st_size <= 1024 * 1024


def test_nothing_is_reported_elsewhere_or_where_it_is_not_wanted(runner: Runner) -> None:
    runner.write("pets.yaml", HEAD + "spec: {nmae: x}\n")
    runner.run("validate", "pets.yaml", "--ci", "none")
    assert not runner.output.exists()
    runner.env["GITHUB_ACTIONS"] = "false"
    result = runner.run("validate", "pets.yaml")
    assert (runner.output.exists(), commands(result.stderr)) == (False, [])
    result = runner.run("validate", "pets.yaml", "--ci", "github")
    assert (runner.output.exists(), len(commands(result.stderr))) == (True, 1)


def test_a_runner_file_that_cannot_be_written_changes_no_outcome(runner: Runner) -> None:
    runner.write("pets.yaml", GOOD)
    runner.env["GITHUB_OUTPUT"] = str(runner.root)
    result = runner.run("plan", "pets.yaml")
    assert (result.exit_code, result.stderr) == (0, "warning: GITHUB_OUTPUT can't be written: Is a directory\n")


def test_gitlab_gets_its_counts(runner: Runner) -> None:
    runner.write("pets.yaml", GOOD)
    assert runner.run("plan", "pets.yaml", "--gitlab-report", "report.json", "--ci", "gitlab").exit_code == 0
    assert json.loads((runner.root / "report.json").read_text()) == {"create": 0, "update": 1, "delete": 0}
    assert not runner.output.exists()
    assert runner.run("plan", "pets.yaml", "--gitlab-report", "no/where.json").exit_code == 1


def test_junit_has_a_case_per_file(runner: Runner) -> None:
    runner.write("models/bad.yaml", HEAD + 'spec: {"nm\\u0007<ae>": x}\n')
    assert runner.run("validate", "models", "--junit", "report.xml").exit_code == 1
    suite = ET.fromstring((runner.root / "report.xml").read_text())
    assert (suite.tag, suite.attrib["failures"]) == ("testsuite", "1")
    (case,) = suite
    assert case.attrib["file"] == "models/bad.yaml"
    assert (case[0].text or "").startswith("models/bad.yaml:4:")
    runner.write("models/bad.yaml", GOOD)
    assert runner.run("validate", "models", "--junit", "report.xml").exit_code == 0
    suite = ET.fromstring((runner.root / "report.xml").read_text())
    assert [(case.attrib["name"], len(case)) for case in suite] == [("models/bad.yaml", 0)]
