"""`completion`: the scripts for shells, and what they complete."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.command_line import RunCli


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(cli: RunCli, shell: str) -> None:
    result = cli("completion", shell)
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"_RECONCILER_COMPLETE={shell}_complete" in result.stdout


def test_completion_of_an_unknown_shell_is_a_usage_error(cli: RunCli) -> None:
    assert cli("completion", "csh").exit_code == 64


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("reconciler pu", "plain,purge\n"),
        ("reconciler completion f", "plain,fish\n"),
        ("reconciler completion --he", "plain,--help\n"),
    ],
)
def test_completion_completes_commands_choices_and_options(cli_process: RunCli, words: str, expected: str) -> None:
    count = len(words.split()) - 1
    env = {"_RECONCILER_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(count)}
    result = cli_process(env=env)
    assert (result.exit_code, result.stdout) == (0, expected)


def test_the_bash_script_is_sound(cli: RunCli, tmp_path: Path) -> None:
    script = tmp_path / "completion.bash"
    script.write_text(cli("completion", "bash").stdout, encoding="utf-8")
    line = f"source {script}; complete -p reconciler"
    ended = subprocess.run(["bash", "--norc", "-ec", line], capture_output=True, text=True, check=True)
    assert ended.stdout == "complete -o nosort -F _reconciler_completion reconciler\n"
