"""docs/ci.md and docs/ci-others.md: each snippet is valid, and what it runs, runs against the emulator."""

from __future__ import annotations

import fnmatch
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.emulator.server import Emulator
from tests.ci.actions_runner import ROOT, Runner
from tests.ci.clones import MANIFEST, Place, checked, snippet
from tests.ci.github_api import TOKEN, github_api
from tests.ci.gitlab_api import TOKEN as GITLAB_TOKEN
from tests.ci.gitlab_api import gitlab_api


@pytest.fixture
def place(emulator: Emulator, tmp_path: Path) -> Place:
    return Place(emulator, tmp_path)


def github_environ(place: Place, api: str) -> dict[str, str]:
    return {
        "CLARIFAI_API_BASE": place.emulator.url,
        "GITHUB_API_URL": api,
        "GITHUB_REPOSITORY": "acme/models",
        "PYTHONPATH": str(ROOT),
    }


def test_the_workflow_is_valid_and_runs(place: Place, tmp_path: Path) -> None:
    text = snippet("workflow")
    checked("vendor.github-workflows", text, tmp_path)
    with github_api() as github:
        runner = Runner(
            workspace=place.root,
            temp=tmp_path / "temp",
            context={
                "github.token": TOKEN,
                "github.event.pull_request.number": "7",
                "github.base_ref": "main",
                "secrets.CLARIFAI_PAT": "pat-of-the-test",
            },
            environ=github_environ(place, github.url),
        )
        runner.job(tmp_path / "snippet.yml", "plan")
        assert {ran.code for ran in runner.ran} == {0}
        assert len(github.comments) == 1


def test_each_environment_is_planned_with_a_comment_and_an_artifact_of_its_own(place: Place, tmp_path: Path) -> None:
    text = snippet("environments")
    checked("vendor.github-workflows", text, tmp_path)
    config = snippet("environments-config").replace("user_id: me", "user_id: demo").replace("pets-staging", "pets")
    versions = '{versions: [{select: latest, output_info: {params: {min_value: "${var:threshold}"}}}]}'
    head = place.origin.commit({"reconciler.yaml": config, "models/pets.yaml": MANIFEST.format(versions)})
    subprocess.run(["git", "pull", "--quiet"], cwd=place.root, check=True)
    (names,) = (job["strategy"]["matrix"]["environment"] for job in yaml.safe_load(text)["jobs"].values())
    artifacts: dict[str, Path] = {}
    with github_api() as github:
        for name in names:
            runner = Runner(
                workspace=place.root,
                temp=tmp_path / f"temp-{name}",
                artifacts=artifacts,
                context={
                    "github.token": TOKEN,
                    "github.event.pull_request.number": "7",
                    "github.base_ref": "main",
                    "github.event.pull_request.head.sha": head,
                    "matrix.environment": name,
                    "secrets.CLARIFAI_PAT": f"of-{name}",
                },
                environ=github_environ(place, github.url),
            )
            runner.job(tmp_path / "snippet.yml", "plan")
            assert {ran.code for ran in runner.ran} == {0}, runner.ran
        assert len(github.comments) == 2
    wanted = {
        name: [change["fields"][0]["after"] for change in json.loads(path.read_text())["changes"]]
        for name, path in artifacts.items()
    }
    assert wanted == {f"reconciler-plan-staging-{head}": [0.8], f"reconciler-plan-production-{head}": [0.95]}


class GitLabJobs:
    """The jobs of the GitLab recipe, run one by one in the clone."""

    def __init__(self, place: Place, folder: Path) -> None:
        text = snippet("gitlab")
        checked("vendor.gitlab-ci", text, folder)
        self.place, self.folder = place, folder
        # The recipe installs into /opt, which a test does not own.
        self.pipeline: dict[str, Any] = yaml.safe_load(text.replace("/opt/", f"{folder}/opt/"))
        (folder / "opt").mkdir()

    def run(self, name: str, **environ: str) -> tuple[int, str]:
        job = self.pipeline[name]
        script = [*self.pipeline["default"]["before_script"], *job["script"]]
        given = self.place.environ(
            GITLAB_CI="true",
            CI_DEFAULT_BRANCH="main",
            CI_MERGE_REQUEST_DIFF_BASE_SHA=self.place.base,
            **self.pipeline["variables"],
            **{"CI_COMMIT_SHA": self.place.origin.git("rev-parse", "main"), **environ},
        )
        return self.place.printed(["bash", "-e", "-o", "pipefail", "-c", "\n".join(script)], given)

    def require_artifacts(self, name: str) -> None:
        artifacts = self.pipeline[name].get("artifacts", {})
        for path in (*artifacts.get("paths", ()), *artifacts.get("reports", {}).values()):
            assert (self.place.root / path).stat().st_size > 0


