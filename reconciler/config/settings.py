"""Settings, and where each comes from.

    what            asked in this order
    user_id, app_id flag, the chosen environment, reconciler.yaml, CLARIFAI_USER_ID/CLARIFAI_APP_ID, the CLI's context;
                    a manifest's own ids stand between the flag, which must not contradict them, and the rest
    endpoint        flag, the chosen environment, CLARIFAI_API_BASE, reconciler.yaml, the CLI's context, the public service
    token           see tokens.py
    limits          flag, reconciler.yaml, a default
    the rest        reconciler.yaml alone

An empty environment variable counts as not set: CI systems set variables of missing secrets to "". Everything is passed
in; nothing here looks at the process's own environment.
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
    """The options of a command line that settings depend on; None for what wasn't given."""

    endpoint: str | None = None
    user_id: str | None = None
    app_id: str | None = None
    environment: str | None = None
    config: str | None = None
    pat_file: str | None = None
    parallelism: int | None = None
    rate: float | None = None
    timeout: float | None = None
    insecure: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How hard the service is asked. `rate` is calls per second, `timeout` seconds for one, `batch` objects in one."""

    rate: float = 15
    parallelism: int = 8
    batch: int = 32
    timeout: float = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneLimits:
    """How much pruning may delete: a number of models, a percentage of those in scope, and globs of ids never deleted.

    `in_use` is what is looked at for users of a model before it is deleted: "workflows", "deployments".
    """

    max_count: int = 5
    max_percent: float = 10
    protect: tuple[str, ...] = ()
    in_use: tuple[str, ...] = ("workflows", "deployments")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All that a run is told besides its manifests.

    `user_id` and `app_id` are for manifests that state none, flags included; `flag_user_id` and `flag_app_id` are the flags
    alone, which a manifest must not contradict. `config_path` is reconciler.yaml as the user would write it, None without
    one. `notes` are remarks for a person, each a sentence.
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

    def require_token(self) -> Token:
        """The access token. Raises ReconcilerError that says where one could be, or why the one that is can't be used."""
        if self.token is None:
            raise ReconcilerError(self.token_problem or "No access token was found. Set CLARIFAI_PAT to one.")
        return self.token


def settings(*, flags: Flags, environ: Mapping[str, str], cwd: Path, home: Path) -> Settings:
    """Resolve the settings of a run.

    Raises ProblemsError for a wrong reconciler.yaml, UsageError for a wrong flag, ReconcilerError for a wrong variable; never
    for a missing token.
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
    )


def _with_environments(problem: str, flags: Flags, file: ConfigFile) -> str:
    """The problem with the token, and that an environment with one of its own may have been forgotten."""
    names = sorted(file.section("environments"))
    if not problem or flags.environment is not None or not names:
        return problem
    return f"{problem} {file.path} has the environments {', '.join(names)}: choose one with --environment."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sources:
    """Everywhere a setting can be; each value found is checked with the name of its place."""

    flags: Flags
    environ: Mapping[str, str]
    file: ConfigFile
    chosen: Mapping[str, Any]
    context: CliContext

    def an_id(self, name: str) -> str | None:
        """`user_id` or `app_id`, None where nobody states it."""
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
            if value is None or (not value and source != flag):
                continue
            problem = id_problem(value)
            if problem is None:
                return str(value)
            error = UsageError if source == flag else ReconcilerError
            raise error(f"The {name} from {source} {problem}. Correct it there.")
        return None

    def endpoint(self) -> Endpoint:
        """The endpoint; one that is stated and can't be used is an error, never passed over."""
        candidates = (
            ("--endpoint", self.flags.endpoint),
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
            raise ReconcilerError(f"{problem} (It comes from {source}.)")
        return parse_endpoint(DEFAULT_ENDPOINT)


def _limits(flags: Flags, file: ConfigFile) -> Limits:
    stated = file.section("limits")
    defaults = Limits()
    chosen: dict[str, float] = {}
    for name in ("rate", "parallelism", "batch", "timeout"):
        flag = getattr(flags, name, None)
        if flag is not None:
            problem = RANGES[name].problem(flag)
            if problem is not None:
                raise UsageError(f"--{name} {problem}.")
        chosen[name] = flag if flag is not None else stated.get(name, getattr(defaults, name))
    return Limits(
        rate=chosen["rate"],
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
    if flags.pat_file and found.token is not None and not found.token.source.startswith("the file"):
        yield f"--pat-file is not read: {found.token.source} is set and comes first. Unset {VARIABLE} to use the file."
