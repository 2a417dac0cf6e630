"""Writes the table of statuses in docs/reliability.md from the code: `python scripts/reliability_tables.py`."""

from __future__ import annotations

from pathlib import Path

from reconciler.remote.statuses import CLARIFAI, GRPC, Meaning

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reliability.md"
BEGIN, END = "<!-- statuses -->\n", "<!-- /statuses -->"


def table() -> str:
    """Return the tables of `remote/statuses.py` as one table in Markdown."""
    rows = [*((name, meaning) for name, meaning in GRPC.items())]
    lines = ["| status | class | based on |", "|---|---|---|"]
    lines += [_row(name, meaning) for name, meaning in rows]
    lines += [_row(f"{code} {meaning.name}", meaning) for code, meaning in sorted(CLARIFAI.items())]
    return "\n".join(
        [*lines, "| any other Clarifai code | per item | its meaning is unknown, so it is not retried |", ""]
    )


def _row(name: str, meaning: Meaning) -> str:
    kind = meaning.fault.value.replace("_", " ") + (", not carried out" if meaning.is_throttle else "")
    return f"| {name} | {kind} | {meaning.source} |"


def page(text: str) -> str:
    """Return the page with an up-to-date table."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
