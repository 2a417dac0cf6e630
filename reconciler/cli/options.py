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
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import click

from reconciler.cli import completing
from reconciler.cli.choosing import require_text, selection_options

if TYPE_CHECKING:
    from reconciler.manifests.selection import Shard

FORMATS: Final = ("text", "json", "markdown", "html")
"""The formats of every command; a command with others names them in its `common_options`."""

MAX_SHARDS: Final = 1000

COLOR_CHOICES: Final = ("auto", "always", "never")

Command = TypeVar("Command", bound=Callable[..., Any])
Decorator = Callable[[Command], Command]


@dataclass(slots=True, kw_only=True)
class Invocation:
    """What `main` must know when a command has failed; it is click's context object.

    `command` is the command's name, once it is known. `secrets` are texts that no traceback may show; whoever reads a
    credential adds it.
    """

    command: str = ""
    verbose: int = 0
    secrets: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonOptions:
    """The options that every command takes. None means that an option was not given.

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
    """The options of commands that make a plan: which models it is about, and what it may delete.

    A model is planned if it matches one of `targets` (or there are none), none of `excludes`, and all of `selectors`.
    """

    targets: tuple[str, ...]
    excludes: tuple[str, ...]
    selectors: tuple[tuple[str, str], ...]
    prune: bool
    prune_scope: str | None
    max_deletes: int | None
    take_over: tuple[str, ...]
    overrides: tuple[str, ...]
    resend: tuple[Literal["image", "secrets", "all"], ...]
    types: str | None
    shard: Shard | None
    allow_empty: bool = False
    allow_unknown_params: bool = False
    out: str | None = None
    detailed_exitcode: bool = False


def _require_positive(most: float) -> Callable[[click.Context, click.Parameter, float | None], float | None]:
    """A check for a finite number above 0 and at most `most`; click's FloatRange lets NaN through."""

    def check(_ctx: click.Context, _param: click.Parameter, value: float | None) -> float | None:
        if value is not None and (not math.isfinite(value) or not 0 < value <= most):
            raise click.BadParameter(f"{value:g} must be above 0 and at most {most:g}.")
        return value

    return check


def _read_shard(_ctx: click.Context, _param: click.Parameter, value: str | None) -> Shard | None:
    """Read I/N, from 1/N to N/N."""
    from reconciler.manifests.selection import Shard

    if value is None:
        return None
    number, slash, count = value.partition("/")
    if not (slash and number.isascii() and number.isdigit() and count.isascii() and count.isdigit()):
        raise click.BadParameter(f"{value!r} is not of the form I/N, for example 2/5.")
    if not 1 <= int(number) <= int(count) <= MAX_SHARDS:
        raise click.BadParameter(f"{value!r} must be between 1/N and N/N, with N at most {MAX_SHARDS}.")
    return Shard(number=int(number), count=int(count))


def shard_option() -> Decorator[Any]:
    """Add --shard; the command receives `shard: Shard | None`."""
    return click.option(
        "--shard",
        callback=_read_shard,
        metavar="I/N",
        help="Only part I of N of the models, to split the work across N jobs. Parts are made by app and id, the same in every run.",
    )


def allow_empty_option() -> Decorator[Any]:
    """Add --allow-empty; the command receives `allow_empty: bool`."""
    return click.option(
        "--allow-empty",
        is_flag=True,
        help="Only warn if there is no manifest at all; without it that is an error, because the path is likely wrong.",
    )


def allow_unknown_params_option() -> Decorator[Any]:
    """Add --allow-unknown-params; the command receives `allow_unknown_params: bool`."""
    return click.option(
        "--allow-unknown-params",
        is_flag=True,
        help="Only warn of params that the model's type doesn't declare and the live version doesn't have. Default: params.unknown "
        "in reconciler.yaml, else they are errors.",
    )


def unmanaged_option() -> Decorator[Any]:
    """Add --unmanaged; the command receives `unmanaged: bool`."""
    return click.option(
        "--unmanaged",
        is_flag=True,
        help="Also list the live models of the apps that no manifest names, with their owners.",
    )


