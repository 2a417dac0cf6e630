"""`reconciler completion`: print the script by which a shell completes this program's commands and options."""

from __future__ import annotations

from typing import Final

import click

from reconciler import exit_codes
from reconciler.cli.help import command as helpful_command
from reconciler.cli.main import COMPLETION_VARIABLE, PROGRAM, cli
from reconciler.cli.options import CommonOptions, common_options

SHELLS: Final = ("bash", "zsh", "fish")

_FILE_NAMES: Final = (
    ("complete -o nosort -F ", "complete -o default -o nosort -F "),
    (
        "    for type key descr in ${response}; do",
        '    [[ -z "$response" ]] && { _files; return }\n\n    for type key descr in ${response}; do',
    ),
    ("complete --no-files ", "complete "),
)
"""Changes to click's scripts. They complete nothing where click has nothing to offer; for a PATH that is to be a file's name."""


@helpful_command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
@common_options()
def command(shell: str, common: CommonOptions) -> int:  # noqa: ARG001  --format changes nothing here
    """Print the completion script for SHELL: bash (4.4 or newer), zsh or fish.

    \b
    bash:  reconciler completion bash > ~/.local/share/bash-completion/completions/reconciler
    zsh:   reconciler completion zsh > "${fpath[1]}/_reconciler"
    fish:  reconciler completion fish > ~/.config/fish/completions/reconciler.fish
    """
    from click.shell_completion import get_completion_class

    completion_class = get_completion_class(shell)
    if completion_class is None:
        raise click.ClickException(f"This version of click has no completion for {shell}. Upgrade click.")
    script = completion_class(cli, {}, PROGRAM, COMPLETION_VARIABLE).source_vars()
    click.echo(_with_file_names(completion_class.source_template) % script)
    return exit_codes.OK


def _with_file_names(script: str) -> str:
    for found, better in _FILE_NAMES:
        script = script.replace(found, better)
    return script
