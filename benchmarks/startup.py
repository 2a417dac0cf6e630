"""What a command costs before it does anything: beside importing what it can't do without."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks.fleet import fleet
from benchmarks.measure import middle, run, service
from benchmarks.plans import TOKEN, reconciler

CASES: Final = (
    ("--version", (), "click"),
    ("validate", ("validate",), "click, yaml, jsonschema"),
    ("plan", ("plan",), "grpc, clarifai_grpc.grpc.api.service_pb2"),
)


def startups(runs: int) -> Iterator[dict[str, Any]]:
    """For each command about one manifest its median processor seconds, and those of only importing; turn by turn."""
    with tempfile.TemporaryDirectory() as name:
        given = fleet(Path(name), size=1, changed=0)
        with service(given.state) as url:
            for command, arguments, packages in CASES:
                line = [sys.executable, "-m", "reconciler", "--version"]
                if arguments:
                    line = reconciler(url, *arguments, str(given.manifests))
                ours, theirs = [], []
                for _ in range(runs):
                    ours.append(run(line, environ=TOKEN))
                    theirs.append(run([sys.executable, "-c", f"import {packages}"]))
                seconds, importing = round(middle(ours).cpu, 3), round(middle(theirs).cpu, 3)
                yield {"command": command, "beside": packages, "seconds": seconds, "importing": importing}
