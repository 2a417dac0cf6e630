"""Resolves the settings of a run from their sources.

Takes the flags, the environment variables, the working directory and the home directory. Returns Settings, in which each
value comes from the first source that states it:

    user_id, app_id   flag, manifest, the chosen environment, reconciler.yaml, CLARIFAI_USER_ID or CLARIFAI_APP_ID,
                      the CLI's context
    endpoint          flag, CLARIFAI_API_BASE, the chosen environment, reconciler.yaml, the default
    token             see tokens.py
    limits            flag, reconciler.yaml, the default
    others            reconciler.yaml

An empty environment variable counts as not set, because CI systems set the variable of a missing secret to "". Nothing
here reads the environment of the process itself. `Settings.listing` names the source of every value.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from reconciler.config.cli_context import read_cli_context
from reconciler.config.credentials import Token
from reconciler.config.endpoint import Endpoint, parse_endpoint
from reconciler.config.file import RANGES, ConfigFile, read_config
from reconciler.config.references import References
from reconciler.config.sources import ENDPOINT_VARIABLE, NOT_SET, FoundEndpoint, Setting, Sources
from reconciler.config.tokens import VARIABLE, FoundToken, find_token
from reconciler.config.trust import is_clarifai, trust_problem
from reconciler.errors import ReconcilerError, UsageError
from reconciler.resources.fields import MOST_ENTRIES

CERTIFICATES_VARIABLE: Final = "CLARIFAI_ROOT_CERTIFICATES_PATH"


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
    batch: int = MOST_ENTRIES
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
    alone, and `environment_ids` those that the chosen environment states, by name: manifests must contradict neither.
    Exactly one of `token` and `token_problem` is set; `needs_token` is False for an endpoint that may work without.
    `endpoint_problem` says why the endpoint must not be used, if so. `references` are the rules for `${env:…}`, and
    `variables` the `vars` of the chosen environment. `config_path` is the path of the settings file as the user would write
    it, None without one; the state folder lies in `root`. `notes` are warnings, each a sentence. `listing` has every setting
    with its source.
    """

    endpoint: Endpoint
    user_id: str | None = None
    app_id: str | None = None
    flag_user_id: str | None = None
    flag_app_id: str | None = None
    environment_ids: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    endpoint_problem: str | None = None
    token: Token | None = None
    token_problem: str = ""
    needs_token: bool = True
    references: References = field(default_factory=References)
    owner: str | None = None
    prune: PruneLimits = field(default_factory=PruneLimits)
    limits: Limits = field(default_factory=Limits)
    environment: str | None = None
    variables: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    config_path: str | None = None
    root: Path = Path()
    insecure: bool = False
    root_certificates: Path | None = None
    notes: tuple[str, ...] = ()
    warns_of_unknown_params: bool = False
    listing: tuple[Setting, ...] = field(default=(), compare=False)

    def token_for_calls(self) -> Token | None:
        """Return the token to send to the endpoint, None for one that may need none.

        Raises ReconcilerError if the endpoint must not be used, or if it needs a token and there is none.
        """
        if self.endpoint_problem is not None:
            raise ReconcilerError(self.endpoint_problem)
        return self.require_token() if self.needs_token else self.token

    def require_token(self) -> Token:
        """Return the access token. Raises ReconcilerError, which says why there is none and how to provide one."""
        if self.token is None:
            raise ReconcilerError(
                self.token_problem or "No access token was found. Set CLARIFAI_PAT to a personal access token."
            )
        return self.token


def settings(
    *, flags: Flags, environ: Mapping[str, str], cwd: Path, home: Path | None, file: ConfigFile | None = None
) -> Settings:
    """Resolve the settings of a run. `file` is its reconciler.yaml if it has been read already.

    Raises ProblemsError for an invalid reconciler.yaml, UsageError for an invalid flag, and ReconcilerError for an
    invalid value from another source. A missing token and an endpoint that isn't trusted are no errors here; see
    `Settings.token_for_calls`.
    """
    file = read_config(flags.config, cwd=cwd) if file is None else file
    chosen = file.environment(flags.environment)
    context = read_cli_context(home, environ)
    sources = Sources(
        endpoint_flag=flags.endpoint,
        id_flags={"user_id": flags.user_id, "app_id": flags.app_id},
        environment=flags.environment,
        environ=environ,
        file=file,
        context=context,
    )
    endpoint = sources.endpoint(insecure=flags.insecure)
    found = _token(flags, sources, chosen, endpoint, cwd=cwd)
    problem = trust_problem(endpoint.endpoint, place=endpoint.source, environ=environ)
    # Paths in flags and variables are relative to the working directory, wherever reconciler.yaml is.
    certificates = sources.variable(CERTIFICATES_VARIABLE)
    ids = {name: sources.an_id(name) for name in ("user_id", "app_id")}
    limits, prune = _limits(flags, sources), _prune(sources)
    return Settings(
        endpoint=endpoint.endpoint,
        endpoint_problem=problem if endpoint.is_from_file else None,
        user_id=ids["user_id"].value,
        app_id=ids["app_id"].value,
        flag_user_id=flags.user_id,
        flag_app_id=flags.app_id,
        environment_ids=MappingProxyType({name: chosen[name] for name in ids if name in chosen}),
        token=found.token,
        token_problem=_with_environments(found.problem, flags, file),
        needs_token=found.is_stated or not endpoint.endpoint.is_loopback,
        references=References(environ=environ, token=found.token),
        owner=file.content.get("owner"),
        prune=PruneLimits(**_values(prune)),
        limits=Limits(**_values(limits)),
        environment=flags.environment,
        variables=MappingProxyType(dict(chosen.get("vars", {}))),
        config_path=file.path,
        root=file.root,
        insecure=flags.insecure,
        root_certificates=cwd / certificates if certificates else None,
        notes=tuple(_notes(flags, file, found)),
        warns_of_unknown_params=file.section("params").get("unknown") == "warn",
        listing=tuple(_listing(flags, sources, endpoint, (*ids.values(), *limits, *prune), found)),
    )


