"""Runs the jobs of a workflow as GitHub's runner does, as far as this project's workflows go.

Every `run:` step is a real process of bash with the runner's files; `uses: ./` runs the steps of action.yml; the actions of
others are played by functions. Expressions are those that the workflows have: contexts, comparisons, && and ||.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.ci.runner_files import outputs

ROOT = Path(__file__).resolve().parent.parent.parent
_NAME = re.compile(r"'[^']*'|!?cancelled\(\)|[A-Za-z_][\w-]*(?:\.[\w-]+)+")

STUB = """#!/bin/bash
# Plays the Python that makes a virtual environment, installs into it and runs the tool.
echo "$*" >> 'LOG'
case "$1 $2 $3" in
  "-I -m venv") mkdir -p "${@: -1}/bin" && cp "$0" "${@: -1}/bin/python" ;;
  "-I -m pip") ;;
  "-I -m reconciler") exec 'PYTHON' "${@:2}" ;;
  *) exit 99 ;;
esac
"""


def parsed(path: Path) -> dict[str, Any]:
    """A workflow or action as data."""
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


@dataclass(kw_only=True)
class Ran:
    """What became of a step."""

    name: str
    code: int
    log: str = ""
    environ: Mapping[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Runner:
    """A machine with a work tree. `context` holds values like "github.token"; `environ` is for every step."""

    workspace: Path
    temp: Path
    context: dict[str, str]
    environ: dict[str, str]
    artifacts: dict[str, Path] = field(default_factory=dict)
    ran: list[Ran] = field(default_factory=list)
    path: list[str] = field(default_factory=list)
    python: Path | None = None
    """The Python that actions/setup-python gives; None: one that plays the installation."""

    given: dict[str, list[Mapping[str, str]]] = field(default_factory=dict)
    """By name, what each use of somebody else's action was given."""

    def __post_init__(self) -> None:
        self.temp.mkdir(parents=True, exist_ok=True)
        self.summary = self.temp / "summary.md"
        stub = self.temp / "python"
        stub.write_text(STUB.replace("LOG", str(self.temp / "pip.log")).replace("PYTHON", sys.executable))
        stub.chmod(0o755)
        self.context.setdefault("runner.temp", str(self.temp))
        self.context.setdefault("github.action_path", str(ROOT))

    def job(self, workflow: Path, name: str) -> dict[str, str]:
        """Run one job and give its outputs; `ran` lists its steps. Steps after a failed one run where `if` says so."""
        document = parsed(workflow)
        job = document["jobs"][name]
        stated = {**document.get("env", {}), **job.get("env", {})}
        environ = {key: self._filled(str(value), {}) for key, value in stated.items()}
        known = self._steps(job["steps"], environ, {})
        return {key: self._filled(value, known) for key, value in job.get("outputs", {}).items()}

    def jobs(self, workflow: Path) -> list[str]:
        """Run every job of a workflow that has steps, each after those it needs, up to one that fails; the names of those run.

        A job that calls another workflow is taken to end well.
        """
        waiting = dict(parsed(workflow)["jobs"])
        done: list[str] = []
        while waiting:
            name = next(
                name for name, job in waiting.items() if not waiting.keys() & set(_listed(job.get("needs", [])))
            )
            if "steps" in waiting.pop(name):
                found = self.job(workflow, name)
                self.context.update({f"needs.{name}.outputs.{key}": value for key, value in found.items()})
                done.append(name)
                if any(ran.code for ran in self.ran):
                    break
        return done

    def _steps(
        self, steps: list[dict[str, Any]], environ: Mapping[str, str], inputs: Mapping[str, str]
    ) -> dict[str, str]:
        known = {**{f"env.{key}": value for key, value in environ.items()}, **inputs}
        known.update({f"steps.{step['id']}": "" for step in steps if "id" in step})
        is_failed = False
        for step in steps:
            condition = str(step.get("if", "")).removeprefix("${{").removesuffix("}}").strip()
            if is_failed and "cancelled()" not in condition:
                continue
            if condition and not self._value(condition, known):
                continue
            code, found = self._step(step, environ, known)
            if "id" in step:
                known.update({f"steps.{step['id']}.outputs.{key}": value for key, value in found.items()})
            is_failed = is_failed or (code != 0 and not step.get("continue-on-error"))
        known["failed"] = str(is_failed)
        return known

    def _step(
        self, step: dict[str, Any], environ: Mapping[str, str], known: Mapping[str, str]
    ) -> tuple[int, dict[str, str]]:
        own = {key: self._filled(str(value), known) for key, value in step.get("env", {}).items()}
        given = {key: self._filled(str(value), known) for key, value in step.get("with", {}).items()}
        if "run" in step:
            assert step.get("shell") == "bash", step
            folder = self.workspace / self._filled(step.get("working-directory", "."), known)
            return self._script(step.get("name", "run"), step["run"], {**environ, **own}, folder)
        name, _, _ = step["uses"].partition("@")
        if name == "./":
            action = parsed(ROOT / "action.yml")
            inputs = {key: str(value.get("default", "")) for key, value in action["inputs"].items()}
            assert given.keys() <= inputs.keys()
            inputs = {f"inputs.{key}": self._filled(value, {}) for key, value in {**inputs, **given}.items()}
            inner = self._steps(action["runs"]["steps"], {**environ, **own}, inputs)
            found = {key: self._filled(value["value"], inner) for key, value in action["outputs"].items()}
            return int(inner["failed"] == "True"), found
        self.given.setdefault(name, []).append(given)
        result = _ACTIONS[name](self, given)
        self.ran.append(Ran(name=name, code=0))
        return 0, result

    def _script(self, name: str, text: str, environ: Mapping[str, str], folder: Path) -> tuple[int, dict[str, str]]:
        assert "${{" not in text, "values come by variables"
        output, path = self.temp / "output", self.temp / "path"
        for file in (output, path):
            file.write_text("")
        given = {
            **os.environ,
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_PATH": str(path),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "RUNNER_TEMP": str(self.temp),
            **self.environ,
            **environ,
            "PATH": os.pathsep.join([*self.path, os.environ["PATH"]]),
        }
        ran = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", text],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            timeout=120,
            stdin=subprocess.DEVNULL,
            env=given,
        )
        self.path = [*path.read_text().split(), *self.path]
        self.ran.append(Ran(name=name, code=ran.returncode, log=ran.stdout + ran.stderr, environ=given))
        return ran.returncode, outputs(output)

    def _filled(self, text: str, known: Mapping[str, str]) -> str:
        return re.sub(
            r"\$\{\{(.*?)\}\}", lambda match: _text(self._value(match[1].strip(), known)), text, flags=re.DOTALL
        )

    def _value(self, expression: str, known: Mapping[str, str]) -> Any:
        def word(match: re.Match[str]) -> str:
            name = match[0]
            if name.startswith("'"):
                return repr(name[1:-1])
            if "cancelled()" in name:
                return repr(name.startswith("!"))
            if name.startswith("steps."):
                assert ".".join(name.split(".")[:2]) in known, f"there is no step for {name}"
                return repr(known.get(name, ""))
            found = {**self.context, **known}
            # An event has what belongs to it; what it lacks is null, which equals "".
            return repr(found.get(name, "") if name.startswith("github.event.") else found[name])

        python = _NAME.sub(word, " ".join(expression.split())).replace("&&", " and ").replace("||", " or ")
        return eval(python, {"__builtins__": {}, "format": str.format})

    def value(self, text: str) -> str:
        """A text with its expressions filled in; a text without any is taken for one, as in `if`."""
        return self._filled(text, {}) if "${{" in text else _text(self._value(text, {}))


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _setup_python(runner: Runner, given: Mapping[str, str]) -> dict[str, str]:
    return {"python-path": str(runner.python or runner.temp / "python")}


def _nothing(runner: Runner, given: Mapping[str, str]) -> dict[str, str]:
    return {}


def _upload(runner: Runner, given: Mapping[str, str]) -> dict[str, str]:
    source = runner.workspace / given["path"]
    assert source.exists() or given["if-no-files-found"] == "ignore"
    if source.exists():
        kept = runner.temp / "artifacts" / given["name"] / source.name
        kept.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, kept, dirs_exist_ok=True)
        else:
            shutil.copy(source, kept)
        runner.artifacts[given["name"]] = kept
    return {}


def _download(runner: Runner, given: Mapping[str, str]) -> dict[str, str]:
    source = runner.artifacts[given["name"]]
    target = runner.workspace / given.get("path", ".")
    target.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    elif (target / source.name).resolve() != source.resolve():
        shutil.copy(source, target / source.name)
    return {}


_ACTIONS: Mapping[str, Callable[[Runner, Mapping[str, str]], dict[str, str]]] = {
    "actions/attest-build-provenance": _nothing,
    "actions/checkout": _nothing,
    "actions/setup-python": _setup_python,
    "actions/upload-artifact": _upload,
    "actions/download-artifact": _download,
    "pypa/gh-action-pypi-publish": _nothing,
}
