"""`plan --base REF` on two branches: what the base manages and the branch neither states nor removes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator.server import Emulator
from tests.cli.live_side import LATEST, manifest
from tests.cli.test_attribution import Desk
from tests.command_line import RunCli

VERSION = LATEST["petsID"]
FILE = "models/pets.yaml"


@pytest.fixture
def desk(cli: RunCli, emulator: Emulator, tmp_path: Path) -> Desk:
    return Desk(emulator, cli, tmp_path / "repository")


def released(document: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [
        (item["address"].removeprefix("demo/pets/").replace(VERSION, "V"), item["path"], item["items"])
        for item in document["released"]
    ]


def between(desk: Desk, before: str, after: str, *args: str) -> dict[str, Any]:
    """The plan of a branch that changes the spec of one manifest."""
    desk.branches({FILE: manifest("petsID", before)}, {FILE: manifest("petsID", after)})
    return desk.document(*args)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("{name: n, description: d}", "{name: n}", [("description", None)]),
        ("{name: n, toolkits: [A, B, C]}", "{name: n, toolkits: [C, A]}", [("toolkits", ["B"])]),
        ("{name: n, toolkits: [A]}", "{name: n}", [("toolkits", ["A"])]),
        ("{toolkits: [A, B]}", "{toolkits: [A], remove: {toolkits: [B]}}", []),
        ("{metadata: {a: 1, b: {c: 2, d: 3}}}", "{metadata: {b: {c: 9}}}", [("metadata.a", None), ("metadata.b.d", None)]),
        ("{metadata: {a: 1, b: 2}}", "{metadata: {a: 1}, remove: {metadata: [b]}}", []),
        ("{metadata: {b: {c: 2}}}", "{metadata: {b: 5}}", []),
        ("{metadata: {b: {c: 2}}}", "{remove: {metadata: [b]}}", []),
        ("{metadata: {a: [1, 1, 2]}}", "{metadata: {a: [1]}}", [("metadata.a", [1, 2])]),
        ("{metadata: {a: [{id: x, v: 1}, {id: y}]}}", "{metadata: {a: [{id: x, v: 2}]}}", [("metadata.a", [{"id": "y"}])]),
        ("{name: n, visibility: PRIVATE}", "{name: n}", [("visibility", None)]),
        ("{name: n, image: {url: 'https://e.com/a.jpg'}}", "{name: n}", [("image.url", None)]),
        ("{image: {url: 'https://e.com/a.jpg'}}", "{remove: {image: true}}", []),
        ("{name: n, protect: true, retain_versions: 2}", "{name: n}", [("protect", None), ("retain_versions", None)]),
        # What was to be absent and is not mentioned any more; and what is stated now.
        ("{remove: {toolkits: [X, Y], metadata: [old]}}", "{remove: {toolkits: [Y]}}", [("metadata.old", None), ("toolkits", ["X"])]),
        ("{remove: {toolkits: [X], metadata: [old]}}", "{toolkits: [X], metadata: {old: 1}}", []),
        # Under overwrite, what is no longer stated is removed; where the field goes, it is released.
        ("{toolkits: [A, B], metadata: {a: 1}}", "{action: overwrite, toolkits: [A], metadata: {}}", []),
        ("{action: overwrite, toolkits: [A, B]}", "{toolkits: [A]}", [("toolkits", ["B"])]),
        ("{action: overwrite, name: n, toolkits: [A], metadata: {a: 1}}", "{name: n}", [("metadata.a", None), ("toolkits", ["A"])]),
        ("{action: overwrite, name: n, toolkits: []}", "{name: n}", [("toolkits", [])]),
        ("{action: overwrite, toolkits: [A]}", "{toolkits: [A]}", []),
        # An empty mapping says under overwrite that there is no key, and under merge nothing.
        ("{action: overwrite, name: n, metadata: {}}", "{name: n}", [("metadata", None)]),
        ("{action: overwrite, name: n, metadata: {}}", "{action: overwrite, name: n, metadata: {a: 1}}", []),
        ("{name: n, metadata: {}}", "{name: n}", []),
        # Another kind of value where a list was.
        ("{metadata: {a: [1, 2]}}", "{metadata: {a: 5}}", []),
        ("{metadata: {a: {b: [1, 2]}}}", "{metadata: {a: 5}}", []),
        # Settings that are stated otherwise are managed on; those that aren't stated are not.
        ("{name: n, protect: true, retain_versions: 2}", "{name: n, protect: false, retain_versions: 3}", []),
        ("{name: n, protect: true, retain_versions: 2}", "{name: m, retain_versions: 2}", [("protect", None)]),
        ("{name: a}", "{name: b}", []),
    ],
)  # fmt: skip
def test_what_a_manifest_no_longer_says(desk: Desk, before: str, after: str, expected: list[tuple[str, Any]]) -> None:
    assert released(between(desk, before, after)) == [("petsID", path, items) for path, items in expected]


GONE = "a" * 32
PARAMS = "output_info: {params: {min_value: 0.5, max_concepts: 5}}"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (f"{{select: latest, {PARAMS}}}", f"{{id: {VERSION}, {PARAMS}}}", []),
        (f"{{id: {VERSION}, {PARAMS}}}", f"{{select: latest, {PARAMS}}}", []),
        (
            f"{{select: latest, {PARAMS}}}",
            f"{{id: {VERSION}, output_info: {{params: {{min_value: 0.5}}}}}}",
            [("petsID@V", "output_info.params.max_concepts", None)],
        ),
        (f"{{select: latest, license: MIT, {PARAMS}}}", "", [("petsID@V", None, None)]),
        ("{select: latest, expect: {concepts: [cat]}, license: MIT}", "{select: latest, license: MIT}",
         [("petsID@V", "expect.concepts", ["cat"])]),
        (f"{{id: {VERSION}}}", "", []),
        # A version that isn't there any more: an entry of the head for it would be an error.
        (f"{{id: {GONE}, license: MIT}}", "", [(f"petsID@{GONE}", None, None)]),
    ],
)  # fmt: skip
def test_entries_of_versions_are_compared_by_the_version_that_they_mean(
    desk: Desk, before: str, after: str, expected: list[tuple[str, Any, Any]]
) -> None:
    document = between(desk, f"{{name: n, versions: [{before}]}}", f"{{name: n, versions: [{after}]}}")
    assert released(document) == expected


def test_what_two_entries_of_one_version_state_is_released_once(desk: Desk) -> None:
    both = f"{{select: latest, {PARAMS}}}, {{id: {VERSION}, {PARAMS}, license: MIT}}"
    document = between(desk, f"{{versions: [{both}]}}", f"{{versions: [{{id: {VERSION}, license: MIT}}]}}")
    assert released(document) == [
        ("petsID@V", "output_info.params.max_concepts", None),
        ("petsID@V", "output_info.params.min_value", None),
    ]


def test_concepts_that_are_expected_otherwise_are_expected_still(desk: Desk) -> None:
    def expecting(names: str) -> str:
        return f"{{versions: [{{select: latest, license: MIT, expect: {{concepts: [{names}]}}}}]}}"

    assert released(between(desk, expecting("cat, dog"), expecting("cat"))) == []


def test_each_version_that_only_select_all_meant_is_released(desk: Desk) -> None:
    desk.branches(
        {FILE: manifest("petsID", "{versions: [{select: all, license: MIT}]}")},
        {FILE: manifest("petsID", "{versions: [{select: latest, license: MIT}]}")},
    )
    document = desk.document()
    versions = {version["id"] for version in desk.model("petsID")["versions"]}
    expected = sorted(f"demo/pets/petsID@{each}" for each in versions - {VERSION})
    assert [(item["address"], item["path"]) for item in document["released"]] == [(each, None) for each in expected]


def test_a_whole_manifest_is_released_with_its_live_values_and_its_place(desk: Desk) -> None:
    desk.branches(
        {FILE: manifest("petsID", "{name: Pets}"), "models/breeds.yaml": manifest("pet-breeds", "{notes: x, toolkits: [A]}")},
        {"models/breeds.yaml": None},
    )  # fmt: skip
    (item,) = desk.document()["released"]
    live = item.pop("live")
    assert item == {
        "address": "demo/pets/pet-breeds",
        "path": None,
        "items": None,
        "origin": {"path": "models/breeds.yaml", "line": 1, "column": 1},
        "removal": False,
        "deleted": False,
    }
    assert set(live) <= {"notes", "toolkits"}


def test_a_manifest_that_moves_or_a_file_that_is_renamed_releases_nothing(desk: Desk) -> None:
    one, other = manifest("petsID", "{name: Pets}"), manifest("pet-breeds", "{notes: x}")
    desk.branches(
        {"models/a.yaml": one, "models/b.yaml": other},
        {"models/a.yaml": None, "models/b.yaml": f"{other}---\n{one}"},
    )
    assert desk.document()["released"] == []


def test_a_released_model_is_reported_as_deleted_where_the_plan_deletes_it(desk: Desk) -> None:
    kept = {f"models/{name}.yaml": manifest(name) for name in ("petsID", "pet-breeds", "pet-finder", "pet-names")}
    desk.branches({**kept, "models/draft.yaml": manifest("pet-draft")}, {"models/draft.yaml": None})
    pruning = ("--prune", "--prune-scope", "app", "--max-deletes", "9")
    (item,) = desk.document("models", *pruning)["released"]
    assert (item["address"], item["deleted"]) == ("demo/pets/pet-draft", True)
    (kept_item,) = desk.document("models")["released"]
    assert kept_item["deleted"] is False


def test_no_report_says_in_sync_alone(desk: Desk) -> None:
    live = json.loads(
        desk.run("get", "models", "petsID", "--user-id", "demo", "--app-id", "pets", "--format", "json").stdout
    )
    name = json.dumps(live["models"][0]["name"])
    desk.branches(
        {FILE: manifest("petsID", f"{{name: {name}, description: gone}}")},
        {FILE: manifest("petsID", f"{{name: {name}}}")},
    )
    said = "1 value no longer managed"
    for form in ("text", "markdown", "html"):
        shown = desk.run("plan", "models", "--base", "main", "--format", form).stdout
        assert (said in shown, "No longer managed" in shown) == (True, True), form
    noted = desk.run("plan", "models", "--base", "main", "--ci", "github").stderr
    assert f"::notice file={FILE},line=4,col=1,title=No longer managed::" in noted


def test_only_what_the_run_is_about_is_reported(desk: Desk) -> None:
    desk.branches(
        {FILE: manifest("petsID", "{name: n, description: d}"), "models/b.yaml": manifest("pet-breeds", "{notes: x}")},
        {FILE: manifest("petsID", "{name: n}"), "models/b.yaml": None},
    )
    assert released(desk.document("models", "--target", "petsID")) == [("petsID", "description", None)]
    assert released(desk.document("models", "--target", "pet-b*", "--target", "petsID")) == [
        ("pet-breeds", None, None),
        ("petsID", "description", None),
    ]


def test_a_released_secret_is_shown_in_no_format(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "swordfish-in-the-environment"
    monkeypatch.setenv("SIDE", secret)
    desk.branches(
        {
            FILE: manifest(
                "petsID", "{name: n, metadata: {token: '${env:SIDE}', list: ['${env:SIDE}', b]}, notes: '${env:SIDE}'}"
            )
        },
        {FILE: manifest("petsID", "{name: n, metadata: {list: [b]}}")},
    )
    assert desk.run("apply", "models", "--yes").exit_code == 0
    desk.repository.git("checkout", "--quiet", "main")
    applied = desk.run("apply", "models", "--yes", "--endpoint", desk.emulator.url)
    assert applied.exit_code == 0, applied
    desk.repository.git("checkout", "--quiet", "change")
    for form in ("text", "json", "markdown", "html"):
        result = desk.run("plan", "models", "--base", "main", "--format", form)
        assert result.exit_code == 0, result
        assert secret not in result.stdout + result.stderr, form
    assert {item["path"] for item in desk.document()["released"]} >= {"metadata.token", "notes"}


def test_the_live_value_of_a_released_secret_is_hidden_whatever_it_is_by_now(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = "swordfish-of-last-year"
    desk.write("models/pets.yaml", manifest("petsID", f"{{metadata: {{token: {old}}}}}"))
    assert desk.run("apply", "models", "--yes").exit_code == 0
    monkeypatch.setenv("SIDE", "swordfish-in-the-environment")
    desk.branches(
        {FILE: manifest("petsID", "{name: n, metadata: {token: '${env:SIDE}'}}")},
        {FILE: manifest("petsID", "{name: n}")},
    )
    for form in ("text", "json", "markdown", "html"):
        result = desk.run("plan", "models", "--base", "main", "--format", form)
        assert result.exit_code == 0, result
        assert "metadata.token" in result.stdout, form
        assert "swordfish" not in result.stdout + result.stderr, form
    (item,) = desk.document()["released"]
    assert (item["path"], item["live"]) == ("metadata.token", "(sensitive)")


def test_overwrite_that_becomes_merge_is_noted(desk: Desk) -> None:
    document = between(desk, "{action: overwrite, toolkits: [A], name: n}", "{toolkits: [A], name: n}")
    assert [(notice["address"], "toolkits" in notice["message"]) for notice in document["notices"]] == [
        ("demo/pets/petsID", True)
    ]


def test_a_saved_plan_shows_it_again(desk: Desk) -> None:
    desk.branches({FILE: manifest("petsID", "{name: n, description: d}")}, {FILE: manifest("petsID", "{name: n}")})
    assert desk.run("plan", "models", "--base", "main", "--out", "plan.json").exit_code == 0
    saved = json.loads((desk.folder / "plan.json").read_text())
    shown = json.loads(desk.run("show", "plan.json", "--format", "json").stdout)
    assert shown["released"] == saved["released"] != []
    assert desk.run("apply", "--plan", "plan.json").exit_code == 0


def test_an_app_that_only_the_base_names_and_that_is_gone_is_no_error(desk: Desk) -> None:
    other = manifest("petsID", "{name: n}").replace("app_id: pets", "app_id: gone")
    assert "app_id: gone" in other
    desk.branches({FILE: manifest("petsID", "{name: n}"), "models/o.yaml": other}, {"models/o.yaml": None})
    (item,) = desk.document()["released"]
    assert (item["address"], "live" in item) == ("demo/gone/petsID", False)