@pytest.fixture
def gitlab_jobs(place: Place, tmp_path: Path) -> GitLabJobs:
    return GitLabJobs(place, tmp_path)


def digest_from(place: Place) -> str:
    name, _, digest = (place.root / "plan.env").read_text().strip().partition("=")
    assert name == "DIGEST"
    return digest


def test_the_gitlab_pipeline_is_valid_and_runs(place: Place, gitlab_jobs: GitLabJobs) -> None:
    codes = {}
    with gitlab_api() as gitlab:
        note = {
            "GITLAB_TOKEN": GITLAB_TOKEN,
            "CI_API_V4_URL": f"{gitlab.url}/api/v4",
            "CI_PROJECT_ID": "12",
            "CI_MERGE_REQUEST_IID": "3",
        }
        for name in ("validate", "plan", "drift", "plan-merged"):
            codes[name], printed = gitlab_jobs.run(name, CLARIFAI_PAT="pat-of-the-test", **note)
            assert codes[name] in {0, 2}, printed
            gitlab_jobs.require_artifacts(name)
        assert len(gitlab.notes) == 1
        place.origin.git("checkout", "--quiet", "main")
        (place.root / "models" / "pets.yaml").write_text(MANIFEST.format("{nmae: new}"))
        assert gitlab_jobs.run("plan", CLARIFAI_PAT="pat-of-the-test", **note)[0] == 1
        assert "This plan is outdated" in gitlab.notes[0]["body"]
    subprocess.run(["git", "checkout", "--quiet", "."], cwd=place.root, check=True)
    assert gitlab_jobs.run("plan-merged", CLARIFAI_PAT="pat-of-the-test")[0] == 0
    codes["apply"], printed = gitlab_jobs.run("apply", CLARIFAI_PAT="pat-of-the-test", DIGEST=digest_from(place))
    assert codes == {"validate": 0, "plan": 0, "drift": 2, "plan-merged": 0, "apply": 0}, printed
    assert json.loads((place.root / "report.json").read_text()) == {"create": 0, "update": 1, "delete": 0}


def test_a_gitlab_fork_is_validated_and_the_log_says_why_there_is_no_plan(
    place: Place, gitlab_jobs: GitLabJobs
) -> None:
    assert gitlab_jobs.run("validate")[0] == 0
    code, printed = gitlab_jobs.run("plan")
    assert (code, "as in a fork" in printed) == (0, True)
    assert not place.emulator.calls


def test_gitlab_applies_neither_an_old_commit_nor_another_plan(place: Place, gitlab_jobs: GitLabJobs) -> None:
    pat = {"CLARIFAI_PAT": "pat-of-the-test"}
    assert gitlab_jobs.run("plan-merged", **pat)[0] == 0
    digest = digest_from(place)
    assert gitlab_jobs.run("apply", **pat, DIGEST="sha256:" + "0" * 64)[0] == 3
    before = place.origin.git("rev-parse", "main")
    place.origin.commit({"README": "later"})
    code, printed = gitlab_jobs.run("apply", **pat, DIGEST=digest, CI_COMMIT_SHA=before)
    assert (code, "is not the tip of main" in printed) == (1, True)
    assert not [call for call in place.emulator.calls if call.rpc.startswith("Patch")]


def test_only_the_gitlab_job_that_writes_has_the_environment_with_the_token_that_can(gitlab_jobs: GitLabJobs) -> None:
    environments = {name: job.get("environment") for name, job in gitlab_jobs.pipeline.items() if "script" in job}
    reading = {"name": "plan", "action": "access"}
    assert environments == {
        "validate": None,
        "plan": reading,
        "plan-merged": reading,
        "drift": reading,
        "apply": "production",
    }


