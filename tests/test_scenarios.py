"""Whole runs of the command line against the emulated service, one idea a folder; see scenario_harness.py."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.command_line import RunCli
from tests.scenario_harness import FORMATS, read_goldens, read_scenario, run_scenario, write_goldens

FOLDERS = sorted(path for path in (Path(__file__).parent / "scenarios").iterdir() if path.is_dir())

IN_EVERY_FORMAT: Final = frozenset(
    {
        "001-rename",
        "009-all-in-sync",
        "104-tags-overwritten",
        "201-metadata-merged-deeply",
        "202-metadata-overwritten",  # a notice about what the service's documentation leaves open
        "301-min-value-of-a-pinned-version",
        "406-two-entries-contradict",  # problems in place of a plan
        "502-several-apps-in-one-folder",
        "511-secret-from-the-environment",
        "519-no-manifest-at-all",  # a warning
        "522-batch-of-one",  # several requests
        "703-prune-over-the-cap",  # a refusal
        "716-prune-and-update",
    }
)
"""The scenarios that keep what plan prints as JSON and as Markdown: a change of a format is reviewed in these alone."""


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_scenario(folder: Path, cli: RunCli, tmp_path: Path, *, update_golden: bool) -> None:
    outcome = run_scenario(read_scenario(folder), cli, tmp_path / "run")
    assert not outcome.broken, "\n".join(outcome.broken)
    left_out = () if folder.name in IN_EVERY_FORMAT else FORMATS
    goldens = {name: text for name, text in outcome.goldens.items() if name not in left_out}
    if update_golden:
        write_goldens(folder, goldens)
    stored = read_goldens(folder)
    for name, text in goldens.items():
        assert text == stored.get(name), f"{folder.name}/{name} is not as expected; --update-golden rewrites it"
    assert goldens.keys() == stored.keys()


def test_numbers_of_scenarios_are_unique() -> None:
    numbers = [folder.name.partition("-")[0] for folder in FOLDERS]
    assert sorted(set(numbers)) == numbers
