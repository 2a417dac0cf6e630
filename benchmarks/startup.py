"""What a command costs before it does anything: beside importing what it can't do without."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks.fleet import manifest
from benchmarks.measure import middle, run

CASES: Final = (
    ("`reconciler --version`", ("--version",), "click"),
    ("`reconciler validate` of one file", ("validate", "m.yaml"), "click, yaml, jsonschema"),
)


def startups(runs: int) -> Iterator[dict[str, Any]]:
    """For each command its median wall seconds, and those of an interpreter that only imports; turn by turn."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "m.yaml").write_text(manifest(1), encoding="utf-8")
        for command, arguments, packages in CASES:
            ours, theirs = [], []
            for _ in range(runs):
                ours.append(run([sys.executable, "-m", "reconciler", *arguments], folder=Path(name)))
                theirs.append(run([sys.executable, "-c", f"import {packages}"], folder=Path(name)))
            seconds, importing = round(middle(ours).wall, 3), round(middle(theirs).wall, 3)
            yield {"command": command, "beside": packages, "seconds": seconds, "importing": importing}
