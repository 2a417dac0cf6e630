"""The options about predictions, for `plan` and `apply`: whether to predict at all, and how much.

Only --probe makes a command predict; an option that would do nothing without it is a usage error.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import click

DEFAULT_LIMIT: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeOptions:
    """Whether to predict, and on how many inputs × versions at most. `undo_on_miss` is for `apply` alone."""

    probe: bool
    limit: int | None
    undo_on_miss: bool = False

    @property
    def probe_limit(self) -> int | None:
        """The most inputs × versions to predict on; None to predict nothing."""
        return (DEFAULT_LIMIT if self.limit is None else self.limit) if self.probe else None


def probe_options(*, undo: bool = False, what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add --probe and --probe-limit, and with `undo` --undo-on-miss; the command receives `probing: ProbeOptions`.

    `what` says what --probe does.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def with_probes(
            *args: Any, probe: bool, probe_limit: int | None, undo_on_miss: bool = False, **kwargs: Any
        ) -> Any:
            for option, value in (("--probe-limit", probe_limit is not None), ("--undo-on-miss", undo_on_miss)):
                if value and not probe:
                    raise click.UsageError(
                        f"{option} does nothing without --probe. Add --probe, or leave out {option}."
                    )
            probing = ProbeOptions(probe=probe, limit=probe_limit, undo_on_miss=undo_on_miss)
            return command(*args, probing=probing, **kwargs)

        options = [
            click.option("--probe", is_flag=True, help=f"{what} Predictions may cost money."),
            click.option(
                "--probe-limit",
                type=click.IntRange(min=0),
                metavar="N",
                help=f"With --probe: fail before anything is predicted if that takes more than N inputs × versions "
                f"(default: {DEFAULT_LIMIT}).",
            ),
        ]
        if undo:
            options.append(
                click.option(
                    "--undo-on-miss",
                    is_flag=True,
                    help="With --probe: undo the run at once if an expectation is missed.",
                )
            )
        found: Callable[..., Any] = with_probes
        for option in reversed(options):
            found = option(found)
        return found

    return decorate
