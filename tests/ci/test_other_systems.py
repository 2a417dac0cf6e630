"""docs/ci-others.md: the files are valid, and each of their shell steps runs against the emulator with stand-ins for the system."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from reconciler.emulator.server import Emulator
from tests.ci.clones import MANIFEST, Place, checked, snippet

PAT = "pat-of-the-test"


@pytest.fixture
def place(emulator: Emulator, tmp_path: Path) -> Place:
    return Place(emulator, tmp_path)


def tip(place: Place) -> str:
    return place.origin.git("rev-parse", "main")


def written(place: Place) -> list[str]:
    return [call.rpc for call in place.emulator.calls if call.rpc.startswith("Patch")]


def break_manifest(place: Place) -> None:
    (place.root / "models" / "pets.yaml").write_text(MANIFEST.format("{nmae: new}"))


# --- Azure Pipelines --------------------------------------------------------------------------------------------


class Azure:
    """Runs the bash steps as the agent does: without errexit, variables in upper case, secrets only where `env` maps them."""

    def __init__(self, place: Place, folder: Path) -> None:
        text = snippet("azure")
        checked("vendor.azure-pipelines", text, folder)
        self.place, self.temp = place, folder / "agent"
        (self.temp / "plan").mkdir(parents=True)
        stages = {stage["stage"]: stage for stage in yaml.safe_load(text)["stages"]}
        (self.plan,) = stages["plan"]["jobs"]
        (self.apply,) = stages["apply"]["jobs"]
        self.variables: dict[str, str] = {"manifests": "models", "folder": str(self.temp / "reconciler")}

    def steps(self, job: Mapping[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = job["steps"] if "steps" in job else job["strategy"]["runOnce"]["deploy"]["steps"]
        return [step for step in found if "bash" in step]

    def run(self, job: Mapping[str, Any], *, secret: str | None, sha: str = "") -> dict[str, tuple[int, str]]:
        """The exit code and log of each step, up to one that fails."""
        ran = {}
        for step in self.steps(job):
            mapped = {name: secret if secret is not None else value for name, value in step.get("env", {}).items()}
            environ = self.place.environ(
                AGENT_TEMPDIRECTORY=str(self.temp),
                PIPELINE_WORKSPACE=str(self.temp),
                BUILD_SOURCEVERSION=sha or tip(self.place),
                **{name.upper(): value for name, value in self.variables.items()},
                **mapped,
            )
            ran[step["displayName"]] = self.place.printed(
                ["bash", "--noprofile", "--norc", "-c", step["bash"]], environ
            )
            if ran[step["displayName"]][0]:
                break
        return ran


def commands(log: str) -> dict[str, str]:
    """The commands that the agent obeys."""
    return dict(re.findall(r"^##vso\[task\.(\w+)[^]]*\](.*)$", log, re.MULTILINE))


def test_azure_plans_shows_a_summary_and_applies_by_the_digest(place: Place, tmp_path: Path) -> None:
    azure = Azure(place, tmp_path)
    ran = azure.run(azure.plan, secret=PAT)
    assert {code for code, _ in ran.values()} == {0}, ran
    found = commands(ran["Plan"][1])
    assert Path(found["uploadsummary"]).read_text().startswith("## Plan: 1 model to update")
    assert {ET.parse(path).getroot().tag for path in place.root.glob("junit-*.xml")} == {"testsuite"}
    (place.root / "plan.json").rename(azure.temp / "plan" / "plan.json")
    azure.variables["digest"] = "sha256:" + "0" * 64
    assert azure.run(azure.apply, secret=PAT)["Apply"][0] == 3
    azure.variables["digest"] = found["setvariable"]
    assert list(azure.run(azure.apply, secret=PAT, sha=place.base)) == ["Require the tip of the branch"]
    assert written(place) == []
    assert {code for code, _ in azure.run(azure.apply, secret=PAT).values()} == {0}
    assert written(place) == ["PatchModels"]


def test_azure_without_a_secret_says_so_and_a_bad_manifest_fails(place: Place, tmp_path: Path) -> None:
    azure = Azure(place, tmp_path)
    code, log = azure.run(azure.plan, secret=None)["Plan"]
    assert (code, "There is no plan" in commands(log)["logissue"]) == (0, True)
    break_manifest(place)
    ran = azure.run(azure.plan, secret=PAT)
    assert (list(ran)[-1], ran["Validate"][0]) == ("Validate", 1)
    (plan,) = (step for step in azure.steps(azure.plan) if step.get("name") == "plan")
    azure.plan = {"steps": [plan]}
    code, log = azure.run(azure.plan, secret=PAT)["Plan"]
    assert (code, "setvariable" in commands(log)) == (1, False)


# --- Bitbucket ------------------------------------------------------------------------------------------------------

CURL = """
for argument in "$@"; do if [[ "$argument" == @* ]]; then cp "${argument#@}" "$POSTED"; fi; done
exit "${CURL_EXITS:-0}"
"""


class Bitbucket:
    """Runs a step's script lines in one shell that ends at the first failure."""

    def __init__(self, place: Place, folder: Path) -> None:
        text = snippet("bitbucket")
        checked("vendor.bitbucket-pipelines", text, folder)
        self.place, self.posted = place, folder / "posted.json"
        self.pipelines: dict[str, Any] = yaml.safe_load(text.replace("/opt/", f"{folder}/opt/"))["pipelines"]
        (folder / "opt").mkdir()
        place.command("curl", CURL)

    def run(self, steps: list[dict[str, Any]], name: str, **environ: str) -> tuple[int, str]:
        (step,) = (item["step"] for item in steps if item["step"]["name"] == name)
        given = self.place.environ(
            POSTED=str(self.posted),
            BITBUCKET_REPO_FULL_NAME="acme/models",
            **{"BITBUCKET_COMMIT": tip(self.place), **environ},
        )
        return self.place.printed(["bash", "-e", "-c", "\n".join(step["script"])], given)


