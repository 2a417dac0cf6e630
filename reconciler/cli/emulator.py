"""`reconciler emulator`: serve an emulated Clarifai API on this machine until it is interrupted."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Final

import click

from reconciler import exit_codes
from reconciler.cli.help import command as helpful_command
from reconciler.cli.options import verbose_option
from reconciler.errors import UsageError

_COLLECTION_THRESHOLD: Final = 50_000
"""Objects that are made, and not freed, before Python's garbage collector runs; for other commands it is far higher."""


@helpful_command("emulator")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default=True,
    metavar="N",
    help="The port; 0 takes a free one.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="The address to listen on, such as 0.0.0.0 in a container. Any but 127.0.0.1 needs --pat or --pat-env.",
)
@click.option(
    "--rest-port",
    type=click.IntRange(0, 65535),
    metavar="N",
    help="Serve the REST interface too, on this port; 0 takes a free one.",
)
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The SQLite file that keeps the state. Default: in memory only, lost at the end.",
)
@click.option(
    "--seed",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="What a new state starts with, as JSON or YAML (`reconciler schema Seed`). Default: a small sample app, user demo, app pets.",
)
@click.option("--pat", metavar="TEXT", help="The token that callers must send. Default: any token, or none.")
@click.option(
    "--pat-env",
    metavar="NAME",
    help="The environment variable that holds this token, so that it is not in the process list.",
)
@click.option(
    "--switch",
    "switches",
    metavar="K=V",
    multiple=True,
    help="Where the service's rules are unknown, choose one: overwrite_struct=by_key, secrets=masked, rate_limit=15, "
    "latency_ms=50 …; can be repeated. An unknown name lists them all.",
)
@click.option(
    "--fault",
    "faults",
    metavar="SPEC",
    multiple=True,
    help="Make calls fail: rpc=PatchModels,nth=1,kind=LOST_REPLY; can be repeated. An unknown kind lists them all.",
)
@click.option(
    "--record",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the calls to this file as JSON lines, without secrets. A file that exists is overwritten.",
)
@verbose_option()
def command(
    port: int,
    host: str,
    rest_port: int | None,
    state: Path | None,
    seed: Path | None,
    pat: str | None,
    pat_env: str | None,
    switches: tuple[str, ...],
    faults: tuple[str, ...],
    record: Path | None,
) -> int:
    """Serve an emulated Clarifai API on this machine, for any Clarifai client.

    Prints `listening on http://127.0.0.1:PORT` first, and with --rest-port `rest on http://127.0.0.1:PORT` next; Ctrl-C or
    SIGTERM ends it.
    """
    token = _token(pat, pat_env)

    # A service runs for days, and its calls leave cycles behind.
    gc.set_threshold(_COLLECTION_THRESHOLD)
    from reconciler.emulator.server import serve
    from reconciler.emulator.switches import Switches

    chosen = Switches.parse(switches, faults=faults)
    serve(host=host, port=port, rest_port=rest_port, record=record, state=state, seed=seed, pat=token, switches=chosen)
    return exit_codes.OK


def _token(pat: str | None, pat_env: str | None) -> str | None:
    """The token to require of callers, None for none. An empty one is an error: it would let everybody in."""
    if pat is not None and pat_env is not None:
        raise UsageError("--pat and --pat-env both give the token. Give one of them.")
    if pat_env is not None:
        pat = os.environ.get(pat_env, "")
        if not pat:
            raise UsageError(
                f"--pat-env {pat_env}: this environment variable is not set. Set it, or leave out the option."
            )
    if pat is not None and not pat.strip():
        raise UsageError("--pat is empty. Give a token, or leave out the option.")
    return pat
