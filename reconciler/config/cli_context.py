"""The current context of the clarifai CLI, from ~/.config/clarifai/config, which `clarifai login` writes.

    current_context: NAME
    contexts: {NAME: {CLARIFAI_PAT: …, CLARIFAI_USER_ID: …, CLARIFAI_APP_ID: …, CLARIFAI_API_BASE: …}}

Returns the values of that context by name. Nothing here raises: the file belongs to another program, so a problem with
it is reported only if a setting is missing in the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

PLACE: Final = Path(".config") / "clarifai" / "config"
# A value that stands for the environment variable of the same name (clarifai-python, clarifai/utils/config.py).
_FROM_ENVIRONMENT: Final = "ENVVAR"
_MAX_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class CliContext:
    """The values of the context, by variable name.

    `source` names the context in messages. `problem` is a sentence that says why it couldn't be read, or None.
    """

    source: str = "the clarifai CLI's context"
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    problem: str | None = None


def read_cli_context(home: Path | None, environ: Mapping[str, str]) -> CliContext:
    """Read the current context. Returns an empty one if the file is missing or can't be used, or if there is no home."""
    if home is None:
        return CliContext()
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
        return CliContext(problem=f"{path} isn't a configuration file as `clarifai login` writes it.")
    name, contexts = document.get("current_context"), document.get("contexts")
    context = contexts.get(name) if isinstance(contexts, Mapping) else None
    if not isinstance(context, Mapping):
        return CliContext(problem=f"{path} has no context {str(name)[:60]!r}, which is its current_context.")
    # Older versions of the CLI store the values one level deeper, under `env`.
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
        # Not the message of the error: it quotes the file, and the file contains a token.
        return None


def _text(name: str, value: Any, environ: Mapping[str, str]) -> str:
    if value == _FROM_ENVIRONMENT:
        value = environ.get(name, "")
    return str(value).strip() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
