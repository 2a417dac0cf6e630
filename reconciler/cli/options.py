"""The options that commands share, as decorators that hand a command one frozen dataclass instead of a dozen arguments.

Only the form of a value is checked here (a range, an empty string, K=V); what an option means together with
`reconciler.yaml`, the environment and the manifests is resolved in `reconciler.config`. An option that was not given
is None or empty, never its default, so that the layers below can tell.

Options stand after the command's name: `reconciler plan --format json PATH`.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final, TypeVar

import click

from reconciler.manifests.selection import Shard

FORMATS: Final = ("text", "json", "markdown", "html")
"""What every command can print; a command with more names them in its `common_options`."""

MAX_SHARDS: Final = 1000

COLOR_CHOICES: Final = ("auto", "always", "never")

Command = TypeVar("Command", bound=Callable[..., Any])
Decorator = Callable[[Command], Command]


@dataclass(slots=True, kw_only=True)
class Invocation:
    """What `main` must still know when a command has failed; it travels as click's context object.

    `command` is the command's name, once it is known. `secrets` are texts that no traceback may show; whoever reads
    a credential adds it.
    """

    command: str = ""
    verbose: int = 0
    secrets: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonOptions:
    """The options that every command takes. None, or "" for nothing, means that the option was not given.

    `rate` is in requests per second, `timeout` in seconds.
    """

    format: str
    endpoint: str | None
    user_id: str | None
    app_id: str | None
    environment: str | None
    config: str | None
    pat_file: str | None
    parallelism: int | None
    rate: float | None
    timeout: float | None
    insecure: bool
    color: str
    verbose: int
    quiet: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """The options of commands that make a plan: what of it is wanted, and what it may delete.

    A model is planned when it matches one of `targets` (all models where there are none) and all of `selectors`.
    """

    targets: tuple[str, ...]
    selectors: tuple[tuple[str, str], ...]
    prune: bool
    prune_scope: str | None
    max_deletes: int | None
    types: str | None
    shard: Shard | None
    out: str | None = None
    detailed_exitcode: bool = False


def _require_text(_ctx: click.Context, _param: click.Parameter, value: Any) -> Any:
    """Refuse an empty text: `--app-id "$UNSET"` in a script must not mean every app."""
    given = value if isinstance(value, tuple) else (value,)
    if any(text is not None and not text.strip() for text in given):
        raise click.BadParameter("the value is empty. Give one, or leave the option out.")
    return value


def _require_positive(most: float) -> Callable[[click.Context, click.Parameter, float | None], float | None]:
    """A check for a finite number above 0 and at most `most`; click's FloatRange lets NaN through."""

    def check(_ctx: click.Context, _param: click.Parameter, value: float | None) -> float | None:
        if value is not None and (not math.isfinite(value) or not 0 < value <= most):
            raise click.BadParameter(f"{value:g} is not in the range 0 < x <= {most:g}.")
        return value

    return check


