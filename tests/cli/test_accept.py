"""`reconciler accept`: the drift in the manifests, at the place of each value, and every other byte as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator.server import Emulator
from tests.cli.live_side import Service, seeded
from tests.command_line import CliResult, RunCli
from tests.emulator.client import connected

VERSION, OLDER = "a" * 32, "b" * 32
LIVE = {
    "id": "m",
    "name": "Live name",
    "description": "Live text",
    "notes": "one\n\ntwo\n",
    "toolkits": ["OpenAI"],
    "metadata": {"team": "vision", "nested": {"a": 1, "list": [{"id": "x", "v": 2}, {"id": "y"}]}, "n": 0.5},
    "versions": [
        {"id": VERSION, "description": "Live version", "license": "MIT", "metadata": {"k": 1}},
        {"id": OLDER, "description": "Older", "license": "MIT", "metadata": {"k": 2}},
    ],
}
HEAD = "apiVersion: reconciler/v1\nkind: Model\nmetadata: {id: m, user_id: demo, app_id: pets}\n"


@pytest.fixture
def service(cli: RunCli, tmp_path: Path) -> Iterator[Service]:
    with Emulator(seed=seeded(LIVE, {"id": "other", "name": "Other"})) as emulator:
        yield Service(emulator, cli, tmp_path)


def accepted(service: Service, text: str, *, code: int = 0, env: Mapping[str, str] | None = None) -> str:
    """The manifest after an accept with this exit code; a drift of it exits 0 if nothing was left."""
    (service.folder / "m.yaml").write_bytes(text.encode())
    result = service.run("accept", "m.yaml", env=env)
    assert result.exit_code == code, result
    if not code:
        assert service.run("drift", "m.yaml", env=env).exit_code == 0
    assert service.writes() == []
    return (service.folder / "m.yaml").read_bytes().decode()


NESTED = "nested: {a: 1, list: [{id: x, v: 2}, {id: y}]}"
STYLES = {
    "plain, with comments": (
        "spec:\n  name: Old   # the name\n  # more\n  description: Live text\n",
        "spec:\n  name: Live name   # the name\n  # more\n  description: Live text\n",
    ),
    "quotes": (
        "spec:\n  name: 'Old'\n  description: \"Old text\" # why\n",
        "spec:\n  name: 'Live name'\n  description: \"Live text\" # why\n",
    ),
    "literal block": (
        "spec:\n  notes: |  # notes\n    old\n    text\n  name: Live name\n",
        "spec:\n  notes: |  # notes\n    one\n\n    two\n  name: Live name\n",
    ),
    "folded block": ("spec:\n  notes: >-\n    old\n    text\n\n  name: Old\n", "spec:\n  notes: |\n    one\n\n    two\n\n  name: Live name\n"),
    "flow mapping": ("spec: {name: Old, toolkits: [OpenAI,  X]}  # all\n", "spec: {name: Live name, toolkits: [OpenAI]}  # all\n"),
    "flow list over lines": (
        "spec:\n  toolkits: [\n    X, # gone\n    OpenAI, # kept\n  ]\n",
        "spec:\n  toolkits: [\n    OpenAI, # kept\n  ]\n",
    ),
    "dashes, indented": ("spec:\n  toolkits:\n    - X     # gone\n    - OpenAI # kept\n  name: Live name\n",
                         "spec:\n  toolkits:\n    - OpenAI # kept\n  name: Live name\n"),
    "dashes, not indented": ("spec:\n  toolkits:\n  - OpenAI\n  - X\n", "spec:\n  toolkits:\n  - OpenAI\n"),
    "list that becomes empty": ("spec:\n  name: Live name\n  toolkits:\n  - X\n  # end\n", "spec:\n  name: Live name\n  # end\n"),
    "windows line ends": ("spec:\r\n  name: Old\r\n  notes: |\r\n    old\r\n", "spec:\r\n  name: Live name\r\n  notes: |\r\n    one\r\n\r\n    two\r\n"),
    "tabs": ("spec:\n  name: Old\t# tab\n  description:\t'Old text'\t\n", "spec:\n  name: Live name\t# tab\n  description:\t'Live text'\t\n"),
    "no final line end": ("spec:\n  name: Old", "spec:\n  name: Live name"),
    "nested Struct": (
        "spec:\n  metadata:\n    team: old # who\n    nested:\n      a: 2\n      gone: true\n    n: 0.50\n",
        "spec:\n  metadata:\n    team: vision # who\n    nested:\n      a: 1\n    n: 0.50\n",
    ),
    "objects with ids": (
        "spec:\n  metadata:\n    nested:\n      list:\n        - {id: x, v: 1}\n        - id: z\n          w: 1\n",
        "spec:\n  metadata:\n    nested:\n      list:\n        - {id: x, v: 2}\n",
    ),
    "spec that becomes empty": ("spec:\n  toolkits: [X]\n# end\n", "spec: {}\n# end\n"),
    "remove whose items came back": (
        "spec:\n  name: Live name\n  remove:\n    toolkits: [OpenAI, X]\n    metadata:\n    - nested.a # back\n    - other\n",
        "spec:\n  name: Live name\n  remove:\n    toolkits: [X]\n    metadata:\n    - other\n",
    ),
    "remove that becomes empty": ("spec:\n  name: Old\n  remove: {metadata: [team]}\n", "spec:\n  name: Live name\n"),
    "overwrite": (
        "spec:\n  action: overwrite\n  toolkits: [X]\n  metadata:\n    team: old\n    gone: 1\n",
        f"spec:\n  action: overwrite\n  toolkits: [OpenAI]\n  metadata:\n    team: vision\n    n: 0.5\n    {NESTED}\n",
    ),
    "overwrite, empty": ("spec:\n  action: overwrite\n  toolkits: []\n", "spec:\n  action: overwrite\n  toolkits: [OpenAI]\n"),
    "versions": (
        f"spec:\n  versions:\n  - description: Old\n    id: {VERSION} # pinned\n    license: GPL\n",
        f"spec:\n  versions:\n  - description: Live version\n    id: {VERSION} # pinned\n    license: MIT\n",
    ),
    "first key of an item that goes": (
        f"spec:\n  versions:\n    -   metadata: {{gone: 1}}\n        id: {VERSION}\n",
        f"spec:\n  versions:\n    -   id: {VERSION}\n",
    ),
    "anchor elsewhere": ("spec:\n  description: &text Live text\n  name: Old\n", "spec:\n  description: &text Live text\n  name: Live name\n"),
    "select all, alike": ("spec:\n  versions: [{select: all, license: GPL}]\n", "spec:\n  versions: [{select: all, license: MIT}]\n"),
    "wide letters": ("spec:\n  # \u00e4\U0001f436\n  name: '\U0001f436'\n", "spec:\n  # \u00e4\U0001f436\n  name: 'Live name'\n"),
}  # fmt: skip


@pytest.mark.parametrize("style", STYLES)
def test_only_the_accepted_values_change(service: Service, style: str) -> None:
    before, after = STYLES[style]
    newline = "\r\n" if "\r\n" in before else "\n"
    head = HEAD.replace("\n", newline)
    assert accepted(service, head + before) == head + after


def test_a_byte_order_mark_other_documents_and_document_ends_stay(service: Service) -> None:
    other = "apiVersion: reconciler/v1\nkind: Model\nmetadata: {id: other, user_id: demo, app_id: pets}\nspec: {name:   Other}\n"
    text = f"\ufeff# top\n---\n{other}...\n---\n{HEAD}spec: {{name: Old}} # c\n...\n# bottom"
    assert accepted(service, text) == text.replace("name: Old", "name: Live name")


LEFT: dict[str, tuple[str, str, dict[str, str]]] = {
    "environment variable": ("spec: {name: '${env:SIDE}', description: Old}\n", "it comes from ${env:SIDE}", {"SIDE": "swordfish"}),
    "alias": ("spec:\n  description: &d Old\n  name: *d\n", "anchor, an alias or a merge key", {}),
    "versions that differ": ("spec: {versions: [{select: all, description: Old}]}\n", "the versions that the entry selects differ", {}),
    "merge key": ("spec:\n  metadata:\n    <<: {team: old}\n", "anchor, an alias or a merge key", {}),
}  # fmt: skip


@pytest.mark.parametrize("what", LEFT)
def test_what_cannot_be_accepted_is_left_and_named(service: Service, what: str) -> None:
    text, reason, env = LEFT[what]
    service.write("m.yaml", HEAD + text)
    result = service.run("accept", "m.yaml", "--format", "json", env=env)
    assert result.exit_code == 4
    assert [reason in item["reason"] for item in result.document()["left"]].count(True) >= 1
    assert "swordfish" not in result.stdout + result.stderr
    # What else differs is accepted all the same.
    kept = (service.folder / "m.yaml").read_text()
    assert kept == HEAD + (text.replace("Old", "Live text") if what == "environment variable" else text)


def test_a_secret_beside_an_accepted_value_is_not_in_the_diff(service: Service) -> None:
    service.write("m.yaml", f"{HEAD}spec: {{name: Old, metadata: {{t: '${{env:SIDE}}'}}}}\n# swordfish\n")
    result = service.run("accept", "m.yaml", "--dry-run", env={"SIDE": "swordfish"})
    assert ("swordfish" in result.stdout + result.stderr, "(sensitive)" in result.stdout) == (False, True)


def test_a_dry_run_prints_a_diff_and_writes_nothing(service: Service) -> None:
    text = f"{HEAD}spec:\n  name: Old"
    service.write("m.yaml", text)
    result = service.run("accept", "m.yaml", "--dry-run")
    assert result.stdout == (
        "--- m.yaml\n+++ m.yaml\n@@ -2,4 +2,4 @@\n kind: Model\n metadata: {id: m, user_id: demo, app_id: pets}\n spec:\n"
        "-  name: Old\n\\ No newline at end of file\n+  name: Live name\n\\ No newline at end of file\n"
    )
    assert (result.exit_code, (service.folder / "m.yaml").read_text()) == (0, text)


def test_a_link_is_followed_and_the_mode_stays(service: Service) -> None:
    service.write("real/m.yml", f"{HEAD}spec: {{name: Old}}\n")
    real, link = service.folder / "real" / "m.yml", service.folder / "m.yaml"
    real.chmod(0o640)
    link.symlink_to(real)
    assert service.run("accept", "m.yaml").exit_code == 0
    assert (link.is_symlink(), real.stat().st_mode & 0o777, "Live name" in real.read_text()) == (True, 0o640, True)


def at_read(number: int, act: Callable[[], object]) -> Callable[[str, Any], None]:
    """A `before_call` of the emulator that acts right before the read of a model of this number, and once only."""
    reads: list[str] = []

    def before_call(rpc: str, request: Any) -> None:
        if rpc == "GetModel":
            reads.append(rpc)
            if len(reads) == number:
                act()

    return before_call


def test_a_file_that_changes_in_the_meantime_is_left(cli: RunCli, tmp_path: Path) -> None:
    """Both models are read to find the drift, and once more to judge the new texts."""
    other = HEAD.replace("id: m,", "id: other,")
    mine = f"{HEAD}spec: {{name: Mine}}\n"
    save = at_read(3, lambda: (tmp_path / "m.yaml").write_text(mine))
    with Emulator(seed=seeded(LIVE, {"id": "other", "name": "Other"}), before_call=save) as emulator:
        service = Service(emulator, cli, tmp_path)
        service.write("m.yaml", f"{HEAD}spec: {{name: Old}}\n")
        service.write("n.yaml", f"{other}spec: {{name: Old}}\n")
        result = service.run("accept", "m.yaml", "n.yaml", "--format", "json")
    document = result.document()
    assert (result.exit_code, document["files"], [item["reason"] for item in document["left"]]) == (
        4,
        ["n.yaml"],
        ["somebody has changed the file in the meantime"],
    )
    assert (tmp_path / "m.yaml").read_text() == mine
    assert (tmp_path / "n.yaml").read_text() == f"{other}spec: {{name: Other}}\n"


def test_a_file_that_is_gone_by_then_is_left_and_the_others_are_written(cli: RunCli, tmp_path: Path) -> None:
    remove = at_read(3, (tmp_path / "m.yaml").unlink)
    with Emulator(seed=seeded(LIVE, {"id": "other", "name": "Other"}), before_call=remove) as emulator:
        service = Service(emulator, cli, tmp_path)
        service.write("m.yaml", f"{HEAD}spec: {{name: Old}}\n")
        service.write("n.yaml", HEAD.replace("id: m,", "id: other,") + "spec: {name: Old}\n")
        result = service.run("accept", "m.yaml", "n.yaml", "--format", "json")
    document = result.document()
    assert (result.exit_code, document["files"], [item["address"] for item in document["left"]]) == (
        4,
        ["n.yaml"],
        ["demo/pets/m"],
    )
    assert not (tmp_path / "m.yaml").exists()


def test_protection_and_the_owner_mark(cli: RunCli, tmp_path: Path) -> None:
    mark = {"reconciler": {"owner": "vision", "protect": False}}
    with Emulator(seed=seeded({"id": "m", "name": "n", "metadata": mark})) as emulator:
        service = Service(emulator, cli, tmp_path)
        service.write("reconciler.yaml", "apiVersion: reconciler/v1\nkind: Config\nowner: vision\n")
        assert accepted(service, f"{HEAD}spec: {{protect: true}}\n") == f"{HEAD}spec: {{protect: false}}\n"
        service.write("reconciler.yaml", "apiVersion: reconciler/v1\nkind: Config\nowner: others\n")
        text = f"{HEAD}spec: {{name: n}}\n"
        assert accepted(service, text, code=4) == text


def test_expected_concepts_become_those_that_the_version_has(cli: RunCli, tmp_path: Path) -> None:
    concepts = [{"id": "cat"}, {"id": "dog"}]
    version = {"id": VERSION, "output_info": {"data": {"concepts": concepts}}}
    with Emulator(seed=seeded({"id": "m", "versions": [version]})) as emulator:
        service = Service(emulator, cli, tmp_path)
        text = f"{HEAD}spec: {{versions: [{{select: latest, expect: {{concepts: [dog, bird]}}}}]}}\n"
        assert accepted(service, text) == text.replace("[dog, bird]", "[dog, cat]")


def test_only_targeted_models_are_accepted(service: Service) -> None:
    service.write("m.yaml", f"{HEAD}spec: {{name: Old}}\n")
    other = HEAD.replace("id: m,", "id: other,") + "spec: {name: Old}\n"
    service.write("n.yaml", other)
    assert service.run("accept", ".", "--target", "m").exit_code == 0
    assert (service.folder / "n.yaml").read_text() == other


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_every_format_names_what_was_accepted(service: Service, form: str) -> None:
    service.write("m.yaml", f"{HEAD}spec: {{name: Old}}\n")
    result: CliResult = service.run("accept", "m.yaml", "--format", form)
    assert (result.exit_code, "Live name" in result.stdout) == (0, True)


def test_standard_input_cannot_be_accepted(service: Service) -> None:
    result: Any = service.run("accept", "-", stdin=f"{HEAD}spec: {{name: Old}}\n")
    assert (result.exit_code, service.calls()) == (64, [])


def test_a_value_with_which_the_manifest_would_not_be_valid_is_left_alone(cli: RunCli, tmp_path: Path) -> None:
    with Emulator(seed=seeded({"id": "m", "name": "Live name", "notes": "x" * 70_000})) as emulator:
        service = Service(emulator, cli, tmp_path)
        text = f"{HEAD}spec: {{name: Old, notes: short}}\n"
        assert accepted(service, text, code=4) == text.replace("Old", "Live name")
        (left,) = service.run("accept", "m.yaml", "--format", "json").document()["left"]
        assert (left["path"], "would not be valid" in left["reason"]) == ("notes", True)


def test_a_live_value_that_moves_in_the_meantime_is_left(cli: RunCli, tmp_path: Path) -> None:
    """What is compared once more before anything is written is the live side too."""
    text = f"{HEAD}spec: {{name: Old, description: Old}}\n"

    def rename() -> None:
        with connected(emulator) as client:
            client.json("PatchModels", models=[{"id": "m", "name": "Newer"}], action="overwrite")

    with Emulator(seed=seeded(LIVE), before_call=at_read(2, rename)) as emulator:
        service = Service(emulator, cli, tmp_path)
        service.write("m.yaml", text)
        assert service.run("accept", "m.yaml").exit_code == 4
    assert (tmp_path / "m.yaml").read_text() == text.replace("description: Old", "description: Live text")


def test_warnings_about_the_manifests_are_printed_as_by_drift(service: Service) -> None:
    service.write("m/m.yaml", f"{HEAD}spec: {{name: Live name}}\n")
    service.write("m/.hidden.yaml", HEAD)
    drift, accept = (service.run(command, "m").stderr for command in ("drift", "accept"))
    assert (".hidden.yaml" in drift, drift in accept) == (True, True)
    assert service.run("accept", "m", "--quiet").stderr == ""
