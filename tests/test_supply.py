"""Where packages come from, and where the token goes: the locks fit pyproject.toml, the audit reports what it checked, one type holds a token."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from reconciler.config import Flags, settings
from reconciler.emulator.server import Emulator
from scripts.audit import is_reachable, verdict
from tests.command_line import RunCli

ROOT = Path(__file__).resolve().parent.parent
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PYTHONS = ("3.10", "3.11", "3.12", "3.13")


def locked(name: str) -> dict[str, list[tuple[str, Requirement]]]:
    """The packages of one lock: for each name its lines, as the requirement and all that stands with it."""
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    found: dict[str, list[tuple[str, Requirement]]] = {}
    for block in re.split(r"\n(?=[A-Za-z0-9])", text):
        if block and not block.startswith("#"):
            requirement = Requirement(re.split(r" \\\n", block, maxsplit=1)[0])
            found.setdefault(canonicalize_name(requirement.name), []).append((block, requirement))
    return found


def stated(section: str) -> list[Requirement]:
    """What pyproject.toml asks for: "dependencies", an extra or a group. (tomllib is younger than Python 3.10.)"""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    body = re.search(rf"^{section} = \[(.*?)\]", text, re.MULTILINE | re.DOTALL)
    assert body is not None
    return [Requirement(item) for item in re.findall(r'"([^"]+)"', body[1])]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_pins_each_package_by_version_and_hash_and_names_no_host(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert re.findall(r"https?://|--(?:extra-)?index-url|--find-links|--trusted-host", text) == []
    for name, lines in locked(lock.name).items():
        for block, requirement in lines:
            assert re.fullmatch(r"==[^*,]+", str(requirement.specifier)), name
            assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), name


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize(
    ("lock", "sections"),
    [
        ("runtime.txt", ["dependencies"]),
        ("build.txt", ["build"]),
        ("dev.txt", ["dependencies", "dev", "build"]),
        ("audit.txt", ["audit"]),
        ("docs.txt", ["docs"]),
        ("lint.txt", ["lint"]),
    ],
)
def test_a_lock_has_one_fitting_version_of_all_that_is_asked_for(lock: str, sections: list[str], python: str) -> None:
    packages = locked(lock)
    environment = {"python_version": python, "python_full_version": f"{python}.1", "sys_platform": "linux"}
    for section in sections:
        for asked in stated(section):
            if asked.marker is not None and not asked.marker.evaluate(environment):
                continue
            lines = packages.get(canonicalize_name(asked.name), [])
            fitting = [item for _, item in lines if item.marker is None or item.marker.evaluate(environment)]
            assert len(fitting) == 1, f"{lock} lacks {asked}: run `make lock`"
            version = str(fitting[0].specifier).removeprefix("==")
            assert asked.specifier.contains(version, prereleases=True), (
                f"{lock} has {version} of {asked}: run `make lock`"
            )


def test_the_locks_agree_with_each_other() -> None:
    whole = {name: {str(item) for _, item in lines} for name, lines in locked("dev.txt").items()}
    for lock in ("runtime.txt", "build.txt"):
        for name, lines in locked(lock).items():
            assert {str(item) for _, item in lines} == whole.get(name), f"{lock}, {name}: run `make lock`"


def test_ci_takes_locked_packages_audits_them_and_gets_updates_to_newer_ones() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    assert workflow["env"] == {"LOCKED": "1"}
    assert workflow["jobs"]["audit"]["steps"][-1] == {"run": "make audit AUDIT_FLAGS=--required"}
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text(encoding="utf-8"))["updates"]
    assert [(item["package-ecosystem"], item.get("directory")) for item in updates] == [
        ("pip", "/requirements"),
        ("github-actions", None),
        ("docker", "/"),
    ]


DEPENDENCIES = (ROOT / "docs" / "decisions" / "0012-dependencies.md").read_text(encoding="utf-8")


def test_every_dependency_has_its_reason() -> None:
    named = {
        canonicalize_name(name.strip())
        for row in re.findall(r"^\| ([\w, -]+) \| `", DEPENDENCIES, re.MULTILINE)
        for name in row.split(",")
    }
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (extras,) = re.findall(r"\[project\.optional-dependencies\]\n(.*?)\n\[", text, re.DOTALL)
    (groups,) = re.findall(r"\[dependency-groups\]\n(.*?)\n\[", text, re.DOTALL)
    sections = ["dependencies", *re.findall(r"^(\w+) = \[", f"{extras}\n{groups}", re.MULTILINE)]
    asked = {canonicalize_name(item.name) for section in sections for item in stated(section)}
    assert {"httpx", "pytest", "clarifai", "uv"} <= asked
    assert asked - named == set(), "a line in docs/decisions/0012-dependencies.md says why"


def test_every_dependency_is_used_where_it_is_said_to_be() -> None:
    places = re.findall(r"^\| [\w, -]+ \| `([^`]+)` in (\S+) \|", DEPENDENCIES, re.MULTILINE)
    assert len(places) >= 20
    assert [(word, name) for word, name in places if word not in (ROOT / name).read_text(encoding="utf-8")] == []


# --- the audit ----------------------------------------------------------------------------------------------


def package(name: str, *advisories: str) -> dict[str, Any]:
    vulns = [{"id": advisory, "fix_versions": ["2.0"]} for advisory in advisories]
    return {"name": name, "version": "1.0", "vulns": vulns}


@pytest.mark.parametrize(
    ("packages", "expected"),
    [
        ([package("a"), package("b")], (0, ["audit: 2 packages checked, 0 advisories against them."])),
        (
            [package("a", "PYSEC-1"), package("b")],
            (1, ["a 1.0: PYSEC-1, fixed in 2.0", "audit: 2 packages checked, 1 advisories against them."]),
        ),
        (
            [package("a"), {"name": "b", "skip_reason": "not found"}],
            (
                0,
                [
                    "audit: not checked, unknown to the index: b",
                    "audit: 1 packages checked, 0 advisories against them.",
                ],
            ),
        ),
        (
            [{"name": "b", "skip_reason": "not found"}],
            (2, ["audit: skipped, nothing was checked: the index knows none of these packages."]),
        ),
        ([], (2, ["audit: skipped, nothing was checked: the index knows none of these packages."])),
    ],
)
def test_what_the_audit_says(packages: list[dict[str, Any]], expected: tuple[int, list[str]]) -> None:
    assert verdict([{"dependencies": packages}, {"dependencies": packages}]) == expected


@pytest.fixture
def index() -> Iterator[tuple[str, list[bytes]]]:
    """A local server that answers every GET with the bytes in the list."""
    answers: list[bytes] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answers[0])

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name is the parent's
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", answers
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_advisory_service_is_one_that_answers_as_one(index: tuple[str, list[bytes]]) -> None:
    url, answers = index
    found = []
    for answer in (b'{"info": {}, "vulnerabilities": []}', b"<html>log in</html>", b'{"info": {}}'):
        answers[:] = [answer]
        found.append(is_reachable(url, timeout=5))
    assert found == [True, False, False]
    assert not is_reachable("http://127.0.0.1:9/", timeout=5)


@pytest.mark.parametrize(("arguments", "code"), [([], 0), (["--required"], 1)])
def test_without_a_network_the_audit_says_that_nothing_was_checked(arguments: list[str], code: int) -> None:
    ended = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "audit.py"), *arguments, str(LOCKS[0])],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    said = "audit: skipped, nothing was checked: https://pypi.org/pypi/pip/json can't be reached.\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (code, said, "")


# --- the token ----------------------------------------------------------------------------------------------


class Counting(dict[str, str]):
    """An environment that counts how often each variable is read."""

    def __init__(self, values: Mapping[str, str]) -> None:
        super().__init__(values)
        self.reads: list[str] = []

    def get(self, key: str, default: Any = None) -> Any:
        self.reads.append(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> str:
        self.reads.append(key)
        return super().__getitem__(key)


def test_the_token_is_read_once(tmp_path: Path) -> None:
    environ = Counting({"CLARIFAI_PAT": "planted-token"})
    found = settings(flags=Flags(), environ=environ, cwd=tmp_path, home=tmp_path)
    assert found.require_token().reveal() == "planted-token"
    assert environ.reads.count("CLARIFAI_PAT") == 1


def test_only_a_few_places_take_the_token_out_of_its_type() -> None:
    """`reveal` of a Token: to send it, and to keep it out of errors and tracebacks; whatever else says `.token.reveal` is new."""
    places = set()
    for path in sorted((ROOT / "reconciler").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_reveal = isinstance(node, ast.Attribute) and node.attr == "reveal"
            if is_reveal and "token" in ast.unparse(node.value):  # type: ignore[attr-defined]
                places.add(path.relative_to(ROOT / "reconciler").as_posix())
    assert places == {"ci/rest.py", "cli/run.py", "config/references.py", "remote/caller.py", "remote/clarifai.py"}


@pytest.mark.parametrize("mode", [0o604, 0o640])
def test_a_token_file_that_others_can_read_is_refused_before_any_call(
    tmp_path: Path, cli: RunCli, emulator: Emulator, mode: int
) -> None:
    manifest = {"apiVersion": "reconciler/v1", "kind": "Model", "metadata": {"id": "petsID"}, "spec": {}}
    (tmp_path / "m.yaml").write_text(json.dumps(manifest), encoding="utf-8")
    (tmp_path / "pat").write_text("planted-token", encoding="utf-8")
    options = ["--endpoint", emulator.url, "--user-id", "demo", "--app-id", "pets", "--pat-file", "pat"]
    (tmp_path / "pat").chmod(mode)
    refused = cli("plan", "m.yaml", *options, cwd=tmp_path)
    assert (refused.exit_code, refused.stdout, emulator.calls) == (1, "", ())
    assert "pat' is refused: other users of this machine can read it." in refused.stderr
    assert "planted-token" not in refused.stderr
    (tmp_path / "pat").chmod(0o600)
    assert cli("plan", "m.yaml", *options, cwd=tmp_path).exit_code == 0
