"""Finds the access token, or says in words why there is none; the words wait until a token is needed.

A command that never talks to the service (`validate` in the pull request of a fork, which has no secrets) must not fail
for want of a token, so nothing here raises.
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
_MAX_BYTES: Final = 64 * 1024
_WAYS: Final = (
    "Set CLARIFAI_PAT to a personal access token, or name a file that holds one with --pat-file, or run `clarifai login`; "
    "`--endpoint embedded` needs none."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundToken:
    """Exactly one of a token, and the reason why there is none."""

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
    """Look in the chosen environment's variable, else in CLARIFAI_PAT, in `pat_file`, in the CLI's context.

    The first place that is stated decides: an environment that names a variable never falls back to another token, which
    might be another account's.
    """
    if pat_env is not None:
        text = environ.get(pat_env, "").strip()
        if not text:
            return FoundToken(
                problem=f"Environment '{environment}' takes its access token from {pat_env} (pat_env in reconciler.yaml), "
                f"which is not set. Set {pat_env}."
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
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_MAX_BYTES)
    except OSError as error:
        return FoundToken(problem=f"The token file '{path}' can't be read: {error.strerror or error}. {_WAYS}")
    # On Windows these bits say nothing about who may read.
    if stat.S_ISREG(mode) and mode & stat.S_IROTH and os.name == "posix":
        return FoundToken(
            problem=f"The token file '{path}' is refused: every user of this machine can read it. "
            f"Protect it (chmod 600 '{path}'), and make a new token if others use the machine."
        )
    return _token(content.decode("utf-8", "replace"), f"the file '{path}'")
