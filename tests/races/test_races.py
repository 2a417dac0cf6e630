"""Whatever a person changes at any moment of a run is kept or reported, and what they took care of is never deleted.

For each way of writing, each kind of change and each weather, the change lands right before call 1, 2, … n of the run. The
law: what a person did is there afterwards, or the run exits with 3 or 4 and names the object. A scalar leaf that a manifest
states may be set by a plain merge. The one window is between the last read of a check and the call that it belongs to: a
change that no read of the check could show may be lost. A deletion takes along what its plan showed, and the older versions
of a model. After a hold-back nothing is deleted. A run that exits 0 although a
read after its last write showed the change leaves no drift.

RECONCILER_CHAOS=1 (`make chaos`) tries every position in calm weather and every fourth one in each other, beginning at another
place for each deed; RECONCILER_CHAOS=all tries every position in every weather (an hour). Otherwise a seeded part is tried.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

from reconciler import exit_codes
from reconciler.apply.results import Status
from reconciler.report.report import Report
from tests.chaos.fleet import IS_LONG

from .courses import COURSES, WEATHER, Course, Race, raced
from .people import APP, DEEDS, THEIRS, Deed

SHARE = 200
"""How many of all races the short version tries."""


@cache
def length(course: Course, weather: str) -> int:
    """The number of calls of a course beside which nobody acts."""
    with TemporaryDirectory() as folder:
        race = raced(course, weather, None, 0, Path(folder))
    assert race.exit_code == exit_codes.OK, race.told
    return len(race.interferer.calls)


def is_in_window(race: Race, deed: Deed) -> bool:
    """Whether no read before the call that lost the deed could show it."""
    acted_at, lost_to = race.interferer.acted_at, race.interferer.lost_to
    assert acted_at is not None
    assert lost_to is not None
    return not _shown(race, deed, acted_at, lost_to)


def _shown(race: Race, deed: Deed, first: int, last: int) -> list[int]:
    """The numbers of the calls from `first` to before `last` that show what was done."""
    calls = list(enumerate(race.interferer.calls, 1))[first - 1 : last - 1]
    return [
        number
        for number, (rpc, request) in calls
        if rpc in deed.shown_by
        and request.get("model_id", deed.model) == deed.model
        and request.get("page", 1) == 1  # all there is fits on a page; the second one is empty
    ]


def problem_with(course: Course, race: Race, deed: Deed) -> str | None:
    """What is wrong with how a race ended; None where the law holds."""
    interferer, report = race.interferer, race.report
    if interferer.acted_at is None:
        return None
    if (problem := _deleted_after_hold_back(report)) is not None:
        return problem
    if interferer.lost_to is not None:
        rpc = interferer.calls[interferer.lost_to - 1][0]
        is_reported = race.exit_code in (exit_codes.REFUSED, exit_codes.INCOMPLETE) and deed.subject in race.told
        is_planned = THEIRS in race.told  # the plan of the run itself showed what it was going to replace
        if is_in_window(race, deed):
            return None
        if course.name.startswith("purged") and deed.kind == f"workflow in {APP}":
            return None  # the app's own workflows lose their models with the app
        if rpc == "DeleteModels" and deed.is_of_older_version:
            return None
        if rpc.startswith("Delete") and deed.is_content and _was_planned(race, deed):
            return None
        if rpc.startswith("Delete"):
            return f"{deed.name} was lost to {rpc}, number {interferer.lost_to}"
        if not (is_reported or is_planned or deed.may_be_set):
            return f"{deed.name} was lost unseen to {rpc}, number {interferer.lost_to}"
        return None
    if isinstance(race.drift, Report) and not (race.drift.plan.refused or race.drift.plan.summary["update"]):
        return None  # a new version can make one more version old enough to be pruned
    if race.drift is not None and _was_seen_last(race, deed):
        return (
            f"exit code 0, and drift says {race.drift if not isinstance(race.drift, Report) else race.drift.exit_code}"
        )
    return None


def _was_planned(race: Race, deed: Deed) -> bool:
    """Whether the plan was made of reads that showed it."""
    assert race.interferer.acted_at is not None
    return bool(_shown(race, deed, race.interferer.acted_at, race.interferer.planned_at + 1))


def _was_seen_last(race: Race, deed: Deed) -> bool:
    """Whether the run read the object after its last write."""
    calls = race.interferer.calls
    last_write = max((at for at, (rpc, _) in enumerate(calls, 1) if rpc.startswith(("Patch", "Delete"))), default=0)
    assert race.interferer.acted_at is not None
    return bool(_shown(race, deed, max(race.interferer.acted_at, last_write + 1), len(calls) + 1))


def _deleted_after_hold_back(report: Report | None) -> str | None:
    if report is None:
        return None
    is_held = False
    for result in report.outcome.results:
        if is_held and result.request.deletes and result.status is Status.DONE:
            return "something was deleted after a hold-back"
        is_held = is_held or bool(result.moved)
    return None


def _positions(course: Course, weather: str, deed: Deed, count: int) -> Sequence[int]:
    if not IS_LONG:
        return [Random(f"{course.name} {weather} {deed.name}").randint(1, count)]
    is_every = weather == "calm" or os.environ.get("RECONCILER_CHAOS") == "all"
    return range(1, count + 1) if is_every else range(1 + DEEDS.index(deed) % 4, count + 1, 4)


def races() -> list[tuple[int, str, int]]:
    """Each course with each weather and each deed, by number."""
    every = list(itertools.product(range(len(COURSES)), WEATHER, range(len(DEEDS))))
    return every if IS_LONG else Random(11).sample(every, SHARE)


@pytest.mark.parametrize(("course_number", "weather", "deed_number"), races())
def test_what_a_person_does_is_kept_or_reported(
    course_number: int, weather: str, deed_number: int, tmp_path: Path
) -> None:
    course, deed = COURSES[course_number], DEEDS[deed_number]
    positions = _positions(course, weather, deed, length(course, weather))
    wrong = []
    for position in positions:
        folder = tmp_path / str(position)
        folder.mkdir()
        race = raced(course, weather, deed, position, folder)
        if (problem := problem_with(course, race, deed)) is not None:
            wrong.append(
                f"before call {position} of {[rpc for rpc, _ in race.interferer.calls]}: {problem}\n{race.told}"
            )
    assert not wrong, f"{course.name}, {weather}, {deed.name}\n" + "\n\n".join(wrong)
