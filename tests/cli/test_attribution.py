"""`plan --base REF` on repositories with two branches: which changes a branch causes, and which were pending anyway."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from reconciler.emulator.server import Emulator
from reconciler.loading.schema import schema_document
from tests.ci.repositories import Repository
from tests.cli.live_side import LATEST, Service, manifest
from tests.command_line import RunCli
from tests.wording import Wording

VERSION = LATEST["petsID"]
BASE = ("--base", "main", "--format", "json")


def params(text: str) -> str:
    return f"versions: [{{id: {VERSION}, output_info: {{params: {{{text}}}}}}}]"


class Desk(Service):
    """A repository with a branch `main` and one that is checked out, and the command line at an emulator."""

    def __init__(self, emulator: Emulator, cli: RunCli, root: Path) -> None:
        super().__init__(emulator, cli, root)
        self.repository = Repository(root)

    def branches(self, base: Mapping[str, str | None], head: Mapping[str, str | None]) -> str:
        """Commit `base` on main and `head` on a branch of it; gives main's commit."""
        commit = self.repository.commit(base)
        self.repository.git("checkout", "--quiet", "-b", "change")
        self.repository.commit(head)
        return commit

    def document(self, *args: str | Path) -> dict[str, Any]:
        self.calls()
        result = self.run("plan", *(args or ("models",)), *BASE)
        assert result.exit_code == 0, result
        document: dict[str, Any] = result.document()
        jsonschema.Draft202012Validator(schema_document("Plan")).validate(document)
        return document


@pytest.fixture
def desk(cli: RunCli, emulator: Emulator, tmp_path: Path) -> Desk:
    return Desk(emulator, cli, tmp_path / "repository")


def story(document: dict[str, Any]) -> dict[str, dict[str, tuple[str, Any, Any, Any]]]:
    """Per address and path: who wants it, and the live, base and head values."""
    return {
        change["address"].removeprefix("demo/pets/").replace(VERSION, "V"): {
            "": change["attribution"],
            **{
                field["path"]: (field["attribution"], field.get("before"), field.get("base"), field.get("after"))
                for field in change["fields"]
            },
        }
        for change in document["changes"]
    }


def test_each_change_and_each_field_says_who_wants_it(desk: Desk) -> None:
    commit = desk.branches(
        {
            "models/pets.yaml": manifest("petsID", f"{{name: Pets, description: Both, {params('min_value: 0.7')}}}"),
            "models/breeds.yaml": manifest("pet-breeds", "{notes: pending on both}"),
        },
        {
            "models/pets.yaml": manifest("petsID", f"{{name: Head, description: Both, {params('min_value: 0.95')}}}"),
        },
    )
    document = desk.document()
    assert document["attribution_base"] == {"ref": "main", "commit": commit}
    live = {field["path"]: field.get("before") for change in document["changes"] for field in change["fields"]}
    assert story(document) == {
        "pet-breeds": {"": "base", "notes": ("base", live["notes"], "pending on both", "pending on both")},
        "petsID": {
            "": "this_change",
            "description": ("base", live["description"], "Both", "Both"),
            "name": ("this_change", live["name"], "Pets", "Head"),
        },
        "petsID@V": {
            "": "this_change",
            "output_info.params.min_value": ("this_change", live["output_info.params.min_value"], 0.7, 0.95),
        },
    }


def test_the_live_side_is_read_once_for_both(desk: Desk) -> None:
    manifests = {"models/pets.yaml": manifest("petsID", f"{{name: Pets, {params('min_value: 0.7')}}}")}
    desk.branches(manifests, {"models/pets.yaml": manifest("petsID", f"{{name: Head, {params('min_value: 0.9')}}}")})
    desk.document()
    with_base = sorted(desk.calls())
    desk.run("plan", "models")
    assert with_base == sorted(desk.calls()) != []