def use_color(choice: str, *, isatty: bool, environ: Mapping[str, str]) -> bool:
    """Whether to colour a stream: `choice` is --color, `isatty` says whether the stream is a terminal.

    An explicit always or never takes precedence; `auto` colours terminals only, unless NO_COLOR is set and not empty
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
    """`-v` by itself, for a command that takes none of the other common options; it doesn't receive the value."""
    return click.option(
        "-v",
        "--verbose",
        count=True,
        expose_value=expose_value,
        callback=_record_verbosity,
        help="Increase verbosity on standard error: -v says where each setting comes from and logs each call to the service, -vv shows tracebacks too.",
    )


def _connection_options() -> list[Decorator[Any]]:
    return [
        click.option(
            "--endpoint",
            callback=require_text,
            metavar="URL",
            help="The service: https://HOST[:PORT], http://HOST:PORT, or embedded[:FILE] for an emulator in this process. "
            "Default: the first that is set of CLARIFAI_API_BASE, the environment's endpoint and endpoint in reconciler.yaml, else "
            "https://api.clarifai.com.",
        ),
        click.option(
            "--user-id",
            callback=require_text,
            metavar="ID",
            help="The user that owns the app, for manifests that don't state user_id. Default: the first that is set of user_id in "
            "the environment, user_id in reconciler.yaml, CLARIFAI_USER_ID and the clarifai CLI's context.",
        ),
        click.option(
            "--app-id",
            callback=require_text,
            metavar="ID",
            help="The app that holds the models, for manifests that don't state app_id. Default: the first that is set of app_id in "
            "the environment, app_id in reconciler.yaml, CLARIFAI_APP_ID and the clarifai CLI's context.",
        ),
        click.option(
            "--environment",
            callback=require_text,
            shell_complete=completing.environments,
            metavar="NAME",
            help="An entry of environments in reconciler.yaml; its ids, endpoint, token and variables take precedence over the rest of "
            "the file. A manifest that states other ids is an error.",
        ),
        click.option(
            "--config",
            callback=require_text,
            metavar="FILE",
            help="The configuration file. Default: the nearest reconciler.yaml in the working directory and the folders above it, up "
            "to the one that contains .git.",
        ),
        click.option(
            "--pat-file",
            callback=require_text,
            metavar="FILE",
            help="A file with the personal access token, used if CLARIFAI_PAT is not set. Default: the clarifai CLI's context.",
        ),
        click.option(
            "--insecure",
            is_flag=True,
            help="Allow an http:// endpoint on another machine. Nothing is encrypted, not even the token.",
        ),
    ]


def _pace_options() -> list[Decorator[Any]]:
    return [
        click.option(
            "--parallelism",
            type=click.IntRange(1, 64),
            metavar="N",
            help="Calls at the same time, 1 to 64. Default: limits.parallelism in reconciler.yaml, else 8.",
        ),
        click.option(
            "--rate",
            type=float,
            callback=_require_positive(most=1000),
            metavar="N",
            help="Requests per second, at most 1000; with --shard I/N, of all N jobs together. Default: limits.rate in reconciler.yaml, else 15.",
        ),
        click.option(
            "--timeout",
            type=float,
            callback=_require_positive(most=3600),
            metavar="S",
            help="Timeout of one call in seconds, at most 3600. Default: limits.timeout in reconciler.yaml, else 30.",
        ),
    ]


def _output_options(formats: Sequence[str]) -> list[Decorator[Any]]:
    return [
        click.option(
            "--format",
            type=click.Choice(formats),
            default=formats[0],
            show_default=True,
            help="The format of the result on standard output: json is one document, markdown fits into a comment, html is one "
            "self-contained page.",
        ),
        click.option(
            "--color",
            type=click.Choice(COLOR_CHOICES),
            default="auto",
            show_default=True,
            help="Colours: auto means on a terminal only, unless NO_COLOR is set.",
        ),
        verbose_option(expose_value=True),
        click.option(
            "-q", "--quiet", is_flag=True, help="Print no progress, notes or warnings on standard error, only errors."
        ),
    ]


