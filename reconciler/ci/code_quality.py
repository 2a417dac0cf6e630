"""Findings as GitLab's Code Quality report, which a merge request shows at the lines of its manifests.

In: findings, and how a file's path reads in the repository. Out: JSON (GitLab documentation, "Code Quality report format"). GitLab
compares the reports of two branches by `fingerprint`, so it is made of what a finding is about, not of its line or values.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from reconciler.ci.findings import Finding, Level
from reconciler.report.escape import neutral, neutral_json
from reconciler.state.whole_files import write_whole

_SEVERITIES: Final[dict[Level, str]] = {"error": "major", "warning": "minor", "notice": "info"}

ELSEWHERE: Final = "reconciler.yaml"
"""The file of what is at no place in a manifest: GitLab shows no finding without one."""


def code_quality_document(findings: Iterable[Finding], *, shown_path: Callable[[str], str]) -> list[dict[str, Any]]:
    """The report's content; each fingerprint occurs once."""
    seen: Counter[str] = Counter()
    entries = []
    for each in findings:
        place = each.origin
        path = ELSEWHERE if place is None or place.path == "-" else shown_path(place.path)
        # A file's path as it was given depends on the working directory.
        subject = path if place is not None and each.subject == place.path else each.subject
        identity = json.dumps([each.rule, subject, each.path])
        seen[identity] += 1
        about = "" if subject == path else f"{each.subject}: "
        entries.append(
            {
                "description": neutral(f"{about}{each.message}"),
                "check_name": neutral(each.rule),
                "fingerprint": hashlib.sha256(f"{identity} {seen[identity]}".encode()).hexdigest(),
                "severity": _SEVERITIES[each.level],
                "location": {"path": neutral(path), "lines": {"begin": 1 if place is None else place.line}},
            }
        )
    return entries


def write_code_quality(findings: Iterable[Finding], path: str, *, shown_path: Callable[[str], str]) -> None:
    """Write the report. Raises ReconcilerError if the file can't be written."""
    document = code_quality_document(findings, shown_path=shown_path)
    text = neutral_json(json.dumps(document, indent=2, ensure_ascii=False)) + "\n"
    write_whole(Path(path), text, what="Code Quality report", mode=0o666)
