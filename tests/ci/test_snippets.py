"""docs/ci.md: each snippet is valid, and what it runs, runs against the emulator."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.emulator.server import Emulator
from tests.ci.actions_runner import ROOT, Runner
from tests.ci.github_api import TOKEN, github_api
from tests.ci.repositories import Repository

TEXT = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
CONFIG = "apiVersion: reconciler/v1\nkind: Config\nuser_id: demo\napp_id: pets\n"
MANIFEST = "apiVersion: reconciler/v1\nkind: Model\nmetadata: {{id: petsID}}\nspec: {}\n"


def snippet(name: str) -> str:
    """The code block behind a comment with this name."""
    found = re.search(rf"<!-- {name} -->\n```\w+\n(.*?)```", TEXT, re.DOTALL)
    assert found is not None
    return found[1]


class Place:
    """A clone with manifests, and commands on the PATH: `reconciler`, and a `pip` that does nothing."""

    def __init__(self, emulator: Emulator, folder: Path) -> None:
        self.emulator, self.folder = emulator, folder
        self.origin = origin = Repository(folder / "origin")
        self.base = origin.commit({"reconciler.yaml": CONFIG, "models/pets.yaml": MANIFEST.format("{}")})
        origin.commit({"models/pets.yaml": MANIFEST.format("{name: new}")})
        self.root = folder / "clone"
        origin.git("clone", "--quiet", str(origin.root), str(self.root))
        subprocess.run(["git", "update-ref", "refs/remotes/origin/main", self.base], cwd=self.root, check=True)
        self.bin = folder / "bin"
        self.bin.mkdir()
        for name, line in (("reconciler", f'exec {sys.executable} -m reconciler "$@"'), ("pip", ":")):
            (self.bin / name).write_text(f"#!/bin/bash\n{line}\n")
            (self.bin / name).chmod(0o755)

    def environ(self, **more: str) -> dict[str, str]:
        return {
            **os.environ,
            "CLARIFAI_API_BASE": self.emulator.url,
            "PYTHONPATH": str(ROOT),
            "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
            **more,
        }

    def run(self, command: list[str], environ: Mapping[str, str], cwd: Path | None = None) -> int:
        return self.printed(command, environ, cwd)[0]

    def printed(self, command: list[str], environ: Mapping[str, str], cwd: Path | None = None) -> tuple[int, str]:
        """The exit code, and all that was printed."""
        ran = subprocess.run(
            command, cwd=cwd or self.root, env=environ, capture_output=True, text=True, check=False, timeout=60
        )
        assert "Traceback" not in ran.stderr
        return ran.returncode, ran.stdout + ran.stderr


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


def checked(schema: str, text: str, folder: Path) -> None:
    """Hold a text against one of check-jsonschema's vendored schemas."""
    file = folder / "snippet.yml"
    file.write_text(text)
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(file)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout


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


def test_the_gitlab_pipeline_is_valid_and_runs(place: Place, tmp_path: Path) -> None:
    text = snippet("gitlab")
    checked("vendor.gitlab-ci", text, tmp_path)
    pipeline: dict[str, Any] = yaml.safe_load(text)
    environ = place.environ(
        CLARIFAI_PAT="pat-of-the-test",
        GITLAB_CI="true",
        CI_MERGE_REQUEST_DIFF_BASE_SHA=place.base,
        **pipeline["variables"],
    )
    codes = {}
    for name in ("validate", "plan", "drift", "plan-merged", "apply"):
        script = [*pipeline["default"]["before_script"], *pipeline[name]["script"]]
        codes[name] = place.run(["bash", "-e", "-o", "pipefail", "-c", "\n".join(script)], environ)
        artifacts = pipeline[name].get("artifacts", {})
        for path in (*artifacts.get("paths", ()), *artifacts.get("reports", {}).values()):
            assert (place.root / path).stat().st_size > 0
    assert codes == {"validate": 0, "plan": 0, "drift": 2, "plan-merged": 0, "apply": 0}
    assert json.loads((place.root / "report.json").read_text()) == {"create": 0, "update": 1, "delete": 0}


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
