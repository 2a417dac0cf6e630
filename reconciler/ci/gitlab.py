"""GitLab's report of a plan, for `artifacts: reports: terraform`: how many objects a merge request changes.

GitLab reads the keys create, update and delete of a JSON document, whichever tool wrote it (GitLab documentation, "Terraform
integration in merge requests").
"""

from __future__ import annotations

import json
from pathlib import Path

from reconciler.errors import ReconcilerError
from reconciler.plan.plan import Plan


def report_document(plan: Plan) -> dict[str, int]:
    """The report's content. `create` is always 0: this tool creates no models."""
    counts = plan.summary
    return {"create": 0, "update": counts["update"], "delete": counts["delete"]}


def write_report(plan: Plan, path: str) -> None:
    """Write the report. Raises ReconcilerError if the file can't be written."""
    try:
        Path(path).write_text(json.dumps(report_document(plan)) + "\n", encoding="utf-8")
    except OSError as error:
        raise ReconcilerError(f"The GitLab report can't be written to {path}: {error.strerror}.") from error
