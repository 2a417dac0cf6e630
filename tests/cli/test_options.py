"""The options that commands share: what reaches a command, and when output has colour."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click
import pytest

from reconciler.cli.options import use_color
from tests.command_line import RunCli


def test_options_not_given_are_none_or_empty(cli: RunCli, probe: Any) -> None:
    seen: dict[str, Any] = {}
    probe(lambda **options: seen.update(options))
    assert cli("probe").exit_code == 0
    given = {
        name: value
        for options in (seen["common"], seen["planning"])
        for name, value in asdict(options).items()
        if value not in (None, ()) and value is not False
    }
    assert (seen["paths"], given) == ((), {"format": "text", "color": "auto", "verbose": 0})


def test_every_shared_option_reaches_the_command(cli: RunCli, probe: Any) -> None:
    seen: dict[str, Any] = {}
    probe(lambda **options: seen.update(options))
    line = (
        "probe a.yaml - --format markdown --endpoint embedded --user-id me --app-id pets --environment prod --config c.yaml "
        "--pat-file pat --parallelism 64 --rate 0.5 --timeout 3600 --insecure --color never -vv --target gen* --target me/* --exclude *-old "
        "--selector team=vision --selector note=a=b --prune --prune-scope app --max-deletes 0 --take-over old-* --override no-public --resend image --resend all --types t.json --shard 2/5 --out p.json "
        "--allow-empty --allow-unknown-params "
        "--detailed-exitcode"
    )
    assert cli(*line.split()).exit_code == 0
    assert seen["paths"] == ("a.yaml", "-")
    assert asdict(seen["common"]) == {
        "format": "markdown",
        "endpoint": "embedded",
        "user_id": "me",
        "app_id": "pets",
        "environment": "prod",
        "config": "c.yaml",
        "pat_file": "pat",
        "parallelism": 64,
        "rate": 0.5,
        "timeout": 3600.0,
        "insecure": True,
        "color": "never",
        "verbose": 2,
        "quiet": False,
    }
    assert asdict(seen["planning"]) == {
        "targets": ("gen*", "me/*"),
        "excludes": ("*-old",),
        "selectors": (("team", "vision"), ("note", "a=b")),
        "prune": True,
        "prune_scope": "app",
        "max_deletes": 0,
        "take_over": ("old-*",),
        "overrides": ("no-public",),
        "resend": ("image", "all"),
        "types": "t.json",
        "shard": {"number": 2, "count": 5},
        "allow_empty": True,
        "allow_unknown_params": True,
        "out": "p.json",
        "detailed_exitcode": True,
    }


@pytest.mark.parametrize(
    ("choice", "isatty", "environ", "expected"),
    [
        ("auto", True, {}, True),
        ("auto", False, {}, False),
        ("auto", True, {"NO_COLOR": "1"}, False),
        ("auto", True, {"NO_COLOR": ""}, True),
        ("auto", True, {"TERM": "dumb"}, False),
        ("always", False, {"NO_COLOR": "1"}, True),
        ("never", True, {}, False),
    ],
)
def test_colour_follows_the_flag_then_no_color_then_the_terminal(
    choice: str, isatty: bool, environ: dict[str, str], expected: bool
) -> None:
    assert use_color(choice, isatty=isatty, environ=environ) is expected


@pytest.mark.parametrize(
    ("color", "printed"), [("auto", "red\n"), ("never", "red\n"), ("always", "\x1b[31mred\x1b[0m\n")]
)
def test_colour_settles_what_echo_writes(cli: RunCli, probe: Any, color: str, printed: str) -> None:
    probe(lambda **_: click.echo(click.style("red", fg="red")))
    assert cli("probe", "--color", color).stdout == printed
