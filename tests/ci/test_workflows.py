"""action.yml and the workflows: valid, pinned, with little permission; and run, step by step, against an emulator."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator.server import Emulator
from tests.ci.actions_runner import ROOT, Runner, parsed
from tests.ci.github_api import TOKEN, GitHub, github_api
from tests.ci.repositories import Repository
from tests.ci.runner_files import commands

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTION = ROOT / "action.yml"
FORMS = sorted(path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")
WRITES = {
    ("plan.yml", "plan"): {"pull-requests"},
    ("drift.yml", "drift"): {"issues"},
    ("release.yml", "push"): {"packages"},
    ("release.yml", "attest"): {"attestations", "id-token"},
    ("release.yml", "publish"): {"id-token"},
    ("release.yml", "release"): {"contents"},
}
"""What the jobs that may write may write; no other may write anything."""
MANIFEST = "apiVersion: reconciler/v1\nkind: Model\nmetadata: {{id: petsID, user_id: demo, app_id: pets}}\nspec: {}\n"


def steps(document: dict[str, Any]) -> list[dict[str, Any]]:
    if "runs" in document:
        return list(document["runs"]["steps"])
    return [step for job in document["jobs"].values() for step in job.get("steps", [])]


def test_they_are_valid() -> None:
    folder = ROOT / ".github"
    for schema, files in (
        ("vendor.github-workflows", WORKFLOWS),
        ("vendor.github-actions", [ACTION]),
        ("vendor.github-issue-forms", FORMS),
        ("vendor.github-issue-config", [folder / "ISSUE_TEMPLATE" / "config.yml"]),
        ("vendor.dependabot", [folder / "dependabot.yml"]),
    ):
        checked = subprocess.run(
            [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *map(str, files)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_a_form_asks_each_question_once_and_some_of_everybody(path: Path) -> None:
    asked = [item for item in parsed(path)["body"] if item["type"] != "markdown"]
    for key in ("id", "label"):
        reported = [item.get(key) or item["attributes"].get(key) for item in asked]
        assert len(set(reported)) == len(reported) > 0
    assert any(item.get("validations", {}).get("required") for item in asked)


@pytest.mark.parametrize("path", [*WORKFLOWS, ACTION], ids=lambda path: path.name)
def test_they_are_pinned_and_put_no_value_into_a_script(path: Path) -> None:
    for step in steps(parsed(path)):
        assert re.fullmatch(r"\./|[\w-]+/[\w-]+@[0-9a-f]{40}", step.get("uses", "./")), step
        assert "${{" not in step.get("run", "")
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"uses: \S+@\S+$", text, re.MULTILINE) == [], "a pin says which release it is"
    assert "pull_request_target" not in text


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_have_little_permission_and_an_end(path: Path) -> None:
    document = parsed(path)
    assert document["permissions"] == {"contents": "read"}
    assert "group" in document["concurrency"]
    for name, job in document["jobs"].items():
        writes = {what for what, value in job.get("permissions", {}).items() if value == "write"}
        assert writes == WRITES.get((path.name, name), set())
        if "uses" in job:
            assert re.fullmatch(r"\./\.github/workflows/\w+\.yml", job["uses"]), (
                "whose jobs are looked at by themselves"
            )
        else:
            assert 0 < job["timeout-minutes"] <= 60
    for step in steps(document):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_apply_is_one_at_a_time_and_never_cancelled() -> None:
    document = parsed(ROOT / ".github" / "workflows" / "apply.yml")
    assert document["concurrency"] == {"group": "reconciler-apply", "cancel-in-progress": False}
    assert document["jobs"]["apply"]["environment"] == "production"


@pytest.fixture
def github() -> Iterator[GitHub]:
    with github_api() as running:
        yield running


class Place:
    """A repository with manifests on main and on a branch, an emulator, GitHub's API, and a runner for the workflows."""

    def __init__(self, emulator: Emulator, github: GitHub, folder: Path) -> None:
        self.emulator, self.github, self.folder = emulator, github, folder
        self.repository = Repository(folder / "workspace")
        self.base = self.repository.commit({"models/pets.yaml": MANIFEST.format("{notes: pending}")})
        self.head = self.repository.commit({"models/pets.yaml": MANIFEST.format("{name: new, notes: pending}")})
        self.repository.git("update-ref", "refs/remotes/origin/main", self.base)
        self.artifacts: dict[str, Path] = {}
        self.tip(self.head)

    def tip(self, commit: str) -> None:
        """Let main be at a commit."""
        self.github.answers[f"/repos/{self.github.repository}/git/ref/heads/main"] = {"object": {"sha": commit}}

    def runner(self, *, pat: str = "pat-of-the-test", **context: str) -> Runner:
        return Runner(
            workspace=self.repository.root,
            temp=self.folder / "temp",
            artifacts=self.artifacts,
            context={
                "github.token": TOKEN,
                "github.event_name": "pull_request",
                "github.ref": "refs/pull/7/merge",
                "github.event.pull_request.number": "7",
                "github.event.pull_request.base.ref": "main",
                "github.event.pull_request.head.sha": self.head,
                "secrets.CLARIFAI_PAT": pat,
                "vars.RECONCILER_PATHS": "models",
                "vars.RECONCILER_PROBE": "",
                **context,
            },
            environ={
                "CLARIFAI_API_BASE": self.emulator.url,
                "GITHUB_API_URL": self.github.url,
                "GITHUB_REPOSITORY": "acme/models",
                "GITHUB_REF": "refs/heads/main",
                "GITHUB_SHA": self.head,
                "PYTHONPATH": str(ROOT),
            },
        )

    def workflow(self, name: str) -> Path:
        return ROOT / ".github" / "workflows" / f"{name}.yml"


