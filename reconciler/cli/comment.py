"""`reconciler comment`: post a saved plan as a pull-request comment, and keep that one comment up to date."""

from __future__ import annotations

import os

import click

from reconciler.cli.options import CommonOptions, Invocation, common_options
from reconciler.cli.output import echo_json, echo_result, is_page
from reconciler.cli.run import reporting_problems
from reconciler.report.escape import neutral


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
    """Post a saved plan as one comment on a pull request, and update that comment from then on.

    The token is GITHUB_TOKEN; the URL of the API is GITHUB_API_URL (default: https://api.github.com).
    """
    if (pr is None) == (issue is None):
        raise click.UsageError("Give one of --pr N and --issue TITLE.")
    if issue is not None and not issue.strip():
        raise click.UsageError("The title given with --issue is empty. Give one.")
    from reconciler.ci.comments import Thread, post
    from reconciler.session import saved_report

    thread = Thread(repository=repo, key=key, pull_request=pr, title=issue)
    token = os.environ.get("GITHUB_TOKEN", "")
    invocation = click.get_current_context().find_object(Invocation)
    if invocation is not None and token:
        invocation.secrets.add(token)
    report = saved_report(plan_file, kind="Drift" if pr is None else "Plan")
    posted = post(report, thread, url=os.environ.get("GITHUB_API_URL", ""), token=token, timeout=common.timeout or 30)
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