def _apply_options(command: Command, options: Sequence[Decorator[Any]]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


def common_options(*, formats: Sequence[str] = FORMATS) -> Decorator[Any]:
    """Add the options that every command takes; the command receives them as `common: CommonOptions`.

    It also sets the colours of click.echo for the rest of the command. `formats` are the command's choices of --format, with
    the default first.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def with_common(*args: Any, **kwargs: Any) -> Any:
            common = CommonOptions(**{each.name: kwargs.pop(each.name) for each in fields(CommonOptions)})
            if common.verbose and common.quiet:
                raise click.UsageError("--verbose and --quiet contradict each other. Give one of them.")
            # Under "auto" click itself strips colours where there is no terminal, but it ignores NO_COLOR.
            if common.color != "auto" or not use_color("auto", isatty=True, environ=os.environ):
                click.get_current_context().color = common.color == "always"
            return command(*args, common=common, **kwargs)

        options = [*_output_options(formats), *_connection_options(), *_pace_options()]
        return _apply_options(with_common, options)

    return decorate


def _scope_options() -> list[Decorator[Any]]:
    return [
        *selection_options(),
        click.option(
            "--types",
            callback=require_text,
            metavar="FILE",
            help="Use the model types in this file (from `reconciler get types --format json`) instead of asking the service.",
        ),
        shard_option(),
        allow_empty_option(),
        allow_unknown_params_option(),
    ]


def _resend_option() -> Decorator[Any]:
    return click.option(
        "--resend",
        type=click.Choice(["image", "secrets", "all"]),
        multiple=True,
        help="Also send stated images, or secret params, that the live state doesn't show as they were sent, instead of "
        "reporting them as not comparable. Can be repeated.",
    )


def _prune_options() -> list[Decorator[Any]]:
    return [
        click.option(
            "--prune",
            is_flag=True,
            help="Also delete live models that have this repository's owner mark and no manifest, and versions beyond "
            "retain_versions. Without it nothing is deleted.",
        ),
        click.option(
            "--prune-scope",
            type=click.Choice(["app"]),
            help="With --prune: delete every model of the app that has no manifest, except those of other owners. Required if "
            "reconciler.yaml names no owner.",
        ),
        click.option(
            "--take-over",
            multiple=True,
            callback=require_text,
            metavar="GLOB",
            help="Take over models that carry another owner's mark: models with a manifest whose id, APP/ID or USER/APP/ID "
            "matches. The plan shows the changed mark. Can be repeated.",
        ),
        click.option(
            "--override",
            "overrides",
            multiple=True,
            callback=require_text,
            metavar="RULE",
            help="Let through what this rule of a policy refuses. Every report shows it. Can be repeated.",
        ),
        click.option(
            "--max-deletes",
            type=click.IntRange(min=0),
            metavar="N",
            help="With --prune: refuse a plan that deletes more than N models and versions. Default: the smaller of "
            "prune.max_count (5) and prune.max_percent (10) of the models in scope, at least 1, not counting versions.",
        ),
    ]


def _out_option() -> Decorator[Any]:
    return click.option(
        "-o",
        "--out",
        callback=require_text,
        metavar="FILE",
        help="Save the plan as JSON, for `reconciler show FILE` and `reconciler apply --plan FILE`.",
    )


def _detailed_exitcode_option() -> Decorator[Any]:
    return click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 if changes are pending.")


def plan_options(*, out: bool = False, detailed_exitcode: bool = False) -> Decorator[Any]:
    """Add --target, --exclude, --selector, --types, --shard, --allow-empty, --prune, --prune-scope and --max-deletes, and on request --out and
    --detailed-exitcode; the command receives them as `planning: PlanOptions`.

    A safety option that would do nothing (--max-deletes without --prune) is a usage error.
    """
    options = [*_scope_options(), _resend_option(), *_prune_options()]
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
                        raise click.UsageError(
                            f"{option} does nothing without --prune. Add --prune, or leave out {option}."
                        )
            return command(*args, planning=planning, **kwargs)

        return _apply_options(with_plan, options)

    return decorate


def paths_argument(*, required: bool = True) -> Decorator[Any]:
    """Add PATH...: files, folders, or "-" for standard input; the command receives `paths: tuple[str, ...]`."""
    return click.argument("paths", nargs=-1, required=required, metavar="PATH...")
