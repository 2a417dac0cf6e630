"""The built wheel, installed into an empty environment and run from another folder, is the whole tool."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reconciler import __version__

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A virtual environment that holds the wheel; the libraries it needs are borrowed from the tests' own."""

    wheel: Path
    python: Path
    command: Path

    def run(self, *args: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run the installed command in `cwd`."""
        return subprocess.run(
            [self.command, *args],
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            stdin=subprocess.DEVNULL,
            env=_environment(),
        )


def _environment() -> dict[str, str]:
    """The test's environment without what could put this checkout before the installed package."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def _run(*args: str | Path) -> None:
    ended = subprocess.run(args, capture_output=True, text=True, check=False, cwd=ROOT)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Build the wheel and install it, without the network: hatchling is a development dependency."""
    folder = tmp_path_factory.mktemp("packaging")
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder / "dist")
    (wheel,) = (folder / "dist").glob("*.whl")
    _run(sys.executable, "-m", "venv", "--without-pip", folder / "venv")
    binaries = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    python = binaries / "python"
    _run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel)
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    )
    (Path(site.stdout.strip()) / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return Installed(wheel=wheel, python=python, command=binaries / "reconciler")


def test_the_wheel_holds_the_package_its_schemas_and_licence_and_nothing_else(installed: Installed) -> None:
    names = zipfile.ZipFile(installed.wheel).namelist()
    top = {name.split("/", maxsplit=1)[0] for name in names}
    info = f"clarifai_reconciler-{__version__}.dist-info"
    schemas = {f"reconciler/schemas/{path.name}" for path in (ROOT / "schemas").iterdir()}
    sources = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "reconciler").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert top == {"reconciler", info}
    assert {f"{info}/licenses/LICENSE", "reconciler/py.typed"} | schemas | sources <= set(names)


def test_links_of_the_readme_on_pypi_lead_to_the_files_of_the_release(installed: Installed) -> None:
    metadata = zipfile.ZipFile(installed.wheel).read(f"clarifai_reconciler-{__version__}.dist-info/METADATA").decode()
    links = re.findall(r"\]\(([^)\s]+)\)", metadata)
    ours = "https://(github|raw.githubusercontent).com/OWNER/clarifai-reconciler/(blob/)?".replace(".", r"\.")
    paths = [re.sub(f"^{ours}v{re.escape(__version__)}/", "", link) for link in links if re.match(ours, link)]
    assert [link for link in links if "://" not in link] == []
    assert {"SECURITY.md", "docs/images/plan.svg"} <= set(paths)
    assert [path for path in paths if not (ROOT / path.partition("#")[0]).exists()] == []


def test_the_metadata_names_authors_and_where_to_reach_them(installed: Installed) -> None:
    metadata = zipfile.ZipFile(installed.wheel).read(f"clarifai_reconciler-{__version__}.dist-info/METADATA").decode()
    fields = metadata.partition("\n\n")[0]
    assert re.search(r"^Author: \S", fields, re.MULTILINE)
    found = dict(re.findall(r"^Project-URL: (\w+), (\S+)$", fields, re.MULTILINE))
    assert found.keys() == {"Source", "Documentation", "Changelog", "Contact", "Security"}
    assert {url.split("/clarifai-reconciler")[0] for url in found.values()} == {"https://github.com/OWNER"}


def test_the_address_of_the_repository_stands_in_one_place() -> None:
    """Elsewhere OWNER is a word like COMMIT that the reader replaces, and nothing names an organisation that isn't ours."""
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    found: dict[str, set[str]] = {}
    for name in filter(None, files):
        try:
            text = (ROOT / name).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
        for owner in re.findall(r"([\w.-]+)/clarifai-reconciler(?![\w-])", text):
            found.setdefault(owner, set()).add(name)
    owners = {owner for owner in found if owner not in {"bin", "RUNNER_TEMP"}}
    assert owners == {"OWNER"}
    assert {name for name in found["OWNER"] if not name.endswith(".md") and not name.startswith("tests/")} == {
        "pyproject.toml"
    }


def test_the_package_that_runs_is_the_wheels(installed: Installed, tmp_path: Path) -> None:
    code = "import reconciler; print(reconciler.__file__)"
    ended = subprocess.run(
        [installed.python, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True, env=_environment()
    )
    assert Path(ended.stdout.strip()).is_relative_to(installed.python.parent.parent)


def test_version(installed: Installed, tmp_path: Path) -> None:
    ended = installed.run("--version", cwd=tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"reconciler {__version__}\n", "")


@pytest.mark.parametrize("kind", ["Model", "Config", "Plan", "Seed"])
def test_schema(installed: Installed, tmp_path: Path, kind: str) -> None:
    ended = installed.run("schema", kind, cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert isinstance(json.loads(ended.stdout), dict)


def test_completion(installed: Installed, tmp_path: Path) -> None:
    ended = installed.run("completion", "bash", cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_validate_the_examples(installed: Installed, tmp_path: Path) -> None:
    ended = installed.run("validate", ROOT / "examples" / "manifests", "--format", "json", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    document: dict[str, Any] = json.loads(ended.stdout)
    assert (document["kind"], document["valid"], document["problems"]) == ("Validation", True, [])


def test_plan_the_examples_against_the_emulator_inside(installed: Installed, tmp_path: Path) -> None:
    examples = ROOT / "examples" / "manifests"
    ended = installed.run("plan", examples, "--endpoint", "embedded:state.db", "--format", "json", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    document: dict[str, Any] = json.loads(ended.stdout)
    assert (document["kind"], document["refused"]) == ("Plan", [])
    assert document["summary"]["update"] > 0


PIPELINE = """
import json, os, subprocess, urllib.request
import pytest

def reconciler(*args):
    return subprocess.run(["{command}", *args], capture_output=True, text=True)

def test_the_pipeline_renames(clarifai_emulator, tmp_path):
    manifest = tmp_path / "pets.yaml"
    manifest.write_text("apiVersion: reconciler/v1\\nkind: Model\\nmetadata: {{id: petsID}}\\nspec: {{name: Pets}}\\n")
    assert reconciler("apply", str(manifest), "--yes").returncode == 0
    sent = [call.request["models"] for call in clarifai_emulator.calls if call.rpc == "PatchModels"]
    assert sent == [[{{"id": "petsID", "name": "Pets"}}]]
    with urllib.request.urlopen(urllib.request.Request(
        clarifai_emulator.rest_url + "/v2/users/demo/apps/pets/models/petsID",
        headers={{"Authorization": "Key " + os.environ["CLARIFAI_PAT"]}},
    )) as response:
        assert json.load(response)["model"]["name"] == "Pets"

@pytest.mark.clarifai_emulator(seed={{"apps": [{{"user_id": "ann", "app_id": "lab", "models": [{{"id": "m"}}]}}]}}, pat=None)
def test_a_seed_of_its_own(clarifai_emulator):
    assert (os.environ["CLARIFAI_USER_ID"], os.environ["CLARIFAI_APP_ID"]) == ("ann", "lab")
    assert clarifai_emulator.snapshot()["apps"][0]["models"][0]["id"] == "m"
    assert clarifai_emulator.calls == ()

def test_nothing_is_set_without_the_fixture():
    assert "CLARIFAI_API_BASE" not in os.environ
"""


def test_the_pytest_plugin_is_found_and_serves_a_pipeline_s_tests(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "test_pipeline.py").write_text(PIPELINE.format(command=installed.command), encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n", encoding="utf-8")
    ended = subprocess.run(
        [installed.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={name: value for name, value in _environment().items() if not name.startswith(("CLARIFAI_", "PYTEST_"))},
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "3 passed" in ended.stdout
    helped = subprocess.run(
        [installed.python, "-m", "pytest", "--markers"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        env=_environment(),
    )
    assert "@pytest.mark.clarifai_emulator(seed=…, switches=…, …)" in helped.stdout
