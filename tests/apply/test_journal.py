"""Which run is the latest one, and what a journal without events means."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.apply.journal import EVENTS, Provenance, read_run, start_run
from reconciler.errors import ReconcilerError
from reconciler.plan.plan import Plan, Source

PLAN = Plan(tool_version="1", created_at="2026-11-23T14:00:00Z", endpoint="e", source=Source(digest="", files=()))


def begun(root: Path, name: str, at: str) -> Path:
    journal = start_run(root, name, PLAN)
    journal.begin(PLAN, at=at, by=Provenance())
    journal.close()
    return journal.folder


def latest(root: Path) -> str:
    return read_run(root, "latest").run


def test_the_latest_run_is_the_one_that_began_last_whatever_its_folder_is_called(tmp_path: Path) -> None:
    begun(tmp_path, "b", "2026-11-23T14:00:00Z")
    begun(tmp_path, "a", "2026-11-23T15:00:00Z")
    assert latest(tmp_path) == "a"
    (tmp_path / "b").rename(tmp_path / "z")
    assert latest(tmp_path) == "a"


def test_runs_after_the_clock_was_turned_back_are_still_the_later_ones(tmp_path: Path) -> None:
    begun(tmp_path, "20261123T150000Z", "2026-11-23T15:00:00Z")
    begun(tmp_path, "20261123T130000Z", "2026-11-23T13:00:00Z")
    assert latest(tmp_path) == "20261123T130000Z"
    begun(tmp_path, "20261123T130001Z", "2026-11-23T13:00:01Z")
    assert latest(tmp_path) == "20261123T130001Z"
    begun(tmp_path, "20261123T150001Z", "2026-11-23T15:00:01Z")
    assert latest(tmp_path) == "20261123T150001Z"


def test_of_runs_that_began_in_the_same_second_the_later_one_is_the_latest(tmp_path: Path) -> None:
    for name in ("c", "b", "a"):
        begun(tmp_path, name, "2026-11-23T14:00:00Z")
    assert latest(tmp_path) == "a"


@pytest.mark.parametrize("is_missing", [True, False])
def test_a_journal_without_events_is_an_error_and_not_a_run_that_did_nothing(tmp_path: Path, is_missing: bool) -> None:
    events = begun(tmp_path, "a", "2026-11-23T14:00:00Z") / EVENTS
    events.unlink() if is_missing else events.write_bytes(b"")
    for name in ("a", "latest"):
        with pytest.raises(ReconcilerError, match=r"is missing or empty, though its plan is there"):
            read_run(tmp_path, name)


def test_a_journal_says_what_the_run_before_it_was(tmp_path: Path) -> None:
    begun(tmp_path, "a", "2026-11-23T14:00:00Z")
    second = begun(tmp_path, "b", "2026-11-23T15:00:00Z")
    assert json.loads((second / EVENTS).read_text(encoding="ascii"))["after"] == "2026-11-23T14:00:00Z"
