"""Writes the generated parts of docs/manifests.md and docs/cli.md: `python -m scripts.references`.

docs/manifests.md gets a table for each object in the JSON Schemas of manifests, defaults, policies and settings,
docs/predictions.md in that of probes. docs/cli.md gets a section for
each command from its click definition, and the exit codes from their module. docs/emulator.md gets the emulator's switches
and calls. A generated part begins with `<!-- generated: NAME -->` and ends with `<!-- /generated -->`; everything outside
these marks is written by hand and isn't changed. With `--check`, nothing is written: stale pages are listed, and the exit
code is 1 if there are any.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from reconciler import exit_codes
from reconciler.cli.help import EXAMPLES, command_groups, grouped
from reconciler.cli.main import COMMANDS, PROGRAM, cli
from reconciler.cli.options import common_options, plan_options
from reconciler.cli.pipeline import reporting_to_pipeline
from reconciler.loading.schema import schema_document
from scripts.emulator_reference import calls_reference, switches_reference

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = (DOCS / "manifests.md", DOCS / "cli.md", DOCS / "emulator.md", DOCS / "predictions.md")
PLACE = re.compile(r"(<!-- generated: ([\w-]+) -->\n)(.*?)(<!-- /generated -->)", re.DOTALL)

_NAMES = re.compile(r"(?<![\w-])(--[a-z][a-z-]+|(?:\w+\.)*\w*[A-Za-z]_\w+(?:\.\w+)*|(?:\./)?reconciler\.yaml)")
"""What is formatted as code although the help text doesn't mark it: options, names with an underscore, reconciler.yaml."""

Schema = Mapping[str, Any]


def page(text: str) -> str:
    """Return a page with its generated parts up to date."""
    return PLACE.sub(lambda place: f"{place[1]}\n{PARTS[place[2]]()}\n{place[4]}", text)


# --- the schemas ----------------------------------------------------------------------------------------------


def schema_reference(kind: str, *, inside: str = "", without: tuple[str, ...] = ()) -> str:
    """Return the reference of one kind of document: for each object a heading, its description and a table of its keys.

    Only objects at or below the path `inside` are listed, and none at or below the paths `without`. If `inside` is given, the headings name
    the kind too, because other kinds have objects at the same paths.
    """
    root = schema_document(kind)
    objects = [(path, schema) for path, schema in _objects("", root, root) if path.startswith(inside)]
    listed = [each for each in objects if not each[0].startswith(without)] if without else objects
    return "\n".join(_section(f"{kind} {path}" if inside else path, schema, root) for path, schema in listed)


def _objects(path: str, schema: Schema, root: Schema) -> Iterator[tuple[str, Schema]]:
    """Yield the path and schema of each object that has keys, parents before children."""
    schema = _resolved(schema, root)
    if schema.get("properties"):
        yield path, schema
    dot = f"{path}." if path else ""
    for name, item in schema.get("properties", {}).items():
        yield from _objects(f"{dot}{name}", item, root)
    for inner, suffix in ((schema.get("items"), "[]"), (schema.get("additionalProperties"), ".NAME")):
        if isinstance(inner, Mapping):
            yield from _objects(f"{path}{suffix}", inner, root)
    for choice in schema.get("anyOf", ()):
        yield from _objects(path, {"description": schema.get("description"), **choice}, root)


def _section(path: str, schema: Schema, root: Schema) -> str:
    required = schema.get("required", ())
    rows = ["| key | value | what it means |", "|---|---|---|"]
    for name, item in schema["properties"].items():
        found = _resolved(item, root)
        notes = [prose(found["description"])]
        if name in required:
            notes.insert(0, "**Required.**")
        if "default" in found:
            notes.append(f"Default: {_code(found['default'])}.")
        if found.get("examples"):
            notes.append(f"Example: {_code(found['examples'][0])}.")
        rows.append(f"| `{name}` | {_value(found, root)} | {' '.join(notes)} |")
    heading = f"### `{path}`\n\n" if path else ""
    return f"{heading}{prose(schema['description'])}\n\n" + "\n".join(rows) + "\n"


