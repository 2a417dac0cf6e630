"""What commands share around their call of the session: the session itself, the manifests to read, asking, errors."""

from __future__ import annotations

import functools
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal, TypeVar

import click

from reconciler.cli.options import CommonOptions, Invocation, PlanOptions
from reconciler.cli.output import echo_error, echo_problems, echo_validation_errors, note, terminal_text
from reconciler.cli.progress import status_line, wipe
from reconciler.errors import ProblemsError, ReconcilerError
from reconciler.manifests.selection import Inputs, Shard

if TYPE_CHECKING:
    from reconciler.config import Flags, Setting
    from reconciler.report.report import Report
    from reconciler.session import Session

Callback = TypeVar("Callback", bound=Callable[..., Any])


# --- the session -----------------------------------------------------------------------------------------------


@contextmanager
def open_session(common: CommonOptions, *, connect: bool = True, shard: Shard | None = None) -> Iterator[Session]:
    """A Session, connected to the service unless `connect` is False; the connection is closed at the end.

    A run of one `shard` takes its share of the rate.
    """
    from reconciler.session import Session

    session = Session.from_flags(_flags(common, shards=1 if shard is None else shard.count), os.environ)
    invocation = click.get_current_context().find_object(Invocation)
    if invocation is not None and session.settings.token is not None:
        invocation.secrets.add(session.settings.token.reveal())
    for text in session.settings.notes:
        note(common, f"note: {text}")
    if common.verbose:
        for setting in session.settings.listing:
            note(common, setting_text(setting))
    if not connect:
        yield session
        return
    with (
        _calls_logged(common.verbose),
        status_line(common, rate=session.settings.limits.rate) as line,
        session.connected() as online,
    ):
        yield online if line is None else replace(online, on_plan=line.planned, on_result=line.result)


def setting_text(setting: Setting) -> str:
    """A setting, its value and its source on one line."""
    value = "none" if setting.value is None else setting.value
    return f"{setting.name}: {value if isinstance(value, str) else json.dumps(value)} ({setting.source})"


def in_environment(common: CommonOptions, name: str | None) -> CommonOptions:
    """The options with an environment that a saved plan names, if reconciler.yaml defines it; unchanged without."""
    from reconciler.config.file import read_config
    from reconciler.config.places import working_directory

    file = read_config(common.config, cwd=working_directory())
    return replace(common, environment=name) if name in file.section("environments") else common


def _flags(common: CommonOptions, *, shards: int) -> Flags:
    """The options that settings depend on."""
    from reconciler.config import Flags

    return Flags(
        endpoint=common.endpoint,
        user_id=common.user_id,
        app_id=common.app_id,
        environment=common.environment,
        config=common.config,
        pat_file=common.pat_file,
        parallelism=common.parallelism,
        rate=common.rate,
        timeout=common.timeout,
        shards=shards,
        insecure=common.insecure,
    )


@contextmanager
def _calls_logged(verbose: int) -> Iterator[None]:
    """With -v, log a line on standard error per call to the service; `remote` keeps tokens and secrets out of it."""
    if not verbose:
        yield
        return
    logger = logging.getLogger("reconciler")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO if verbose == 1 else logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(handler)


# --- input -----------------------------------------------------------------------------------------------------


KINDS_TO_RESEND: Final[tuple[Literal["image", "secrets"], ...]] = ("image", "secrets")


def inputs_from(paths: tuple[str, ...], planning: PlanOptions) -> Inputs:
    """What a plan is about, by the command line; standard input is passed on as bytes."""
    return Inputs(
        paths=paths,
        targets=planning.targets,
        excludes=planning.excludes,
        selectors=planning.selectors,
        prune=planning.prune,
        prune_whole_app=planning.prune_scope == "app",
        max_deletes=planning.max_deletes,
        take_over=planning.take_over,
        overrides=planning.overrides,
        resend=frozenset(kind for kind in KINDS_TO_RESEND if {kind, "all"} & set(planning.resend)),
        types=planning.types,
        shard=planning.shard,
        allow_empty=planning.allow_empty,
        allow_unknown_params=planning.allow_unknown_params,
        stdin=standard_input(paths),
    )


def standard_input(paths: tuple[str, ...]) -> BinaryIO | None:
    """The stream behind "-" among `paths`, None if there is no "-". Raises ReconcilerError if it is closed."""
    if "-" not in paths:
        return None
    if sys.stdin is None:
        raise ReconcilerError("Standard input is closed, so '-' can't be read. Give a file, or pipe the manifests in.")
    return sys.stdin.buffer


def has_terminal() -> bool:
    """Whether there is somebody to ask."""
    return sys.stdin is not None and sys.stdin.isatty()


def confirmed(report: Report, common: CommonOptions) -> bool:
    """Show a plan with its warnings on standard error and ask whether to write it."""
    text = terminal_text(report, common, isatty=sys.stderr.isatty())
    wipe()
    if not common.quiet:
        echo_problems(report.warnings, common, label="warning")
    click.echo(text, err=True, nl=False)
    return asked("Write these changes?", outcome=NOTHING_WRITTEN)


NOTHING_WRITTEN: Final = "Nothing was written."


def asked(question: str, *, outcome: str) -> bool:
    """Ask on standard error whether to go on; `outcome` is printed if Ctrl-C or Ctrl-D is the answer, which click then raises."""
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        click.echo(f"\n{outcome}", err=True)
        raise


def declined(outcome: str) -> ReconcilerError:
    """The error of a command that somebody has not confirmed: a script that waits for its result must not go on."""
    return ReconcilerError(f"{outcome} The question was not answered with yes.")


# --- errors ----------------------------------------------------------------------------------------------------


def reporting_problems(callback: Callback) -> Callback:
    """Make a command print its errors in the chosen format, whatever is wrong with its input, and return an exit code."""

    @functools.wraps(callback)
    def reported(*args: Any, common: CommonOptions, **kwargs: Any) -> Any:
        try:
            return callback(*args, common=common, **kwargs)
        except ProblemsError as error:
            echo_validation_errors(error.problems, common)
            return error.exit_code
        except ReconcilerError as error:
            echo_error(str(error), error.exit_code, common)
            return error.exit_code

    return reported  # type: ignore[return-value]
