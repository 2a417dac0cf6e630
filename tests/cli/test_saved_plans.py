"""Saved plans end to end: what is reviewed is what is sent, and a plan that no longer fits is refused before any write."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import grpc
import pytest
from clarifai_grpc.channel import clarifai_channel
from clarifai_grpc.grpc.api import service_pb2, service_pb2_grpc
from google.protobuf.json_format import ParseDict
from jsonschema import Draft202012Validator

from reconciler.emulator.server import Emulator
from reconciler.loading.schema import schema_document
from reconciler.plan.document import fingerprint
from tests.command_line import CliResult, RunCli

VERSION = "b0b89c973e5d4b6d9599ce13da04b894"
WRITING = {"PatchModels", "PatchModelVersions", "PatchModelToolkits", "DeleteModels", "DeleteModelVersion"}

MANIFEST = f"""
apiVersion: reconciler/v1
kind: Model
metadata: {{id: petsID, user_id: demo, app_id: pets}}
spec:
  name: newname
  versions:
    - id: {VERSION}
      output_info: {{params: {{min_value: 0.95}}}}
"""


def writes(emulator: Emulator) -> list[str]:
    return [call.rpc for call in emulator.calls if call.rpc in WRITING]


def by_hand(emulator: Emulator, rpc: str, body: dict[str, Any]) -> None:
    """Somebody else's call, through Clarifai's own stubs."""
    clarifai_channel.wrap_response_deserializer = clarifai_channel._response_deserializer_for_grpc
    with grpc.insecure_channel(emulator.url.removeprefix("http://")) as channel:
        stub = service_pb2_grpc.V2Stub(channel)
        scope = {"user_app_id": {"user_id": "demo", "app_id": "pets"}}
        message = ParseDict({**scope, **body}, getattr(service_pb2, f"{rpc}Request")())
        answer = getattr(stub, rpc)(message)
    assert answer.status.code == 10000, answer.status
    emulator.clear_calls()


class Desk:
    """A folder with a manifest, and the command line at an emulator."""

    def __init__(self, cli: RunCli, emulator: Emulator, folder: Path) -> None:
        self.cli, self.emulator, self.folder = cli, emulator, folder
        self.file = folder / "plan.json"
        self.env = {"CLARIFAI_PAT": "pat-of-the-test"}
        self.manifest(MANIFEST)

    def manifest(self, text: str) -> None:
        (self.folder / "model.yaml").write_text(text, encoding="utf-8")

    def run(self, *args: str, endpoint: str | None = None) -> CliResult:
        return self.cli(*args, "--endpoint", endpoint or self.emulator.url, env=self.env, cwd=self.folder)

    def plan(self, *args: str) -> dict[str, Any]:
        result = self.run("plan", "model.yaml", "--out", "plan.json", "--format", "json", *args)
        assert result.exit_code == 0, result
        assert writes(self.emulator) == []
        document: dict[str, Any] = json.loads(self.file.read_text(encoding="utf-8"))
        assert document == result.document()
        return document

    def apply(self, *args: str) -> CliResult:
        result = self.run("apply", "--plan", "plan.json", "--format", "json", *args)
        if result.stdout and result.document()["kind"] == "Apply":
            Draft202012Validator(schema_document("Plan")).validate(result.document())
        return result


@pytest.fixture
def desk(cli: RunCli, emulator: Emulator, tmp_path: Path) -> Desk:
    return Desk(cli, emulator, tmp_path)


def test_the_requests_in_the_file_are_the_requests_that_are_sent(desk: Desk) -> None:
    plan = desk.plan()
    desk.emulator.clear_calls()
    result = desk.apply()
    assert result.exit_code == 0
    sent = [(call.rpc, call.request) for call in desk.emulator.calls if call.rpc in WRITING]
    assert [rpc for rpc, _ in sent] == [request["rpc"] for request in plan["requests"]]
    assert [body for _, body in sent] == [request["body"] for request in plan["requests"]]
    document = result.document()
    assert document["kind"] == "Apply"
    assert document["converged"] is True
    assert [request["status"] for request in document["requests"]] == ["done", "done"]
    assert all(request["request_id"].startswith("reconciler-") for request in document["requests"])
    assert all(request["attempts"] == 1 and request["error"] is None for request in document["requests"])


def test_the_seeds_own_update_keeps_the_other_params(desk: Desk) -> None:
    desk.plan()
    assert desk.apply().exit_code == 0
    models = desk.emulator.snapshot()["apps"][-1]["models"]
    pets = next(model for model in models if model["id"] == "petsID")
    assert pets["name"] == "newname"
    version = next(version for version in pets["versions"] if version["id"] == VERSION)
    assert version["output_info"]["params"] == {"max_concepts": 20.0, "min_value": 0.95, "select_concepts": []}


def test_what_a_manifest_may_not_have_meant_is_shown_with_the_saved_plan(desk: Desk) -> None:
    desk.manifest(MANIFEST.replace("min_value: 0.95", "min_value: 0.95, max_concept: 5"))
    planned = desk.run("plan", "model.yaml", "--out", "plan.json")
    told = (
        "warning: model.yaml:9:60: output_info.params.max_concept is not declared by the model's type: did you mean "
        "max_concepts? Correct it, or leave it as it is: it will be sent all the same.\n"
    )
    assert (planned.exit_code, planned.stderr) == (0, told)
    (warning,) = json.loads(desk.file.read_text(encoding="utf-8"))["warnings"]
    assert (warning["code"], warning["path"], warning["line"], warning["column"]) == (
        "unknown-param",
        "model.yaml",
        9,
        60,
    )
    again = desk.run("show", "plan.json")
    assert (again.exit_code, again.stderr, again.stdout) == (0, told, planned.stdout)
    assert "did you mean max_concepts?" in desk.run("show", "plan.json", "--format", "markdown").stdout
    assert desk.run("apply", "--plan", "plan.json").exit_code == 0


def test_applying_the_same_plan_again_skips_what_is_done(desk: Desk) -> None:
    desk.plan()
    desk.apply()
    desk.emulator.clear_calls()
    again = desk.apply()
    assert again.exit_code == 0
    assert [request["status"] for request in again.document()["requests"]] == ["skipped", "skipped"]
    assert writes(desk.emulator) == []


@pytest.mark.parametrize(
    ("rpc", "body"),
    [
        ("PatchModels", {"action": "merge", "models": [{"id": "petsID", "description": "by hand"}]}),
        ("PatchModels", {"action": "merge", "models": [{"id": "pet-finder", "name": "by hand"}]}),
        (
            "PatchModelVersions",
            {
                "action": "merge",
                "model_id": "petsID",
                "model_versions": [{"id": VERSION, "output_info": {"params": {"max_concepts": 7}}}],
            },
        ),
    ],
    ids=["another field", "another model", "another param"],
)
def test_a_change_elsewhere_leaves_the_plan_good(desk: Desk, rpc: str, body: dict[str, Any]) -> None:
    desk.plan()
    by_hand(desk.emulator, rpc, body)
    assert desk.apply().exit_code == 0
    assert desk.run("plan", "model.yaml", "--detailed-exitcode").exit_code == 0


def test_a_moved_value_is_refused_before_any_write(desk: Desk) -> None:
    desk.plan()
    by_hand(desk.emulator, "PatchModels", {"action": "merge", "models": [{"id": "petsID", "name": "by hand"}]})
    result = desk.apply()
    assert result.exit_code == 3
    assert writes(desk.emulator) == []
    assert result.document()["stale"] == [
        {"address": "demo/pets/petsID", "path": "name", "planned": "pets", "live": "by hand", "wanted": "newname"}
    ]
    assert [request["status"] for request in result.document()["requests"]] == ["not_reached", "not_reached"]
    text = desk.run("apply", "--plan", "plan.json")
    assert 'demo/pets/petsID name: planned from "pets", live now "by hand", wanted "newname"' in text.stdout
    assert text.exit_code == 3


def test_a_deleted_model_makes_the_plan_stale(desk: Desk) -> None:
    desk.plan()
    by_hand(desk.emulator, "DeleteModels", {"ids": ["petsID"]})
    result = desk.apply()
    assert result.exit_code == 3
    assert writes(desk.emulator) == []


def test_an_unmanaged_value_that_an_overwrite_would_revert_makes_the_plan_stale(desk: Desk) -> None:
    desk.manifest(MANIFEST.replace("{min_value: 0.95}", "{select_concepts: [cat]}"))
    plan = desk.plan()
    assert [request["action"] for request in plan["requests"]] == ["merge", "overwrite"]
    by_hand(
        desk.emulator,
        "PatchModelVersions",
        {
            "action": "merge",
            "model_id": "petsID",
            "model_versions": [{"id": VERSION, "output_info": {"params": {"max_concepts": 7}}}],
        },
    )
    result = desk.apply()
    assert result.exit_code == 3
    assert writes(desk.emulator) == []
    assert result.document()["stale"] == [
        {
            "address": f"demo/pets/petsID@{VERSION}",
            "path": "output_info.params.max_concepts",
            "planned": 20,
            "live": 7.0,
            "wanted": 20,
        }
    ]


def _edited(document: dict[str, Any]) -> None:
    document["requests"][0]["body"]["models"][0]["name"] = "something else"


def _of_another_major(document: dict[str, Any]) -> None:
    document["format_version"] = "2.0"
    document["fingerprint"] = fingerprint(document)


def _without_a_part(document: dict[str, Any]) -> None:
    del document["changes"][0]["user_id"]
    document["fingerprint"] = fingerprint(document)


def _of_an_unknown_action(document: dict[str, Any]) -> None:
    document["changes"][0]["action"] = "rename"
    document["fingerprint"] = fingerprint(document)


def _of_another_kind(document: dict[str, Any]) -> None:
    document["kind"] = "Apply"
    document["fingerprint"] = fingerprint(document)


@pytest.mark.parametrize("edit", [_edited, _of_another_major, _without_a_part, _of_an_unknown_action, _of_another_kind])
@pytest.mark.parametrize("command", [("apply", "--plan"), ("show",)], ids=["apply", "show"])
def test_a_file_that_is_not_as_it_was_written_is_refused(desk: Desk, edit: Any, command: tuple[str, ...]) -> None:
    document = desk.plan()
    edit(document)
    desk.file.write_text(json.dumps(document), encoding="utf-8")
    desk.emulator.clear_calls()
    result = desk.run(*command, "plan.json")
    assert result.exit_code == 3, result
    assert "Make a new plan." in result.stderr
    assert desk.emulator.calls == ()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"a": NaN}', b"\xff\xfe", b"[" * 100_000])
def test_a_file_that_is_no_plan_is_an_error(desk: Desk, content: bytes) -> None:
    desk.file.write_bytes(content)
    result = desk.apply()
    assert result.exit_code == 1
    assert "plan.json" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_plan_for_another_endpoint_is_refused(desk: Desk) -> None:
    desk.plan()
    with Emulator() as other:
        result = desk.run("apply", "--plan", "plan.json", endpoint=other.url)
        assert other.calls == ()
    assert result.exit_code == 3
    assert desk.emulator.url in result.stderr


def test_a_plan_that_is_too_old_is_refused(desk: Desk) -> None:
    document = desk.plan()
    document["created_at"] = "2020-01-01T00:00:00Z"
    document["fingerprint"] = fingerprint(document)
    desk.file.write_text(json.dumps(document), encoding="utf-8")
    result = desk.apply("--max-age", "24")
    assert result.exit_code == 3
    assert "2020-01-01T00:00:00Z" in result.stderr
    assert writes(desk.emulator) == []
    assert desk.apply().exit_code == 0


def test_a_plan_file_is_its_owners_alone(desk: Desk) -> None:
    desk.plan()
    assert stat.S_IMODE(desk.file.stat().st_mode) == 0o600
    assert sorted(path.name for path in desk.folder.iterdir() if path.name != "home") == ["model.yaml", "plan.json"]


def test_show_prints_the_plan_again(desk: Desk) -> None:
    plan = desk.plan()
    text = desk.run("plan", "model.yaml")
    shown = desk.cli("show", "plan.json", cwd=desk.folder)
    assert shown.stdout == text.stdout
    assert shown.exit_code == 0
    assert desk.cli("show", "plan.json", "--format", "json", cwd=desk.folder).document() == plan


SECRET = "canary-3f1c6f0f5f0d"


def test_a_secret_from_the_environment_is_in_no_file_and_is_read_again(desk: Desk) -> None:
    desk.manifest(MANIFEST.replace("name: newname", "metadata: {key: '${env:PETS_KEY}', list: [1]}\n  notes: x"))
    desk.env["PETS_KEY"] = SECRET
    plan = desk.plan("-v")
    assert SECRET not in desk.file.read_text(encoding="utf-8")
    fields = {field["path"]: field for change in plan["changes"] for field in change["fields"]}
    assert fields["metadata.key"] == {"path": "metadata.key", "after": "(sensitive)", "sensitive": True}
    result = desk.apply("-v")
    assert result.exit_code == 0, result
    assert SECRET not in result.stdout + result.stderr
    models = desk.emulator.snapshot()["apps"][-1]["models"]
    assert next(model for model in models if model["id"] == "petsID")["metadata"]["key"] == SECRET
    again = desk.run("plan", "model.yaml", "--detailed-exitcode", "-v")
    assert again.exit_code == 0
    del desk.env["PETS_KEY"]
    assert desk.apply().exit_code == 1


def test_a_secret_that_is_there_already_is_not_shown_when_its_struct_is_overwritten(desk: Desk) -> None:
    desk.manifest(MANIFEST.replace("name: newname", "metadata: {key: '${env:PETS_KEY}', list: [1]}"))
    desk.env["PETS_KEY"] = SECRET
    assert desk.run("apply", "model.yaml", "--yes").exit_code == 0
    desk.manifest(MANIFEST.replace("name: newname", "metadata: {key: '${env:PETS_KEY}', list: [1, 2]}"))
    desk.emulator.clear_calls()
    plan = desk.plan("-v")
    assert [request["action"] for request in plan["requests"]] == ["overwrite"]
    assert SECRET not in json.dumps(plan)
    assert desk.apply().exit_code == 0
    models = desk.emulator.snapshot()["apps"][-1]["models"]
    metadata = next(model for model in models if model["id"] == "petsID")["metadata"]
    assert (metadata["key"], metadata["list"]) == (SECRET, [1.0, 2.0])


def test_a_missing_variable_of_a_saved_plan_is_named(desk: Desk) -> None:
    desk.manifest(MANIFEST.replace("name: newname", "metadata: {key: '${env:PETS_KEY}'}"))
    desk.env["PETS_KEY"] = SECRET
    desk.plan()
    del desk.env["PETS_KEY"]
    result = desk.apply()
    assert result.exit_code == 1
    assert "PETS_KEY" in result.stderr
    assert writes(desk.emulator) == []
