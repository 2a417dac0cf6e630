"""What the report of an apply says about the undo of a run whose predictions missed an expectation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.apply.results import Status, StepResult
from reconciler.report.report import Report, Undone
from reconciler.report.text import render
from tests.report.reports import field_change, plan_report, update

CHANGE = update("m", field_change("name", "a", "b"))
DONE = tuple(StepResult(request=each, status=Status.DONE) for each in plan_report([CHANGE]).plan.requests)
APPLIED = plan_report([CHANGE], kind="Apply", results=DONE, run="r1")
LEFT = [
    {"address": "demo/pets/m", "path": "name", "reason": "somebody changed it"},
    {"address": "demo/pets/n", "path": "", "reason": "it is gone"},
]


def undo(*, run: str | None = "r2", skipped: list[dict[str, Any]]) -> Report:
    """The report of an undo of the run r1 that wrote as much as a plan with one change."""
    made = plan_report([CHANGE], kind="Apply", results=DONE, run=run)
    return replace(made, plan=replace(made.plan, extra={"undo": {"run": "r1", "skipped": skipped}}))


@pytest.mark.parametrize(
    ("undone", "not_undone", "summary"),
    [
        (
            Undone(run="r1", error="interrupted; `reconciler undo r1` takes it back"),
            "",
            "run r1 was NOT undone: interrupted; `reconciler undo r1` takes it back.",
        ),
        (
            Undone(run="r1", error="The service can't be reached."),
            "",
            "run r1 was NOT undone: The service can't be reached.",
        ),
        (Undone(run="r1", report=undo(skipped=[])), "", "run r1 was undone by run r2."),
        (
            Undone(run="r1", report=undo(skipped=LEFT)),
            "Not undone:\n  demo/pets/m name: somebody changed it\n  demo/pets/n: it is gone\n\n",
            "run r1 was undone only in part by run r2.",
        ),
        (
            Undone(run="r1", report=undo(run=None, skipped=LEFT[1:])),
            "Not undone:\n  demo/pets/n: it is gone\n\n",
            "run r1 was undone only in part.",
        ),
    ],
)
def test_an_apply_says_what_became_of_the_undo_of_its_run(undone: Undone, not_undone: str, summary: str) -> None:
    assert render(replace(APPLIED, undone=undone)) == (
        'demo/pets\n  ~ m  manifests/pets.yaml:2\n      name  "a" → "b"\n\n'
        f"{not_undone}Apply: 1 model updated; {summary}\n"
    )
