"""Asks the advisories of PyPI about locked packages, through pip-audit: `python scripts/audit.py [--required] FILE...`.

Exit code 0: nothing is known against them; 1: something is, or pip-audit failed. Where the advisories can't be reached nothing
is checked: that is said, and is an error with --required only. An index that knows none of the packages (a mirror without
PyPI's JSON API, which gives an empty answer and no error) counts as not reached.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

PROBE = "https://pypi.org/pypi/pip/json"
"""PyPI's JSON API, where the advisories come from, asked about a package that it surely has."""


def is_reachable(url: str = PROBE, *, timeout: float = 15) -> bool:
    """Whether the advisory service answers as itself."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:  # noqa: S310  a constant https address
            return "vulnerabilities" in json.load(answer)
    except (OSError, ValueError, urllib.error.URLError):
        return False


def verdict(reports: Iterable[Mapping[str, Any]]) -> tuple[int, list[str]]:
    """What pip-audit's JSON documents say: an exit code, and lines for a person. None checked at all is code 2."""
    found: set[str] = set()
    checked: set[str] = set()
    unchecked: set[str] = set()
    for report in reports:
        for package in report["dependencies"]:
            name = package["name"]
            if "skip_reason" in package:
                unchecked.add(name)
                continue
            checked.add(name)
            for advisory in package["vulns"]:
                fixed = ", ".join(advisory.get("fix_versions") or ["none"])
                found.add(f"{name} {package['version']}: {advisory['id']}, fixed in {fixed}")
    lines = sorted(found)
    if not checked:
        return 2, ["audit: skipped, nothing was checked: the index knows none of these packages."]
    if unchecked - checked:
        lines.append(f"audit: not checked, unknown to the index: {', '.join(sorted(unchecked - checked))}")
    lines.append(f"audit: {len(checked)} packages checked, {len(found)} advisories against them.")
    return (1 if found else 0), lines


def audited(lock: Path) -> Mapping[str, Any]:
    """pip-audit's JSON document about one lock. Raises RuntimeError with its words where it made none."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "report.json"
        options = ["--disable-pip", "--require-hashes", "--progress-spinner", "off", "--format", "json"]
        command = [sys.executable, "-m", "pip_audit", *options, "--output", str(output), "--requirement", str(lock)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        try:
            report: Mapping[str, Any] = json.loads(output.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RuntimeError(f"pip-audit gave no report for {lock}:\n{ended.stderr.strip()}") from error
        return report


def main(arguments: Sequence[str]) -> int:
    """Audit the locks named; see the module's docstring."""
    is_required = "--required" in arguments
    locks = [Path(name) for name in arguments if name != "--required"]
    code, lines = 2, [f"audit: skipped, nothing was checked: {PROBE} can't be reached."]
    if is_reachable():
        try:
            code, lines = verdict([audited(lock) for lock in locks])
        except RuntimeError as error:
            code, lines = 1, [str(error)]
    print("\n".join(lines))
    if code == 2:
        return 1 if is_required else 0
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