def test_bitbucket_plans_posts_a_report_and_applies_by_the_digest(place: Place, tmp_path: Path) -> None:
    bitbucket = Bitbucket(place, tmp_path)
    for steps in (bitbucket.pipelines["pull-requests"]["**"], bitbucket.pipelines["branches"]["main"]):
        assert bitbucket.run(steps, "Plan", CLARIFAI_PAT=PAT)[0] == 0
    report = json.loads(bitbucket.posted.read_text())
    assert report["details"].startswith("## Plan: 1 model to update")
    assert len(report["details"]) <= 2000
    assert ET.parse(place.root / "test-results" / "plan.xml").getroot().get("failures") == "0"
    code, log = bitbucket.run(steps, "Apply", CLARIFAI_PAT=PAT, BITBUCKET_COMMIT=place.base)
    assert (code, "is not the tip of main" in log, written(place)) == (1, True, [])
    assert bitbucket.run(steps, "Apply", CLARIFAI_PAT=PAT)[0] == 0
    assert written(place) == ["PatchModels"]


def test_bitbucket_fails_for_bad_manifests_and_not_for_a_missing_token_or_report(place: Place, tmp_path: Path) -> None:
    bitbucket = Bitbucket(place, tmp_path)
    steps = bitbucket.pipelines["pull-requests"]["**"]
    code, log = bitbucket.run(steps, "Plan")
    assert (code, "There is no plan" in log) == (0, True)
    code, log = bitbucket.run(steps, "Plan", CLARIFAI_PAT=PAT, CURL_EXITS="7")
    assert (code, "could not be posted" in log) == (0, True)
    assert bitbucket.run(steps, "Validate")[0] == 0
    break_manifest(place)
    assert bitbucket.run(steps, "Validate")[0] == 1
    assert bitbucket.run(steps, "Plan", CLARIFAI_PAT=PAT)[0] == 1
    assert ET.parse(place.root / "test-results" / "plan.xml").getroot().get("failures") == "1"


def test_bitbucket_deployments_keep_the_tokens_apart(place: Place, tmp_path: Path) -> None:
    pipelines = Bitbucket(place, tmp_path).pipelines
    found = {
        (item["step"]["name"], item["step"].get("deployment"))
        for steps in (pipelines["pull-requests"]["**"], pipelines["branches"]["main"])
        for item in steps
    }
    assert found == {("Validate", None), ("Plan", "plan"), ("Apply", "production")}


# --- Jenkins --------------------------------------------------------------------------------------------------------


def jenkins_steps() -> Iterator[tuple[str, str]]:
    """The shell steps of the Jenkinsfile with the name of their stage."""
    text = snippet("jenkins")
    assert text.count("{") == text.count("}")
    for stage in re.split(r"(?=stage\(')", text)[1:]:
        (name,) = re.findall(r"^stage\('(\w+)'\)", stage)
        (script,) = re.findall(r"sh '''\n(.*?)'''|sh '(.*)'\n", stage, re.DOTALL)
        yield name, textwrap.dedent(script[0] or script[1])


def test_jenkins_installs_validates_plans_and_applies_by_the_digest(place: Place, tmp_path: Path) -> None:
    scripts = dict(jenkins_steps())
    assert list(scripts) == ["Install", "Validate", "Plan", "Apply"]

    def run(stage: str, **more: str) -> tuple[int, str]:
        environ = {
            "WORKSPACE_TMP": str(tmp_path),
            "TOOL": str(tmp_path / "reconciler"),
            "GIT_COMMIT": tip(place),
            **more,
        }
        return place.printed(["sh", "-xec", scripts[stage]], place.environ(**environ))

    assert [run(stage, CLARIFAI_PAT=PAT)[0] for stage in ("Install", "Validate", "Plan")] == [0, 0, 0]
    shown = (place.root / "plan.md").read_text()
    assert shown.startswith("## Plan: 1 model to update")
    assert len(shown) <= 4000
    digest = (place.root / "plan.digest").read_text().strip()
    assert run("Apply", CLARIFAI_PAT=PAT, DIGEST=digest, GIT_COMMIT=place.base)[0] == 1
    assert run("Apply", CLARIFAI_PAT=PAT, DIGEST="sha256:" + "0" * 64)[0] == 3
    assert written(place) == []
    code, log = run("Apply", CLARIFAI_PAT=PAT, DIGEST=digest)
    assert (code, written(place), PAT in log) == (0, ["PatchModels"], False)
    break_manifest(place)
    assert run("Validate")[0] == 1
    assert run("Plan", CLARIFAI_PAT=PAT)[0] == 1
    assert {ET.parse(path).getroot().get("failures") for path in place.root.glob("junit-*.xml")} == {"1"}
