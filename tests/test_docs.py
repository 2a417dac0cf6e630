"""The documents are true: runnable examples are run and their output compared, links and anchors lead somewhere."""

from __future__ import annotations

import html
import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import click
import pytest
import yaml
from jsonschema import Draft202012Validator
from markdown_it import MarkdownIt
from markdown_it.token import Token

from reconciler.loading.schema import schema_document

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / ".github").rglob("*.md")])

STEP = re.compile(r"(?:<!-- runnable -->\n```console|```\w+ title=\"([^\"]+)\")\n(.*?)```", re.DOTALL)
"""A block that is run, or one with a title, which is a file of that name from there on."""

MANIFEST = re.compile(r"```yaml(?: title=\"([^\"]+)\")?\n((?:#[^\n]*\n)*apiVersion: reconciler/v1\n.*?)```", re.DOTALL)


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def commands(block: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with the output shown below it."""
    found: list[tuple[str, str]] = []
    for line in block.splitlines(keepends=True):
        if line.startswith("$ "):
            found.append((line[2:].strip(), ""))
        else:
            command, output = found[-1]
            found[-1] = (command, output + line)
    return found


def environment() -> dict[str, str]:
    """A reader's: this project's commands on the PATH, a name for git, and nothing of the caller's that could matter."""
    kept = {name: value for name, value in os.environ.items() if not re.match(r"CLARIFAI_|RECONCILER_|GIT", name)}
    identity = {
        f"GIT_{role}_{what}": f"reader@{what.lower()}" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    no_config = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    return {**kept, **identity, **no_config, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def printed(command: str, folder: Path) -> str:
    """What a command prints in a reader's shell. The digest of a plan covers the time at which it was made."""
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return re.sub(r"sha256:[0-9a-f]{64}", "sha256:DIGEST", done.stdout)


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if "<!-- runnable -->" in read(path)], ids=named)
def test_a_page_run_from_top_to_bottom_prints_what_it_shows(path: Path, tmp_path: Path, *, update_golden: bool) -> None:
    """With --update-golden, the page shows from then on what its commands print."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    page = read(path)
    runs = list(STEP.finditer(page))
    shown: list[str] = []
    for step in runs:
        file, block = step.groups()
        if file:
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_text(block, encoding="utf-8")
            shown.append(block)
            continue
        block = ""
        for command, said in commands(step[2]):
            output = printed(command, tmp_path)
            assert update_golden or output == said, command
            block += f"$ {command}\n{output}"
        shown.append(block)
    for step, block in zip(reversed(runs), reversed(shown), strict=True):
        page = page[: step.start(2)] + block + page[step.end(2) :]
    if update_golden:
        path.write_text(page, encoding="utf-8")


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_what_looks_runnable_is_marked_as_such(path: Path) -> None:
    """A mark that the pattern above misses would be an example that nobody runs."""
    text = read(path)
    assert len(re.findall(r"^<!-- runnable|^```.* title=", text, re.MULTILINE)) == len(STEP.findall(text))


MANIFESTS = [
    pytest.param(text, id=f"{named(path)}-{number}")
    for path in DOCUMENTS
    for number, (file, text) in enumerate(MANIFEST.findall(read(path)))
    if not file.startswith("wrong/")
]


@pytest.mark.parametrize("text", MANIFESTS)
def test_a_whole_manifest_in_a_page_is_valid(text: str) -> None:
    document = yaml.safe_load(text)
    errors = Draft202012Validator(schema_document(document["kind"])).iter_errors(document)
    assert [error.message for error in errors] == []


COMMAND_LINES = [
    pytest.param(line, id=f"{named(path)}-{line[:60]}")
    for path in DOCUMENTS
    if path.name != "CHANGELOG.md"
    for block in re.findall(r"```(?:sh|bash|console)\n(.*?)```", read(path), re.DOTALL)
    for line in re.sub(r"\\\n\s*", "", block).splitlines()
    if re.match(r"(\$ )?reconciler [a-z]", line)
]


@pytest.mark.parametrize("line", COMMAND_LINES)
def test_every_command_line_in_a_page_is_one_that_the_command_accepts(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether there is that command and those options; nothing is run. Variables of the shell stand for a number."""
    from reconciler.cli.main import cli

    monkeypatch.chdir(tmp_path)
    line = re.sub(r"\$\w+", "1", line.removeprefix("$ "))
    words = itertools.takewhile(
        lambda word: word not in ("|", ">", ">>", "&&", "||", ";"), shlex.split(line.replace(";", " ;"), comments=True)
    )
    _, name, *arguments = words
    for word in arguments:
        if re.fullmatch(r"[\w.-]+\.\w+", word):
            (tmp_path / word).touch()
    root = click.Context(cli, info_name="reconciler", **cli.context_settings)
    found = cli.get_command(root, name)
    assert found is not None
    with suppress(click.exceptions.Exit):  # --help
        found.make_context(name, arguments, parent=root)


# --- links ----------------------------------------------------------------------------------------------------


def tokens(path: Path) -> Iterator[Token]:
    for token in MarkdownIt("commonmark").enable("table").parse(read(path)):
        yield token
        yield from token.children or ()


@cache
def anchors(path: Path) -> frozenset[str]:
    """The anchors of a page's headings, named as GitHub names them."""
    parsed = MarkdownIt("commonmark").enable("table").parse(read(path))
    headings = [after for before, after in itertools.pairwise(parsed) if before.type == "heading_open"]
    found: set[str] = set()
    for heading in headings:
        text = "".join(part.content for part in heading.children or () if part.type in ("text", "code_inline"))
        name = base = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        number = 0
        while name in found:
            number += 1
            name = f"{base}-{number}"
        found.add(name)
    return frozenset(found)


def links(path: Path) -> list[str]:
    given = [token.attrGet("href") or token.attrGet("src") for token in tokens(path)]
    return [str(link) for link in given if link and not re.match(r"[a-z]+:", str(link))]


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_links_and_anchors_lead_somewhere(path: Path) -> None:
    dead = []
    for link in links(path):
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


def test_the_readme_names_every_command() -> None:
    from reconciler.cli.main import COMMANDS

    text = read(ROOT / "README.md")
    assert [name for name in COMMANDS if f"`{name}" not in text] == []


def test_the_picture_of_the_terminal_shows_what_the_readme_shows() -> None:
    picture = (ROOT / "docs" / "images" / "plan.svg").read_text(encoding="utf-8")
    lines: dict[float, list[str]] = {}
    for y, text in re.findall(r'<text [^>]*y="([\d.]+)"[^>]*>([^<]*)</text>', picture):
        lines.setdefault(float(y), []).append(html.unescape(text).replace("\xa0", " "))
    shown = " ".join(" ".join("".join(lines[y]) for y in sorted(lines)).split())
    (block,) = (token.content for token in tokens(ROOT / "README.md") if "$ reconciler plan examples" in token.content)
    said = block.partition("\n")[2].partition("\n$ ")[0]
    assert "".join(shown.partition("examples/manifests")[2].split()) == "".join(said.split())
