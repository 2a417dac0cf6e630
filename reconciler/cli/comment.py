"""`reconciler comment`: post a saved plan as a comment on a pull or merge request, and keep that one comment up to date."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Literal

import click

from reconciler.cli.choosing import require_text
from reconciler.cli.help import command as helpful_command
from reconciler.cli.options import CommonOptions, Invocation, common_options
from reconciler.cli.output import echo_json, echo_result, is_page, note
from reconciler.cli.run import reporting_problems
from reconciler.errors import ReconcilerError
from reconciler.report.escape import neutral

if TYPE_CHECKING:
    from reconciler.ci.comments import Posted
    from reconciler.ci.posting import Access, Thread


@helpful_command("comment")
@click.option("--plan", "plan_file", metavar="FILE", help="The saved plan (`reconciler plan --out FILE`).")
@click.option(
    "--failed",
    is_flag=True,
    help="Instead of a plan: the plan failed. An existing comment is replaced by one that says so; none is created.",
)
@click.option(
    "--forge",
    type=click.Choice(["github", "gitlab"]),
    default="github",
    show_default=True,
    help="github: a comment or an issue (GITHUB_TOKEN, GITHUB_API_URL). gitlab: a note on a merge request (GITLAB_TOKEN, "
    "CI_API_V4_URL).",
)
@click.option(
    "--repo",
    callback=require_text,
    metavar="OWNER/NAME",
    help="The repository on GitHub, or the project's path or number on GitLab (default there: CI_PROJECT_ID).",
)
@click.option(
    "--pr",
    type=click.IntRange(min=1),
    metavar="N",
    help="The pull request, or the merge request on GitLab (default there: CI_MERGE_REQUEST_IID).",
)
@click.option(
    "--issue",
    metavar="TITLE",
    help="On GitHub, instead of a comment: keep an issue with this title, open exactly while `drift` exits with 2.",
)
@click.option("--key", default="default", show_default=True, metavar="K", help="One comment or issue is kept per key.")
@click.option(
    "--author",
    callback=require_text,
    metavar="LOGIN",
    help="The login that the token writes as; a comment of anybody else is left alone, whatever it says. Default: the token's own "
    "user, else github-actions[bot].",
)
@common_options()
@reporting_problems
def command(
    common: CommonOptions,
    *,
    plan_file: str | None,
    failed: bool,
    forge: Literal["github", "gitlab"],
    repo: str | None,
    pr: int | None,
    issue: str | None,
    key: str,
    author: str | None,
) -> int:
    """Post a saved plan as one comment on a pull request, and update that comment from then on.

    If there is no plan, because it failed or its file can't be read, an existing comment is replaced by one that says so.
    """
    from reconciler.ci.posting import post, post_outdated
    from reconciler.config.pipeline_run import PipelineRun, pipeline_run
    from reconciler.session import saved_report

    if (plan_file is None) != failed:
        raise click.UsageError("Give one of --plan FILE and --failed.")
    thread = _thread(forge, repo=repo, pr=pr, issue=issue, key=key, author=author)
    if failed and thread.title is not None:
        raise click.UsageError("--failed is for a comment: a drift run that failed says nothing about an --issue.")
    access = _access(forge, timeout=common.timeout or 30)
    run = pipeline_run(os.environ) or PipelineRun()

    def outdated() -> Posted:
        at = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        return post_outdated(thread, access, run=run, at=at)

    if plan_file is None:
        _echo(outdated(), thread, common)
        return 0
    try:
        report = saved_report(plan_file, kind="Plan" if thread.title is None else "Drift")
    except ReconcilerError:
        if thread.title is None:
            try:
                note(common, f"note: there is no plan; an existing comment says so: {outdated().action}")
            except ReconcilerError as error:  # why there is no plan matters more
                note(common, f"note: there is no plan, and an existing comment could not be changed: {error}")
        raise
    _echo(post(report, thread, access, run=run), thread, common)
    return 0


def _thread(
    forge: Literal["github", "gitlab"],
    *,
    repo: str | None,
    pr: int | None,
    issue: str | None,
    key: str,
    author: str | None,
) -> Thread:
    from reconciler.ci.posting import Thread

    if forge == "gitlab":
        if issue is not None:
            raise click.UsageError("--issue is for GitHub. On GitLab, a schedule's failed pipeline reports drift.")
        repo = repo or os.environ.get("CI_PROJECT_ID")
        number = os.environ.get("CI_MERGE_REQUEST_IID", "")
        pr = pr or (int(number) if number.isascii() and number.isdigit() else None)
        if pr is None:
            raise click.UsageError("There is no merge request: give --pr N, or run in a merge request's pipeline.")
    elif (pr is None) == (issue is None):
        raise click.UsageError("Give one of --pr N and --issue TITLE.")
    if issue is not None and not issue.strip():
        raise click.UsageError("The title given with --issue is empty. Give one.")
    if not repo:
        raise click.UsageError("Give --repo, the repository.")
    return Thread(forge=forge, repository=repo, key=key, number=pr, title=issue, author=author)


def _access(forge: Literal["github", "gitlab"], *, timeout: float) -> Access:
    from reconciler.ci.posting import Access

    url, name = ("GITHUB_API_URL", "GITHUB_TOKEN") if forge == "github" else ("CI_API_V4_URL", "GITLAB_TOKEN")
    token = os.environ.get(name, "")
    invocation = click.get_current_context().find_object(Invocation)
    if invocation is not None and token:
        invocation.secrets.add(token)
    return Access(url=os.environ.get(url, ""), token=token, timeout=timeout)


def _echo(posted: Posted, thread: Thread, common: CommonOptions) -> None:
    thing = "Comment" if thread.title is None else "Issue"
    if common.format == "json":
        about = {"repo": thread.repository, "pr": thread.number, "key": thread.key}
        echo_json({"kind": thing, **about, "action": posted.action, "id": posted.number, "url": posted.url})
    elif is_page(common):
        from reconciler.report.results import Result

        sentences = (posted.url or thread.repository,)
        echo_result(Result(title=thing, summary=f"{thing} {posted.action}.", sentences=sentences), common)
    elif not common.quiet:
        click.echo(f"{thing} {posted.action}{f': {neutral(posted.url)}' if posted.url else '.'}")
