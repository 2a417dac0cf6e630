"""Paths → Desired, under a run's settings: the manifests' half of every command, and all that `validate` needs offline.

A module of its own because the session brings every step along, and checking one file shouldn't wait for what compares
and writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import BinaryIO, TextIO

from reconciler.config import Settings
from reconciler.manifests.load import Loaded, load
from reconciler.manifests.validate import Validated, desired_from_documents
from reconciler.selection import Shard, in_shard


def manifests_at(
    paths: Sequence[str],
    settings: Settings,
    *,
    environ: Mapping[str, str],
    stdin: TextIO | BinaryIO | None = None,
    shard: Shard | None = None,
) -> Validated:
    """Read and check the manifests, those of one shard where it is given; raises ProblemsError with every problem."""
    return desired_from_loaded(load(paths, stdin=stdin), settings, environ=environ, shard=shard)


def desired_from_loaded(
    loaded: Loaded, settings: Settings, *, environ: Mapping[str, str], shard: Shard | None = None
) -> Validated:
    """The same, for documents that were read before."""
    return desired_from_documents(
        loaded,
        user_id=settings.user_id,
        app_id=settings.app_id,
        flag_user_id=settings.flag_user_id,
        flag_app_id=settings.flag_app_id,
        variables=settings.variables,
        environ=environ,
        judged=lambda key: in_shard(key, shard),
    )