def test_numbers_and_tags_compare_as_the_service_stores_them(desk: Desk) -> None:
    desk.branches(
        {"models/pets.yaml": manifest("petsID", f"{{toolkits: [A, B], {params('min_value: 1')}}}")},
        {"models/pets.yaml": manifest("petsID", f"{{toolkits: [B, A], {params('min_value: 1.0')}}}")},
    )
    assert {change["attribution"] for change in desk.document()["changes"]} == {"base"}


def test_a_pruned_model_is_this_changes_where_the_base_still_has_its_manifest(desk: Desk) -> None:
    kept = {f"models/{name}.yaml": manifest(name) for name in ("petsID", "pet-breeds", "pet-finder")}
    desk.branches({**kept, "models/draft.yaml": manifest("pet-draft")}, {"models/draft.yaml": None})
    document = desk.document("models", "--prune", "--prune-scope", "app", "--max-deletes", "9")
    assert {change["model_id"]: (change["action"], change["attribution"]) for change in document["changes"]} == {
        "model_clusterer": ("delete", "base"),
        "pet-draft": ("delete", "this_change"),
        "pet-names": ("delete", "base"),
    }


def test_an_app_may_be_spelled_in_two_ways(desk: Desk) -> None:
    text = manifest("petsID", "{name: Both, notes: Base}")
    desk.branches(
        {"models/pets.yaml": text.replace("user_id: demo", "user_id: me")},
        {"models/pets.yaml": text.replace("Base", "Head")},
    )
    (change,) = desk.document()["changes"]
    assert [(field["path"], field["attribution"]) for field in change["fields"]] == [
        ("name", "base"),
        ("notes", "this_change"),
    ]


def test_an_owner_that_is_new_makes_its_marks_this_changes(desk: Desk) -> None:
    config = "apiVersion: reconciler/v1\nkind: Config\nowner: vision\n"
    desk.branches({"models/pets.yaml": manifest("petsID", "{name: Both}")}, {"reconciler.yaml": config})
    (change,) = desk.document()["changes"]
    assert {field["path"].split(".")[0]: field["attribution"] for field in change["fields"]} == {
        "metadata": "this_change",
        "name": "base",
    }


def test_a_base_without_the_path_wants_nothing(desk: Desk) -> None:
    desk.branches({"README.md": "nothing yet"}, {"models/pets.yaml": manifest("petsID", "{name: Head}")})
    document = desk.document()
    live = document["changes"][0]["fields"][0]["before"]
    assert story(document) == {"petsID": {"": "this_change", "name": ("this_change", live, live, "Head")}}
    assert document["notices"] == []


def test_a_file_that_the_base_broke_counts_as_this_changes_and_a_note_says_so(desk: Desk, wording: Wording) -> None:
    desk.branches(
        {
            "models/pets.yaml": manifest("petsID", "{name: Head, colour: red}"),
            "models/breeds.yaml": manifest("pet-breeds", "{notes: pending}"),
        },
        {"models/pets.yaml": manifest("petsID", "{name: Head}")},
    )
    document = desk.document()
    assert {change["model_id"]: change["attribution"] for change in document["changes"]} == {
        "petsID": "this_change",
        "pet-breeds": "base",
    }
    (notice,) = document["notices"]
    assert notice["address"] == "main"
    wording(notice["message"])


def test_a_base_that_names_an_unknown_version_does_not_stop_the_plan(desk: Desk, wording: Wording) -> None:
    desk.branches(
        {"models/pets.yaml": manifest("petsID", f"{{name: Head, versions: [{{id: {'f' * 32}, license: MIT}}]}}")},
        {"models/pets.yaml": manifest("petsID", "{name: Head}")},
    )
    document = desk.document()
    assert [change["attribution"] for change in document["changes"]] == ["this_change"]
    (notice,) = document["notices"]
    assert notice["address"] == "demo/pets/petsID"
    wording(notice["message"])