def _split_selectors(
    _ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    """Split each K=V at its first "="; the value may be empty, the key may not."""
    pairs = []
    for text in values:
        key, equals, label = text.partition("=")
        if not equals or not key:
            raise click.BadParameter(f"{text!r} is not of the form K=V, for example team=vision.")
        pairs.append((key, label))
    return tuple(pairs)


def _read_shard(_ctx: click.Context, _param: click.Parameter, value: str | None) -> Shard | None:
    """Read I/N, from 1/N to N/N."""
    if value is None:
        return None
    number, slash, count = value.partition("/")
    if not (slash and number.isascii() and number.isdigit() and count.isascii() and count.isdigit()):
        raise click.BadParameter(f"{value!r} is not of the form I/N, for example 2/5.")
    if not 1 <= int(number) <= int(count) <= MAX_SHARDS:
        raise click.BadParameter(f"{value!r} is none of 1/N to N/N, with N at most {MAX_SHARDS}.")
    return Shard(number=int(number), count=int(count))


def shard_option() -> Decorator[Any]:
    """Add --shard; the command receives `shard: Shard | None`."""
    return click.option(
        "--shard",
        callback=_read_shard,
        metavar="I/N",
        help="Only part I of N: models are dealt out by app and id, the same in every run, so that N jobs do a fleet.",
    )


def use_color(choice: str, *, isatty: bool, environ: Mapping[str, str]) -> bool:
    """Whether to colour a stream: `choice` is --color, `isatty` whether that stream is a terminal.

    An explicit always or never wins; `auto` colours terminals only, unless NO_COLOR is set to something
    (https://no-color.org) or TERM is "dumb".
    """
    if choice != "auto":
        return choice == "always"
    return isatty and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def _record_verbosity(ctx: click.Context, _param: click.Parameter, value: int) -> int:
    invocation = ctx.find_object(Invocation)
    if invocation is not None:
        invocation.verbose = value
    return value


def verbose_option(*, expose_value: bool = False) -> Decorator[Any]:
    """`-v`; alone it is for a command that takes none of the other common options, which does not see it."""
    return click.option(
        "-v",
        "--verbose",
        count=True,
        expose_value=expose_value,
        callback=_record_verbosity,
        help="Tell more on standard error: -v each call to the service, -vv tracebacks too.",
    )


def _connection_options() -> list[Decorator[Any]]:
    return [
        click.option(
            "--endpoint",
            callback=_require_text,
            metavar="URL",
            help="The service: https://HOST[:PORT], http://HOST:PORT, or embedded[:FILE] for the emulator inside this "
            "process. Default: the environment's endpoint, else CLARIFAI_API_BASE, else endpoint in reconciler.yaml, else the "
            "clarifai CLI's context, else https://api.clarifai.com.",
        ),
        click.option(
            "--user-id",
            callback=_require_text,
            metavar="ID",
            help="The user that owns the app, for manifests that don't state user_id. Default: the environment's, else that in "
            "reconciler.yaml, else CLARIFAI_USER_ID, else the clarifai CLI's context.",
        ),
        click.option(
            "--app-id",
            callback=_require_text,
            metavar="ID",
            help="The app that holds the models, for manifests that don't state app_id. Default: the environment's, else that "
            "in reconciler.yaml, else CLARIFAI_APP_ID, else the clarifai CLI's context.",
        ),
        click.option(
            "--environment",
            callback=_require_text,
            metavar="NAME",
            help="An entry of environments in reconciler.yaml: its ids, endpoint, token and variables go before the others.",
        ),
        click.option(
            "--config",
            callback=_require_text,
            metavar="FILE",
            help="The configuration file. Default: ./reconciler.yaml.",
        ),
        click.option(
            "--pat-file",
            callback=_require_text,
            metavar="FILE",
            help="A file that holds the personal access token, used where CLARIFAI_PAT is not set. Default: the "
            "clarifai CLI's context.",
        ),
        click.option(
            "--insecure",
            is_flag=True,
            help="Allow an http:// endpoint that is not on this machine: nothing is encrypted, the token neither.",
        ),
    ]


def _pace_options() -> list[Decorator[Any]]:
    return [
        click.option(
            "--parallelism",
            type=click.IntRange(1, 64),
            metavar="N",
            help="Calls under way at once, 1 to 64. Default: limits.parallelism in reconciler.yaml, else 8.",
        ),
        click.option(
            "--rate",
            type=float,
            callback=_require_positive(most=1000),
            metavar="N",
            help="Requests per second, at most 1000. Default: limits.rate in reconciler.yaml, else 15.",
        ),
        click.option(
            "--timeout",
            type=float,
            callback=_require_positive(most=3600),
            metavar="S",
            help="Seconds that one call may take, at most 3600. Default: limits.timeout in reconciler.yaml, else 30.",
        ),
    ]


def _output_options(formats: Sequence[str]) -> list[Decorator[Any]]:
    return [
        click.option(
            "--format",
            type=click.Choice(formats),
            default=formats[0],
            show_default=True,
            help="How the result is written to standard output: json is one document, markdown fits into a comment, html "
            "is one page that needs nothing else.",
        ),
        click.option(
            "--color",
            type=click.Choice(COLOR_CHOICES),
            default="auto",
            show_default=True,
            help="Colours: auto means on a terminal only, and never while NO_COLOR is set.",
        ),
        verbose_option(expose_value=True),
        click.option(
            "-q", "--quiet", is_flag=True, help="No progress, notes, warnings on standard error; errors stay."
        ),
    ]


def _apply_options(command: Command, options: Sequence[Decorator[Any]]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


def common_options(*, formats: Sequence[str] = FORMATS) -> Decorator[Any]:
    """Add the options that every command takes; the command receives them as `common: CommonOptions`.

    It also settles the colours of click.echo for the rest of the command. `formats` are the command's choices of
    --format, its default first.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def with_common(*args: Any, **kwargs: Any) -> Any:
            common = CommonOptions(**{each.name: kwargs.pop(each.name) for each in fields(CommonOptions)})
            if common.verbose and common.quiet:
                raise click.UsageError("--verbose and --quiet contradict each other. Give one of them.")
            if common.color != "auto" or not use_color("auto", isatty=True, environ=os.environ):
                click.get_current_context().color = common.color == "always"
            return command(*args, common=common, **kwargs)

        options = [*_output_options(formats), *_connection_options(), *_pace_options()]
        return _apply_options(with_common, options)

    return decorate


def _scope_options() -> list[Decorator[Any]]:
    return [
        click.option(
            "--target",
            "targets",
            callback=_require_text,
            metavar="GLOB",
            multiple=True,
            help="Only models whose address USER/APP/MODEL or id matches; may be given again, one match is enough.",
        ),
        click.option(
            "--selector",
            "selectors",
            callback=_split_selectors,
            metavar="K=V",
            multiple=True,
            help="Only manifests with this label; may be given again, all must match.",
        ),
        click.option(
            "--types",
            callback=_require_text,
            metavar="FILE",
            help="Model types as JSON (what `reconciler get types --format json` prints), used instead of asking the "
            "service.",
        ),
        shard_option(),
    ]


def _prune_options() -> list[Decorator[Any]]:
    return [
        click.option(
            "--prune",
            is_flag=True,
            help="Also delete live models that carry this repository's owner mark and have no manifest, and versions "
            "beyond retain_versions. Off unless given.",
        ),
        click.option(
            "--prune-scope",
            type=click.Choice(["app"]),
            help="With --prune: every model of the app that has no manifest, except those of foreign owners. Needed "
            "where reconciler.yaml names no owner.",
        ),
        click.option(
            "--max-deletes",
            type=click.IntRange(min=0),
            metavar="N",
            help="With --prune: refuse a plan that deletes more than N models and versions. Default: the smaller of "
            "prune.max_count (5) and prune.max_percent (10) of the models in scope, at least 1; versions don't count.",
        ),
    ]


def _out_option() -> Decorator[Any]:
    return click.option(
        "--out",
        callback=_require_text,
        metavar="FILE",
        help="Save the plan as JSON, for `reconciler show FILE` and `reconciler apply --plan FILE`.",
    )


def _detailed_exitcode_option() -> Decorator[Any]:
    return click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 where changes are pending.")


def plan_options(*, out: bool = False, detailed_exitcode: bool = False) -> Decorator[Any]:
    """Add --target, --selector, --types, --prune, --prune-scope and --max-deletes, and where asked for --out and
    --detailed-exitcode; the command receives them as `planning: PlanOptions`.

    A safety option that would do nothing (--max-deletes without --prune) is a usage error.
    """
    options = [*_scope_options(), *_prune_options()]
    if out:
        options.append(_out_option())
    if detailed_exitcode:
        options.append(_detailed_exitcode_option())

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def with_plan(*args: Any, **kwargs: Any) -> Any:
            planning = PlanOptions(
                **{each.name: kwargs.pop(each.name) for each in fields(PlanOptions) if each.name in kwargs}
            )
            if not planning.prune:
                for option, value in (("--prune-scope", planning.prune_scope), ("--max-deletes", planning.max_deletes)):
                    if value is not None:
                        raise click.UsageError(f"{option} does nothing without --prune. Add --prune or drop {option}.")
            return command(*args, planning=planning, **kwargs)

        return _apply_options(with_plan, options)

    return decorate


def paths_argument(*, required: bool = True) -> Decorator[Any]:
    """Add PATH...: files, folders, or "-" for standard input; the command receives `paths: tuple[str, ...]`."""
    return click.argument("paths", nargs=-1, required=required, metavar="PATH...")
