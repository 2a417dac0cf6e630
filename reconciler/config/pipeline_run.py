"""The pipeline that this process runs in, by the variables that GitHub and GitLab set: the commit, the actor, the run's page.

In: environment variables, and on GitHub the event's file. Out: a PipelineRun, or None elsewhere. It never asks git or the
network, and a commit or URL of an unexpected form is taken for absent, because it ends up in a link.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_URL: Final = re.compile(r"https?://[A-Za-z0-9.\-:\[\]]+(?:/[A-Za-z0-9._~%\-]+)*/?")


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineRun:
    """Where a run in a pipeline comes from; what is unknown is None. `url` is a page for people, `actor` any text."""

    commit: str | None = None
    actor: str | None = None
    url: str | None = None


def pipeline_run(environ: Mapping[str, str]) -> PipelineRun | None:
    """The run that this environment is of, None outside of pipelines.

    The variables are documented by GitHub ("Variables reference") and by GitLab ("Predefined CI/CD variables reference"). On a
    pull request, GITHUB_SHA is a merge that nobody has seen; the commit is the head that was pushed.
    """
    if environ.get("GITHUB_ACTIONS") == "true":
        return PipelineRun(
            commit=_matching(_COMMIT, _pushed_head(environ) or environ.get("GITHUB_SHA")),
            actor=environ.get("GITHUB_ACTOR") or None,
            url=_matching(_URL, _github_url(environ)),
        )
    if environ.get("GITLAB_CI") == "true":
        return PipelineRun(
            # In a pipeline of merged results CI_COMMIT_SHA is a merge; this one is set there alone.
            commit=_matching(
                _COMMIT, environ.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") or environ.get("CI_COMMIT_SHA")
            ),
            actor=environ.get("GITLAB_USER_LOGIN") or None,
            url=_matching(_URL, environ.get("CI_JOB_URL") or environ.get("CI_PIPELINE_URL")),
        )
    return None


def _github_url(environ: Mapping[str, str]) -> str | None:
    names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    server, repository, run = (environ.get(name) for name in names)
    if not (server and repository and run):
        return None
    attempt = environ.get("GITHUB_RUN_ATTEMPT", "1")
    return f"{server}/{repository}/actions/runs/{run}" + (f"/attempts/{attempt}" if attempt != "1" else "")


def _pushed_head(environ: Mapping[str, str]) -> str | None:
    """The head of the pull request in the event's file, None without one."""
    try:
        event = json.loads(Path(environ.get("GITHUB_EVENT_PATH") or "").read_text(encoding="utf-8"))
        head = event["pull_request"]["head"]["sha"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return head if isinstance(head, str) else None


def _matching(form: re.Pattern[str], text: str | None) -> str | None:
    return text if text is not None and form.fullmatch(text) else None
