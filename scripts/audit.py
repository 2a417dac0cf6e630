"""Checks locked packages for known vulnerabilities with pip-audit: `python scripts/audit.py [--required] FILE...`.

Exit code 0 means that no advisory affects the packages, 1 that one does or that pip-audit failed. If PyPI's advisories can't
be reached, nothing is checked; that is printed, and it is an error only with --required. An index that knows none of the
packages counts as unreachable: a mirror without PyPI's JSON API returns an empty response and no error.
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
"""A URL of PyPI's JSON API, which provides the advisories, about a package that PyPI certainly has."""


def is_reachable(url: str = PROBE, *, timeout: float = 15) -> bool:
    """Return whether `url` responds as PyPI's JSON API does."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as response:  # noqa: S310  a constant https address
            return "vulnerabilities" in json.load(response)
    except (OSError, ValueError, urllib.error.URLError):
        return False


def verdict(reports: Iterable[Mapping[str, Any]]) -> tuple[int, list[str]]:
    """Return an exit code and the lines to print for pip-audit's JSON documents.

    The exit code is 2 if no package at all was checked.
    """
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
    """Return pip-audit's JSON document for one lock file. Raises RuntimeError if pip-audit writes none."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "report.json"
        options = ["--disable-pip", "--require-hashes", "--progress-spinner", "off", "--format", "json"]
        command = [sys.executable, "-m", "pip_audit", *options, "--output", str(output), "--requirement", str(lock)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        try:
            report: Mapping[str, Any] = json.loads(output.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RuntimeError(f"pip-audit wrote no report for {lock}:\n{ended.stderr.strip()}") from error
        return report


def main(arguments: Sequence[str]) -> int:
    """Audit the lock files; see the module's docstring. Returns the exit code."""
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