def test_the_bases_own_settings_decide_what_it_wants(desk: Desk) -> None:
    config = "apiVersion: reconciler/v1\nkind: Config\nenvironments:\n  prod: {{vars: {{name: {}}}}}\n"
    same = {"models/pets.yaml": manifest("petsID", '{name: "${var:name}"}')}
    desk.branches({"reconciler.yaml": config.format("Before"), **same}, {"reconciler.yaml": config.format("After")})
    document = desk.document("models", "--environment", "prod")
    live = document["changes"][0]["fields"][0]["before"]
    assert story(document) == {"petsID": {"": "this_change", "name": ("this_change", live, "Before", "After")}}


def test_a_secret_of_the_base_is_never_shown(desk: Desk) -> None:
    desk.branches(
        {"models/pets.yaml": manifest("petsID", '{metadata: {key: "${env:OLD_SECRET}"}}')},
        {"models/pets.yaml": manifest("petsID", "{metadata: {key: plain}}")},
    )
    result = desk.run("plan", "models", *BASE, env={"OLD_SECRET": "hunter2-hunter2"})
    (field,) = result.document()["changes"][0]["fields"]
    assert (field["base"], field["after"], field["attribution"]) == ("(sensitive)", "plain", "this_change")
    assert "hunter2" not in result.stdout + result.stderr


def test_paths_may_be_given_from_anywhere_in_the_work_tree(desk: Desk) -> None:
    desk.branches(
        {"models/deep/pets.yaml": manifest("petsID", "{name: Pets}")},
        {"models/deep/pets.yaml": manifest("petsID", "{name: Head}")},
    )
    folder = desk.repository.root / "models" / "deep"
    for path, desk.folder in ((".", folder), ("../../models/deep/pets.yaml", folder), (folder, folder.parent)):
        assert desk.document(path)["changes"][0]["fields"][0]["base"] == "Pets"


def test_links_inside_the_tree_are_followed_in_the_base_too(desk: Desk) -> None:
    repository = desk.repository
    repository.write("shared/pets.yaml", manifest("petsID", "{name: Pets}"))
    (repository.root / "models").symlink_to("shared")
    (repository.root / "outside.yaml").symlink_to("/etc/passwd")
    repository.commit({})
    repository.git("checkout", "--quiet", "-b", "change")
    repository.commit({"shared/pets.yaml": manifest("petsID", "{name: Head}")})
    assert desk.document()["changes"][0]["fields"][0]["base"] == "Pets"


def test_a_saved_plan_keeps_its_attribution(desk: Desk, tmp_path: Path) -> None:
    desk.branches(
        {"models/pets.yaml": manifest("petsID", "{name: Pets, description: Both}")},
        {"models/pets.yaml": manifest("petsID", "{name: Head, description: Both}")},
    )
    saved = tmp_path / "plan.json"
    document = desk.document("models", "--out", str(saved))
    shown = desk.run("show", saved, "--format", "json").document()
    assert [(each["attribution_base"], each["changes"]) for each in (json.loads(saved.read_text()), shown)] == [
        (document["attribution_base"], document["changes"])
    ] * 2
    assert desk.run("apply", "--plan", saved).exit_code == 0


def test_an_unknown_revision_is_an_error_before_any_call(desk: Desk, wording: Wording) -> None:
    desk.branches({"models/pets.yaml": manifest()}, {})
    result = desk.run("plan", "models", "--base", "nowhere", "--format", "json")
    assert (result.exit_code, result.document()["kind"], desk.calls()) == (1, "Error", [])
    assert desk.run("plan", "models", "--base=--upload-pack=x").exit_code == 64
    wording(result.stderr)


def test_a_shallow_clone_names_how_to_fetch_more(desk: Desk, tmp_path: Path, wording: Wording) -> None:
    first = desk.branches({"models/pets.yaml": manifest()}, {})
    desk.repository.git("clone", "--quiet", "--depth", "1", f"file://{desk.repository.root}", str(tmp_path / "clone"))
    result = desk.run("plan", tmp_path / "clone" / "models", "--base", first)
    assert result.exit_code == 1
    wording(result.stderr.replace(first, "COMMIT"))


