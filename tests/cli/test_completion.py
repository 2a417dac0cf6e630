"""`completion`: the scripts for shells, and what they complete."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.live_side import manifest
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
    assert ended.stdout == "complete -o default -o nosort -F _reconciler_completion reconciler\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with environments, manifests and runs."""
    settings = "apiVersion: reconciler/v1\nkind: Config\nenvironments: {staging: {app_id: s}, prod: {app_id: p}}\n"
    (tmp_path / "reconciler.yaml").write_text(settings, encoding="utf-8")
    (tmp_path / "models").mkdir()
    for name in ("petsID", "pet-names"):
        (tmp_path / "models" / f"{name}.yaml").write_text(manifest(name, "{}"), encoding="utf-8")
    for name in ("20260101T000000000000Z", "20260102T000000000000Z"):
        (tmp_path / ".reconciler/runs" / name).mkdir(parents=True)
        (tmp_path / ".reconciler/runs" / name / "plan.json").write_text("{}", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("reconciler plan models --environment st", ["staging"]),
        ("reconciler plan models --target p", ["pet-names", "petsID"]),
        ("reconciler drift --target petsI", ["petsID"]),
        ("reconciler undo 2", ["20260102T000000000000Z", "20260101T000000000000Z"]),
        ("reconciler apply --resume l", ["latest"]),
        ("reconciler plan mod", []),
    ],
)
def test_completion_knows_environments_models_and_runs(
    cli_process: RunCli, folder: Path, words: str, expected: list[str]
) -> None:
    env = {"_RECONCILER_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    result = cli_process(env=env, cwd=folder)
    assert (result.exit_code, result.stdout.split()) == (0, [f"plain,{name}" for name in expected])


SHELLS = [
    pytest.param(name, marks=pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not installed"))
    for name in ("bash", "zsh", "fish")
]
"""Shells in which a person's keys are typed; CI installs all of them."""

STARTS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "bind 'set enable-bracketed-paste off'; PS1='READY> '\n"),
    "zsh": (["zsh", "-f", "-i"], "autoload -U compinit; compinit -u -D; unsetopt zle_bracketed_paste; PS1='READY> '\n"),
    "fish": (["fish", "--no-config", "-i"], "function fish_prompt; printf 'READY> '; end\n"),
}
"""How a shell is started without anybody's settings, and what makes its prompt READY."""


class Keyboard:
    """A shell on a terminal of its own, with the completion script loaded."""

    def __init__(self, shell: str, folder: Path, script: str) -> None:
        command, prepare = STARTS[shell]
        file = folder / "completion"
        file.write_text(script, encoding="utf-8")
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environ = {"PATH": path, "HOME": str(folder), "TERM": "dumb", "COLUMNS": "200", "LANG": "C.UTF-8"}
        self._process, self._terminal = os.forkpty()
        if self._process == 0:
            os.chdir(folder)
            os.execvpe(command[0], command, environ)
        self._type(prepare)
        self._type(f"source {file}\n")
        self._type("echo loa''ded\n")
        self._until("loaded")

    def completed(self, words: str) -> str:
        """The line after these words and a TAB."""
        self._type(f"{words}\t\x01echo '<' \x05 '>'\n")
        shown = self._until(" >\r\n")
        return shown.rpartition("< ")[2].partition(" >")[0].strip()

    def close(self) -> None:
        """End the shell."""
        os.close(self._terminal)
        os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)

    def _type(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    def _until(self, text: str) -> str:
        shown, end = "", time.monotonic() + 60
        while text not in shown:
            assert time.monotonic() < end, f"the shell never showed {text!r}, but {shown!r}"
            if select.select([self._terminal], [], [], 1)[0]:
                shown += os.read(self._terminal, 65536).decode(errors="replace")
        return shown


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("reconciler pu", "reconciler purge"),
        ("reconciler plan models --environment st", "reconciler plan models --environment staging"),
        ("reconciler drift --target petsI", "reconciler drift --target petsID"),
        ("reconciler apply --resume l", "reconciler apply --resume latest"),
        ("reconciler plan mod", "reconciler plan models"),
    ],
)
def test_a_tab_in_a_real_shell_completes(cli: RunCli, folder: Path, shell: str, words: str, expected: str) -> None:
    keyboard = Keyboard(shell, folder, cli("completion", shell).stdout)
    try:
        # When a line is entered, zsh takes the slash behind a folder away again.
        assert keyboard.completed(words).rstrip("/") == expected
    finally:
        keyboard.close()
