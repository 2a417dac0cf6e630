"""A drift run as Prometheus metrics."""

from __future__ import annotations

from reconciler.ci.metrics import Run, metrics_text
from reconciler.compare.expectations import Expectation
from reconciler.compare.results import FieldChange
from reconciler.errors import Origin, Refusal
from reconciler.plan.plan import Change, Plan, Source
from reconciler.report.drift_history import Entry, HistoryComparison, PathHistory
from reconciler.report.report import Report
from reconciler.resources.keys import Key

MODEL = Key(user_id="me", app_id="pets", model_id="petsID")
OTHER = Key(user_id="me", app_id="pets", model_id="other")


def run_of(report: Report | None, exit_code: int, **labels: str) -> Run:
    return Run(labels=labels, finished_at=1_795_451_505.5, duration=1.25, exit_code=exit_code, report=report)


def test_a_failed_run_claims_nothing_of_models() -> None:
    assert metrics_text(run_of(None, 1, endpoint="https://x")) == (
        "# HELP reconciler_drift_exit_code Exit code of the last run: 0 in sync, 2 drift.\n"
        "# TYPE reconciler_drift_exit_code gauge\n"
        'reconciler_drift_exit_code{endpoint="https://x"} 1\n'
        "# HELP reconciler_drift_duration_seconds How long the last run took.\n"
        "# TYPE reconciler_drift_duration_seconds gauge\n"
        'reconciler_drift_duration_seconds{endpoint="https://x"} 1.250\n'
        "# HELP reconciler_drift_last_run_timestamp_seconds When the last run ended.\n"
        "# TYPE reconciler_drift_last_run_timestamp_seconds gauge\n"
        'reconciler_drift_last_run_timestamp_seconds{endpoint="https://x"} 1795451505.500\n'
    )


def test_every_number_of_a_run() -> None:
    field = FieldChange(path=("name",), before="a", after="b")
    version = MODEL.version("a" * 32)
    plan = Plan(
        tool_version="0",
        created_at="",
        endpoint="x",
        source=Source(digest="", files=()),
        changes=(
            Change(key=MODEL, action="update", fields=(field,)),
            Change(key=version, action="update", fields=(field,)),
            Change(key=OTHER, action="delete"),
        ),
        refused=(Refusal(rule="cap", message="no"),),
        expectations=(Expectation(key=version, expected=("cat",), live=(), origin=Origin(path="m.yaml")),),
        compared=(MODEL, Key(user_id="me", app_id="pets", model_id="in-sync")),
    )
    places = {("a", "b"): PathHistory(since="", is_new=True), ("a", "c"): PathHistory(since="", is_new=False)}
    gone = Entry(address="a", path="d", fingerprint="", first_seen="")
    report = Report(kind="Drift", plan=plan, history=HistoryComparison(places=places, resolved=(gone, gone)))
    samples = [line for line in metrics_text(run_of(report, 3)).splitlines() if not line.startswith("#")]
    assert samples == [
        "reconciler_drift_models{} 3",
        "reconciler_drift_models_drifted{} 2",
        'reconciler_drift_changes{action="update"} 2',
        'reconciler_drift_changes{action="delete"} 1',
        "reconciler_drift_expectations_unmet{} 1",
        "reconciler_drift_refused{} 1",
        "reconciler_drift_paths_skipped{} 0",
        'reconciler_drift_paths{history="new"} 1',
        'reconciler_drift_paths{history="standing"} 1',
        'reconciler_drift_paths{history="resolved"} 2',
        "reconciler_drift_exit_code{} 3",
        "reconciler_drift_duration_seconds{} 1.250",
        "reconciler_drift_last_run_timestamp_seconds{} 1795451505.500",
    ]


def test_label_values_stay_in_their_quotes() -> None:
    text = metrics_text(run_of(None, 0, manifests='a"b\\c\nd\udcff} 7'))
    assert text.splitlines()[2] == 'reconciler_drift_exit_code{manifests="a\\"b\\\\c\\nd\\\\udcff} 7"} 0'
