"""The report as data: its exit code, and the document with what became of a run and its drift history."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.apply.results import ItemFailure, Status, StepResult
from reconciler.compare.expectations import Expectation
from reconciler.compare.results import FieldChange
from reconciler.errors import Origin
from reconciler.report.drift_history import DriftHistory, Entry, compared_with_history
from reconciler.report.outcome import summary_text
from reconciler.report.report import Report, report_document
from reconciler.resources.keys import Key
from reconciler.resources.secrets import Sensitive
from reconciler.resources.tree import MISSING
from tests.report.reports import deletion, field_change, plan_report, update
from tests.request_values import request
from tests.wording import Wording

MODEL = Key(user_id="demo", app_id="pets", model_id="m")
LEFT = FieldChange(path=("name",), before="a", after="b")


def applied(*results: Status, **more: Any) -> Report:
    report = plan_report([update("m", field_change("name", "a", "b"))], kind="Apply", **more)
    found = tuple(StepResult(request=report.plan.requests[0], status=status) for status in results)
    return replace(report, outcome=replace(report.outcome, results=found))


@pytest.mark.parametrize(
    ("report", "exit_code"),
    [
        pytest.param(applied(Status.DONE), 0, id="done"),
        pytest.param(applied(Status.SKIPPED), 0, id="skipped"),
        pytest.param(applied(Status.FAILED), 4, id="failed"),
        pytest.param(applied(), 4, id="no result"),
        pytest.param(applied(Status.DONE, remaining=((MODEL, LEFT),)), 4, id="remaining"),
        pytest.param(applied(Status.DONE, unread="no answer"), 4, id="not read back"),
        pytest.param(applied(refused=["no"]), 3, id="refused"),
        pytest.param(applied(Status.DONE, is_interrupted=True), 130, id="interrupted when done"),
        pytest.param(applied(Status.NOT_REACHED, is_interrupted=True), 130, id="interrupted"),
        pytest.param(plan_report(), 0, id="in sync"),
        pytest.param(plan_report(changes_exit_code=2), 0, id="in sync, detailed exit code"),
        pytest.param(plan_report([deletion("m")], changes_exit_code=2, unchanged=1), 2, id="changes"),
        pytest.param(plan_report([deletion("m")], changes_exit_code=2, refused=["no"]), 3, id="changes refused"),
    ],
)
def test_the_exit_code_and_the_summary_agree(report: Report, exit_code: int, wording: Wording) -> None:
    assert report.exit_code == exit_code
    wording(summary_text(report)[0])


def written(*outcomes: tuple[tuple[Key, ...], Status, tuple[Key, ...]], **more: Any) -> Report:
    """An apply of an update of models a and b, a version of a, and a deletion of c; outcomes: keys, status, the failed ones."""
    changes = [
        update("a", field_change("name", "a", "A")),
        update("a", field_change("notes", "a", "A"), version_id="v"),
        update("b", field_change("name", "b", "B")),
        deletion("c"),
    ]
    results = tuple(
        StepResult(
            request=request("PatchModels", "merge", {key: {} for key in keys}),
            status=status,
            failures=tuple(ItemFailure(key=key, error="no") for key in failed),
        )
        for keys, status, failed in outcomes
    )
    report = plan_report(changes, kind="Apply", **more)
    return replace(report, outcome=replace(report.outcome, results=results))


A, B, C = (Key(user_id="demo", app_id="pets", model_id=name) for name in "abc")
A_VERSION = A.version("v")
EACH = ((A, B), (A_VERSION,), (C,))


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (written(*((keys, Status.DONE, ()) for keys in EACH)), "2 models, 1 version updated, 1 model deleted"),
        (
            written(*((keys, Status.SKIPPED, ()) for keys in EACH)),
            "2 models, 1 version already up to date, 1 model already deleted",
        ),
        (
            written(((A, B), Status.FAILED, (B,)), ((A_VERSION,), Status.DONE, ()), ((C,), Status.NOT_REACHED, ())),
            "1 model, 1 version updated, 1 model failed, 1 model not reached",
        ),
        (written(((A, B), Status.FAILED, ())), "2 models failed"),
        (written(((A,), Status.DONE, ()), ((A,), Status.FAILED, (A,))), "1 model failed"),
        (written(((A,), Status.SKIPPED, ()), ((A,), Status.DONE, ())), "1 model updated"),
        (written(((A, B), Status.DONE, ()), remaining=((A, LEFT),)), "1 model updated, 1 model not as planned"),
        (written(((C,), Status.DONE, ()), remaining=((C, None),)), "1 model not as planned"),
        (written(), "nothing to do"),
    ],
)
def test_the_summary_of_an_apply_counts_models_and_versions_once_each(report: Report, said: str) -> None:
    assert summary_text(report)[0] == f"Apply: {said}; incomplete."


def test_what_is_left_after_an_apply_stands_in_the_document() -> None:
    secret = FieldChange(path=("metadata", "a.b"), before=Sensitive("x", "live"), after=Sensitive("y", "env:Y"))
    absent = FieldChange(path=("notes",), before=MISSING, after="n")
    report = applied(Status.DONE, remaining=((MODEL, None), (MODEL, LEFT), (MODEL, secret), (MODEL, absent)))
    assert report_document(report)["remaining"] == [
        {"address": "demo/pets/m", "path": None},
        {"address": "demo/pets/m", "path": "name", "live": "a", "wanted": "b"},
        {"address": "demo/pets/m", "path": "metadata.a\\.b", "live": "(sensitive)", "wanted": "(sensitive)"},
        {"address": "demo/pets/m", "path": "notes", "wanted": "n"},
    ]


def test_a_document_of_a_run_that_sent_nothing_has_every_request_as_not_reached() -> None:
    (request,) = report_document(applied(refused=["no"]))["requests"]
    reported = {name: request[name] for name in ("status", "error", "attempts", "request_id")}
    assert reported == {"status": "not_reached", "error": None, "attempts": 0, "request_id": None}


def test_the_drift_history_covers_changes_paths_and_unmet_expectations() -> None:
    def expecting(*live: str) -> Expectation:
        version = MODEL.version("v")
        return Expectation(key=version, expected=("cat",), live=live, origin=Origin(path="m.yaml"))

    change = update("m", field_change("name", "a", "b"), field_change("notes", "a", "b"))
    report = plan_report([change], kind="Drift")
    plan = replace(report.plan, expectations=(expecting("dog"), replace(expecting("cat"), key=MODEL.version("w"))))
    before = replace(plan, changes=(replace(change, fields=change.fields[:1]),))
    gone = Entry(address="demo/pets/gone", path="", fingerprint="", first_seen="sunday")
    start = DriftHistory(salt="00" * 32, endpoint="https://x", entries=(gone,))
    _, history = compared_with_history(before, start, now="monday", was_checked=lambda _: False)
    comparison, _ = compared_with_history(plan, history, now="tuesday", was_checked=lambda _: True)
    document = report_document(replace(report, plan=plan, history=comparison))
    (reported,) = document["changes"]
    assert (reported["history"], reported["since"]) == ("new", "monday")
    assert [(field["path"], field["history"], field["since"]) for field in reported["fields"]] == [
        ("name", "standing", "monday"),
        ("notes", "new", "tuesday"),
    ]
    assert [(item.get("history"), item.get("since")) for item in document["expectations"]] == [
        ("standing", "monday"),
        (None, None),
    ]
    assert document["resolved"] == [{"address": "demo/pets/gone", "path": None, "since": "sunday"}]


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (plan_report(unchanged=3), False),
        (plan_report([update("m", field_change("name", "a", "b"))]), True),
        (plan_report([deletion("m")]), True),
        (plan_report(refused=["no"]), True),
    ],
)
def test_a_plan_has_changes_where_something_would_be_written_or_is_refused(report: Report, *, expected: bool) -> None:
    assert report.plan.has_changes is expected
