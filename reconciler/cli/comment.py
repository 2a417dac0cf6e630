"""`reconciler comment`: post a saved plan as a pull-request comment, and keep that one comment up to date."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import CommonOptions, Invocation, common_options
from reconciler.cli.output import echo_result, is_page
from reconciler.cli.run import echo_json, reporting_problems
from reconciler.report.escape import neutral

if TYPE_CHECKING:
    from reconciler.ci.comments import Posted


@click.command("comment")
@click.option(
    "--plan", "plan_file", metavar="FILE", required=True, help="The saved plan (`reconciler plan --out FILE`)."
)
@click.option("--repo", metavar="OWNER/NAME", required=True, help="The repository on GitHub.")
@click.option("--pr", type=click.IntRange(min=1), metavar="N", help="The pull request to comment on.")
@click.option(
    "--issue",
    metavar="TITLE",
    help="Instead of a comment, keep one open issue with this title; it is closed when the plan is empty.",
)
@click.option("--key", default="default", show_default=True, metavar="K", help="One comment or issue is kept per key.")
@common_options()
@reporting_problems
def command(common: CommonOptions, *, plan_file: str, repo: str, pr: int | None, issue: str | None, key: str) -> int:
    """Post a saved plan as one comment on a pull request, and change that comment from then on.

    The token is GITHUB_TOKEN, the API's address GITHUB_API_URL (default: https://api.github.com).
    """
    if (pr is None) == (issue is None):
        raise click.UsageError("Give one of --pr N and --issue TITLE.")
    if issue is not None and not issue.strip():
        raise click.UsageError("--issue needs a title.")
    posted = _posted(plan_file, repo, pr, issue, key, common.timeout)
    thing = "Issue" if pr is None else "Comment"
    if common.format == "json":
        about = {"repo": repo, "pr": pr, "key": key, "action": posted.action, "id": posted.number, "url": posted.url}
        echo_json({"kind": thing, **about})
    elif is_page(common):
        from reconciler.report.results import Result

        echo_result(Result(title=thing, summary=f"{thing} {posted.action}.", sentences=(posted.url or repo,)), common)
    elif not common.quiet:
        click.echo(f"{thing} {posted.action}{f': {neutral(posted.url)}' if posted.url else '.'}")
    return 0


def _posted(plan_file: str, repo: str, pr: int | None, issue: str | None, key: str, timeout: float | None) -> Posted:
    from reconciler.ci.comments import body_of, checked_repository, marker, put_comment, put_issue
    from reconciler.ci.rest import DEFAULT_URL, Rest, token_from
    from reconciler.plan.saved import read_plan
    from reconciler.report.report import Report

    marker(key)
    repository = checked_repository(repo)
    token = os.environ.get("GITHUB_TOKEN", "")
    invocation = click.get_current_context().find_object(Invocation)
    if invocation is not None and token:
        invocation.secrets.add(token)
    plan = read_plan(plan_file)
    report = Report(kind="Drift" if pr is None else "Plan", plan=plan, warnings=plan.warnings)
    url = os.environ.get("GITHUB_API_URL", "") or DEFAULT_URL
    with Rest(url=url, token=token_from(token), timeout=timeout or 30) as rest:
        if pr is not None:
            return put_comment(rest, repository, pr, key=key, body=body_of(report, key))
        body = body_of(report, key) if report.plan.has_changes else None
        return put_issue(rest, repository, key=key, title=issue or "", body=body)