@pytest.fixture
def place(emulator: Emulator, github: GitHub, tmp_path: Path) -> Place:
    return Place(emulator, github, tmp_path)


def codes(runner: Runner) -> dict[str, int]:
    return {ran.name: ran.code for ran in runner.ran}


def log(runner: Runner) -> str:
    return "".join(ran.log for ran in runner.ran)


def test_a_pull_request_is_validated_planned_commented_and_its_plan_kept(place: Place, github: GitHub) -> None:
    runner = place.runner()
    runner.job(place.workflow("plan"), "plan")
    assert set(codes(runner).values()) == {0}, log(runner)
    (comment,) = github.comments
    assert comment["body"].startswith("<!-- clarifai-reconciler:default -->\n")
    plan = json.loads(place.artifacts[f"reconciler-plan-{place.head}"].read_text())
    assert plan["attribution_base"] == {"ref": "origin/main", "commit": place.base}
    assert {field["path"]: field["attribution"] for field in plan["changes"][0]["fields"]} == {
        "name": "this_change",
        "notes": "base",
    }
    assert "petsID" in runner.summary.read_text()
    assert "pat-of-the-test" not in log(runner)
    assert TOKEN not in log(runner)
    installs = (runner.temp / "pip.log").read_text().count("pip --quiet install --no-deps")
    assert installs == 1, "the second use of the action finds it installed"


def test_a_fork_without_secrets_is_validated_and_shown_why_there_is_no_plan(place: Place, github: GitHub) -> None:
    runner = place.runner(pat="")
    runner.job(place.workflow("plan"), "plan")
    assert set(codes(runner).values()) == {0}
    assert "### Validated without a plan" in runner.summary.read_text()
    assert (github.calls, place.artifacts) == ([], {})
    assert not place.emulator.calls


def test_a_read_only_token_costs_the_comment_and_nothing_else(place: Place, github: GitHub) -> None:
    runner = place.runner(**{"github.token": "read-only"})
    runner.job(place.workflow("plan"), "plan")
    assert set(codes(runner).values()) == {0}
    assert [name for name, _, _ in commands(log(runner))] == ["warning"]
    assert "The comment could not be updated" in runner.summary.read_text()


@pytest.mark.parametrize("command", ["plan", "validate"])
def test_a_push_whose_manifests_are_bad_marks_the_comment_as_outdated(
    place: Place, github: GitHub, command: str
) -> None:
    action(place.runner(), command="plan", paths="models", comment="true")
    (comment,) = github.comments
    place.repository.commit({"models/pets.yaml": MANIFEST.format("{nmae: new}")})
    runner = place.runner()
    action(runner, command=command, paths="models", comment="true")
    assert (codes(runner)["Comment"], codes(runner)["Outcome"]) == (0, 1)
    assert comment["body"].split("\n")[1] == "## This plan is outdated"


def test_a_bad_manifest_fails_the_pull_request_with_its_place(place: Place) -> None:
    place.repository.commit({"models/pets.yaml": MANIFEST.format("{nmae: new}")})
    runner = place.runner()
    runner.job(place.workflow("plan"), "plan")
    assert codes(runner)["Outcome"] == 1
    assert "Plan" not in [step.name for step in runner.ran]
    ((name, properties, _),) = commands(log(runner))
    assert (name, properties["file"], properties["line"]) == ("error", "models/pets.yaml", "4")