def test_what_an_apply_job_kept_is_taken_back_in_another_clone(place: Place, tmp_path: Path) -> None:
    environ = place.environ(CLARIFAI_PAT="pat-of-the-test")
    assert place.run(["reconciler", "apply", "models", "--yes"], environ) == 0
    (run,) = (path.name for path in (place.root / ".reconciler" / "runs").iterdir())
    clone = tmp_path / "another"
    place.origin.git("clone", "--quiet", str(place.origin.root), str(clone))
    (place.bin / "gh").write_text(
        f'#!/bin/bash\nset -e\nmkdir -p "${{@: -1}}"\ncp -r {place.root}/.reconciler/. "${{@: -1}}"\n'
    )
    (place.bin / "gh").chmod(0o755)
    script = snippet("undo").rstrip() + " --yes\n"
    code, printed = place.printed(["bash", "-ec", script], {**environ, "WORKFLOW_RUN": "5", "RUN": run}, clone)
    assert (code, printed.splitlines()[1].split()[0]) == (0, run), printed
    assert place.run(["reconciler", "drift", "models"], environ) == 2


def cron(place: Place, folder: Path) -> tuple[Path, dict[str, str]]:
    """The script for cron as a file, and what its variables say."""
    pat = folder / "pat"
    pat.write_text("pat-of-the-test\n")
    pat.chmod(0o600)
    script = folder / "model-drift"
    script.write_text(snippet("cron"))
    state = folder / "state"
    state.mkdir()
    return script, place.environ(REPOSITORY=str(place.root), PAT_FILE=str(pat), STATE=str(state))


def test_the_cron_script_prints_new_drift_and_nothing_else(place: Place, tmp_path: Path) -> None:
    script, environ = cron(place, tmp_path)

    def day() -> tuple[int, str]:
        return place.printed(["bash", str(script)], environ, tmp_path)

    code, printed = day()
    assert (code, "petsID" in printed) == (2, True)
    assert sorted(path.name for path in Path(environ["STATE"]).glob("[!.]*")) == ["drift.json", "drift.prom"]
    assert day() == (0, ""), "the second day of the same drift"
    assert place.run(["reconciler", "apply", "models", "--yes"], {**environ, "CLARIFAI_PAT": "pat-of-the-test"}) == 0
    assert [day(), day()] == [(0, "")] * 2, "resolved, then in sync"
    place.origin.commit({"models/pets.yaml": MANIFEST.format("{nmae: new}")})
    code, printed = day()
    assert (code, "nmae" in printed) == (1, True)
    *_, line = snippet("crontab").splitlines()
    assert re.fullmatch(r"([0-9*]+ ){5}[a-z]+ /\S+", line)


def test_the_cron_job_runs_what_it_says(place: Place, tmp_path: Path) -> None:
    job = yaml.safe_load(snippet("kubernetes"))
    assert (job["apiVersion"], job["kind"], job["spec"]["concurrencyPolicy"]) == ("batch/v1", "CronJob", "Forbid")
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (clone,), (drift,) = pod["initContainers"], pod["containers"]
    mounts = {mount["mountPath"] for container in (clone, drift) for mount in container["volumeMounts"]}
    assert {volume["name"] for volume in pod["volumes"]} == {
        mount["name"] for container in (clone, drift) for mount in container["volumeMounts"]
    }
    machine = tmp_path / "machine"
    for mount in mounts:
        (machine / mount.lstrip("/")).mkdir(parents=True)

    def here(text: str) -> str:
        moved = re.sub(r"^/(?=src|state)", f"{machine}/", text)
        return moved.replace("$(REPOSITORY)", f"file://{place.folder / 'origin'}")

    environ = place.environ(CLARIFAI_PAT="pat-of-the-test")
    assert place.run(["git", *map(here, clone["args"])], environ) == 0
    assert place.run([*drift["command"], *map(here, drift["args"])], environ, Path(here(drift["workingDir"]))) == 2
    assert (machine / "state" / "drift.json").exists()


def test_the_pre_commit_snippet_names_hooks_that_exist() -> None:
    (repository,) = yaml.safe_load(snippet("pre-commit"))["repos"]
    offered = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    assert [hook["id"] for hook in repository["hooks"]] == list(offered)
    assert offered["reconciler-plan"]["stages"] == ["manual"]
    assert "stages" not in offered["reconciler-validate"]


def test_the_catalogue_entries_have_the_patterns_and_schemas_of_this_project() -> None:
    entries = json.loads(snippet("catalogue"))
    for entry in entries:
        assert entry.keys() == {"name", "description", "fileMatch", "url"}
        _, _, path = entry["url"].partition("/main/")
        schema = json.loads((ROOT / path).read_text(encoding="utf-8"))
        assert schema["$schema"].startswith("https://json-schema.org/")
        assert all(fnmatch.fnmatch(f"a/{name.replace('*', 'pets')}", f"*/{name}") for name in entry["fileMatch"])
    assert [Path(entry["url"]).name for entry in entries] == ["model.v1.schema.json", "config.v1.schema.json"]
