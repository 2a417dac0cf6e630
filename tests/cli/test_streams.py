"""Closed, full and broken standard streams: a clear error and an exit code of the contract, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MANIFESTS = ROOT / "examples" / "manifests"


@pytest.mark.parametrize(
    ("line", "exit_code", "message"),
    [
        (f"apply {MANIFESTS} <&-", 64, "There is no terminal to ask on."),
        ("undo latest <&-", 64, "There is no terminal to ask on."),
        ("plan - <&-", 1, "Standard input is closed"),
        (f"plan {MANIFESTS} >&-", 1, "Standard output is closed"),
        (f"plan {MANIFESTS} >/dev/full", 1, "can't be written to standard output: No space left on device"),
        (
            f"plan {MANIFESTS} --format json >/dev/full",
            1,
            "can't be written to standard output: No space left on device",
        ),
        (f"apply {MANIFESTS} --yes >/dev/full", 1, "can't be written to standard output: No space left on device"),
        (f"plan {MANIFESTS} 2>&- >/dev/null", 0, ""),
    ],
)
def test_a_stream_that_does_not_work(line: str, exit_code: int, message: str, tmp_path: Path) -> None:
    reconciler = f"{sys.executable} -m reconciler"
    done = subprocess.run(
        ["bash", "-c", f"{reconciler} {line}"],
        cwd=tmp_path,
        env={**os.environ, "CLARIFAI_API_BASE": "embedded"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr, "internal error" in done.stderr) == (exit_code, False, False)
    assert message in done.stderr


def test_a_reader_that_goes_away_is_no_fault(tmp_path: Path) -> None:
    line = f"{sys.executable} -m reconciler schema Plan | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "{\n"
    assert done.stderr == ""
    assert done.returncode in {0, 1}
