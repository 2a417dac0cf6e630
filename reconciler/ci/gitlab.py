"""GitLab's report of a plan, for `artifacts: reports: terraform`: how many objects a merge request changes.

GitLab reads the keys create, update and delete of a JSON document, whichever tool wrote it (GitLab documentation, "Terraform
integration in merge requests").
"""

from __future__ import annotations

import json
from pathlib import Path

from reconciler.plan.plan import Plan
from reconciler.state.whole_files import write_whole


def report_document(plan: Plan) -> dict[str, int]:
    """The report's content. `create` is always 0: this tool creates no models."""
    counts = plan.summary
    return {"create": 0, "update": counts["update"], "delete": counts["delete"]}


def write_report(plan: Plan, path: str) -> None:
    """Write the report. Raises ReconcilerError if the file can't be written."""
    write_whole(Path(path), json.dumps(report_document(plan)) + "\n", what="GitLab report", mode=0o666)