def _values(settings: Iterable[Setting]) -> dict[str, Any]:
    """The values of a section by name; its lists are tuples."""
    values = {setting.name.rpartition(".")[2]: setting.value for setting in settings}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def _token(
    flags: Flags, sources: Sources, chosen: Mapping[str, Any], endpoint: FoundEndpoint, *, cwd: Path
) -> FoundToken:
    """Find the token. The token of the CLI's context is sent only where that context, or the user, says."""
    found = find_token(
        pat_env=chosen.get("pat_env"),
        environment=flags.environment,
        pat_file=cwd / flags.pat_file if flags.pat_file else None,
        environ=sources.environ,
        context=sources.context,
    )
    base = sources.context.values.get(ENDPOINT_VARIABLE, "")
    is_named = endpoint.source in ("--endpoint", ENDPOINT_VARIABLE) or endpoint.endpoint.is_loopback
    if not base or is_named or found.token is None or found.token.source != sources.context.source:
        return found
    try:
        theirs = parse_endpoint(base, insecure=True)
    except UsageError:
        theirs = None
    # Every host of clarifai.com is the same service, which the token is for.
    if theirs is not None and (theirs.target == endpoint.endpoint.target or is_clarifai(theirs)):
        return found
    return FoundToken(
        problem=f"The access token of {sources.context.source} is for {base}, and the endpoint of this run is "
        f"{endpoint.endpoint.url}. Name the endpoint with --endpoint or {ENDPOINT_VARIABLE}, or set {VARIABLE}.",
        is_stated=True,
    )


def _with_environments(problem: str, flags: Flags, file: ConfigFile) -> str:
    """Add to the problem with the token that --environment may have been forgotten, if there are environments."""
    # Only without --environment: a chosen environment has already decided which token is used.
    names = sorted(file.section("environments"))
    if not problem or flags.environment is not None or not names:
        return problem
    return f"{problem} {file.path} defines the environments {', '.join(names)}: choose one with --environment."


def _limits(flags: Flags, sources: Sources) -> list[Setting]:
    defaults = Limits()
    chosen = []
    for name in ("rate", "parallelism", "batch", "timeout"):
        # There is no flag for `batch`.
        flag = getattr(flags, name, None)
        if flag is not None:
            problem = RANGES[name].problem(flag)
            if problem is not None:
                raise UsageError(f"--{name} {problem}.")
            found = Setting(name=f"limits.{name}", value=flag, source=f"--{name}")
        else:
            found = sources.stated("limits", name, default=getattr(defaults, name))
        if name == "rate" and flags.shards > 1:
            # The service limits the user, and every shard runs as the same user.
            found = replace(
                found, value=found.value / flags.shards, source=f"{found.source}, for each of {flags.shards} shards"
            )
        # JSON Schema accepts 8.0 as an integer, hence the floor.
        is_whole = name in ("parallelism", "batch")
        chosen.append(replace(found, value=math.floor(found.value)) if is_whole else found)
    return chosen


def _prune(sources: Sources) -> list[Setting]:
    defaults = PruneLimits()
    names = ("max_count", "max_percent", "protect", "in_use")
    found = [sources.stated("prune", name, default=getattr(defaults, name)) for name in names]
    # JSON Schema accepts 5.0 as an integer.
    return [replace(found[0], value=int(found[0].value)), *found[1:]]


def _listing(
    flags: Flags, sources: Sources, endpoint: FoundEndpoint, others: Iterable[Setting], found: FoundToken
) -> Iterator[Setting]:
    """Yield every setting with its source, in the order in which they are shown. The token itself is never among them."""
    file = sources.file
    where = NOT_SET if file.path is None else "--config" if flags.config is not None else "found upward from here"
    yield Setting(name="config", value=file.path, source=where)
    chosen = flags.environment
    yield Setting(name="environment", value=chosen, source=NOT_SET if chosen is None else "--environment")
    yield Setting(name="endpoint", value=endpoint.endpoint.url, source=endpoint.source)
    token = found.token
    shown = Setting(name="token", value=None, source=NOT_SET)
    yield shown if token is None else replace(shown, value=str(token), source=token.source)
    yield sources.stated("owner", default=None)
    for setting in others:
        yield replace(setting, value=list(setting.value)) if isinstance(setting.value, tuple) else setting
    variables = sources.in_environment("vars")
    if variables is not None:
        for name, value in variables.value.items():
            yield Setting(name=f"vars.{name}", value=value, source=f"{variables.source}.{name}")
    certificates = sources.variable(CERTIFICATES_VARIABLE)
    yield Setting(
        name="root_certificates",
        value=certificates or None,
        source=CERTIFICATES_VARIABLE if certificates else NOT_SET,
    )


def _notes(flags: Flags, file: ConfigFile, found: FoundToken) -> Iterator[str]:
    yield from (str(problem) for problem in file.warnings)
    # A user who names a file expects that its token is used.
    if flags.pat_file and found.token is not None and not found.token.source.startswith("the file"):
        yield f"--pat-file is ignored: {found.token.source} is set and takes precedence. Unset {VARIABLE} to use the file."
