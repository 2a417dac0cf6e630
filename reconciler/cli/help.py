"""`--help` by topic: a command's options in groups, its examples, and the commands in groups.

In: click's commands. Out: help pages. The groups are tables here, by the names of options, because most options are shared by
several commands; tests hold that every option and command is in one. This module imports nothing but click, since every start of
the program does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import click

COMMAND_GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "Look": ("validate", "plan", "drift", "show", "explain", "get", "runs", "config"),
    "Change": ("apply", "undo", "accept", "export", "purge"),
    "Pipelines": ("comment", "test"),
    "Editors, shells and tests": ("schema", "completion", "emulator"),
}
"""The commands by purpose, in the order of --help."""

OPTION_GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "What to compare": (
        "--target",
        "--exclude",
        "--selector",
        "--shard",
        "--base",
        "--unmanaged",
        "--against",
        "--override",
        "--online",
        "--types",
        "--allow-empty",
        "--allow-unknown-params",
        "--take-over",
        "--resend",
    ),
    "What to export": ("--name", "--type", "--version", "--select", "--action", "--scope", "--output", "--force"),
    "What to delete": ("--prune", "--prune-scope", "--max-deletes", "--confirm", "--delete-all", "--dry-run"),
    "What to apply": ("--plan", "--expect-digest", "--max-age", "--resume", "--on-error", "--yes"),
    "Predictions": ("--probe", "--probe-limit", "--undo-on-miss"),
    "State": ("--state", "--new-only", "--metrics"),
    "Where to comment": ("--forge", "--repo", "--pr", "--issue", "--key", "--author", "--failed"),
    "The emulator": (
        "--host",
        "--port",
        "--rest-port",
        "--seed",
        "--pat",
        "--pat-env",
        "--switch",
        "--fault",
        "--record",
    ),
    "Output": (
        "--out",
        "--detailed-exitcode",
        "--format",
        "--color",
        "--verbose",
        "--quiet",
        "--ci",
        "--gitlab-report",
        "--junit",
        "--code-quality",
        "--max-chars",
        "--webhook-env",
        "--help",
    ),
    "Connection": (
        "--endpoint",
        "--user-id",
        "--app-id",
        "--environment",
        "--config",
        "--pat-file",
        "--insecure",
        "--parallelism",
        "--rate",
        "--timeout",
    ),
}
"""The options by topic, in the order of a help page. A group that a command has nothing of is left out."""

EXAMPLES: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "validate": (
        ("Check a folder of manifests", "reconciler validate models"),
        ("Also check params against the service's model types", "reconciler validate models --online"),
    ),
    "plan": (
        ("Show what apply would change", "reconciler plan models"),
        ("Save the plan, for a review and for apply", "reconciler plan models -o plan.json"),
        ("In a pull request: tell its changes from what was pending", "reconciler plan models --base origin/main"),
        ("Try it without an account", "reconciler plan examples/manifests --endpoint embedded"),
    ),
    "apply": (
        ("Show the changes and ask before writing", "reconciler apply models"),
        ("Apply exactly a plan that was reviewed", "reconciler apply --plan plan.json"),
        ("Finish a run that was interrupted", "reconciler apply --resume latest"),
    ),
    "drift": (
        ("Exit with 2 if a live model differs", "reconciler drift models"),
        ("Only for drift that no earlier run has seen", "reconciler drift models --state drift.json --new-only"),
    ),
    "show": (("A saved plan as a page", "reconciler show plan.json --format html"),),
    "accept": (
        ("Show which drift would be written into the manifests", "reconciler accept models --dry-run"),
        ("Write it, each value at its place", "reconciler accept models"),
    ),
    "export": (
        ("Write a manifest for each model of the app", "reconciler export -o models"),
        ("Only some models, all of their versions", "reconciler export -o models --name 'gen*' --version all"),
    ),
    "get": (
        ("The models of the app", "reconciler get models"),
        ("The params of a model type", "reconciler get type visual-classifier"),
        ("The versions of one model", "reconciler get versions petsID"),
    ),
    "test": (
        ("Check defaults and policies on recorded models, offline", "reconciler test models --against live.json"),
    ),
    "explain": (("Where each value of a model comes from", "reconciler explain petsID models"),),
    "runs": (("What applies did from here", "reconciler runs"),),
    "config": (("Where each setting comes from", "reconciler config --environment staging"),),
    "undo": (("Take back what the latest apply wrote", "reconciler undo latest"),),
    "purge": (
        ("List what would be deleted", "reconciler purge me/pets --dry-run"),
        ("Back up and delete every model of the app", "reconciler purge me/pets --confirm me/pets"),
    ),
    "comment": (("Post a plan on a pull request", "reconciler comment --plan plan.json --repo acme/models --pr 12"),),
    "schema": (("Let an editor check manifests", "reconciler schema > schemas/model.v1.schema.json"),),
    "completion": (("Complete commands in this shell", 'eval "$(reconciler completion bash)"'),),
    "emulator": (("Serve on a free port, and keep the state in a file", "reconciler emulator --state demo.db"),),
}
"""By command: what for, and the command line."""


def command_groups(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The commands with these names by purpose; those of no group come last, under "Other commands"."""
    left = list(names)
    groups: dict[str, tuple[str, ...]] = {}
    for title, group in COMMAND_GROUPS.items():
        groups[title] = tuple(name for name in group if name in left)
        left = [name for name in left if name not in group]
    return {title: group for title, group in (*groups.items(), ("Other commands", tuple(left))) if group}


class HelpfulCommand(click.Command):
    """A command whose help page has its options in groups, and examples."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, group by group."""
        for title, options in grouped(self, ctx):
            records = [record for option in options if (record := option.get_help_record(ctx)) is not None]
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        examples = EXAMPLES.get(self.name or "", ())
        if examples:
            with formatter.section("Examples"):
                for number, (purpose, line) in enumerate(examples):
                    if number:
                        formatter.write("\n")
                    formatter.write(
                        f"{'':{formatter.current_indent}}{purpose}:\n{'':{formatter.current_indent}}  $ {line}\n"
                    )
        super().format_epilog(ctx, formatter)


def command(name: str) -> Callable[[Callable[..., Any]], HelpfulCommand]:
    """`click.command` with a help page by topic."""
    return click.command(name, cls=HelpfulCommand)


def grouped(found: click.Command, ctx: click.Context) -> Sequence[tuple[str, list[click.Parameter]]]:
    """A command's options by the titles of OPTION_GROUPS; those of no group come last, under "Other options"."""
    options = [option for option in found.get_params(ctx) if isinstance(option, click.Option)]
    by_name = {name: option for option in options for name in option.opts}
    groups: list[tuple[str, list[click.Parameter]]] = [
        (title, [by_name[name] for name in names if name in by_name]) for title, names in OPTION_GROUPS.items()
    ]
    listed = {id(option) for _, group in groups for option in group}
    groups.append(("Other options", [option for option in options if id(option) not in listed]))
    return [(title, group) for title, group in groups if group]
