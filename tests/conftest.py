"""What every test has: no network but loopback, no credentials or settings of the person who runs it, a clock that stands.

`cli` runs a command line in this process, `cli_process` in one of its own; `emulator` is a running emulated service.
"""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from tests.command_line import CliResult, RunCli
from tests.wording import Wording

if TYPE_CHECKING:
    from reconciler.emulator.server import Emulator

ROOT = Path(__file__).resolve().parent.parent

_LOOPBACK = ("127.", "::1", "localhost")

_SETTINGS = (
    "BITBUCKET_CLONE_DIR",
    "BUILD_SOURCESDIRECTORY",
    "CI",
    "CI_API_V4_URL",
    "CI_COMMIT_SHA",
    "CI_MERGE_REQUEST_IID",
    "CI_PROJECT_DIR",
    "CI_PROJECT_ID",
    "CLARIFAI_API_BASE",
    "CLARIFAI_APP_ID",
    "CLARIFAI_PAT",
    "CLARIFAI_ROOT_CERTIFICATES_PATH",
    "CLARIFAI_SESSION_TOKEN",
    "CLARIFAI_USER_ID",
    "COLUMNS",
    "FORCE_COLOR",
    "GITHUB_ACTIONS",
    "GITHUB_ACTOR",
    "GITHUB_API_URL",
    "GITHUB_EVENT_PATH",
    "GITHUB_OUTPUT",
    "GITHUB_REPOSITORY",
    "GITHUB_RUN_ATTEMPT",
    "GITHUB_RUN_ID",
    "GITHUB_SERVER_URL",
    "GITHUB_SHA",
    "GITHUB_STEP_SUMMARY",
    "GITHUB_TOKEN",
    "GITHUB_WORKSPACE",
    "GITLAB_CI",
    "GITLAB_TOKEN",
    "NO_COLOR",
    "WORKSPACE",
)

settings.register_profile("usual", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("usual")
"""A machine that is busy with something else is no fault of a test's."""

settings.register_profile(
    "small", max_examples=25, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)
"""For `make coverage`: the same few examples every time."""

_SLOW = (
    "browser/",
    "chaos/",
    "clients/",
    "ci/test_hostile_checkout.py",
    "ci/test_other_systems.py",
    "ci/test_release.py",
    "ci/test_snippets.py",
    "ci/test_tools.py",
    "ci/test_workflows.py",
    "property/test_converged_laws.py",
    "property/test_end_to_end_laws.py",
    "races/test_races.py",
    "test_packaging.py",
)
"""What `make check` leaves to `make test`: waiting in real time, kills, whole pipelines, and other people's programs."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that rewrites expected outputs."""
    parser.addoption("--update-golden", action="store_true", help="rewrite the expected outputs instead of comparing")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what is slow by its place; where expected outputs are rewritten, run what has some and nothing else."""
    if config.getoption("--update-golden"):
        with_golden = [item for item in items if "update_golden" in getattr(item, "fixturenames", ())]
        config.hook.pytest_deselected(items=[item for item in items if item not in with_golden])
        items[:] = with_golden
    for item in items:
        if item.path.relative_to(ROOT / "tests").as_posix().startswith(_SLOW):
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether expected outputs are to be rewritten."""
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture
def wording(request: pytest.FixtureRequest, tmp_path: Path, update_golden: bool) -> Wording:
    """Compare the texts of this test's messages with the golden file of messages."""
    path = request.path.relative_to(ROOT / "tests").as_posix()
    return Wording(f"{path}::{request.node.name}", place=tmp_path, update=update_golden)


@pytest.fixture(autouse=True)
def _clean_environment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take away the settings of whoever runs the tests; a test marked `live` keeps them, it is about them."""
    if "live" in request.keywords:
        return
    for name in _SETTINGS:
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


@pytest.fixture(autouse=True)
def _loopback_only(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let sockets reach this machine alone.

    Python's sockets are checked here. gRPC has its own, in C: they are sent to a proxy that isn't there, and so
    are those of processes that a test starts.
    """
    if "live" in request.keywords:
        return
    for name in ("grpc_proxy", "https_proxy", "http_proxy", "HTTPS_PROXY", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_grpc_proxy", "no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "localhost,127.0.0.1,::1")

    def guarded(connect: Callable[..., Any]) -> Callable[..., Any]:
        def checked(this: socket.socket, address: Any) -> Any:
            if isinstance(address, tuple) and not str(address[0]).startswith(_LOOPBACK):
                raise AssertionError(f"a test tried to reach {address[0]}:{address[1]}; tests reach this machine only")
            return connect(this, address)

        return checked

    monkeypatch.setattr(socket.socket, "connect", guarded(socket.socket.connect))
    monkeypatch.setattr(socket.socket, "connect_ex", guarded(socket.socket.connect_ex))


@pytest.fixture
def clock() -> Callable[[], datetime]:
    """A clock that stands at 2026-11-23T14:00:00Z."""
    moment = datetime(2026, 11, 23, 14, 0, 0, tzinfo=timezone.utc)
    return lambda: moment


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """A running emulator with the sample app, on a free port of 127.0.0.1, its state in memory."""
    from reconciler.emulator.sample import SAMPLE
    from reconciler.emulator.server import Emulator

    with Emulator(seed=SAMPLE) as running:
        yield running


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> RunCli:
    """Run a command line in this process: fast, and stopped by a debugger's breakpoint."""
    from reconciler.cli.main import main

    def run(
        *args: str | Path, env: Mapping[str, str] | None = None, stdin: str = "", cwd: Path | None = None
    ) -> CliResult:
        capsys.readouterr()
        with monkeypatch.context() as patch:
            for name, value in (env or {}).items():
                patch.setenv(name, value)
            if cwd is not None:
                patch.chdir(cwd)
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8"))
            exit_code = main([str(arg) for arg in args])
        captured = capsys.readouterr()
        return CliResult(exit_code=exit_code, stdout=captured.out, stderr=captured.err)

    return run


@pytest.fixture
def cli_process() -> RunCli:
    """Run a command line in a process of its own: slower, and the whole truth about exit codes, pipes and start-up."""

    def run(
        *args: str | Path, env: Mapping[str, str] | None = None, stdin: str = "", cwd: Path | None = None
    ) -> CliResult:
        ended = subprocess.run(
            [sys.executable, "-m", "reconciler", *map(str, args)],
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            env={**os.environ, **(env or {})},
            cwd=cwd,
            timeout=60,
            check=False,
        )
        return CliResult(exit_code=ended.returncode, stdout=ended.stdout, stderr=ended.stderr)

    return run