PULL_REQUEST: dict[str, Any] = {"merged_at": "2026-11-23T14:00:00Z", "base": {"ref": "main"}}
RUN: dict[str, Any] = {
    "event": "pull_request",
    "path": ".github/workflows/plan.yml@refs/pull/7/merge",
    "repository": {"id": 1},
    "head_repository": {"id": 1},
}


def answers(place: Place, *, run: dict[str, Any] | None = None, **pull_request: Any) -> None:
    """Let the API know the pull request of the commit, and the run that kept its plan; both are as they should be otherwise."""
    repository = f"/repos/{place.github.repository}"
    merged = {**PULL_REQUEST, "head": {"sha": place.head}, "merge_commit_sha": place.head, **pull_request}
    kept = {"expired": False, "workflow_run": {"id": 5}}
    place.github.answers |= {
        f"{repository}/commits/{place.head}/pulls": [merged],
        f"{repository}/actions/artifacts": {"artifacts": [{**kept, "expired": True, "workflow_run": {"id": 4}}, kept]},
        f"{repository}/actions/runs/5": {**RUN, "head_sha": place.head, **(run or {})},
    }


def applied(place: Place) -> Runner:
    """Run the plan job and, where it finds changes, the apply job of a push to main."""
    runner = place.runner()
    found = runner.job(place.workflow("apply"), "plan")
    if found["changes"] == "true":
        runner.context.update({f"needs.plan.outputs.{name}": value for name, value in found.items()})
        runner.ran.clear()
        runner.job(place.workflow("apply"), "apply")
    return runner


def review(place: Place) -> Path:
    """Plan the pull request; the file that is kept of it."""
    place.runner().job(place.workflow("plan"), "plan")
    kept = place.folder / "reconciler-plan.json"
    kept.write_bytes(place.artifacts[f"reconciler-plan-{place.head}"].read_bytes())
    place.artifacts[f"reconciler-plan-{place.head}"] = kept
    return kept


def test_the_reviewed_plan_is_applied_after_the_merge(place: Place) -> None:
    kept = review(place)
    answers(place)
    runner = applied(place)
    assert codes(runner)["Outcome"] == 0, log(runner)
    assert "This is the plan that was reviewed with the pull request." in runner.summary.read_text()
    assert (place.repository.root / "reconciler-plan.json").read_bytes() == kept.read_bytes()
    again = place.runner().job(place.workflow("apply"), "plan")
    assert again == {"changes": "false", "digest": ""}


def test_a_reviewed_plan_that_asks_for_something_else_is_not_applied(place: Place) -> None:
    kept = review(place)
    document = json.loads(kept.read_text())
    document["requests"][0]["body"]["models"][0]["name"] = "forged"
    kept.write_text(json.dumps(document))
    answers(place)
    runner = applied(place)
    assert codes(runner)["Outcome"] == 0, log(runner)
    assert "have changed since the plan of the pull request" in runner.summary.read_text()
    assert "forged" not in (place.repository.root / "reconciler-plan.json").read_text()


@pytest.mark.parametrize(
    ("pull_request", "run"),
    [
        ({"merged_at": None}, {}),
        ({"base": {"ref": "release"}}, {}),
        ({"merge_commit_sha": "c" * 40}, {}),
        ({"head": {"sha": "$(touch owned)"}}, {}),
        ({}, {"head_sha": "c" * 40}),
        ({}, {"path": ".github/workflows/mine.yml"}),
        ({}, {"path": ".github/workflows/mine.yml@.github/workflows/plan.yml"}),
        ({}, {"event": "push"}),
        ({}, {"head_repository": {"id": 2}}),
    ],
)
def test_the_plan_of_another_branch_commit_workflow_or_fork_is_not_a_reviewed_one(
    place: Place, pull_request: dict[str, Any], run: dict[str, Any]
) -> None:
    review(place)
    answers(place, run=run, **pull_request)
    runner = place.runner()
    found = runner.job(place.workflow("apply"), "plan")
    assert set(codes(runner).values()) == {0}, log(runner)
    assert "This plan is new: no reviewed plan was found." in runner.summary.read_text()
    assert found["digest"] == json.loads((place.repository.root / "reconciler-plan.json").read_text())["fingerprint"]


