"""Who runs this process, for the journals: the account and the job in a pipeline, else the user of git or of the machine.

In: environment variables and the folder whose repository is asked. Out: a Provenance. Nothing is sent, and what is unknown is
left out: a run never fails because nobody can be named.
"""

from __future__ import annotations

import getpass
import subprocess
from collections.abc import Mapping
from pathlib import Path

from reconciler.apply.journal import Provenance
from reconciler.config.pipeline_run import pipeline_run
from reconciler.loading.git import run_git


def provenance(environ: Mapping[str, str], *, folder: Path) -> Provenance:
    """The provenance of a run in this environment."""
    run = pipeline_run(environ)
    if run is not None:
        return Provenance(actor=run.actor, run_url=run.url)
    return Provenance(actor=_git_user(folder) or _machine_user())


def _git_user(folder: Path) -> str | None:
    """The name and address that a commit in this folder would have, as far as they are configured."""
    try:
        found = [run_git(folder, "config", "--get", f"user.{name}") for name in ("name", "email")]
    except (OSError, subprocess.TimeoutExpired):
        return None
    name, email = (answer.stdout.decode(errors="replace").strip() for answer in found)
    return f"{name} <{email}>" if name and email else name or email or None


def _machine_user() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        # In many containers the user id has no entry in the user database, and no variable names the user.
        return None