def _resolved(schema: Schema, root: Schema) -> Schema:
    """Return a schema merged with the definition that its $ref names. Its own keywords take precedence."""
    if "$ref" not in schema:
        return schema
    name = schema["$ref"].removeprefix("#/$defs/")
    return {**root["$defs"][name], **{key: value for key, value in schema.items() if key != "$ref"}}


def _value(schema: Schema, root: Schema) -> str:
    """Return a short description of the allowed values of a key."""
    if "anyOf" in schema:
        is_reference = [choice.get("$ref") == "#/$defs/reference" for choice in schema["anyOf"]]
        words = [
            _value(_resolved(c, root), root)
            for c, is_one in zip(schema["anyOf"], is_reference, strict=True)
            if not is_one
        ]
        return ", or ".join([*words, *(["a reference"] if any(is_reference) else [])])
    if "const" in schema:
        return _code(schema["const"])
    if "enum" in schema:
        return " \\| ".join(_code(choice) for choice in schema["enum"])
    if schema.get("type") == "array":
        items = _resolved(schema["items"], root)
        return f"list of {_value(items, root)}{'' if 'enum' in items else 's'}"
    names = {"string": "string", "object": "mapping", "boolean": "`true` \\| `false`"}
    kind: str = schema["type"]
    return names.get(kind, kind) + _limits(schema)


def _limits(schema: Schema) -> str:
    words = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "maxLength": "at most"}
    found = [f"{word} {schema[name]}" for name, word in words.items() if name in schema]
    unit = " characters" if "maxLength" in schema else ""
    return f", {', '.join(found)}{unit}" if found else ""


