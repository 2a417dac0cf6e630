"""The entry point: finds the command, runs it, and turns whatever happens into an exit code and a clear message.

In: the arguments. Out: an exit code. A command is a click command named `command` in its module; its callback returns the exit
code as an int, or None for 0, and raises ReconcilerError for what a user can correct. No user sees a traceback without -vv.
"""

from __future__ import annotations

import errno
import os
import re
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from reconciler import __version__, exit_codes
from reconciler.cli.options import Invocation, use_color
from reconciler.errors import ReconcilerError

PROGRAM: Final = "reconciler"

COMPLETION_VARIABLE: Final = "_RECONCILER_COMPLETE"
"""The completion script sets it when it asks for completions; click prints them and exits."""

# A command's module is imported when that command is used, and its one-line help stands here. The bare interpreter and click
# take a twelfth of a second to start; gRPC, YAML, JSON Schema and DeepDiff together half a second more, and `--help`,
# `--version`, a typo and shell completion need none of them.
COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "validate": ("reconciler.cli.validate", "Check manifests; offline unless --online."),
    "plan": ("reconciler.cli.plan", "Show what apply would change, and write nothing."),
    "apply": ("reconciler.cli.apply", "Change the live models to what the manifests state."),
    "drift": ("reconciler.cli.drift", "Exit with 2 when live models differ from the manifests."),
    "accept": ("reconciler.cli.accept", "Take the drift into the manifests, in place."),
    "test": ("reconciler.cli.test", "Plan against a recorded live side, offline: tests defaults and policies."),
    "show": ("reconciler.cli.show", "Print a saved plan again, in any format."),
    "explain": ("reconciler.cli.explain", "Show what manifests state of a model, where, and what apply would do."),
    "export": ("reconciler.cli.export", "Write live models as manifests."),
    "get": ("reconciler.cli.get", "Print live types, models, versions, concepts or output info."),
    "purge": ("reconciler.cli.purge", "Delete every model of an app, after a backup."),
    "comment": ("reconciler.cli.comment", "Post a saved plan as a pull-request comment, and keep it up to date."),
    "runs": ("reconciler.cli.runs", "List what applies, undos and purges did from here."),
    "undo": ("reconciler.cli.undo", "Undo the changes of one apply that nobody has changed since."),
    "config": ("reconciler.cli.config", "Print the settings in force, each with its source."),
    "schema": ("reconciler.cli.schema", "Print the JSON Schema of a manifest, the configuration or a plan."),
    "emulator": ("reconciler.cli.emulator", "Serve an emulated Clarifai API on this machine."),
    "completion": ("reconciler.cli.completion", "Print the completion script for bash, zsh or fish."),
}
"""Command name → its module and the line that --help shows. `help.COMMAND_GROUPS` has the order of --help."""

# What an internal error's traceback might quote: credentials in the environment, and the header that carries the token.
_SECRET_NAME = re.compile(r"PAT$|PAT_|TOKEN|SECRET|PASSWORD|KEY", re.IGNORECASE)
_AUTHORIZATION = re.compile(r"\b(Key|Bearer)\s+[^\s'\"]+")


