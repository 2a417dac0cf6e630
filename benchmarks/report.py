"""Results → the table of docs/performance.md and its plot, docs/images/performance.svg."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import log10
from pathlib import Path
from typing import Any, Final

BEGIN: Final = "<!-- measured -->"
END: Final = "<!-- /measured -->"
_COLORS: Final = {"plan": "#2563eb", "octodns": "#b45309", "samples": "#6b7280"}
_NAMES: Final = {"plan": "reconciler plan", "octodns": "octodns-sync", "samples": "loop of the samples"}
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 640, 360, 60, 40, 20, 170


def write_report(results: Mapping[str, Any], docs: Path) -> None:
    """Put the table between the two marks of performance.md, and write the plot."""
    page = docs / "performance.md"
    head, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, tail = rest.partition(END)
    told = "\n".join([*_table(results), "", *_style_table(results), "", *_pace_table(results)])
    page.write_text(f"{head}{BEGIN}\n\n{told}\n\n{END}{tail}", encoding="utf-8")
    (docs / "images").mkdir(exist_ok=True)
    (docs / "images" / "performance.svg").write_text(plot(results), encoding="utf-8")


def _table(results: Mapping[str, Any]) -> Iterator[str]:
    rate = results["rate"]
    yield (
        f"Medians of {results['runs']} runs with Python {results['python']}; octoDNS {results['octodns']}. Seconds are "
        "processor seconds, wall seconds in brackets."
    )
    yield ""
    yield (
        "| models | state | plan: calls | plan: s | MiB | ms a model | octoDNS: s | octoDNS ÷ plan | apply: calls | "
        f"apply at {rate}/s | samples: calls | samples at {rate}/s |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|---|---|"
    for row in results["measured"]:
        plan, peer, loop, apply = row["plan"], row["octodns"], row["samples"], row["apply"]
        yield (
            f"| {row['models']:,} | {row['state']} | {plan['calls']} | {plan['cpu']:.2f} ({plan['wall']:.2f}) "
            f"| {plan['memory']:.0f} | {1000 * plan['cpu'] / row['models']:.2f} | {peer['cpu']:.2f} ({peer['wall']:.2f}) "
            f"| {peer['cpu'] / plan['cpu']:.1f} | {apply['calls']:,} | {_duration(apply['calls'] / rate)} "
            f"| {loop['calls']:,} | {_duration(loop['calls'] / rate)} |"
        )


def _style_table(results: Mapping[str, Any]) -> Iterator[str]:
    yield "| manifests, in sync | models | MiB of YAML | plan: s | MiB | ms a model |"
    yield "|---|---|---|---|---|---|"
    for row in results["styles"]:
        plan = row["plan"]
        yield (
            f"| {row['style']} | {row['models']:,} | {row['mebibytes']:.1f} | {plan['cpu']:.2f} ({plan['wall']:.2f}) "
            f"| {plan['memory']:.0f} | {1000 * plan['cpu'] / row['models']:.2f} |"
        )


def _pace_table(results: Mapping[str, Any]) -> Iterator[str]:
    yield "| version patches, a call each | calls | throttled | seconds | ideal + start-up | ratio |"
    yield "|---|---|---|---|---|---|"
    for row in results["pace"]:
        ideal = row["ideal"] + row["startup"]
        yield (
            f"| {row['case']} | {row['calls']} | {row['throttled']} | {row['seconds']:.1f} "
            f"| {row['ideal']:.1f} + {row['startup']:.1f} | {row['seconds'] / ideal:.2f} |"
        )
    yield ""
    yield "| start | seconds | beside importing | seconds | ratio |"
    yield "|---|---|---|---|---|"
    for row in results["startup"]:
        yield (
            f"| {row['command']} | {row['seconds']:.2f} | {row['beside']} | {row['importing']:.2f} "
            f"| {row['seconds'] / row['importing']:.2f} |"
        )


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def plot(results: Mapping[str, Any]) -> str:
    """Processor seconds of a plan in sync by number of models, both axes logarithmic."""
    rows = [row for row in results["measured"] if row["state"] == "in sync"]
    sizes = [row["models"] for row in rows]
    series = {name: [row[name]["cpu"] for row in rows] for name in _NAMES}
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
    lines.append(f'<text x="{_LEFT}" y="{_HEIGHT - 4}">models, all in sync</text>')
    for value in (0.1, 0.3, 1, 3, 10, 30, 100):
        if low <= value <= high:
            at = f"{y(value):.0f}"
            lines.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at}" y2="{at}" stroke="#ddd"/>')
            lines.append(f'<text x="{_LEFT - 6}" y="{at}" text-anchor="end" dy="4">{value:g} s</text>')
    for name, values in series.items():
        points = " ".join(f"{x(size):.1f},{y(value):.1f}" for size, value in zip(sizes, values, strict=True))
        lines.append(f'<polyline points="{points}" fill="none" stroke="{_COLORS[name]}" stroke-width="2"/>')
        lines.append(
            f'<text x="{_WIDTH - _RIGHT + 8}" y="{y(values[-1]):.0f}" dy="4" fill="{_COLORS[name]}">{_NAMES[name]}</text>'
        )
    return "\n".join([*lines, "</svg>"]) + "\n"
