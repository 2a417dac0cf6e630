"""The steps of action.yml in a checkout that plants code wherever Python, pip and bash could look for some.

Everything is real: bash, Python, venv and pip. The action's folder is a small one, so that pip needs no network: a lock file with
one wheel, and a package `reconciler` that records what it was run with.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.ci.actions_runner import ROOT, Runner

PAT = "planted-personal-access-token"
TOKEN = "planted-github-token"

MODULES = (
    "venv.py",
    "pip/__init__.py",
    "pip/__main__.py",
    "ensurepip/__init__.py",
    "sitecustomize.py",
    "usercustomize.py",
    "reconciler/__init__.py",
    "reconciler/__main__.py",
    "backend.py",
    "hatchling/__init__.py",
    "json.py",
    "zipfile.py",
    "bin/python",
    "bin/pip",
    "lib/python3/site-packages/sitecustomize.py",
)
"""What is planted: each file, if it is run, leaves a trace."""

BACKEND = """
import json, os, zipfile

def get_requires_for_build_wheel(config_settings=None):
    return []

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    import locked
    with open(os.path.join(os.path.dirname(__file__), "build.json"), "w") as file:
        json.dump({"environ": dict(os.environ), "locked": locked.__file__}, file)
    name = "reconciler-1.0-py3-none-any.whl"
    info = "reconciler-1.0.dist-info"
    with zipfile.ZipFile(os.path.join(wheel_directory, name), "w") as wheel:
        wheel.write(os.path.join(os.path.dirname(__file__), "main.py"), "reconciler/__main__.py")
        wheel.writestr("reconciler/__init__.py", "")
        wheel.writestr(info + "/METADATA", "Metadata-Version: 2.1\\nName: reconciler\\nVersion: 1.0\\n")
        wheel.writestr(info + "/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "/RECORD", "")
    return name
"""

MAIN = """
import json, os, sys
with open(os.path.join(os.environ["RUNNER_TEMP"], sys.argv[1] + ".json"), "w") as file:
    found = {"argv": sys.argv[1:], "path": sys.path, "isolated": sys.flags.isolated, "environ": dict(os.environ)}
    json.dump({**found, "file": __file__}, file)
sys.exit(int(os.environ.get("EXITS", "0")))
"""


def wheel(folder: Path) -> tuple[Path, str]:
    """A wheel of a package `locked`, and its hash."""
    path = folder / "locked-1.0-py3-none-any.whl"
    info = "locked-1.0.dist-info"
    files = {
        "locked.py": "",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: locked\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = [
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip('=')},{len(text)}"
        for name, text in files.items()
    ]
    with zipfile.ZipFile(path, "w") as made:
        for name, text in {**files, f"{info}/RECORD": "\n".join([*lines, f"{info}/RECORD,,", ""])}.items():
            made.writestr(name, text)
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The action's folder: lock files with hashes, a project that is built without isolation, and an index that is a folder."""
    folder = tmp_path_factory.mktemp("action")
    path, digest = wheel(folder)
    (folder / "requirements").mkdir()
    for name in ("build", "runtime"):
        lock = f"locked @ {path.as_uri()} --hash=sha256:{digest}\n"
        (folder / "requirements" / f"{name}.txt").write_text(lock)
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "reconciler"\nversion = "1.0"\n'
    )
    (folder / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "install.sh", folder / "scripts")
    (folder / "backend.py").write_text(BACKEND)
    (folder / "main.py").write_text(MAIN)
    return folder