def test_a_path_outside_of_git_is_an_error(desk: Desk, tmp_path: Path, wording: Wording) -> None:
    desk.branches({"models/pets.yaml": manifest()}, {})
    loose = tmp_path / "loose.yaml"
    loose.write_text(manifest("pet-breeds"))
    both = desk.run("plan", "models", loose, *BASE)
    desk.folder = tmp_path
    alone = desk.run("plan", loose, *BASE)
    assert (alone.exit_code, both.exit_code) == (1, 1)
    wording(alone.stderr, both.stderr)


def test_standard_input_has_no_base(desk: Desk, wording: Wording) -> None:
    desk.branches({"models/pets.yaml": manifest()}, {})
    result = desk.run("plan", "-", *BASE, stdin=manifest())
    assert result.exit_code == 64
    wording(result.stderr)


def test_the_variables_of_a_hook_do_not_lead_astray(desk: Desk, tmp_path: Path) -> None:
    """git sets them for the hooks of a linked work tree, where they make any folder the top of the work tree."""
    pending = {"models/a.yaml": manifest("petsID", "{name: Pending}")}
    desk.branches(pending, {"models/b.yaml": manifest("pet-names", "{name: Changed}")})
    linked = tmp_path / "linked"
    desk.repository.git("worktree", "add", "--quiet", str(linked), "HEAD", "--detach")
    common = desk.folder / ".git"
    own = common / "worktrees/linked"
    env = {"GIT_DIR": str(own), "GIT_INDEX_FILE": str(own / "index"), "GIT_PREFIX": "", "GIT_COMMON_DIR": str(common)}
    desk.folder = linked
    result = desk.run("plan", "models", *BASE, env=env)
    attributed = {item["model_id"]: item["attribution"] for item in result.document()["changes"]}
    assert (result.exit_code, attributed) == (0, {"petsID": "base", "pet-names": "this_change"})


def attributions(document: dict[str, Any]) -> dict[str, str]:
    """Per model, who wants its change."""
    return {change["model_id"]: change["attribution"] for change in document["changes"]}


@pytest.fixture
def nested(desk: Desk, tmp_path: Path) -> Desk:
    """Manifests in a submodule: what main's commit of it wants is pending, and a branch moves it to a newer commit."""
    library = Repository(tmp_path / "library")
    library.commit({"breeds.yaml": manifest("pet-breeds", "{notes: pending}")})
    desk.repository.commit({"README.md": "The manifests are in models/team."})
    desk.repository.git(
        "-c", "protocol.file.allow=always", "submodule", "add", "--quiet", str(library.root), "models/team"
    )
    desk.repository.commit({"models/pets.yaml": manifest("petsID", "{name: Pets}")})
    desk.repository.git("checkout", "--quiet", "-b", "change")
    inner = Repository(desk.repository.root / "models/team")
    inner.commit({"finder.yaml": manifest("pet-finder", "{notes: new}")})
    desk.repository.commit({})
    return desk


@pytest.mark.parametrize("path", ["models", ".", "models/team"])
def test_the_submodules_of_the_base_are_read_too(nested: Desk, path: str) -> None:
    arguments = (path,) if path != "models/team" else ("models/pets.yaml", path)
    assert (
        attributions(nested.document(*arguments)).items() >= {"pet-breeds": "base", "pet-finder": "this_change"}.items()
    )


def test_a_submodule_that_the_branch_removed_is_still_in_the_base(nested: Desk) -> None:
    nested.repository.git("rm", "--quiet", "--cached", "models/team")
    (nested.repository.root / "models/team/.git").unlink()
    nested.repository.commit({})
    assert attributions(nested.document())["pet-breeds"] == "base"


def test_a_submodule_whose_commit_is_missing_is_named(nested: Desk, wording: Wording) -> None:
    shutil.rmtree(nested.repository.root / ".git/modules/models/team")
    (nested.repository.root / "models/team/.git").unlink()
    document = nested.document()
    assert attributions(document)["pet-breeds"] == "this_change"
    wording(*(notice["message"] for notice in document["notices"]))
