"""The commit, actor and page of a run, as GitHub and GitLab give them; a value that isn't of its form is no value."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.config.pipeline_run import PipelineRun, pipeline_run

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_ACTOR": "dependabot[bot]",
    "GITHUB_SHA": "a" * 40,
    "GITHUB_SERVER_URL": "https://github.example:8443",
    "GITHUB_REPOSITORY": "acme/models.v2",
    "GITHUB_RUN_ID": "12",
    "GITHUB_RUN_ATTEMPT": "1",
}
GITLAB = {
    "GITLAB_CI": "true",
    "GITLAB_USER_LOGIN": "jane.doe",
    "CI_COMMIT_SHA": "a" * 40,
    "CI_JOB_URL": "https://gitlab.example/acme/models/-/jobs/5",
}
RUN = "https://github.example:8443/acme/models.v2/actions/runs/12"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"GITHUB_ACTIONS": "false", "GITHUB_SHA": "a" * 40}, None),
        (GITHUB, PipelineRun(commit="a" * 40, actor="dependabot[bot]", url=RUN)),
        (
            {**GITHUB, "GITHUB_RUN_ATTEMPT": "3"},
            PipelineRun(commit="a" * 40, actor="dependabot[bot]", url=f"{RUN}/attempts/3"),
        ),
        ({"GITHUB_ACTIONS": "true"}, PipelineRun()),
        (
            {**GITHUB, "GITHUB_SHA": "main`", "GITHUB_ACTOR": "", "GITHUB_SERVER_URL": "javascript:alert(1)//"},
            PipelineRun(),
        ),
        (GITLAB, PipelineRun(commit="a" * 40, actor="jane.doe", url=GITLAB["CI_JOB_URL"])),
        (
            {**GITLAB, "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": "b" * 40},
            PipelineRun(commit="b" * 40, actor="jane.doe", url=GITLAB["CI_JOB_URL"]),
        ),
        (
            {**GITLAB, "CI_JOB_URL": "", "CI_PIPELINE_URL": "https://gitlab.example/-/pipelines/1"},
            PipelineRun(commit="a" * 40, actor="jane.doe", url="https://gitlab.example/-/pipelines/1"),
        ),
    ],
)
def test_each_forge_says_it_by_its_own_variables(environ: dict[str, str], expected: PipelineRun | None) -> None:
    assert pipeline_run(environ) == expected


@pytest.mark.parametrize(
    ("text", "commit"),
    [
        (json.dumps({"pull_request": {"head": {"sha": "b" * 40}}}), "b" * 40),
        (json.dumps({"pull_request": {"head": {"sha": 5}}}), "a" * 40),
        (json.dumps({"pull_request": None}), "a" * 40),
        ("[]", "a" * 40),
        ("{", "a" * 40),
    ],
)
def test_a_pull_request_is_about_the_head_that_was_pushed(tmp_path: Path, text: str, commit: str) -> None:
    event = tmp_path / "event.json"
    event.write_text(text, encoding="utf-8")
    found = pipeline_run({**GITHUB, "GITHUB_EVENT_PATH": str(event)})
    assert found is not None
    assert found.commit == commit
