"""A drift run as Prometheus metrics, in the text format that node_exporter's textfile collector reads.

In: what a run found, or only that it failed. Out: text. Every series carries the endpoint, the environment and the manifests
of the run, so that several runs can each have a file in one folder (the collector refuses a series that two files have).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reconciler.report.report import Report

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of `drift`: what it was about, when it ended (seconds since 1970), how long it took, how it exited.

    `report` is None where the run failed: then nothing is known of models, and no metric claims anything.
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
    memory = report.recollection
    if memory is not None:
        counts = {"new": memory.new_count, "standing": memory.standing_count, "resolved": len(memory.resolved)}
        yield (
            "reconciler_drift_paths",
            "Paths that differ, or no longer do, beside the run before.",
            [({"memory": word}, count) for word, count in counts.items()],
        )


def _label_text(labels: Labels) -> str:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{pairs}}}"


def _escaped(value: str) -> str:
    r"""A label value as the format wants it: \, " and the line feed escaped, and nothing that isn't UTF-8."""
    text = value.encode("utf-8", "backslashreplace").decode("utf-8")
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.3f}"
