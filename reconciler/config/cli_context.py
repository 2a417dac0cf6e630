"""The current context of the clarifai command-line tool: ~/.config/clarifai/config, which `clarifai login` writes.

    current_context: NAME
    contexts: {NAME: {CLARIFAI_PAT: …, CLARIFAI_USER_ID: …, CLARIFAI_APP_ID: …, CLARIFAI_API_BASE: …}}

A value of ENVVAR stands for the environment variable of the same name (clarifai-python, clarifai/utils/config.py). Older
files keep the values one level deeper, under `env`. The file belongs to another program: what is wrong with it is told
only where something from it is missing in the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

PLACE: Final = Path(".config") / "clarifai" / "config"
_FROM_ENVIRONMENT: Final = "ENVVAR"
_MAX_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class CliContext:
    """What the context says, by variable name. `source` names it in messages; `problem` says why it is empty."""

    source: str = "the clarifai CLI's context"
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    problem: str | None = None


def read_cli_context(home: Path, environ: Mapping[str, str]) -> CliContext:
    """Read the current context. Never raises: a file that is missing or can't be used gives an empty context."""
    path = home / PLACE
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return CliContext()
    except OSError as error:
        return CliContext(problem=f"{path} can't be read: {error.strerror or error}.")
    document = _yaml_value(content)
    if not isinstance(document, Mapping):
        return CliContext(problem=f"{path} isn't the YAML that `clarifai login` writes.")
    name, contexts = document.get("current_context"), document.get("contexts")
    context = contexts.get(name) if isinstance(contexts, Mapping) else None
    if not isinstance(context, Mapping):
        return CliContext(problem=f"{path} has no context named {str(name)[:60]!r}, its current_context.")
    nested = context.get("env")
    entries = nested if isinstance(nested, Mapping) else context
    return CliContext(
        source=f"context {str(name)[:60]!r} of {path}",
        values={str(key): text for key, value in entries.items() if (text := _text(str(key), value, environ))},
    )


def _yaml_value(content: bytes) -> Any:
    import yaml

    try:
        return yaml.safe_load(content)
    except (yaml.YAMLError, ValueError, RecursionError):
        # The error's text quotes the file, and the file holds a token.
        return None


def _text(name: str, value: Any, environ: Mapping[str, str]) -> str:
    if value == _FROM_ENVIRONMENT:
        value = environ.get(name, "")
    return str(value).strip() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
