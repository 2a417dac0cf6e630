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
    """A token, or else `problem`, which says why there is none and how to provide one.

    `is_stated` says that a source was named or found, so that a problem with it is an error even if no token is needed.
    """

    token: Token | None = None
    problem: str = ""
    is_stated: bool = False


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
        return _token(text, f"{pat_env} (pat_env of environment '{environment}')")
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
        return FoundToken(token=Token(text, source=source), is_stated=True)
    except ReconcilerError as error:
        return FoundToken(problem=str(error), is_stated=True)


def _from_file(path: Path) -> FoundToken:
    try:
        with path.open("rb") as file:
            # Of the open file rather than of the path, which could be replaced in between.
            is_exposed = _is_exposed(file.fileno())
            content = file.read(_MAX_BYTES)
    except OSError as error:
        problem = f"The token file '{path}' can't be read: {error.strerror or error}. {_WAYS}"
        return FoundToken(problem=problem, is_stated=True)
    if is_exposed:
        problem = (
            f"The token file '{path}' is refused: other users of this machine can read it. "
            f"Run chmod 600 '{path}', and create a new token if others use the machine."
        )
        return FoundToken(problem=problem, is_stated=True)
    return _token(content.decode("utf-8", "replace"), f"the file '{path}'")


def _is_exposed(handle: int) -> bool:
    """Return whether an open file is readable by other users and isn't what a secret volume contains.

    Container systems mount secrets with modes such as 0644 or 0444: on a read-only mount, on a tmpfs, or as files of root
    that nobody can write to. There the mount decides who can read the file, not its mode.
    """
    found = os.fstat(handle)
    # A pipe (`--pat-file <(...)`) has no permissions worth checking, and on Windows the mode doesn't say who can read.
    if not stat.S_ISREG(found.st_mode) or os.name != "posix" or not found.st_mode & (stat.S_IRGRP | stat.S_IROTH):
        return False
    # Root can write to every file, so for root only a mode without any write bit means "not writable".
    writing = 0o222 if os.geteuid() == 0 else 0o022
    if found.st_uid == 0 and not found.st_mode & writing:
        return False
    is_read_only = bool(os.fstatvfs(handle).f_flag & os.ST_RDONLY)
    return not is_read_only and found.st_dev not in _memory_devices()


def _memory_devices() -> frozenset[int]:
    """Return the devices of the mounted tmpfs and ramfs file systems (proc(5), mountinfo); none on other systems than Linux."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    devices = set()
    for line in lines:
        before, _, after = line.partition(" - ")
        major, _, minor = before.split(" ")[2].partition(":")
        if after.split(" ")[0] in ("tmpfs", "ramfs"):
            devices.add(os.makedev(int(major), int(minor)))
    return frozenset(devices)
