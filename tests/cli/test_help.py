"""Help pages: every option and command in a group, every group's entries real, and every example a command line that is accepted."""

from __future__ import annotations

import re
import shlex

import click
import pytest

from reconciler.cli.help import COMMAND_GROUPS, EXAMPLES, OPTION_GROUPS, HelpfulCommand, command_groups, grouped
from reconciler.cli.main import COMMANDS, cli
from tests.command_line import RunCli


def loaded(name: str) -> tuple[click.Command, click.Context]:
    root = click.Context(cli, info_name="reconciler", **cli.context_settings)
    found = cli.get_command(root, name)
    assert found is not None
    return found, click.Context(found, parent=root, info_name=name)


def test_every_command_is_in_a_group() -> None:
    assert sorted(name for names in COMMAND_GROUPS.values() for name in names) == sorted(COMMANDS)


def test_the_commands_of_no_group_come_last() -> None:
    groups = command_groups(("plan", "apply", "frobnicate"))
    assert groups == {"Look": ("plan",), "Change": ("apply",), "Other commands": ("frobnicate",)}


@pytest.mark.parametrize("name", [name for names in COMMAND_GROUPS.values() for name in names])
def test_every_option_is_in_a_group_and_the_page_has_examples(name: str) -> None:
    found, ctx = loaded(name)
    assert isinstance(found, HelpfulCommand)
    assert [option.name for title, group in grouped(found, ctx) for option in group if title == "Other options"] == []
    assert name in EXAMPLES


def test_every_entry_of_a_group_is_an_option_of_some_command() -> None:
    known = {name for command in COMMANDS for option in loaded(command)[0].params for name in option.opts} | {"--help"}
    assert [name for names in OPTION_GROUPS.values() for name in names if name not in known] == []


@pytest.mark.parametrize("line", [line for lines in EXAMPLES.values() for _, line in lines])
def test_every_example_is_accepted(line: str) -> None:
    found = re.search(r"reconciler ([^>|)]*)", line)
    assert found is not None
    name, *arguments = shlex.split(found[1].replace('"', ""))
    command, ctx = loaded(name)
    command.make_context(name, arguments, parent=ctx.parent)


def test_the_page_of_a_command_has_its_groups_in_order(cli: RunCli) -> None:
    shown = cli("plan", "--help").stdout
    titles = re.findall(r"^(\S.*):$", shown, re.MULTILINE)
    assert titles == ["What to compare", "What to delete", "Predictions", "Output", "Connection", "Examples"]
    assert "  $ reconciler plan models -o plan.json\n" in shown


def test_the_first_page_lists_the_commands_by_what_they_are_for(cli: RunCli) -> None:
    shown = cli("--help").stdout
    titles = re.findall(r"^(\S.*):$", shown, re.MULTILINE)
    assert titles == ["Options", *command_groups(COMMANDS)]
