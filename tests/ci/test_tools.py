"""The tools in .venv-lint: pre-commit runs our hooks from another repository, and zizmor, shellcheck and codespell find nothing.

`make test` installs them. Without them these tests are skipped.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from reconciler.emulator.server import Emulator
from tests.ci.actions_runner import ROOT, parsed
from tests.ci.clones import snippet
from tests.ci.repositories import Repository

TOOLS = ROOT / ".venv-lint" / "bin"
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
HEAD = "apiVersion: reconciler/v1\nkind: Model\nmetadata: {id: petsID, user_id: demo, app_id: pets}\n"

pytestmark = pytest.mark.skipif(not (TOOLS / "zizmor").exists(), reason="`make tools` has not installed .venv-lint")


def ran(*command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> tuple[int, str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"GH_TOKEN", "GITHUB_TOKEN"}}
    found = subprocess.run(
        command, cwd=cwd, env={**kept, **(env or {})}, capture_output=True, text=True, check=False, timeout=120
    )
    return found.returncode, found.stdout + found.stderr


def test_zizmor_finds_nothing_that_is_not_explained() -> None:
    command = (TOOLS / "zizmor", "--offline", "--quiet", "--persona", "auditor", ".github", "action.yml")
    code, log = ran(*command)
    assert (code, re.findall(r"^(?:error|warning|help|info)\[.*", log, re.MULTILINE)) == (0, [])
    lines = (ROOT / ".github" / "zizmor.yml").read_text(encoding="utf-8").splitlines()
    for rule in parsed(ROOT / ".github" / "zizmor.yml")["rules"]:
        assert lines[lines.index(f"  {rule}:") + 1].lstrip().startswith("# "), f"{rule} has a reason"


def test_zizmor_finds_nothing_in_the_examples_of_the_documentation(tmp_path: Path) -> None:
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    for name in ("workflow", "environments"):
        (folder / f"{name}.yml").write_text(snippet(name))
    config = ROOT / ".github" / "zizmor.yml"
    command = (TOOLS / "zizmor", "--offline", "--quiet", "--persona", "auditor", "--config", config, tmp_path)
    assert ran(*command)[0] == 0, ran(*command)


def test_shellcheck_and_codespell_find_nothing() -> None:
    scripts = [ROOT / ".ci" / "run", *sorted(ROOT.glob("scripts/*.sh")), *sorted(ROOT.glob("tests/clients/*.sh"))]
    assert ran(TOOLS / "shellcheck", *scripts) == (0, "")
    assert ran(TOOLS / "codespell") == (0, "")


def test_shellcheck_finds_nothing_in_the_steps_of_workflows(tmp_path: Path) -> None:
    for path in (ROOT / "action.yml", *sorted((ROOT / ".github" / "workflows").glob("*.yml"))):
        document = parsed(path)
        jobs = [document["runs"]] if "runs" in document else document["jobs"].values()
        for job in jobs:
            for step in job.get("steps", []):
                if "run" in step:
                    script = tmp_path / "step.sh"
                    script.write_text(step["run"])
                    # SC2153: a variable that the step's `env` gives may be spelled like another one of the script.
                    command = (TOOLS / "shellcheck", "--shell", "bash", "--exclude", "SC2153", script)
                    assert ran(*command) == (0, ""), (path.name, step["name"])


# --- pre-commit -----------------------------------------------------------------------------------------------------


class Elsewhere:
    """A repository with manifests that uses the hooks of this one at a commit.

    pre-commit would install this project from PyPI's packages. Here the hooks run the one under test (`language: system`), so that
    no network is needed; everything else is pre-commit's own.
    """

    def __init__(self, emulator: Emulator, folder: Path) -> None:
        hooks = Repository(folder / "hooks")
        commit = hooks.commit({".pre-commit-hooks.yaml": (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")})
        self.repository = Repository(folder / "models-repository")
        listed = [{"id": hook["id"], "language": "system"} for hook in HOOKS]
        config = {"repos": [{"repo": hooks.root.as_uri(), "rev": commit, "hooks": listed}]}
        self.repository.write(".pre-commit-config.yaml", yaml.safe_dump(config))
        (folder / "bin").mkdir()
        command = folder / "bin" / "reconciler"
        command.write_text(f'#!/bin/sh\nexec {sys.executable} -m reconciler "$@"\n')
        command.chmod(0o755)
        self.env = {
            "CLARIFAI_API_BASE": emulator.url,
            "CLARIFAI_PAT": "pat-of-the-test",
            "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}",
            "PRE_COMMIT_HOME": str(folder / "cache"),
            "PYTHONPATH": str(ROOT),
            "GIT_CONFIG_GLOBAL": os.devnull,
        }

    def run(self, *args: str) -> tuple[int, str]:
        return ran(TOOLS / "pre-commit", "run", "--color", "never", *args, cwd=self.repository.root, env=self.env)


@pytest.fixture
def elsewhere(emulator: Emulator, tmp_path: Path) -> Elsewhere:
    return Elsewhere(emulator, tmp_path)


def test_a_commit_is_validated_and_planned_only_by_hand(emulator: Emulator, elsewhere: Elsewhere) -> None:
    elsewhere.repository.commit({"models/pets.yaml": HEAD + "spec: {name: new}\n", "other.yaml": "a: 1\n"})
    code, log = elsewhere.run("--all-files")
    assert (code, re.findall(r"\.{3}(\w+)$", log, re.MULTILINE)) == (0, ["Passed"]), log
    assert not emulator.calls
    elsewhere.repository.write("models/pets.yaml", HEAD + "spec: {nmae: new}\n")
    elsewhere.repository.git("add", "--all")
    code, log = elsewhere.run()
    assert (code, "models/pets.yaml:4:8: unknown key" in log) == (1, True), log
    elsewhere.repository.write("models/pets.yaml", HEAD + "spec: {name: new}\n")
    elsewhere.repository.git("add", "--all")
    code, log = elsewhere.run("--hook-stage", "manual", "reconciler-plan")
    assert (code, "Plan: 1 model to update" in log) == (0, True), log
    assert emulator.calls


def test_a_commit_without_yaml_runs_no_hook(elsewhere: Elsewhere) -> None:
    elsewhere.repository.commit({"README.md": "words\n"})
    code, log = elsewhere.run("--files", "README.md")
    assert (code, "Skipped" in log) == (0, True)