def _code(value: Any) -> str:
    """Return a value as YAML in flow style, formatted as code."""
    return f"`{_flow(value)}`"


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_flow(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


# --- the command line -----------------------------------------------------------------------------------------


def command_reference() -> str:
    """Return a section for every command, in the order of --help."""
    parts = []
    with click.Context(cli, info_name=PROGRAM, **cli.context_settings) as top:
        for title, names in command_groups(COMMANDS).items():
            links = ", ".join(f"[{name}](#{name})" for name in names)
            parts.append(f"- {title}: {links}")
        parts.append("")
        for name in itertools.chain.from_iterable(command_groups(COMMANDS).values()):
            command = cli.get_command(top, name)
            assert command is not None
            parts.append(_command(command, click.Context(command, parent=top, info_name=name)))
    return "\n".join(parts)


def _command(command: click.Command, ctx: click.Context) -> str:
    own = [option for _, group in grouped(command, ctx) for option in group if "--help" not in option.opts]
    shown = [_record(option, ctx) for option in own]
    linked = []
    for title, options in _SHARED.items():
        shared = {_record(option, ctx) for option in options()}
        if shared <= set(shown):
            shown = [record for record in shown if record not in shared]
            linked.append(f"the [{title[0].lower()}{title[1:]}](#{title.lower().replace(',', '').replace(' ', '-')})")
    usage = " ".join([ctx.command_path, *command.collect_usage_pieces(ctx)])
    text = f"### {ctx.info_name}\n\n```text\n{usage}\n```\n\n{_help(command.help or '')}\n"
    if examples := EXAMPLES.get(ctx.info_name or ""):
        lines = "\n".join(f"# {purpose}\n{line}" for purpose, line in examples)
        text += f"\n```sh\n{lines}\n```\n"
    if shown:
        text += f"\n{_table('option', shown)}\n"
    if linked:
        text += f"\n{'And' if shown else 'Takes'} {' and '.join(linked)}.\n"
    return text


def shared_reference(title: str) -> str:
    """Return the table of options that several commands share, for the section with this title."""
    command = click.Command(PROGRAM, params=_SHARED[title](), add_help_option=False)
    with click.Context(command, info_name=PROGRAM) as ctx:
        tables = (
            f"**{topic}**\n\n{_table('option', [_record(option, ctx) for option in group])}\n"
            for topic, group in grouped(command, ctx)
        )
        return "\n".join(tables)


def _planning_options() -> list[click.Parameter]:
    @click.command()
    @plan_options()
    @reporting_to_pipeline
    def command(planning: object, outcome: object) -> None:
        """Take the options of commands that make a plan."""

    return command.params


def _common_options() -> list[click.Parameter]:
    @click.command()
    @common_options()
    def command(common: object) -> None:
        """Take the common options."""

    return command.params


_SHARED = {"Options of plan, apply and drift": _planning_options, "Options of every command": _common_options}
"""The title of each section of shared options, and the function that returns the options."""


def _record(option: click.Parameter, ctx: click.Context) -> tuple[str, str]:
    """Return an option's names, and its help as Markdown. What click appends in brackets becomes a sentence."""
    record = option.get_help_record(ctx)
    assert record is not None, f"{option.name} has no help"
    help_text, _, extras = record[1].partition("  [")
    extra_facts = dict(extra.partition(": ")[::2] for extra in extras.rstrip("]").split("; "))
    required = "**Required.** " if "required" in extra_facts else ""
    default = f" Default: `{extra_facts['default']}`." if "default" in extra_facts else ""
    return record[0], f"{required}{prose(help_text)}{default}"


def _table(head: str, records: list[tuple[str, str]]) -> str:
    rows = [f"| `{_cell(names)}` | {text} |" for names, text in records]
    return "\n".join([f"| {head} | what it does |", "|---|---|", *rows])


def _help(text: str) -> str:
    """Return a command's help as Markdown. A paragraph that click must not wrap (it begins with \\b) becomes code."""
    return "\n\n".join(
        f"```text\n{paragraph[2:]}\n```" if paragraph.startswith("\b\n") else prose(" ".join(paragraph.split()))
        for paragraph in inspect.cleandoc(text).split("\n\n")
    )


def exit_code_reference() -> str:
    """Return a table of the exit codes with their docstrings."""
    body = ast.parse(Path(exit_codes.__file__).read_text(encoding="utf-8")).body
    rows = ["| code | name | meaning |", "|---|---|---|"]
    for assignment, docstring in itertools.pairwise(body):
        if isinstance(assignment, ast.AnnAssign) and isinstance(docstring, ast.Expr):
            name, text = ast.unparse(assignment.target), ast.literal_eval(docstring.value)
            rows.append(f"| {getattr(exit_codes, name)} | {name} | {prose(text)} |")
    return "\n".join(rows) + "\n"


# --- Markdown -------------------------------------------------------------------------------------------------


def prose(text: str) -> str:
    """Return plain text as Markdown for a table cell. Code stays code, options become code, and other markup is escaped."""
    parts = re.split(r"(`[^`]+`)", text)
    return "".join(_cell(part) if part.startswith("`") else _plain(part) for part in parts)


def _plain(text: str) -> str:
    parts = re.split(r"(`[^`]+`)", _NAMES.sub(r"`\1`", text))
    return "".join(part if part.startswith("`") else re.sub(r"([*_<\[\]|])", r"\\\1", part) for part in parts)


def _cell(code: str) -> str:
    return code.replace("|", "\\|")


PARTS: Mapping[str, Callable[[], str]] = {
    "Model": lambda: schema_reference("Model"),
    "ModelDefaults": lambda: schema_reference("ModelDefaults", inside="spec", without=("spec.model", "spec.versions")),
    "Policy": lambda: schema_reference("Policy", inside="spec"),
    "Config": lambda: schema_reference("Config"),
    "Probe": lambda: schema_reference("Probe"),
    "planning-options": lambda: shared_reference("Options of plan, apply and drift"),
    "shared-options": lambda: shared_reference("Options of every command"),
    "commands": command_reference,
    "exit-codes": exit_code_reference,
    "emulator-calls": lambda: calls_reference(prose),
    "switches": lambda: switches_reference(prose),
}
"""The name of each generated part, and the function that returns it."""


def main(arguments: list[str]) -> int:
    """Rewrite the pages, or check them; see the module's docstring. Returns the exit code."""
    texts = {path: path.read_text(encoding="utf-8") for path in PAGES}
    stale = {path: page(text) for path, text in texts.items() if page(text) != text}
    if arguments == ["--check"]:
        for path in stale:
            print(f"{path.relative_to(DOCS.parent)} is stale: run `make references`", file=sys.stderr)
        return 1 if stale else 0
    for path, text in stale.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
