"""`--webhook-env`: one message about a run to an address that an environment variable contains."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from reconciler import exit_codes
from reconciler.cli.choosing import require_text
from reconciler.cli.options import CommonOptions, Invocation
from reconciler.cli.output import note
from reconciler.cli.pipeline import Outcome
from reconciler.errors import ReconcilerError

Callback = TypeVar("Callback", bound=Callable[..., Any])


def notifying_webhook(callback: Callback) -> Callback:
    """Add --webhook-env. It goes below `reporting_to_pipeline`, whose `outcome` it reads."""

    @click.option(
        "--webhook-env",
        callback=_require_own_name,
        metavar="NAME",
        help="Post one message with the counts and a link to the run to the https:// address in this environment variable: JSON that "
        "Slack, Teams and others take. A failure is a warning, and the address is never printed.",
    )
    @functools.wraps(callback)
    def notified(*args: Any, webhook_env: str | None, common: CommonOptions, outcome: Outcome, **kwargs: Any) -> Any:
        if webhook_env is None:
            return callback(*args, common=common, outcome=outcome, **kwargs)
        # Whoever knows the address can post there: it is taken out of the environment, where a manifest or git could read it.
        address = os.environ.pop(webhook_env, "").strip()
        invocation = click.get_current_context().find_object(Invocation)
        if invocation is not None and address:
            invocation.secrets.add(address)
        try:
            code = callback(*args, common=common, outcome=outcome, **kwargs)
        except ReconcilerError as error:
            _notify(webhook_env, address, outcome, exit_code=error.exit_code, common=common)
            raise
        _notify(webhook_env, address, outcome, exit_code=code or exit_codes.OK, common=common)
        return code

    return notified  # type: ignore[return-value]


def _require_own_name(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    value = require_text(ctx, param, value)
    if value is not None and value.startswith("CLARIFAI_"):
        raise click.BadParameter(
            f"{value} is a setting of this tool. Give a variable that contains the webhook's address."
        )
    return value


def _notify(name: str, address: str, outcome: Outcome, *, exit_code: int, common: CommonOptions) -> None:
    from reconciler.ci.webhook import deliver, message
    from reconciler.config.pipeline_run import pipeline_run

    run = pipeline_run(os.environ)
    command = click.get_current_context().info_name or ""
    if address:
        document = message(outcome.report, command=command, exit_code=exit_code, link=None if run is None else run.url)
        problem = deliver(address, document)
    else:
        problem = "the variable is not set, as in a pull request from a fork"
    if problem is not None:
        note(common, f"warning: the webhook of {name} was not notified: {problem}.")
