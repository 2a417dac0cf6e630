"""The command line's frame: finding commands, exit codes, what each kind of failure prints, start-up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from reconciler import __version__, exit_codes
from reconciler.cli.main import COMMANDS, PROGRAM, main
from reconciler.emulator.server import Emulator
from reconciler.errors import Origin, Problem, ProblemsError, ReconcilerError, Refusal, RefusedError, UsageError
from tests.command_line import RunCli
from tests.wording import Wording

TOKEN = "pat-0123456789abcdef"

# --- finding commands -----------------------------------------------------------------------------------------


def test_version_is_one_line_on_stdout(cli: RunCli) -> None:
    result = cli("--version")
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"reconciler {__version__}\n", "")


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_lists_every_command_with_its_line(cli: RunCli, flag: str) -> None:
    result = cli(flag, env={"COLUMNS": "140"})
    listed = [tuple(line.strip().split(None, 1)) for line in result.stdout.splitlines()]
    assert result.exit_code == 0
    assert {(name, help_text) for name, (_, help_text) in COMMANDS.items()} <= set(listed)


def test_no_command_prints_the_help_as_a_usage_error(cli: RunCli) -> None:
    result = cli()
    assert (result.exit_code, result.stdout) == (64, "")
    assert result.stderr == cli("--help").stdout


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_a_help_page(cli: RunCli, name: str) -> None:
    result = cli(name, "--help")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(f"Usage: reconciler {name}")


@pytest.mark.parametrize("typed", ["plna", "APPLY", "frobnicate"])
def test_an_unknown_command_is_a_usage_error_that_names_the_nearest(cli: RunCli, typed: str, wording: Wording) -> None:
    result = cli(typed)
    assert (result.exit_code, result.stdout) == (64, "")
    wording(result.stderr)


def test_an_unknown_option_before_the_command_is_a_usage_error(cli: RunCli) -> None:
    result = cli("--fromat", "json", "plan")
    assert (result.exit_code, result.stdout) == (64, "")
    assert result.stderr.startswith("Usage: reconciler [OPTIONS] COMMAND [ARGS]...\n")


# --- exit codes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("returned", "expected"), [(None, 0), (0, 0), (2, 2), (3, 3), (4, 4)])
def test_a_command_returns_its_exit_code(cli: RunCli, probe: Any, returned: int | None, expected: int) -> None:
    probe(lambda **_: returned)
    assert cli("probe").exit_code == expected


PROBLEM = Problem(
    code="unknown-key", message="no key 'a'.", origin=Origin(path="m.yaml", line=3, column=5), hint="Drop."
)


@pytest.mark.parametrize(
    ("raised", "expected", "reported"),
    [
        (ReconcilerError("no file x.yaml. Give another."), 1, "error: no file x.yaml. Give another.\n"),
        (ProblemsError((PROBLEM,)), 1, "error: m.yaml:3:5: no key 'a'. Drop.\n"),
        (
            RefusedError((Refusal(rule="cap", message="too many.", remedy="Use more."),)),
            3,
            "error: too many. Use more.\n",
        ),
        (UsageError("--a without --b."), 64, "error: --a without --b.\n"),
        (click.ClickException("broken"), 1, "error: broken\n"),
        (click.FileError("f", hint="gone"), 1, "error: Could not open file 'f': gone\n"),
        (click.exceptions.Exit(4), 4, ""),
        (click.Abort(), 130, "interrupted\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (BrokenPipeError(), 1, ""),
    ],
)
def test_each_way_to_fail_has_its_exit_code_and_text(
    cli: RunCli, probe: Any, raised: BaseException, expected: int, reported: str
) -> None:
    def fail(**_: object) -> None:
        raise raised

    probe(fail)
    result = cli("probe")
    assert (result.exit_code, result.stdout, result.stderr) == (expected, "", reported)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--parallelism", "0"],
        ["--parallelism", "many"],
        ["--rate", "0"],
        ["--rate", "nan"],
        ["--rate", "1001"],
        ["--timeout", "inf"],
        ["--timeout", "-1"],
        ["--format", "yaml"],
        ["--color", "maybe"],
        ["--app-id", ""],
        ["--user-id", " "],
        ["--target", ""],
        ["--exclude", " "],
        ["--selector", "team"],
        ["--selector", "=vision"],
        ["--max-deletes", "1"],
        ["--prune", "--max-deletes", "-1"],
        ["--prune-scope", "app"],
        ["--prune", "--prune-scope", "user"],
        ["-v", "--quiet"],
        ["--no-such-option"],
        ["--out"],
    ],
    ids=" ".join,
)
def test_a_bad_option_is_a_usage_error_and_the_command_does_not_run(
    cli: RunCli, probe: Any, arguments: list[str]
) -> None:
    ran: list[object] = []
    probe(lambda **options: ran.append(options))
    result = cli("probe", *arguments)
    assert (result.exit_code, result.stdout, ran) == (64, "", [])
    assert "Try 'reconciler probe --help' for help.\n\nerror: " in result.stderr


# --- faults of the program itself -----------------------------------------------------------------------------


def _fail_with_the_token(**_: object) -> None:
    raise ValueError(f"metadata was invalid: [('authorization', 'Key {TOKEN}')]")


@pytest.mark.parametrize("verbosity", [[], ["-v"]])
def test_an_internal_error_is_one_paragraph_without_traceback(
    cli: RunCli, probe: Any, verbosity: list[str], wording: Wording
) -> None:
    probe(_fail_with_the_token)
    result = cli("probe", *verbosity)
    assert (result.exit_code, result.stdout) == (1, "")
    wording(result.stderr.replace(__version__, "VERSION"))


@pytest.mark.parametrize("env", [{}, {"CLARIFAI_PAT": TOKEN}])
def test_an_internal_error_with_vv_has_a_traceback_without_the_token(
    cli: RunCli, probe: Any, env: dict[str, str]
) -> None:
    probe(_fail_with_the_token)
    result = cli("probe", "-vv", env=env)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Traceback (most recent call last):\n")
    assert "ValueError: metadata was invalid: [('authorization', 'Key (sensitive)')]\n" in result.stderr
    assert TOKEN not in result.stderr


def test_secrets_that_a_command_names_stay_out_of_its_traceback(cli: RunCli, probe: Any) -> None:
    def fail(**_: object) -> None:
        click.get_current_context().obj.secrets.add("hush")
        raise RuntimeError("it was hush")

    probe(fail)
    assert "RuntimeError: it was (sensitive)\n" in cli("probe", "-vv").stderr


# --- as a process ---------------------------------------------------------------------------------------------


def test_a_closed_standard_output_is_no_traceback() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as stdout:
        ended = subprocess.run(
            [sys.executable, "-m", "reconciler", "completion", "zsh"],
            stdout=stdout,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (ended.returncode, ended.stderr) == (1, b"")


def test_sigterm_ends_a_run_as_interrupted() -> None:
    code = (
        "import sys, types, time, click\n"
        "from reconciler.cli import main as frame\n"
        "module = types.ModuleType('reconciler.cli.nap')\n"
        "sys.modules['reconciler.cli.nap'] = module\n"
        "frame.COMMANDS['nap'] = ('reconciler.cli.nap', 'Sleep.')\n"
        "module.command = click.command()(lambda: (print('up', flush=True), time.sleep(30)))\n"
        "sys.exit(frame.main(['nap']))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=20)
    assert (process.returncode, stderr) == (130, b"interrupted\n")


def test_a_terminal_without_unicode_gets_escapes_and_no_error(cli_process: RunCli) -> None:
    result = cli_process("a→b", env={"PYTHONIOENCODING": "latin-1"})
    assert result.exit_code == 64
    assert "There is no command 'a\\u2192b'." in result.stderr


HEAVY = ("clarifai_grpc", "deepdiff", "google.protobuf", "grpc", "jsonschema", "sqlite3", "yaml")


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["plna"], []], ids=repr)
def test_what_needs_no_command_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import json, sys\n"
        "from reconciler.cli.main import main\n"
        f"main({arguments!r})\n"
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout.splitlines()[-1]) == []


def test_version_imports_the_frame_alone() -> None:
    code = (
        "import json, sys\n"
        "from reconciler.cli.main import main\n"
        "main(['--version'])\n"
        "print(json.dumps(sorted(name for name in sys.modules if name.partition('.')[0] == 'reconciler')))\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    frame = ("cli", "cli.choosing", "cli.completing", "cli.main", "cli.options", "errors", "exit_codes")
    assert json.loads(ended.stdout.splitlines()[-1]) == ["reconciler", *(f"reconciler.{name}" for name in frame)]


def test_main_puts_the_signal_handler_back(capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    assert main(["--version"]) == exit_codes.OK
    assert signal.getsignal(signal.SIGTERM) is before
    assert capsys.readouterr().out == f"{PROGRAM} {__version__}\n"


NOT_FOR_A_PLAN = (
    "deepdiff",
    "html",
    "reconciler.apply.journal",
    "reconciler.apply.sending",
    "reconciler.apply.undo",
    "reconciler.apply.writing",
    "reconciler.compare.params",
    "reconciler.compare.released",
    "reconciler.manifests.base",
    "reconciler.manifests.cel",
    "reconciler.manifests.policies",
    "reconciler.manifests.probes",
    "reconciler.manifests.revision",
    "reconciler.plan.attribution",
    "reconciler.plan.derived",
    "reconciler.plan.document",
    "reconciler.plan.policies",
    "reconciler.plan.preview",
    "reconciler.plan.saved",
    "reconciler.report.effects",
    "reconciler.report.drift_history",
    "reconciler.report.html",
    "reconciler.report.markdown",
    "jsonschema",
)


NOT_FOR_A_PLAN_IN_SYNC = (
    *NOT_FOR_A_PLAN,
    "difflib",
    "reconciler.compare.diff",
    "reconciler.compare.digests",
    "reconciler.compare.params.check",
    "reconciler.compare.unreadable",
    "reconciler.requests.calls",
    "reconciler.requests.semantics",
    "shutil",
)


@pytest.mark.parametrize(
    ("name", "code", "unneeded"),
    [("new", exit_codes.CHANGES, NOT_FOR_A_PLAN), ("pets", exit_codes.OK, NOT_FOR_A_PLAN_IN_SYNC)],
    ids=["changed", "in sync"],
)
def test_a_plan_of_one_manifest_loads_nothing_that_only_other_runs_need(
    emulator: Emulator, tmp_path: Path, name: str, code: int, unneeded: tuple[str, ...]
) -> None:
    metadata = "{id: petsID, user_id: demo, app_id: pets}"
    manifest = f"{{apiVersion: reconciler/v1, kind: Model, metadata: {metadata}, spec: {{name: {name}}}}}"
    (tmp_path / "model.yaml").write_text(manifest, encoding="utf-8")
    program = (
        "import json, sys\n"
        "from reconciler.cli.main import main\n"
        f"code = main(['plan', {str(tmp_path)!r}, '--endpoint', {emulator.url!r}, '--detailed-exitcode'])\n"
        f"print(json.dumps([code, *(name for name in {unneeded!r} if name in sys.modules)]))\n"
    )
    environ = {**os.environ, "CLARIFAI_PAT": "token"}
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environ)
    assert json.loads(ended.stdout.splitlines()[-1]) == [code]
