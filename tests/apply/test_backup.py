"""Backups on disk: what is in them, who can read them, and that no id makes them leave their folder."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from clarifai_grpc.grpc.api import resources_pb2, service_pb2
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from reconciler.apply.backup import backup_plan, write_backup
from reconciler.apply.export import file_names
from reconciler.config import Flags, settings
from reconciler.emulator.server import Emulator
from reconciler.errors import ReconcilerError, RemoteError
from reconciler.resources.keys import Key
from reconciler.resources.observed import ObservedModel, ObservedVersion
from reconciler.resources.secrets import Secrets
from reconciler.session import connected
from tests.remote.scripted_service import ScriptedService, failing, ok

KEY = Key(user_id="me", app_id="pets", model_id="petsID")


def model(model_id: str = "petsID", **more: Any) -> ObservedModel:
    key = Key(user_id="me", app_id="pets", model_id=model_id)
    return ObservedModel(key=key, document={"id": model_id, "name": "Pets"}, **more)


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
    folder = write_backup(root, "20261123T140000Z", [model(versions=(version,))], secrets=secrets)
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
    assert (folder / "me/pets/petsID.yaml").read_text() == (
        f"# left out: me/pets/petsID@{'b' * 32} output_info.params.api_key: a secret, (sensitive)\n"
        "apiVersion: reconciler/v1\n"
        "kind: Model\n"
        "metadata:\n"
        "  id: petsID\n"
        "  user_id: me\n"
        "  app_id: pets\n"
        "spec:\n"
        "  action: merge\n"
        "  name: Pets\n"
        "  versions:\n"
        f"    - id: {'b' * 32}\n"
        "      output_info:\n"
        "        params:\n"
        "          n: 1\n"
    )


def test_ids_never_leave_the_folder_and_are_told_apart_whatever_the_case(tmp_path: Path) -> None:
    ids = ["../../etc/passwd", "..", ".hidden", "Pets", "pets", "a b", "x" * 256, "\ud800", "plain.id-1_2"]
    folder = write_backup(tmp_path, "run", [model(each) for each in ids], secrets=Secrets())
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
    folder = write_backup(tmp_path, "run", [model("a b")], secrets=Secrets())
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
        write_backup(tmp_path, run_id, [model()], secrets=Secrets())
    assert tree(tmp_path) == {"home": "d755"}


def test_a_backup_is_never_written_over(tmp_path: Path) -> None:
    folder = write_backup(tmp_path / "root", "run", [model()], secrets=Secrets())
    before = {path: path.read_bytes() for path in folder.rglob("*.*")}
    with pytest.raises(ReconcilerError) as raised:
        write_backup(tmp_path / "root", "run", [model("other")], secrets=Secrets())
    assert str(raised.value) == f"The backup {folder} exists already; nothing was written over it. Try again."
    assert {path: path.read_bytes() for path in folder.rglob("*.*")} == before
    assert [path.name for path in (tmp_path / "root").iterdir()] == ["run"]


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ReconcilerError) as raised:
        write_backup(tmp_path / "file", "run", [model()], secrets=Secrets())
    assert str(raised.value) == (
        f"The backup can't be written to {tmp_path / 'file' / 'run'}: File exists. Nothing was deleted."
    )


def test_a_write_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    class Unreadable(dict[str, Any]):
        def items(self) -> Any:
            raise OSError(28, os.strerror(28))

    bad = ObservedModel(key=Key(user_id="me", app_id="pets", model_id="z"), document={"metadata": Unreadable(a=1)})
    with pytest.raises(ReconcilerError, match="No space left on device"):
        write_backup(tmp_path / "root", "run", [model(), bad], secrets=Secrets())
    assert tree(tmp_path / "root") == {}


# --- read from the service ------------------------------------------------------------------------------------


def test_what_a_plan_deletes_is_read_whole_before(emulator: Emulator, tmp_path: Path) -> None:
    keys = [
        Key(user_id="demo", app_id="pets", model_id="pet-breeds", version_id="3f1c6f0f5f0d4b2a9a3b5f4b8d6c1e01"),
        Key(user_id="demo", app_id="pets", model_id="pet-draft"),
        Key(user_id="demo", app_id="pets", model_id="gone"),
    ]
    with connected(_settings(emulator, tmp_path)) as remote:
        folder = backup_plan(remote, keys, tmp_path / "root", "run", 1)
    assert sorted(path.name for path in folder.rglob("*.*")) == [
        "pet-breeds.json",
        "pet-breeds.yaml",
        "pet-draft.json",
        "pet-draft.yaml",
    ]
    kept = json.loads((folder / "demo/pets/pet-breeds.json").read_text())
    assert [version["id"][-1] for version in kept["versions"]] == ["3", "2", "1"]
    assert sorted(call.rpc for call in emulator.calls) == [
        *["GetModel"] * 3,
        "ListModelTypes",
        "ListModelTypes",
        *["ListModelVersions"] * 3,
    ]


def test_a_text_known_to_be_secret_is_in_no_file(emulator: Emulator, tmp_path: Path) -> None:
    key = Key(user_id="demo", app_id="pets", model_id="pet-breeds")
    with connected(_settings(emulator, tmp_path)) as remote:
        folder = backup_plan(remote, [key], tmp_path / "root", "run", 1, known=frozenset({"vision-team"}))
    texts = [path.read_text() for path in sorted(folder.rglob("*.*"))]
    assert [("vision-team" in text, "(sensitive)" in text) for text in texts] == [(False, True), (False, True)]


@pytest.mark.parametrize("failing_rpc", ["GetModel", "ListModelVersions", "ListModelTypes"])
def test_a_failed_read_leaves_no_backup(tmp_path: Path, failing_rpc: str) -> None:
    params = json_format.ParseDict({"a": 1}, resources_pb2.OutputInfo().params)
    version = resources_pb2.ModelVersion(id="b" * 32, output_info=resources_pb2.OutputInfo(params=params))
    stored = resources_pb2.Model(id="petsID", user_id="me1", app_id="pets", model_version=version)
    answers = {
        "GetModel": service_pb2.SingleModelResponse(status=ok(), model=stored),
        "ListModelVersions": service_pb2.MultiModelVersionResponse(status=ok(), model_versions=[version]),
        "ListModelTypes": service_pb2.MultiModelTypeResponse(status=ok()),
    }
    answers[failing_rpc] = type(answers[failing_rpc])(status=failing(11007))
    served = {rpc: lambda request, context, answer=answer: answer for rpc, answer in answers.items()}
    with ScriptedService(**served) as service, service.remote() as remote, pytest.raises(RemoteError):
        backup_plan(remote, [Key(user_id="me1", app_id="pets", model_id="petsID")], tmp_path / "root", "run", 1)
    assert not (tmp_path / "root").exists()


def _settings(emulator: Emulator, home: Path) -> Any:
    flags = Flags(endpoint=emulator.url, rate=1000)
    return settings(flags=flags, environ={"CLARIFAI_PAT": "x"}, cwd=home, home=home)
