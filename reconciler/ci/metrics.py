"""A drift run as Prometheus metrics, in the text format that node_exporter's textfile collector reads.

In: what a run found, or only that it failed. Out: text, or a file. Every series has the endpoint, the environment and the
manifests of the run as labels, so that several runs can each have a file in one folder (the collector rejects a series that
is in two files).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.report.report import Report
from reconciler.state.whole_files import write_whole

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of `drift`: what it was about, when it ended (seconds since 1970), how long it took, how it exited.

    `report` is None if the run failed: then nothing is known about models, and no metric says anything about them.
    """

    labels: Labels
    finished_at: float
    duration: float
    exit_code: int
    report: Report | None = None


def metrics_text(run: Run) -> str:
    """The metrics of a run, each with its HELP and TYPE, ending in a newline."""
    lines: list[str] = []
    for name, help_text, samples in _metrics(run):
        lines += [f"# HELP {name} {help_text}", f"# TYPE {name} gauge"]
        lines += [f"{name}{_label_text({**run.labels, **labels})} {_number(value)}" for labels, value in samples]
    return "\n".join(lines) + "\n"


def write_metrics(run: Run, path: Path) -> None:
    """Write the metrics of a run to a file that everybody can read. Raises ReconcilerError if it can't be written."""
    write_whole(path, metrics_text(run), what="metrics file", mode=0o644)


_Metric = tuple[str, str, list[tuple[Labels, float]]]


def _metrics(run: Run) -> Iterator[_Metric]:
    if run.report is not None:
        yield from _findings(run.report)
    yield "reconciler_drift_exit_code", "Exit code of the last run: 0 in sync, 2 drift.", [({}, run.exit_code)]
    yield "reconciler_drift_duration_seconds", "How long the last run took.", [({}, run.duration)]
    yield "reconciler_drift_last_run_timestamp_seconds", "When the last run ended.", [({}, run.finished_at)]


def _findings(report: Report) -> Iterator[_Metric]:
    plan = report.plan
    drifted = {change.key.model() for change in plan.changes} | {item.key.model() for item in plan.unmet}
    summary = plan.summary
    yield "reconciler_drift_models", "Models that were compared.", [({}, len(drifted.union(plan.compared)))]
    yield "reconciler_drift_models_drifted", "Models that differ from their manifest.", [({}, len(drifted))]
    yield (
        "reconciler_drift_changes",
        "Models and versions that differ, by what apply would do.",
        [({"action": action}, summary[action]) for action in ("update", "delete")],
    )
    yield (
        "reconciler_drift_expectations_unmet",
        "Versions whose concepts are not the expected ones.",
        [({}, len(plan.unmet))],
    )
    yield "reconciler_drift_refused", "Changes that a guard refuses.", [({}, summary["refused"])]
    yield (
        "reconciler_drift_paths_skipped",
        "Paths that were skipped although they may hold manifests.",
        [({}, len(report.passed_over))],
    )
    history = report.history
    if history is not None:
        counts = {"new": history.new_count, "standing": history.standing_count, "resolved": len(history.resolved)}
        yield (
            "reconciler_drift_paths",
            "Paths that differ, or no longer do, compared with earlier runs.",
            [({"history": word}, count) for word, count in counts.items()],
        )


def _label_text(labels: Labels) -> str:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{pairs}}}"


def _escaped(value: str) -> str:
    r"""A label value as the format requires it: \, " and the line feed escaped, and nothing that isn't UTF-8."""
    text = value.encode("utf-8", "backslashreplace").decode("utf-8")
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.3f}"
