"""Resolves the settings of a run from their sources.

Takes the flags, the environment variables, the working directory and the home directory. Returns Settings, in which each
value comes from the first source that states it:

    user_id, app_id   flag, manifest, the chosen environment, reconciler.yaml, CLARIFAI_USER_ID or CLARIFAI_APP_ID,
                      the CLI's context
    endpoint          flag, the chosen environment, CLARIFAI_API_BASE, reconciler.yaml, the CLI's context, the default
    token             see tokens.py
    limits            flag, reconciler.yaml, the default
    others            reconciler.yaml

An empty environment variable counts as not set, because CI systems set the variable of a missing secret to "". Nothing
here reads the environment of the process itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from reconciler.config.cli_context import CliContext, read_cli_context
from reconciler.config.credentials import Token
from reconciler.config.endpoint import DEFAULT_ENDPOINT, Endpoint, parse_endpoint
from reconciler.config.file import RANGES, ConfigFile, read_config
from reconciler.config.tokens import VARIABLE, FoundToken, find_token
from reconciler.errors import ReconcilerError, UsageError
from reconciler.resources.ids import id_problem

ENDPOINT_VARIABLE: Final = "CLARIFAI_API_BASE"
CERTIFICATES_VARIABLE: Final = "CLARIFAI_ROOT_CERTIFICATES_PATH"
_ID_VARIABLES: Final = {"user_id": "CLARIFAI_USER_ID", "app_id": "CLARIFAI_APP_ID"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """The options of the command line that affect settings. None means that an option wasn't given.

    `shards` is the number of jobs that share the rate: the N of `--shard I/N`.
    """

    endpoint: str | None = None
    user_id: str | None = None
    app_id: str | None = None
    environment: str | None = None
    config: str | None = None
    pat_file: str | None = None
    parallelism: int | None = None
    rate: float | None = None
    timeout: float | None = None
    shards: int = 1
    insecure: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits on the calls to the service.

    `rate` is in calls per second, `parallelism` in calls at the same time, `batch` in objects per request and `timeout`
    in seconds per call. 15 calls per second is the documented limit of the service (Clarifai documentation, "Rate
    Limits"). With `--shard I/N`, `rate` is the share of this shard.
    """

    rate: float = 15
    parallelism: int = 8
    batch: int = 32
    timeout: float = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneLimits:
    """Limits on what `--prune` may delete.

    `max_count` is a number of models and `max_percent` a percentage of the models in scope. `protect` are globs of ids
    and names of models that are never deleted. `in_use` lists what is checked for uses of a model before it is deleted:
    "workflows", "deployments".
    """

    max_count: int = 5
    max_percent: float = 10
    protect: tuple[str, ...] = ()
    in_use: tuple[str, ...] = ("workflows", "deployments")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of a run.

    `user_id` and `app_id` apply to manifests that state none. `flag_user_id` and `flag_app_id` are the values of the flags
    alone, which manifests must not contradict. Exactly one of `token` and `token_problem` is set. `variables` are the
    `vars` of the chosen environment. `config_path` is the path of the settings file as the user would write it, None
    without one. `notes` are warnings, each a sentence.
    """

    endpoint: Endpoint
    user_id: str | None = None
    app_id: str | None = None
    flag_user_id: str | None = None
    flag_app_id: str | None = None
    token: Token | None = None
    token_problem: str = ""
    owner: str | None = None
    prune: PruneLimits = field(default_factory=PruneLimits)
    limits: Limits = field(default_factory=Limits)
    environment: str | None = None
    variables: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    config_path: str | None = None
    insecure: bool = False
    root_certificates: Path | None = None
    notes: tuple[str, ...] = ()
    warns_of_unknown_params: bool = False

    def require_token(self) -> Token:
        """Return the access token. Raises ReconcilerError, which says why there is none and how to provide one."""
        if self.token is None:
            raise ReconcilerError(
                self.token_problem or "No access token was found. Set CLARIFAI_PAT to a personal access token."
            )
        return self.token


def settings(*, flags: Flags, environ: Mapping[str, str], cwd: Path, home: Path) -> Settings:
    """Resolve the settings of a run.

    Raises ProblemsError for an invalid reconciler.yaml, UsageError for an invalid flag, and ReconcilerError for an
    invalid value from another source. A missing token isn't an error here; see `Settings.require_token`.
    """
    file = read_config(flags.config, cwd=cwd)
    chosen = file.environment(flags.environment)
    context = read_cli_context(home, environ)
    sources = _Sources(flags=flags, environ=environ, file=file, chosen=chosen, context=context)
    found = find_token(
        pat_env=chosen.get("pat_env"),
        environment=flags.environment,
        pat_file=cwd / flags.pat_file if flags.pat_file else None,
        environ=environ,
        context=context,
    )
    # Paths in flags and variables are relative to the working directory, wherever reconciler.yaml is.
    certificates = environ.get(CERTIFICATES_VARIABLE, "").strip()
    return Settings(
        endpoint=sources.endpoint(),
        user_id=sources.an_id("user_id"),
        app_id=sources.an_id("app_id"),
        flag_user_id=flags.user_id,
        flag_app_id=flags.app_id,
        token=found.token,
        token_problem=_with_environments(found.problem, flags, file),
        owner=file.content.get("owner"),
        prune=_prune(file),
        limits=_limits(flags, file),
        environment=flags.environment,
        variables=MappingProxyType(dict(chosen.get("vars", {}))),
        config_path=file.path,
        insecure=flags.insecure,
        root_certificates=cwd / certificates if certificates else None,
        notes=tuple(_notes(flags, file, found)),
        warns_of_unknown_params=file.section("params").get("unknown") == "warn",
    )


def _with_environments(problem: str, flags: Flags, file: ConfigFile) -> str:
    """Add to the problem with the token that --environment may have been forgotten, if there are environments."""
    # Only without --environment: a chosen environment has already decided which token is used.
    names = sorted(file.section("environments"))
    if not problem or flags.environment is not None or not names:
        return problem
    return f"{problem} {file.path} defines the environments {', '.join(names)}: choose one with --environment."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sources:
    """The sources of settings. A value is validated together with the name of its source, which messages contain."""

    flags: Flags
    environ: Mapping[str, str]
    file: ConfigFile
    chosen: Mapping[str, Any]
    context: CliContext

    def an_id(self, name: str) -> str | None:
        """Return `user_id` or `app_id`, or None if no source states it."""
        variable = _ID_VARIABLES[name]
        flag = f"--{name.replace('_', '-')}"
        candidates = (
            (flag, getattr(self.flags, name)),
            ("reconciler.yaml", self.chosen.get(name)),
            ("reconciler.yaml", self.file.content.get(name)),
            (variable, self.environ.get(variable, "").strip()),
            (self.context.source, self.context.values.get(variable)),
        )
        for source, value in candidates:
            # An empty flag was given deliberately, so it is invalid. Empty values elsewhere count as not set.
            if value is None or (not value and source != flag):
                continue
            problem = id_problem(value)
            if problem is None:
                return str(value)
            error = UsageError if source == flag else ReconcilerError
            raise error(f"The {name} from {source} is invalid: it {problem}. Correct it there.")
        return None

    def endpoint(self) -> Endpoint:
        """Return the endpoint. An invalid value is an error; the next source is never tried in its place."""
        candidates = (
            ("--endpoint", self.flags.endpoint),
            # Before the variable: choosing an environment must decide where a run goes, whatever the shell has set.
            ("reconciler.yaml", self.chosen.get("endpoint")),
            (ENDPOINT_VARIABLE, self.environ.get(ENDPOINT_VARIABLE, "").strip()),
            ("reconciler.yaml", self.file.content.get("endpoint")),
            (self.context.source, self.context.values.get(ENDPOINT_VARIABLE)),
        )
        for source, value in candidates:
            if value is None or (not value and source != "--endpoint"):
                continue
            try:
                return parse_endpoint(value, insecure=self.flags.insecure)
            except UsageError as error:
                if source == "--endpoint":
                    raise
                problem = str(error)
            # Outside the except block, so that the error has no context. A flag is named by its own message.
            raise ReconcilerError(f"{problem} The value comes from {source}.")
        return parse_endpoint(DEFAULT_ENDPOINT)


def _limits(flags: Flags, file: ConfigFile) -> Limits:
    stated = file.section("limits")
    defaults = Limits()
    chosen: dict[str, float] = {}
    for name in ("rate", "parallelism", "batch", "timeout"):
        # There is no flag for `batch`.
        flag = getattr(flags, name, None)
        if flag is not None:
            problem = RANGES[name].problem(flag)
            if problem is not None:
                raise UsageError(f"--{name} {problem}.")
        chosen[name] = flag if flag is not None else stated.get(name, getattr(defaults, name))
    # The service limits the user, and every shard runs as the same user. JSON Schema accepts 8.0 as an integer, hence the floor.
    return Limits(
        rate=chosen["rate"] / flags.shards,
        parallelism=math.floor(chosen["parallelism"]),
        batch=math.floor(chosen["batch"]),
        timeout=chosen["timeout"],
    )


def _prune(file: ConfigFile) -> PruneLimits:
    stated = file.section("prune")
    defaults = PruneLimits()
    return PruneLimits(
        max_count=int(stated.get("max_count", defaults.max_count)),
        max_percent=stated.get("max_percent", defaults.max_percent),
        protect=tuple(stated.get("protect", ())),
        in_use=tuple(stated.get("in_use", defaults.in_use)),
    )


def _notes(flags: Flags, file: ConfigFile, found: FoundToken) -> Iterator[str]:
    yield from (str(problem) for problem in file.warnings)
    # A user who names a file expects that its token is used.
    if flags.pat_file and found.token is not None and not found.token.source.startswith("the file"):
        yield f"--pat-file is ignored: {found.token.source} is set and takes precedence. Unset {VARIABLE} to use the file."
