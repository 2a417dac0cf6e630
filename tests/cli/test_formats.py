"""Every command in every format: the same exit code, and a whole document whatever happened."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from reconciler.emulator.server import Emulator
from tests.command_line import CliResult, RunCli

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "manifests"

FORMATS = ("text", "json", "markdown", "html")

COMMANDS = {
    "validate": ["validate", "manifests"],
    "plan": ["plan", "manifests"],
    "plan --detailed-exitcode": ["plan", "manifests", "--detailed-exitcode"],
    "drift": ["drift", "manifests"],
    "apply": ["apply", "manifests", "--yes"],
    "show": ["show", "plan.json"],
    "export": ["export"],
    "get types": ["get", "types"],
    "get models": ["get", "models"],
    "get versions": ["get", "versions"],
    "get concepts": ["get", "concepts"],
    "get output-info": ["get", "output-info"],
    "purge": ["purge", "demo/pets", "--confirm", "demo/pets"],
    "schema": ["schema"],
    "bad manifests": ["plan", "bad"],
    "no such file": ["show", "nowhere.json"],
    "unknown app": ["get", "models", "--app-id", "nowhere"],
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the example manifests and a bad one."""
    for name, folder in (("manifests", EXAMPLES),):
        (tmp_path / name).mkdir()
        for path in folder.glob("*.yaml"):
            (tmp_path / name / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "m.yaml").write_text("kind: Model\n<b>@octocat: '##[error]'\n", encoding="utf-8")
    return tmp_path


def run(cli: RunCli, place: Path, arguments: list[str], *, form: str) -> CliResult:
    """One command in one format, against a fresh service."""
    from reconciler.emulator.sample import SAMPLE

    env = {"CLARIFAI_PAT": "test", "CLARIFAI_USER_ID": "demo", "CLARIFAI_APP_ID": "pets"}
    with Emulator(seed=SAMPLE) as emulator:
        where = [] if arguments[0] == "schema" else ["--endpoint", emulator.url]
        if arguments[0] == "show":
            cli("plan", "manifests", *where, "--out", "plan.json", env=env, cwd=place)
        return cli(*arguments, *where, "--format", form, env=env, cwd=place)


class _Title(HTMLParser):
    title = ""
    is_inside = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.is_inside = tag == "title"

    def handle_data(self, data: str) -> None:
        if self.is_inside:
            self.title += data


@pytest.mark.parametrize("name", list(COMMANDS))
def test_a_command_takes_every_format_and_exits_alike(cli: RunCli, place: Path, name: str) -> None:
    results = {form: run(cli, place, COMMANDS[name], form=form) for form in FORMATS}
    assert len({result.exit_code for result in results.values()}) == 1
    results["json"].document()
    assert next(iter(MarkdownIt("gfm-like").parse(results["markdown"].stdout))).type == "heading_open"
    page = results["html"].stdout
    title = _Title()
    title.feed(page)
    assert page.startswith("<!doctype html>\n")
    assert page.endswith("</html>\n")
    assert title.title


def test_what_is_wrong_with_manifests_is_a_page_too(cli: RunCli, place: Path) -> None:
    markdown = run(cli, place, ["validate", "bad"], form="markdown")
    html = run(cli, place, ["validate", "bad"], form="html")
    assert (markdown.exit_code, html.exit_code) == (1, 1)
    assert markdown.stdout.startswith("## Manifests with problems\n\n`")
    assert "\n- `bad/m.yaml:" in markdown.stdout
    assert "<h2>bad/<wbr>m.<wbr>yaml</h2>" in html.stdout
    assert "<b>" not in html.stdout
    assert [text for text in (markdown.stdout, markdown.stderr, html.stdout) if "##[" in text] == []


def test_a_report_is_laid_out_for_the_columns_there_are(cli: RunCli, place: Path) -> None:
    env = {"COLUMNS": "40"}
    result = cli("plan", "manifests", "--endpoint", "embedded", env=env, cwd=place)
    assert max(map(len, result.stdout.splitlines())) <= 40
