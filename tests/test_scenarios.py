"""Whole runs of the command line against the emulated service, one idea a folder; see scenario_harness.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command_line import RunCli
from tests.scenario_harness import read_goldens, read_scenario, run_scenario, write_goldens

FOLDERS = sorted(path for path in (Path(__file__).parent / "scenarios").iterdir() if path.is_dir())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_scenario(folder: Path, cli: RunCli, tmp_path: Path, *, update_golden: bool) -> None:
    outcome = run_scenario(read_scenario(folder), cli, tmp_path / "run")
    assert not outcome.broken, "\n".join(outcome.broken)
    if update_golden:
        write_goldens(folder, outcome.goldens)
    stored = read_goldens(folder)
    for name, text in outcome.goldens.items():
        assert text == stored.get(name), f"{folder.name}/{name} is not as expected; --update-golden rewrites it"
    assert outcome.goldens.keys() == stored.keys()


def test_numbers_of_scenarios_are_unique() -> None:
    numbers = [folder.name.partition("-")[0] for folder in FOLDERS]
    assert sorted(set(numbers)) == numbers
