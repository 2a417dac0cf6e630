"""Problems of manifests as JUnit XML, which GitLab, Jenkins and most other CI systems show.

In: problems, and the files that were read. Out: a document with one test case per file, failed where the file has problems. Text
is made printable first, because XML 1.0 can't contain control characters at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from xml.etree import ElementTree as ET

from reconciler.errors import Problem
from reconciler.report.escape import neutral
from reconciler.state.whole_files import write_whole


def junit_text(problems: Iterable[Problem], files: Iterable[str]) -> str:
    """The document: a test case for each of `files`, and for each file with a problem."""
    found = {path: list(group) for path, group in groupby(sorted(problems, key=_path), key=_path)}
    names = sorted({*files, *found})
    suite = ET.Element("testsuite", name="reconciler validate", tests=str(len(names)), failures=str(len(found)))
    for name in names:
        case = ET.SubElement(suite, "testcase", classname="manifests", name=neutral(name), file=neutral(name))
        if name in found:
            lines = [neutral(str(problem)) for problem in found[name]]
            failure = ET.SubElement(case, "failure", message=lines[0], type=found[name][0].code)
            failure.text = "\n".join(lines)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def write_junit(problems: Iterable[Problem], files: Iterable[str], path: str) -> None:
    """Write the document. Raises ReconcilerError if the file can't be written."""
    write_whole(Path(path), junit_text(problems, files), what="JUnit report", mode=0o666)


def _path(problem: Problem) -> str:
    return problem.origin.path