def test_a_plan_that_was_made_for_another_base_is_not_a_reviewed_one(place: Place) -> None:
    place.repository.git("update-ref", "refs/remotes/origin/release", place.base)
    place.runner(**{"github.event.pull_request.base.ref": "release"}).job(place.workflow("plan"), "plan")
    kept = place.folder / "reconciler-plan.json"
    kept.write_bytes(place.artifacts[f"reconciler-plan-{place.head}"].read_bytes())
    place.artifacts[f"reconciler-plan-{place.head}"] = kept
    answers(place)
    runner = place.runner()
    runner.job(place.workflow("apply"), "plan")
    assert "was made for another branch" in runner.summary.read_text()


def test_a_commit_that_is_not_the_tip_of_main_is_refused(place: Place) -> None:
    place.tip(place.base)
    runner = place.runner()
    assert runner.job(place.workflow("apply"), "plan") == {"changes": "", "digest": ""}
    assert codes(runner) == {"Require the tip of the branch": 1}
    place.tip(place.head)
    runner = place.runner()
    runner.environ["GITHUB_REF"] = "refs/heads/feature"
    runner.job(place.workflow("apply"), "plan")
    assert codes(runner) == {"Require the tip of the branch": 1}
    assert not place.emulator.calls


def test_a_branch_that_moved_on_during_the_approval_is_not_taken_back(place: Place) -> None:
    runner = place.runner()
    found = runner.job(place.workflow("apply"), "plan")
    runner.context.update({f"needs.plan.outputs.{name}": value for name, value in found.items()})
    runner.ran.clear()
    place.tip("d" * 40)
    runner.job(place.workflow("apply"), "apply")
    assert codes(runner) == {"Require the tip of the branch": 1, "actions/upload-artifact": 0}
    assert place.emulator.calls
    assert not [call for call in place.emulator.calls if call.rpc.startswith(("Patch", "Delete"))]


def test_an_artifact_that_was_replaced_is_refused_by_its_digest(place: Place) -> None:
    runner = place.runner()
    found = runner.job(place.workflow("apply"), "plan")
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", found["digest"])
    runner.context.update({"needs.plan.outputs.digest": "sha256:" + "0" * 64})
    runner.ran.clear()
    runner.job(place.workflow("apply"), "apply")
    assert codes(runner)["Outcome"] == 3
    assert not [call for call in place.emulator.calls if call.rpc.startswith(("Patch", "Delete"))]


def test_a_merge_queue_is_planned_without_a_comment_or_artifact(place: Place, github: GitHub) -> None:
    runner = place.runner(
        **{
            "github.event_name": "merge_group",
            "github.event.pull_request.number": "",
            "github.event.merge_group.base_sha": place.base,
        }
    )
    runner.job(place.workflow("plan"), "plan")
    assert set(codes(runner).values()) == {0}, log(runner)
    assert (github.comments, place.artifacts) == ([], {})
    assert "petsID" in runner.summary.read_text()


def test_an_edit_plans_again_only_where_the_base_is_another(place: Place) -> None:
    document = parsed(place.workflow("plan"))
    assert {"pull_request", "merge_group"} <= trigger(document).keys()
    assert "edited" in trigger(document)["pull_request"]["types"]
    found = {}
    for name, event in (
        ("pushed", {"github.event.action": "synchronize"}),
        ("retitled", {"github.event.action": "edited"}),
        ("retargeted", {"github.event.action": "edited", "github.event.changes.base.ref.from": "release"}),
    ):
        runner = place.runner(**event)
        found[name] = (
            runner.value(document["jobs"]["plan"]["if"]),
            runner.value(document["concurrency"]["group"]).strip(),
        )
    assert found == {
        "pushed": ("true", "plan-7-plan"),
        "retitled": ("false", "plan-7-edit"),
        "retargeted": ("true", "plan-7-plan"),
    }


def trigger(document: dict[str, Any]) -> dict[str, Any]:
    """What a workflow runs on; YAML 1.1 reads the key `on` as true."""
    found: dict[str, Any] = {str(key): value for key, value in document.items()}["True"]
    return found


@pytest.mark.parametrize(
    ("workflow", "job", "environment"),
    [("plan", "plan", "plan"), ("apply", "plan", "plan"), ("drift", "drift", "plan"), ("apply", "apply", "production")],
)
def test_only_the_job_that_writes_has_the_environment_with_the_token_that_can(
    workflow: str, job: str, environment: str
) -> None:
    assert parsed(ROOT / ".github" / "workflows" / f"{workflow}.yml")["jobs"][job]["environment"] == environment


def test_apply_without_a_secret_says_so(place: Place) -> None:
    runner = place.runner(pat="")
    assert runner.job(place.workflow("apply"), "plan") == {"changes": "", "digest": ""}
    assert "Nothing is planned or applied" in runner.summary.read_text()
    assert not place.emulator.calls


