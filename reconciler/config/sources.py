"""The sources of settings, in the order in which they apply.

Takes the flags, the environment variables, reconciler.yaml and the CLI's context. Returns each value together with the name of
the source that it comes from. An invalid value is an error that names its source; the next source is never tried in its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.config.cli_context import CliContext
from reconciler.config.endpoint import DEFAULT_ENDPOINT, Endpoint, parse_endpoint
from reconciler.config.file import ConfigFile
from reconciler.errors import ReconcilerError, UsageError
from reconciler.resources.ids import id_problem
from reconciler.resources.tree import MISSING, lookup

ENDPOINT_VARIABLE: Final = "CLARIFAI_API_BASE"
ID_VARIABLES: Final = {"user_id": "CLARIFAI_USER_ID", "app_id": "CLARIFAI_APP_ID"}

DEFAULT: Final = "default"
NOT_SET: Final = "not set"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting in force, as it is shown: its name, its value as JSON data, and the source of the value."""

    name: str
    value: Any
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundEndpoint:
    """The endpoint and its source. `is_from_file` says that reconciler.yaml states it."""

    endpoint: Endpoint
    source: str
    is_from_file: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The sources of a run. `environment` is the name of the chosen environment, None without one."""

    endpoint_flag: str | None
    id_flags: Mapping[str, str | None]
    environment: str | None
    environ: Mapping[str, str]
    file: ConfigFile
    context: CliContext

    def in_file(self, *path: str) -> Setting | None:
        """Return what reconciler.yaml states at a path, None if it states nothing there."""
        value = lookup(self.file.content, path)
        if value is MISSING:
            return None
        return Setting(name=path[-1], value=value, source=f"{self.file.path}: {'.'.join(path)}")

    def in_environment(self, name: str) -> Setting | None:
        """Return what the chosen environment states."""
        return None if self.environment is None else self.in_file("environments", self.environment, name)

    def variable(self, name: str) -> str:
        """Return an environment variable without surrounding whitespace, "" if it isn't set."""
        return self.environ.get(name, "").strip()

    def stated(self, *path: str, default: Any) -> Setting:
        """Return a setting that only reconciler.yaml can state, or its default."""
        found = self.in_file(*path)
        name = ".".join(path)
        if found is None:
            return Setting(name=name, value=default, source=DEFAULT if default is not None else NOT_SET)
        return Setting(name=name, value=found.value, source=found.source)

    def an_id(self, name: str) -> Setting:
        """Return `user_id` or `app_id`. Its value is None if no source states it."""
        flag = f"--{name.replace('_', '-')}"
        variable = ID_VARIABLES[name]
        candidates = (
            Setting(name=name, value=self.id_flags[name], source=flag),
            self.in_environment(name),
            self.in_file(name),
            Setting(name=name, value=self.variable(variable), source=variable),
            Setting(name=name, value=self.context.values.get(variable), source=self.context.source),
        )
        found = _first(candidates, flag)
        if found is None:
            return Setting(name=name, value=None, source=NOT_SET)
        problem = id_problem(found.value)
        if problem is None:
            return Setting(name=name, value=str(found.value), source=found.source)
        error = UsageError if found.source == flag else ReconcilerError
        raise error(f"The {name} from {found.source} is invalid: it {problem}. Correct it there.")

    def endpoint(self, *, insecure: bool) -> FoundEndpoint:
        """Return the endpoint."""
        flag = "--endpoint"
        in_file = self.in_environment("endpoint") or self.in_file("endpoint")
        candidates = (
            Setting(name="endpoint", value=self.endpoint_flag, source=flag),
            Setting(name="endpoint", value=self.variable(ENDPOINT_VARIABLE), source=ENDPOINT_VARIABLE),
            in_file,
        )
        found = _first(candidates, flag)
        if found is None:
            return FoundEndpoint(endpoint=parse_endpoint(DEFAULT_ENDPOINT), source=DEFAULT)
        try:
            endpoint = parse_endpoint(found.value, insecure=insecure)
        except UsageError as error:
            if found.source == flag:
                raise
            problem = str(error)
        else:
            return FoundEndpoint(endpoint=endpoint, source=found.source, is_from_file=found is in_file)
        # Outside the except block, so that the error has no context. A flag is named by its own message.
        raise ReconcilerError(f"{problem} The value comes from {found.source}.")


def _first(candidates: Iterable[Setting | None], flag: str) -> Setting | None:
    """Return the first candidate with a value. An empty flag was given deliberately; empty values elsewhere count as not set."""
    stated = (each for each in candidates if each is not None and each.value is not None)
    return next((each for each in stated if each.value or each.source == flag), None)
