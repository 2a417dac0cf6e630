"""What the one comment or issue of a key says, and when: the report of a plan, or that there is none.

In: a report or its absence, the pipeline's run, and where the text goes. Out: what was done. The text names the commit, the time
and the run that it is about, so that an old plan never looks like a current one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final, Literal

from reconciler import exit_codes
from reconciler.ci.comments import Item, Kept, Posted, marker
from reconciler.ci.github_threads import GITHUB, Issues, PullRequestComments, checked_repository
from reconciler.ci.gitlab_notes import GITLAB, MergeRequestNotes, checked_project
from reconciler.ci.rest import Rest
from reconciler.config.pipeline_run import PipelineRun
from reconciler.report.escape import neutral
from reconciler.report.markdown import render_markdown
from reconciler.report.markdown_parts import code
from reconciler.report.report import Report

MAX_LENGTH: Final = 65_536
"""The longest body of a comment or issue that GitHub accepts, in characters. GitLab accepts more."""

_OUTDATED: Final = "## This plan is outdated"
_COMMIT: Final = re.compile(r"^_.*[Cc]ommit `([0-9a-f]{40,64})(?:-dirty)?`", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """Where a report goes; one per `key`.

    That is the comment on the pull or merge request `number`, or on GitHub without a number the issue with this `title`. `author`
    is the login that the token writes as, None to ask for it. Raises UsageError for a repository or key that can't be used.
    """

    forge: Literal["github", "gitlab"]
    repository: str
    key: str
    number: int | None = None
    title: str | None = None
    author: str | None = None

    def __post_init__(self) -> None:
        marker(self.key)
        (checked_repository if self.forge == "github" else checked_project)(self.repository)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How the forge's API is reached: its URL, "" for the default, a token, and a timeout in seconds."""

    url: str
    token: str
    timeout: float


def post(report: Report, thread: Thread, access: Access, *, run: PipelineRun) -> Posted:
    """Create or update the comment of a thread; keep its issue open exactly while `drift` exits with 2.

    A refused run says neither that there is drift nor that there is none: then an open issue is updated, and none is opened. Raises
    RestError for a call that failed.
    """
    body = body_of(report, thread.key, run=run)
    if thread.number is not None:
        with _kept(thread, access) as kept:
            return kept.put(body)
    exit_code = replace(report, kind="Drift", changes_exit_code=exit_codes.CHANGES).exit_code
    with _issue(thread, access) as (kept, close):
        if exit_code == exit_codes.CHANGES:
            return kept.put(body)
        return kept.end(close) if exit_code == exit_codes.OK else kept.replace(lambda _: body)


def post_outdated(thread: Thread, access: Access, *, run: PipelineRun, at: str) -> Posted:
    """Replace the plan in the comment of a thread, if there is one, by the statement that there is none for this run's commit.

    `at` is the time of the failure.
    """

    def body(found: Item) -> str:
        before = _COMMIT.search(found.text)
        subject = f"of commit {code(run.commit)} " if run.commit else ""
        lines = [
            marker(thread.key),
            _OUTDATED,
            "",
            f"The plan {subject}failed, so there is no current plan. The log of the run has the reason.",
        ]
        if before is not None and before[1] != run.commit:
            lines.append(f"The last plan here was that of commit {code(before[1])}.")
        return "\n".join([*lines, "", _footer(run.commit, at, run)])

    with _kept(thread, access) as kept:
        return kept.replace(body)


def body_of(report: Report, key: str, *, run: PipelineRun) -> str:
    """The marker, the report in Markdown and what it is about, never longer than GitHub accepts."""
    first = f"{marker(key)}\n"
    last = "\n" + _footer(run.commit or report.plan.source.git_commit, report.plan.created_at, run)
    return first + render_markdown(report, budget=MAX_LENGTH - len(first) - len(last.encode())) + last


def _footer(commit: str | None, at: str, run: PipelineRun) -> str:
    parts = [
        f"Commit {code(neutral(commit))}" if commit else "",
        code(neutral(at)),
        f"[run]({run.url})" if run.url else "",
    ]
    return f"_{', '.join(part for part in parts if part)}_\n"


@contextmanager
def _kept(thread: Thread, access: Access) -> Iterator[Kept]:
    api = GITHUB if thread.forge == "github" else GITLAB
    number = thread.number or 0
    with Rest(api=api, url=access.url, token=api.token_from(access.token), timeout=access.timeout) as rest:
        place: PullRequestComments | MergeRequestNotes
        if thread.forge == "github":
            place = PullRequestComments(rest=rest, repository=thread.repository, number=number)
        else:
            place = MergeRequestNotes(rest=rest, project=checked_project(thread.repository), number=number)
        yield Kept(place=place, key=thread.key, author=thread.author or place.viewer())


@contextmanager
def _issue(thread: Thread, access: Access) -> Iterator[tuple[Kept, Callable[[Item], None]]]:
    title = thread.title or ""
    with Rest(api=GITHUB, url=access.url, token=GITHUB.token_from(access.token), timeout=access.timeout) as rest:
        issues = Issues(rest=rest, repository=thread.repository, title=title)
        yield Kept(place=issues, key=thread.key, author=thread.author or issues.viewer(), title=title), issues.close