def test_drift_opens_one_issue_fails_and_closes_it_when_all_is_in_sync(place: Place, github: GitHub) -> None:
    for _ in range(2):
        runner = place.runner()
        runner.job(place.workflow("drift"), "drift")
        assert (codes(runner)["Outcome"], codes(runner)["Fail on drift"]) == (0, 2), log(runner)
        assert len(github.issues) == 1
    applied(place)
    runner = place.runner()
    runner.job(place.workflow("drift"), "drift")
    assert (codes(runner)["Fail on drift"], github.issues[0]["state"]) == (0, "closed")


def test_a_drift_run_that_fails_touches_no_issue(place: Place, github: GitHub) -> None:
    place.repository.commit({"models/pets.yaml": MANIFEST.format("{nmae: new}")})
    runner = place.runner()
    runner.job(place.workflow("drift"), "drift")
    assert codes(runner)["Fail on drift"] == 1
    assert github.calls == []


def test_drift_without_a_secret_says_so(place: Place) -> None:
    runner = place.runner(pat="")
    runner.job(place.workflow("drift"), "drift")
    assert "Drift was not checked" in runner.summary.read_text()


def action(runner: Runner, **given: str) -> dict[str, str]:
    """Use the action alone."""
    names = {key.replace("_", "-"): value for key, value in given.items()}
    _, found = runner._step({"uses": "./", "with": names}, {"CLARIFAI_PAT": "pat-of-the-test"}, {})
    return found


def test_inputs_are_words_never_code(place: Place) -> None:
    hostile = '$(touch "$RUNNER_TEMP/owned") `touch owned`; touch owned #'
    for given in (
        {"paths": f"models\n{hostile}\n\n--out=owned"},
        {"environment": hostile},
        {"command": hostile},
        {"endpoint": hostile},
        {"trusted_hosts": hostile},
        {"allowed_env": hostile},
        {"clarifai_pat": hostile},
        {"plan_file": hostile},
        {"arguments": f"--app-id\n{hostile}"},
        {"comment": hostile, "comment_key": hostile, "base": hostile},
    ):
        runner = place.runner()
        action(runner, **{"paths": "models", **given})
        assert not (runner.temp / "owned").exists()
        assert list(place.repository.root.rglob("owned")) == []


def test_an_unknown_command_ends_with_64(place: Place) -> None:
    runner = place.runner()
    assert action(runner, command="purge", paths="models")["exitcode"] == "64"
    assert codes(runner)["Outcome"] == 64


def test_apply_writes_without_a_plan_file_too(place: Place) -> None:
    runner = place.runner()
    found = action(runner, command="apply", paths="models")
    assert found.pop("program") == str(runner.temp / "clarifai-reconciler" / "reconciler")
    assert found == {"exitcode": "0", "changes": "true", "update": "1", "delete": "0", "plan": "", "digest": ""}


PROBED = """
---
apiVersion: reconciler/v1
kind: Probe
metadata: {name: smoke, user_id: demo, app_id: pets}
spec:
  models: [petsID]
  inputs: [{id: photo, image: {url: "https://samples.clarifai.com/metro-north.jpg"}}]
  expect: [{input: photo, concept: dog, at_least: 0.99}]
"""


@pytest.mark.parametrize("probe", ["true", "false"])
def test_predictions_are_made_only_where_an_input_asks_for_them(place: Place, probe: str) -> None:
    spec = "{versions: [{select: latest, output_info: {params: {min_value: 0.95}}}]}"
    (place.repository.root / "models" / "pets.yaml").write_text(MANIFEST.format(spec) + PROBED, encoding="utf-8")
    planned = place.runner()
    plan = action(planned, command="plan", paths="models", probe=probe)
    calls = [call.rpc for call in place.emulator.calls]
    shown = planned.summary.read_text(encoding="utf-8")
    applied = action(place.runner(), command="apply", paths="models", probe=probe, plan_file=plan["plan"])

    assert (plan["exitcode"], calls.count("PostModelOutputs")) == ("0", 2 if probe == "true" else 0)
    assert ("### What this does to predictions" in shown) is (probe == "true")
    # The dog is below the threshold now, so that its value counts as 0.
    assert applied["exitcode"] == ("4" if probe == "true" else "0")


def test_pruning_is_passed_on(place: Place) -> None:
    runner = place.runner()
    found = action(runner, command="plan", paths="models", prune="true", arguments="--prune-scope=app")
    assert found["exitcode"] == "3"
    assert codes(runner)["Outcome"] == 3