class Checkout:
    """A hostile work tree, and a runner that uses the action in it."""

    def __init__(self, source: Path, folder: Path) -> None:
        self.traces = folder / "traces"
        self.traces.mkdir()
        self.root = folder / "workspace"
        for name in MODULES:
            self.plant(name, f"open({str(self.traces / name.replace('/', '-'))!r}, 'w').close()\n")
        for name in ("python", "python3", "env", "git"):
            self.plant(name, f"#!/bin/sh\ntouch {self.traces}/{name}\n")
            (self.root / name).chmod(0o755)
        line = f"import os; os.open({str(self.traces / 'pth')!r}, os.O_CREAT)\n"
        for name in ("planted.pth", ".local/lib/python3.11/site-packages/planted.pth"):
            self.plant(name, line)
        conf = f"[global]\nindex-url = http://127.0.0.1:9/simple\ntarget = {self.traces}\n[install]\npython = {self.root}/python\n"
        for name in ("pip.conf", ".pip/pip.conf", ".config/pip/pip.conf", "etc/pip.conf"):
            self.plant(name, conf)
        self.plant(".bashrc", f"touch {self.traces}/bashrc\n")
        self.plant("requirements/runtime.txt", "planted\n")
        self.plant("pyproject.toml", '[build-system]\nbuild-backend = "backend"\nbackend-path = ["."]\nrequires = []\n')
        self.runner = Runner(
            workspace=self.root,
            temp=folder / "temp",
            context={"github.token": TOKEN, "github.action_path": str(source), "github.event.pull_request.number": "7"},
            environ={
                "GITHUB_REPOSITORY": "acme/models",
                "HOME": str(self.root),
                "PIP_CONFIG_FILE": str(self.root / "pip.conf"),
                "PIP_TARGET": str(self.traces),
                "PYTHONPATH": str(self.root),
                "PYTHONSTARTUP": str(self.root / "venv.py"),
                "PYTHONUSERBASE": str(self.root / ".local"),
                "VIRTUAL_ENV": str(self.root),
                "XDG_CONFIG_HOME": str(self.root / ".config"),
                "XDG_CONFIG_DIRS": str(self.root),
            },
            python=Path(getattr(sys, "_base_executable", sys.executable)),
        )

    def plant(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def use(self, environ: dict[str, str] | None = None, **given: str) -> dict[str, str]:
        """The outputs of the action."""
        names = {name.replace("_", "-"): value for name, value in given.items()}
        _, found = self.runner._step({"uses": "./", "with": names}, environ or {}, {})
        return found

    def recorded(self) -> dict[str, Any]:
        """What the installed command was run with."""
        found: dict[str, Any] = json.loads((self.runner.temp / "plan.json").read_text())
        return found

    def step(self, name: str) -> dict[str, str]:
        """The environment that a step was given."""
        return dict(next(ran for ran in self.runner.ran if ran.name == name).environ)


@pytest.fixture
def checkout(source: Path, tmp_path: Path) -> Checkout:
    return Checkout(source, tmp_path)


def test_what_is_planted_runs_where_python_is_not_isolated(checkout: Checkout) -> None:
    environ = {**os.environ, **checkout.runner.environ}
    subprocess.run([str(checkout.runner.python), "-m", "venv"], cwd=checkout.root, env=environ, check=False)
    assert {path.name for path in checkout.traces.iterdir()} >= {"venv.py", "sitecustomize.py"}


def test_nothing_of_the_checkout_runs_and_only_one_step_has_the_token(checkout: Checkout, source: Path) -> None:
    found = checkout.use(command="plan", paths=".", clarifai_pat=PAT, comment="true")
    assert {ran.name: ran.code for ran in checkout.runner.ran}["Install"] == 0, checkout.runner.ran[0].log
    assert list(checkout.traces.iterdir()) == []
    program = checkout.runner.temp / "clarifai-reconciler" / "reconciler"
    assert (found["program"], found["exitcode"]) == (str(program), "0")
    ran = checkout.recorded()
    assert ran["isolated"] == 1
    assert ran["environ"]["CLARIFAI_PAT"] == PAT
    assert [path for path in [*ran["path"], ran["file"]] if str(checkout.root) in path] == []
    built = json.loads((source / "build.json").read_text())
    assert PAT not in built["environ"].values()
    assert {"CLARIFAI_PAT", "GITHUB_TOKEN", "PYTHONPATH", "PIP_TARGET"} & built["environ"].keys() == set()
    holders = {ran.name for ran in checkout.runner.ran if any(PAT in value for value in ran.environ.values())}
    assert holders == {"Run"}
    assert not any(TOKEN in value for name in ("Install", "Run") for value in checkout.step(name).values())


def test_a_token_of_the_calling_step_is_kept_from_python_and_pip_too(checkout: Checkout, source: Path) -> None:
    (source / "build.json").unlink(missing_ok=True)
    checkout.use({"CLARIFAI_PAT": PAT}, command="plan", paths=".")
    assert PAT not in json.loads((source / "build.json").read_text())["environ"].values()
    assert checkout.recorded()["environ"]["CLARIFAI_PAT"] == PAT
    assert list(checkout.traces.iterdir()) == []


def test_a_package_with_another_hash_is_not_installed(checkout: Checkout, source: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    (changed / "requirements").mkdir(parents=True)
    shutil.copytree(source / "scripts", changed / "scripts")
    lock = (source / "requirements" / "build.txt").read_text()
    digest = lock.rpartition(":")[2].strip()
    (changed / "requirements" / "build.txt").write_text(lock.replace(digest, "0" * 64))
    checkout.runner.context["github.action_path"] = str(changed)
    checkout.use(command="plan", paths=".", clarifai_pat=PAT)
    assert checkout.runner.ran[-1].name == "Install"
    assert checkout.runner.ran[-1].code != 0
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in checkout.runner.ran[-1].log
    assert not (checkout.runner.temp / "plan.json").exists()


def test_endpoint_hosts_and_variables_come_from_the_workflow_alone(checkout: Checkout) -> None:
    checkout.use(command="plan", paths=".")
    ran = checkout.recorded()
    assert "--endpoint=https://api.clarifai.com" in ran["argv"]
    assert ran["environ"]["RECONCILER_ENV_ALLOW"] == ""
    assert "RECONCILER_TRUSTED_HOSTS" not in ran["environ"]
    checkout.use(
        {"CLARIFAI_API_BASE": "https://one.example.com"},
        command="plan",
        paths=".",
        trusted_hosts="two.example.com:8443",
        allowed_env="PETS_*,OPENAI_KEY",
    )
    ran = checkout.recorded()
    assert "--endpoint=https://one.example.com" in ran["argv"]
    assert ran["environ"]["RECONCILER_TRUSTED_HOSTS"] == "two.example.com:8443"
    assert ran["environ"]["RECONCILER_ENV_ALLOW"] == "PETS_*,OPENAI_KEY"
    checkout.use({"CLARIFAI_API_BASE": "https://one.example.com"}, command="plan", endpoint="https://three.example.com")
    assert "--endpoint=https://three.example.com" in checkout.recorded()["argv"]
    installs = [ran for ran in checkout.runner.ran if ran.name == "Install"]
    assert len(installs) == 3
    assert (checkout.runner.temp / "clarifai-reconciler" / "reconciler").stat().st_mode & 0o777 == 0o755
