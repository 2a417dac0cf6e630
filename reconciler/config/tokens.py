"""Finds the access token.

Takes the sources of a token, and returns the token or the reason why there is none. Nothing here raises: a command that
makes no calls must work without a token, for example `validate` in a pull request from a fork, which has no secrets.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.config.cli_context import CliContext
from reconciler.config.credentials import Token
from reconciler.errors import ReconcilerError

VARIABLE: Final = "CLARIFAI_PAT"
# Far larger than any token. The limit is for a --pat-file that names something else, such as a device.
_MAX_BYTES: Final = 64 * 1024
_WAYS: Final = (
    "Set CLARIFAI_PAT to a personal access token, name a file that contains one with --pat-file, or run `clarifai login`. "
    "`--endpoint embedded` needs no token."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundToken:
    """A token, or else `problem`, which says why there is none and how to provide one."""

    token: Token | None = None
    problem: str = ""


def find_token(
    *,
    pat_env: str | None,
    environment: str | None,
    pat_file: Path | None,
    environ: Mapping[str, str],
    context: CliContext,
) -> FoundToken:
    """Take the token from the first of these that is set: `pat_env`, CLARIFAI_PAT, `pat_file`, the CLI's context.

    `pat_env` is the variable that the chosen environment names, and `environment` the name of that environment.
    """
    if pat_env is not None:
        # No fallback to CLARIFAI_PAT: that token may belong to another account.
        text = environ.get(pat_env, "").strip()
        if not text:
            return FoundToken(
                problem=f"No access token was found for environment '{environment}': its pat_env in reconciler.yaml is "
                f"{pat_env}, which is not set. Set {pat_env}."
            )
        return _token(text, pat_env)
    if text := environ.get(VARIABLE, "").strip():
        return _token(text, VARIABLE)
    if pat_file is not None:
        return _from_file(pat_file)
    if text := context.values.get(VARIABLE, ""):
        return _token(text, context.source)
    more = f" {context.problem}" if context.problem else ""
    return FoundToken(problem=f"No access token was found.{more} {_WAYS}")


def _token(text: str, source: str) -> FoundToken:
    try:
        return FoundToken(token=Token(text, source=source))
    except ReconcilerError as error:
        return FoundToken(problem=str(error))


def _from_file(path: Path) -> FoundToken:
    try:
        with path.open("rb") as file:
            # Of the open file rather than of the path, which could be replaced in between.
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_MAX_BYTES)
    except OSError as error:
        return FoundToken(problem=f"The token file '{path}' can't be read: {error.strerror or error}. {_WAYS}")
    # A pipe (`--pat-file <(...)`) has no permissions worth checking, and on Windows the mode doesn't say who can read.
    if stat.S_ISREG(mode) and mode & stat.S_IROTH and os.name == "posix":
        return FoundToken(
            problem=f"The token file '{path}' is refused: every user of this machine can read it. "
            f"Run chmod 600 '{path}', and create a new token if others use the machine."
        )
    return _token(content.decode("utf-8", "replace"), f"the file '{path}'")
