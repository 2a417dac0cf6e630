"""Backups on disk: what is in them, who can read them, and that no id makes them leave their folder."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.apply.backup import Backup
from reconciler.apply.manifest_files import file_names
from reconciler.errors import ReconcilerError
from reconciler.resources.keys import Key
from reconciler.resources.observed import ObservedModel, ObservedVersion
from reconciler.resources.secrets import Secrets
from tests.wording import Wording

KEY = Key(user_id="me", app_id="pets", model_id="petsID")


def model(model_id: str = "petsID", **more: Any) -> ObservedModel:
    key = Key(user_id="me", app_id="pets", model_id=model_id)
    return ObservedModel(key=key, document={"id": model_id, "name": "Pets"}, **more)


def backup(root: Path, run_id: str, keys: Collection[Key], secrets: Secrets | None = None) -> Backup:
    return Backup(root=root, run_id=run_id, keys=keys, secrets_of=lambda models: secrets or Secrets())


def kept(root: Path, run_id: str, models: list[ObservedModel], secrets: Secrets | None = None) -> Path:
    assert backup(root, run_id, [each.key for each in models], secrets).add(models)
    return root / run_id


def tree(folder: Path) -> dict[str, str]:
    """Every file below a folder with its mode, and every folder."""
    return {
        path.relative_to(folder).as_posix(): f"{(stat.S_IFMT(path.stat().st_mode) == stat.S_IFDIR and 'd') or '-'}"
        f"{stat.S_IMODE(path.stat().st_mode):o}"
        for path in sorted(folder.rglob("*"))
    }


def test_a_backup_holds_the_manifest_and_the_messages_without_secrets(tmp_path: Path) -> None:
    version = ObservedVersion(
        key=KEY.version("b" * 32),
        document={"id": "b" * 32, "output_info": {"params": {"api_key": "k-1", "n": 1}, "data": {"concepts": []}}},
    )
    root = tmp_path / "deep" / "backup"
    secrets = Secrets(params_of=lambda key: frozenset({"api_key"}))
    folder = kept(root, "20261123T140000Z", [model(versions=(version,))], secrets)
    assert folder == root / "20261123T140000Z"
    assert tree(root) == {
        "20261123T140000Z": "d700",
        "20261123T140000Z/me": "d700",
        "20261123T140000Z/me/pets": "d700",
        "20261123T140000Z/me/pets/petsID.json": "-600",
        "20261123T140000Z/me/pets/petsID.yaml": "-600",
    }
    assert json.loads((folder / "me/pets/petsID.json").read_text()) == {
        "kind": "Backup",
        "address": "me/pets/petsID",
        "model": {"id": "petsID", "name": "Pets"},
        "versions": [
            {"id": "b" * 32, "output_info": {"params": {"api_key": "(sensitive)", "n": 1}, "data": {"concepts": []}}}
        ],
    }
    manifest = (folder / "me/pets/petsID.yaml").read_text()
    assert (yaml.safe_load(manifest)["spec"]["versions"][0]["output_info"], "k-1" in manifest) == (
        {"params": {"n": 1}},
        False,
    )


def test_ids_never_leave_the_folder_and_are_kept_apart_whatever_the_case(tmp_path: Path) -> None:
    ids = ["../../etc/passwd", "..", ".hidden", "Pets", "pets", "a b", "x" * 256, "\ud800", "plain.id-1_2"]
    folder = kept(tmp_path, "run", [model(each) for each in ids])
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.json")) == [
        "me/pets/Pets-7dc1cd7eaff6.json",
        "me/pets/a_b-c8687a08aa5d.json",
        "me/pets/etc_passwd-3754d6cb3a38.json",
        "me/pets/hidden-1692419006a8.json",
        "me/pets/id-5ec1f7e700f3.json",
        "me/pets/id-91a681b99855.json",
        "me/pets/pets-3be1d422a460.json",
        "me/pets/plain.id-1_2.json",
        f"me/pets/{'x' * 40}-85e62acd750c.json",
    ]
    addresses = {json.loads(path.read_text())["address"] for path in folder.rglob("*.json")}
    assert addresses == {f"me/pets/{each}" for each in ids}


def test_a_model_that_no_manifest_can_name_is_kept_as_messages(tmp_path: Path) -> None:
    folder = kept(tmp_path, "run", [model("a b")])
    assert [path.suffix for path in sorted((folder / "me/pets").iterdir())] == [".json"]


@given(ids=st.sets(st.text(max_size=8) | st.sampled_from(["a", "A", "a-ca978112ca1b", ".", "..", "CON", "-x"])))
def test_names_are_plain_and_differ_by_more_than_case(ids: set[str]) -> None:
    names = file_names(ids)
    assert names.keys() == ids
    assert len({name.lower() for name in names.values()}) == len(ids)
    assert all(name.isascii() and name[0] not in ".-" and not {*name} & {*"/\\:\x00"} for name in names.values())


def test_an_id_that_spells_another_ones_name_gets_a_longer_one() -> None:
    assert file_names(["A", "a", "a-ca978112ca1b"]) == {
        "A": "A-559aead08264",
        "a": "a-ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
        "a-ca978112ca1b": "a-ca978112ca1b-1cfe4551ba6e",
    }


@pytest.mark.parametrize("run_id", ["", ".", "..", "../x", "a/b", ".hidden", "a b", "x" * 101])
def test_a_run_id_is_a_plain_name(tmp_path: Path, run_id: str) -> None:
    with pytest.raises(ReconcilerError, match="The backup can't be named"):
        kept(tmp_path, run_id, [model()])
    assert tree(tmp_path) == {"home": "d755"}


def test_a_backup_is_never_written_over(tmp_path: Path, wording: Wording) -> None:
    folder = kept(tmp_path / "root", "run", [model()])
    before = {path: path.read_bytes() for path in folder.rglob("*.*")}
    with pytest.raises(ReconcilerError) as raised:
        kept(tmp_path / "root", "run", [model("other")])
    assert {path: path.read_bytes() for path in folder.rglob("*.*")} == before
    assert [path.name for path in (tmp_path / "root").iterdir()] == ["run"]
    wording(raised.value)


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path, wording: Wording) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ReconcilerError) as raised:
        kept(tmp_path / "file", "run", [model()])
    wording(raised.value)


class Unreadable(dict[str, Any]):
    def items(self) -> Any:
        raise OSError(28, os.strerror(28))


def test_a_write_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    bad = ObservedModel(key=Key(user_id="me", app_id="pets", model_id="z"), document={"metadata": Unreadable(a=1)})
    with pytest.raises(ReconcilerError, match="No space left on device"):
        kept(tmp_path / "root", "run", [model(), bad])
    assert tree(tmp_path / "root") == {}


def test_models_are_added_to_the_backup_of_a_run_as_they_are_deleted(tmp_path: Path) -> None:
    models = [model("A"), model("a"), model("b")]
    folders: list[Path] = []
    growing = Backup(
        root=tmp_path / "root",
        run_id="run",
        keys=[each.key for each in models],
        secrets_of=lambda models: Secrets(),
        on_folder=folders.append,
    )
    assert not growing.folders
    assert [growing.add(part) for part in (models[:1], models[1:], models)] == [True, True, False]
    assert (growing.folders, folders) == ((str(tmp_path / "root/run"),), [tmp_path / "root/run"])
    whole = kept(tmp_path / "at once", "run", models)
    assert tree(tmp_path / "root") == tree(tmp_path / "at once")
    assert {path.name: path.read_text() for path in (tmp_path / "root").rglob("*.*")} == {
        path.name: path.read_text() for path in whole.rglob("*.*")
    }


def test_a_write_that_fails_later_leaves_what_was_kept_before(tmp_path: Path) -> None:
    growing = backup(tmp_path / "root", "run", [model().key, model("z").key])
    assert growing.add([model()])
    before = tree(tmp_path / "root")
    with pytest.raises(ReconcilerError, match="can't be written"):
        growing.add([ObservedModel(key=model("z").key, document={"metadata": Unreadable(a=1)})])
    assert tree(tmp_path / "root") == before
