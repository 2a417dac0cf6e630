"""Which models a run is about, by their names."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.manifests.selection import is_targeted
from reconciler.resources.keys import Key
from tests.command_line import RunCli

PET = Key(user_id="me", app_id="pets", model_id="cat")
VERSION = PET.version("0" * 32)
MODELS = """\
apiVersion: reconciler/v1
kind: Model
metadata: {id: petsID, user_id: demo, app_id: pets, labels: {team: vision}}
spec: {name: Pets}
---
apiVersion: reconciler/v1
kind: Model
metadata: {id: breedsID, user_id: demo, app_id: pets}
spec: {name: Breeds}
"""


@pytest.mark.parametrize("key", [PET, VERSION], ids=["model", "version"])
@pytest.mark.parametrize(
    ("targets", "excludes", "expected"),
    [
        ((), (), True),
        (("dog", "c*"), (), True),
        (("dog",), (), False),
        ((), ("dog",), True),
        ((), ("dog", "pets/cat"), False),
        (("cat",), ("me/pets/*",), False),
        (("me/pets/cat",), ("me/pets",), True),
    ],
)
def test_an_exclusion_wins_over_a_target(
    key: Key, targets: tuple[str, ...], excludes: tuple[str, ...], *, expected: bool
) -> None:
    assert is_targeted(key, targets, excludes) is expected


def test_validate_checks_the_globs_and_counts_what_is_left(cli: RunCli, tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text(MODELS, encoding="utf-8")

    def run(*options: str) -> tuple[int, str]:
        result = cli("validate", str(tmp_path), *options)
        return result.exit_code, result.stdout or result.stderr

    assert run("--exclude", "petsI*") == (0, "Valid: 1 model in 1 file.\n")
    assert run("--exclude", "*") == (0, "Valid: 0 models in 1 file.\n")
    assert run("--target", "*ID", "--selector", "team=vision") == (0, "Valid: 1 model in 1 file.\n")
    for option in ("--target", "--exclude"):
        code, message = run(option, "petID")
        assert (code, option in message) == (1, True)


@pytest.mark.parametrize("command", ["plan", "drift", "apply"])
def test_an_exclusion_that_matches_nothing_is_an_error(
    cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    (tmp_path / "models.yaml").write_text(MODELS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    yes = ["--yes"] if command == "apply" else []
    result = cli(command, "models.yaml", "--endpoint", "embedded", "--exclude", "petID", *yes)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "--exclude 'petID' matches no model" in result.stderr
