"""`emulator` as a command: where it listens, how it ends, which options it refuses."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import RunCli

TOKEN = "pat-0123456789abcdef"


def test_emulator_says_where_it_listens_and_ends_on_sigterm(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "reconciler", "emulator", "--state", str(tmp_path / "state.db"), "--pat", TOKEN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        rest, stderr = process.communicate(timeout=20)
    assert re.fullmatch(r"listening on http://127\.0\.0\.1:\d+\n", first)
    assert (process.returncode, rest, stderr) == (0, "", "")
    assert (tmp_path / "state.db").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--pat", "a", "--pat-env", "B"], "--pat and --pat-env both give the token. Give one of them."),
        (["--pat", ""], "--pat is empty. Give a token, or leave out the option."),
        (
            ["--pat-env", "NOT_THERE"],
            "--pat-env NOT_THERE: this environment variable is not set. Set it, or leave out the option.",
        ),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else None,
)
def test_emulator_refuses_an_unclear_token(cli: RunCli, arguments: list[str], told: str) -> None:
    result = cli("emulator", *arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (64, "", f"error: {told}\n")


@pytest.mark.parametrize(
    "arguments",
    [["--port", "65536"], ["--switch", "colour=red"], ["--fault", "kind=RAIN"], ["--seed", "/nonexistent.json"]],
    ids=" ".join,
)
def test_emulator_refuses_a_bad_option_before_it_listens(cli: RunCli, arguments: list[str]) -> None:
    result = cli("emulator", *arguments)
    assert (result.exit_code, result.stdout) == (64, "")
    assert result.stderr.splitlines()[-1].startswith("error: ")
