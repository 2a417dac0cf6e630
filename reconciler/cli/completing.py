"""What a shell completes beside commands, options and choices."""

from __future__ import annotations

import os
from collections.abc import Iterable

import click


def environments(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The environments of the settings file."""
    from reconciler.session.names import environment_names

    return _beginning(incomplete, environment_names(ctx.params.get("config")))


def model_ids(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The models that the manifests at PATH describe; without a PATH, those below the working directory."""
    from reconciler.session import names

    paths = [path for path in ctx.params.get("paths") or (".",) if path != "-"]
    return _beginning(incomplete, sorted(set(names.model_ids(paths))))


def runs(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The runs of the state folder, the last one first."""
    from reconciler.session.names import run_ids

    return _beginning(incomplete, run_ids(os.environ))


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
