"""The options that choose models out of what the manifests describe: --target, --exclude and --selector."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from reconciler.cli import completing

Command = TypeVar("Command", bound=Callable[..., Any])
Decorator = Callable[[Command], Command]


def require_text(_ctx: click.Context, _param: click.Parameter, value: Any) -> Any:
    """Refuse an empty value: `--app-id "$UNSET"` in a script must not mean every app."""
    given = value if isinstance(value, tuple) else (value,)
    if any(text is not None and not text.strip() for text in given):
        raise click.BadParameter("the value is empty. Give one, or leave out the option.")
    return value


def _split_selectors(
    _ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    """Split each K=V at its first "="; the value may be empty, the key may not."""
    pairs = []
    for text in values:
        key, equals, label = text.partition("=")
        if not equals or not key:
            raise click.BadParameter(f"{text!r} is not of the form K=V, for example team=vision.")
        pairs.append((key, label))
    return tuple(pairs)


def selection_options() -> list[Decorator[Any]]:
    """--target, --exclude and --selector; a command receives `targets`, `excludes` and `selectors`."""
    return [
        click.option(
            "--target",
            "targets",
            callback=require_text,
            shell_complete=completing.model_ids,
            metavar="GLOB",
            multiple=True,
            help="Only models whose address USER/APP/MODEL or id matches. Can be repeated; one match is enough.",
        ),
        click.option(
            "--exclude",
            "excludes",
            callback=require_text,
            shell_complete=completing.model_ids,
            metavar="GLOB",
            multiple=True,
            help="No models whose address USER/APP/MODEL or id matches, even if --target names them. Can be repeated.",
        ),
        click.option(
            "--selector",
            "selectors",
            callback=_split_selectors,
            metavar="K=V",
            multiple=True,
            help="Only manifests with this label. Can be repeated; all must match.",
        ),
    ]


def with_selection(command: Command) -> Command:
    """Add the options to a command that takes them one by one."""
    for option in reversed(selection_options()):
        command = option(command)
    return command
