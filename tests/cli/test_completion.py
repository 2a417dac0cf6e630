"""`completion`: the scripts for shells, and what they complete."""

from __future__ import annotations

import subprocess
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
    cli_process: RunCli, tmp_path: Path, words: str, expected: list[str]
) -> None:
    settings = "apiVersion: reconciler/v1\nkind: Config\nenvironments: {staging: {app_id: s}, prod: {app_id: p}}\n"
    (tmp_path / "reconciler.yaml").write_text(settings, encoding="utf-8")
    (tmp_path / "models").mkdir()
    for name in ("petsID", "pet-names"):
        (tmp_path / "models" / f"{name}.yaml").write_text(manifest(name, "{}"), encoding="utf-8")
    for name in ("20260101T000000000000Z", "20260102T000000000000Z"):
        (tmp_path / ".reconciler/runs" / name).mkdir(parents=True)
        (tmp_path / ".reconciler/runs" / name / "plan.json").write_text("{}", encoding="utf-8")
    env = {"_RECONCILER_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    result = cli_process(env=env, cwd=tmp_path)
    assert (result.exit_code, result.stdout.split()) == (0, [f"plain,{name}" for name in expected])
