"""Results → the tables of docs/performance.md and its plot, docs/images/performance.svg.

`python -m benchmarks.report` writes them again from benchmarks/results.json, and measures nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from math import log10
from pathlib import Path
from typing import Any, Final

RESULTS: Final = Path(__file__).resolve().parent / "results.json"
DOCS: Final = RESULTS.parent.parent / "docs"

BEGIN: Final = "<!-- measured -->"
END: Final = "<!-- /measured -->"
_COLORS: Final = {"uniform with lists": "#2563eb", "mixed": "#7c3aed", "octoDNS": "#b45309"}
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 640, 360, 60, 40, 20, 170


def write_report(results: Mapping[str, Any], docs: Path) -> None:
    """Put the tables between the two marks of performance.md, and write the plot."""
    page = docs / "performance.md"
    head, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, tail = rest.partition(END)
    parts = (_conditions, _plan_table, _growth_table, _command_table, _sentences, _start_table, _pace_table)
    measured = "\n\n".join("\n".join(part(results)) for part in parts)
    page.write_text(f"{head}{BEGIN}\n\n{measured}\n\n{END}{tail}", encoding="utf-8")
    (docs / "images").mkdir(exist_ok=True)
    (docs / "images" / "performance.svg").write_text(plot(results), encoding="utf-8")


def _conditions(results: Mapping[str, Any]) -> Iterator[str]:
    runs = results["runs"]
    middle = "One run of each command" if runs == 1 else f"Medians of {runs} runs (one with 30,000 models)"
    quick = ", with `make bench BENCH=quick`" if results["is_quick"] else ""
    starts = results["starts"]
    yield (
        f"{middle}{quick}, Python {results['python']} on {results['machine']}, octoDNS {results['octodns']}. Seconds are processor "
        "seconds, those of the clock in brackets. A *share* is a part of octoDNS's processor time for as many records, measured in "
        f"turn, where the start of both is taken off ({starts['plan']:.2f} s of a plan, {starts['octodns']:.2f} s of octoDNS)."
    )


def _share(results: Mapping[str, Any], taken: Mapping[str, Any], peer: Mapping[str, Any], start: float) -> float:
    # A command that takes hardly longer than its start may be measured as shorter.
    return max(0.0, float((taken["cpu"] - start) / (peer["cpu"] - results["starts"]["octodns"])))


def _plan_table(results: Mapping[str, Any]) -> Iterator[str]:
    yield from _head(
        "models", "`plan` of a fleet", "MiB of YAML", "calls", "seconds", "MiB", "octoDNS: seconds", "share"
    )
    for row in results["plans"]:
        plan, peer = row["plan"], row["octodns"]
        yield (
            f"| {row['models']:,} | {row['fleet']} | {row['mebibytes']:.1f} | {plan['calls']} | {_seconds(plan)} "
            f"| {plan['memory']:.0f} | {_seconds(peer)} | {_share(results, plan, peer, results['starts']['plan']):.2f} |"
        )


def _growth_table(results: Mapping[str, Any]) -> Iterator[str]:
    sizes = sorted({row["models"] for row in results["plans"]})
    per_model = {
        (row["fleet"], row["models"]): 1000 * (row["plan"]["cpu"] - results["starts"]["plan"]) / row["models"]
        for row in results["plans"]
    }
    yield from _head("milliseconds a model", *(f"{size:,}" for size in sizes), f"{sizes[-1]:,} ÷ {sizes[-2]:,}")
    for fleet in dict.fromkeys(row["fleet"] for row in results["plans"]):
        times = [per_model[fleet, size] for size in sizes]
        yield f"| {fleet} | " + " | ".join(f"{each:.3f}" for each in times) + f" | {times[-1] / times[-2]:.2f} |"


def _command_table(results: Mapping[str, Any]) -> Iterator[str]:
    yield from _head("other commands, in sync", "models", "fleet", "seconds", "MiB", "share")
    for row in results["commands"]:
        taken = row["taken"]
        yield (
            f"| `{row['command']}` | {row['models']:,} | {row['fleet']} | {_seconds(taken)} | {taken['memory']:.0f} "
            f"| {_share(results, taken, row['octodns'], row['start']):.2f} |"
        )


def _sentences(results: Mapping[str, Any]) -> Iterator[str]:
    for row in results["applies"]:
        taken, rate = row["taken"], results["rate"]
        yield (
            f"An `apply` of {row['models']:,} models, in which each model and its latest version change, takes {taken['calls']:,} "
            f"calls ({_duration(taken['calls'] / rate)} at {rate} a second) and {_seconds(taken)} seconds. The documentation's samples in "
            f"a loop, GetModel and a patch of each, take {3 * row['models']:,} calls ({_duration(3 * row['models'] / rate)})."
        )
    for row in results["latency"]:
        plan = row["plan"]
        yield (
            f"At a service that answers after {row['latency_ms']} ms, a plan of {row['models']:,} models in sync takes "
            f"{plan['wall'] - plan['cpu']:.1f} s more than its processor time of {plan['cpu']:.2f} s."
        )


def _start_table(results: Mapping[str, Any]) -> Iterator[str]:
    yield from _head("start, one manifest", "seconds", "beside importing", "seconds", "ratio")
    for row in results["startup"]:
        yield (
            f"| `{row['command']}` | {row['seconds']:.2f} | {row['beside']} | {row['importing']:.2f} "
            f"| {row['seconds'] / row['importing']:.2f} |"
        )


def _pace_table(results: Mapping[str, Any]) -> Iterator[str]:
    yield from _head("version patches, a call each", "calls", "throttled", "seconds", "ideal + start", "ratio")
    for row in results["pace"]:
        ideal = row["ideal"] + row["startup"]
        yield (
            f"| {row['case']} | {row['calls']} | {row['throttled']} | {row['seconds']:.1f} "
            f"| {row['ideal']:.1f} + {row['startup']:.1f} | {row['seconds'] / ideal:.2f} |"
        )


def _head(*titles: str) -> Iterable[str]:
    return ("| " + " | ".join(titles) + " |", "|" + "---|" * len(titles))


def _seconds(taken: Mapping[str, Any]) -> str:
    return f"{taken['cpu']:.2f} ({taken['wall']:.2f})"


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def plot(results: Mapping[str, Any]) -> str:
    """Processor seconds of a plan in sync by number of models, both axes logarithmic."""
    rows = {(row["fleet"], row["models"]): row for row in results["plans"]}
    sizes = sorted({row["models"] for row in results["plans"]})
    series = {fleet: [rows[fleet, size]["plan"]["cpu"] for size in sizes] for fleet in ("uniform with lists", "mixed")}
    series["octoDNS"] = [rows["uniform with lists", size]["octodns"]["cpu"] for size in sizes]
    low = min(value for values in series.values() for value in values) / 1.5
    high = max(value for values in series.values() for value in values) * 1.5

    def x(size: float) -> float:
        span = log10(sizes[-1] / sizes[0]) or 1
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * log10(size / sizes[0]) / span

    def y(value: float) -> float:
        return _HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - _TOP) * log10(value / low) / log10(high / low)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
    ]
    lines += [f'<text x="{x(size):.0f}" y="{_HEIGHT - 20}" text-anchor="middle">{size:,}</text>' for size in sizes]
    lines.append(f'<text x="{_LEFT}" y="{_HEIGHT - 4}">models or records, all in sync</text>')
    for value in (0.1, 0.3, 1, 3, 10, 30, 100):
        if low <= value <= high:
            at = f"{y(value):.0f}"
            lines.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at}" y2="{at}" stroke="#ddd"/>')
            lines.append(f'<text x="{_LEFT - 6}" y="{at}" text-anchor="end" dy="4">{value:g} s</text>')
    for name, values in series.items():
        points = " ".join(f"{x(size):.1f},{y(value):.1f}" for size, value in zip(sizes, values, strict=True))
        lines.append(f'<polyline points="{points}" fill="none" stroke="{_COLORS[name]}" stroke-width="2"/>')
        label = name if name == "octoDNS" else f"plan, {name}"
        lines.append(
            f'<text x="{_WIDTH - _RIGHT + 8}" y="{y(values[-1]):.0f}" dy="4" fill="{_COLORS[name]}">{label}</text>'
        )
    return "\n".join([*lines, "</svg>"]) + "\n"


if __name__ == "__main__":
    write_report(json.loads(RESULTS.read_text(encoding="utf-8")), DOCS)