class LazyGroup(click.Group):
    """A group that takes names and help lines from COMMANDS, and imports a command when it is looked up."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the table's order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module and give its command; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        import importlib

        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command named by the first argument; an unknown name is a usage error with the nearest known one."""
        if args[0] in COMMANDS or ctx.resilient_parsing:
            invocation = ctx.find_object(Invocation)
            if invocation is not None:
                invocation.command = args[0]
            return super().resolve_command(ctx, args)
        import difflib

        near = difflib.get_close_matches(args[0].lower(), COMMANDS, n=1, cutoff=0.5)
        hint = f" Did you mean {near[0]!r}?" if near else f" The commands are: {', '.join(COMMANDS)}."
        raise click.UsageError(f"There is no command {args[0]!r}.{hint}", ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by what they are for, from the tables alone."""
        from reconciler.cli.help import command_groups

        widest = max(map(len, COMMANDS))
        for title, names in command_groups(COMMANDS).items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:{widest}}", COMMANDS[name][1]) for name in names])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Complete the names of commands from the table alone, and the group's own options."""
        from click.shell_completion import CompletionItem

        names = [
            CompletionItem(name, help=help_text)
            for name, (_, help_text) in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]


@click.group(
    name=PROGRAM,
    cls=LazyGroup,
    invoke_without_command=True,
    subcommand_metavar="COMMAND [ARGS]...",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit codes: 0 done or nothing to do; 1 error; 2 changes pending (drift, plan --detailed-exitcode); "
    "3 refused by a guard; 4 apply incomplete; 64 usage error; 130 interrupted.",
)
@click.version_option(__version__, "--version", prog_name=PROGRAM, message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Manage the configuration of Clarifai models as manifests in git: plan, apply, and detect drift."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(exit_codes.USAGE)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; `argv` is without the program's name (default: sys.argv).

    Results go to standard output, errors to standard error. It raises nothing, except for a completion request, which click
    ends by SystemExit.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    invocation = Invocation()
    if sys.stdout is None:
        _show_error("Standard output is closed, so the result can't be written. Nothing was done.")
        return exit_codes.ERROR
    _prepare_streams()
    previous = _interrupt_on_sigterm()
    try:
        code = _run(arguments, invocation)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        _abandon_stdout()
        return exit_codes.ERROR
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return exit_codes.INTERRUPTED
    except OSError as error:
        if not _is_about_output(error):
            click.echo(_internal_error_text(error, invocation), err=True)
            return exit_codes.ERROR
        _abandon_stdout()
        _show_error(f"The result can't be written to standard output: {error.strerror}.")
        return exit_codes.ERROR
    except ReconcilerError as error:
        _show_error(f"{error}")
        return error.exit_code
    except click.UsageError as error:
        _show_usage_error(error, invocation)
        return exit_codes.USAGE
    except click.ClickException as error:
        _show_error(f"{error.format_message()}")
        return exit_codes.ERROR
    except Exception as error:  # noqa: BLE001  the boundary: anything else is a bug in this program
        click.echo(_internal_error_text(error, invocation), err=True)
        return exit_codes.ERROR
    finally:
        if previous is not None:
            signal.signal(signal.SIGTERM, previous)


def _run(arguments: list[str], invocation: Invocation) -> int:
    if os.environ.get(COMPLETION_VARIABLE):
        cli.main(arguments, prog_name=PROGRAM, complete_var=COMPLETION_VARIABLE)
    try:
        with cli.make_context(PROGRAM, arguments, obj=invocation) as ctx:
            result = cli.invoke(ctx)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    return exit_codes.OK if result is None else int(result)


def _prepare_streams() -> None:
    """Escape characters that a terminal's encoding lacks: a name in another script is no reason to fail.

    Where standard error is closed, it becomes /dev/null, so that no writer of notes has to check.
    """
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  it stays open until the process ends
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _interrupt_on_sigterm() -> Any:
    """Make SIGTERM, with which CI runners cancel a job, act like Ctrl-C. Returns the handler to restore."""
    if threading.current_thread() is not threading.main_thread():
        return None
    return signal.signal(signal.SIGTERM, signal.default_int_handler)


def _is_about_output(error: OSError) -> bool:
    """Whether a write to standard output failed. The files that commands write themselves are named in their errors."""
    return error.filename is None and error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF}


def _abandon_stdout() -> None:
    """Redirect standard output to /dev/null, so that the interpreter's own flush at exit doesn't fail."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        return


def _show_error(text: str) -> None:
    """Print why the command failed, with its label in colour on a terminal."""
    from reconciler.report.paint import Painter

    is_terminal = sys.stderr is not None and sys.stderr.isatty()
    paint = Painter(color=use_color("auto", isatty=is_terminal, environ=os.environ))
    click.echo(f"{paint('error:', 'loss')} {text}", err=True)


def _show_usage_error(error: click.UsageError, invocation: Invocation) -> None:
    """Print how the command is used, then what is wrong; some errors of click's parser have no context."""
    usage = f"{error.ctx.get_usage()}\n" if error.ctx is not None else ""
    path = error.ctx.command_path if error.ctx is not None else f"{PROGRAM} {invocation.command}".rstrip()
    click.echo(f"{usage}Try '{path} --help' for help.\n", err=True)
    _show_error(error.format_message())


def _internal_error_text(error: Exception, invocation: Invocation) -> str:
    """The message for an exception that nobody expected.

    Its own text is printed only with -vv, and without secrets: gRPC, for one, quotes the authorization metadata in
    "metadata was invalid".
    """
    text = (
        f"error: internal error ({type(error).__name__}): this is a bug in {PROGRAM} {__version__}, not in your manifests. Run "
        "the command again with -vv to see where it happened, and report the output."
    )
    if invocation.verbose < 2:
        return text
    import traceback

    trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return f"{_without_secrets(trace, invocation)}{text}"


def _without_secrets(text: str, invocation: Invocation) -> str:
    from reconciler.resources.secrets import SENSITIVE_TEXT

    named = {value for name, value in os.environ.items() if _SECRET_NAME.search(name) and len(value) >= 6}
    for secret in sorted(named | {each for each in invocation.secrets if each}, key=len, reverse=True):
        text = text.replace(secret, SENSITIVE_TEXT)
    return _AUTHORIZATION.sub(rf"\1 {SENSITIVE_TEXT}", text)
