"""Findings as JUnit XML, which GitLab, Azure Pipelines, Bitbucket, Jenkins and most other CI systems show.

In: findings, and the files or models that were looked at. Out: a document with a test case for each of them, failed if it has an
error; warnings and planned changes are its output. Text is made printable first, because XML 1.0 can't contain control
characters at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree as ET

from reconciler.ci.findings import Finding
from reconciler.report.escape import neutral
from reconciler.state.whole_files import write_whole


def junit_text(findings: Iterable[Finding], subjects: Iterable[str], *, command: str) -> str:
    """The document: a test case for each of `subjects`, and for each subject of a finding."""
    found: dict[str, list[Finding]] = {subject: [] for subject in subjects}
    for finding in findings:
        found.setdefault(finding.subject, []).append(finding)
    failed = sum(any(each.level == "error" for each in group) for group in found.values())
    name = f"reconciler {command}"
    suite = ET.Element("testsuite", name=name, tests=str(len(found)), failures=str(failed), errors="0", skipped="0")
    for subject in sorted(found):
        _case(suite, subject, found[subject], command)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: ET.Element, subject: str, findings: list[Finding], command: str) -> None:
    kind = "manifests" if command == "validate" else "models"
    case = ET.SubElement(suite, "testcase", classname=kind, name=neutral(subject), time="0")
    places = [each.origin for each in findings if each.origin is not None]
    file = places[0].path if places else subject if command == "validate" else None
    if file is not None:
        case.set("file", neutral(file))
    errors = [each for each in findings if each.level == "error"]
    if errors:
        lines = [_line(each) for each in errors]
        failure = ET.SubElement(case, "failure", message=lines[0], type=neutral(errors[0].rule))
        failure.text = "\n".join(lines)
    others = [f"{each.level}: {_line(each)}" for each in findings if each.level != "error"]
    if others:
        ET.SubElement(case, "system-out").text = "\n".join(others)


def _line(finding: Finding) -> str:
    place = f"{finding.origin}: " if finding.origin is not None else ""
    return neutral(f"{place}{finding.message}")


def write_junit(findings: Iterable[Finding], subjects: Iterable[str], path: str, *, command: str) -> None:
    """Write the document. Raises ReconcilerError if the file can't be written."""
    write_whole(Path(path), junit_text(findings, subjects, command=command), what="JUnit report", mode=0o666)
