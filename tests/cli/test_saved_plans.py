"""Saved plans end to end: what is reviewed is what is sent, and a plan that no longer fits is refused before any write."""

from __future__ import annotations

import json
import stat
from datetime import datetime, timedelta, timezone
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
from reconciler.plan.fingerprint import fingerprint
from tests.ci.runner_files import outputs
from tests.cli.live_side import LATEST, Service, manifest
from tests.command_line import CliResult, RunCli
from tests.wording import Wording

VERSION = LATEST["petsID"]
SPEC = f"{{name: newname, versions: [{{id: {VERSION}, output_info: {{params: {{min_value: 0.95}}}}}}]}}"


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


class Desk(Service):
    """A folder with a manifest and a saved plan, and the command line at an emulator."""

    def __init__(self, emulator: Emulator, cli: RunCli, folder: Path) -> None:
        super().__init__(emulator, cli, folder)
        self.file = folder / "plan.json"
        self.wants(SPEC)

    def wants(self, spec: str) -> None:
        self.write("model.yaml", manifest("petsID", spec))

    def plan(self, *args: str, **environ: str) -> dict[str, Any]:
        result = self.run("plan", "model.yaml", "--out", "plan.json", "--format", "json", *args, env=environ)
        assert (result.exit_code, self.writes()) == (0, []), result
        document: dict[str, Any] = json.loads(self.file.read_text(encoding="utf-8"))
        assert document == result.document()
        return document

    def change(self, **parts: Any) -> None:
        """Change parts of the saved plan, with the fingerprint that fits."""
        document = {**json.loads(self.file.read_text(encoding="utf-8")), **parts}
        self.file.write_text(json.dumps({**document, "fingerprint": fingerprint(document)}), encoding="utf-8")

    def apply(self, *args: str, **environ: str) -> CliResult:
        result = self.run("apply", "--plan", "plan.json", "--format", "json", *args, env=environ)
        if result.stdout and result.document()["kind"] == "Apply":
            Draft202012Validator(schema_document("Plan")).validate(result.document())
        return result


@pytest.fixture
def desk(cli: RunCli, emulator: Emulator, folder: Path) -> Desk:
    return Desk(emulator, cli, folder)


def test_a_param_that_nobody_knows_is_an_error_and_where_allowed_a_warning_of_the_saved_plan_too(
    desk: Desk, wording: Wording
) -> None:
    desk.wants(SPEC.replace("min_value: 0.95", "min_value: 0.95, max_concept: 5"))
    refused = desk.run("plan", "model.yaml", "--out", "plan.json", "--format", "json")
    (problem,) = refused.document()["problems"]
    assert (refused.exit_code, problem["code"], problem["line"]) == (1, "unknown-param", 4)
    planned = desk.run("plan", "model.yaml", "--out", "plan.json", "--allow-unknown-params")
    (warning,) = json.loads(desk.file.read_text(encoding="utf-8"))["warnings"]
    assert (planned.exit_code, warning["code"], warning["path"], warning["line"]) == (
        0,
        "unknown-param",
        "model.yaml",
        4,
    )
    again = desk.run("show", "plan.json")
    digest = json.loads(desk.file.read_text(encoding="utf-8"))["fingerprint"]
    assert planned.stderr == f"{again.stderr}note: the digest of plan.json is {digest}\n"
    assert (again.exit_code, again.stdout) == (0, planned.stdout)
    assert "max_concepts?" in desk.run("show", "plan.json", "--format", "markdown").stdout
    assert desk.run("apply", "--plan", "plan.json").exit_code == 0
    wording(again.stderr)


def test_github_gets_the_digest_of_the_plan_from_the_command_that_saves_it_and_from_the_one_that_applies_it(
    desk: Desk, tmp_path: Path
) -> None:
    file = tmp_path / "outputs"
    github = {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(file)}
    digest = desk.plan(**github)["fingerprint"]
    planned = outputs(file)
    file.unlink()
    assert desk.apply("--expect-digest", digest, **github).exit_code == 0
    saved = {"exitcode": "0", "changes": "true", "update": "2", "delete": "0", "plan": "plan.json", "digest": digest}
    assert (planned, outputs(file)) == (saved, saved)


def test_applying_the_same_plan_again_skips_what_is_done(desk: Desk) -> None:
    desk.plan()
    requests = desk.apply().document()["requests"]
    assert [(request["status"], request["attempts"], request["error"]) for request in requests] == [
        ("done", 1, None)
    ] * 2
    assert all(request["request_id"].startswith("reconciler-") for request in requests)
    desk.writes()
    again = desk.apply()
    assert (again.exit_code, desk.writes()) == (0, [])
    assert [request["status"] for request in again.document()["requests"]] == ["skipped", "skipped"]


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
    assert (result.exit_code, desk.writes()) == (3, [])
    assert result.document()["stale"] == [
        {"address": "demo/pets/petsID", "path": "name", "planned": "pets", "live": "by hand", "wanted": "newname"}
    ]
    assert [request["status"] for request in result.document()["requests"]] == ["not_reached", "not_reached"]
    text = desk.run("apply", "--plan", "plan.json")
    assert (text.exit_code, 'demo/pets/petsID name: planned from "pets", now "by hand"' in text.stdout) == (
        3,
        True,
    )


def test_a_deleted_model_makes_the_plan_stale(desk: Desk) -> None:
    desk.plan()
    by_hand(desk.emulator, "DeleteModels", {"ids": ["petsID"]})
    assert (desk.apply().exit_code, desk.writes()) == (3, [])


def test_an_unmanaged_value_that_an_overwrite_would_revert_makes_the_plan_stale(desk: Desk) -> None:
    desk.wants(SPEC.replace("{min_value: 0.95}", "{select_concepts: [cat]}"))
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
    assert (result.exit_code, desk.writes()) == (3, [])
    assert result.document()["stale"] == [
        {
            "address": f"demo/pets/petsID@{VERSION}",
            "path": "output_info.params.max_concepts",
            "planned": 20,
            "live": 7.0,
            "wanted": 20,
        }
    ]


@pytest.mark.parametrize(
    "edit",
    [
        lambda plan: {"requests": [{**plan["requests"][0], "body": {}}, *plan["requests"][1:]]},
        lambda plan: {"format_version": "2.0"},
        lambda plan: {"changes": [{name: value for name, value in plan["changes"][0].items() if name != "user_id"}]},
        lambda plan: {"changes": [{**plan["changes"][0], "action": "rename"}]},
        lambda plan: {"kind": "Apply"},
        None,
    ],
    ids=["body", "major version", "missing part", "unknown action", "kind", "fingerprint"],
)
@pytest.mark.parametrize("command", [("apply", "--plan"), ("show",)], ids=["apply", "show"])
def test_a_file_that_is_not_as_it_was_written_is_refused(
    desk: Desk, edit: Any, command: tuple[str, ...], wording: Wording
) -> None:
    document = desk.plan()
    if edit is None:
        document["requests"][0]["body"]["models"][0]["name"] = "something else"
        desk.file.write_text(json.dumps(document), encoding="utf-8")
    else:
        desk.change(**edit(document))
    desk.calls()
    result = desk.run(*command, "plan.json")
    assert (result.exit_code, desk.calls()) == (3, [])
    wording(result.stderr)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"a": NaN}', b"\xff\xfe", b"[" * 100_000],
    ids=["empty", "cut short", "a list", "NaN", "not UTF-8", "nested"],
)
def test_a_file_that_is_no_plan_is_an_error(desk: Desk, content: bytes) -> None:
    desk.file.write_bytes(content)
    result = desk.apply()
    assert (result.exit_code, "plan.json" in result.stderr, "Traceback" in result.stderr) == (1, True, False)


def test_a_plan_for_another_endpoint_is_refused(desk: Desk) -> None:
    desk.plan()
    with Emulator() as other:
        result = desk.apply("--endpoint", other.url)
        assert other.calls == ()
    assert (result.exit_code, desk.emulator.url in result.stderr) == (3, True)


def test_a_plan_that_is_too_old_is_refused(desk: Desk) -> None:
    desk.plan()
    desk.change(created_at="2020-01-01T00:00:00Z")
    result = desk.apply("--max-age", "24")
    assert (result.exit_code, desk.writes(), "2020-01-01T00:00:00Z" in result.stderr) == (3, [], True)
    assert desk.apply().exit_code == 0


def test_a_plan_from_the_future_is_refused_beyond_a_skew_of_the_clocks(desk: Desk) -> None:
    desk.plan()
    now = datetime.now(timezone.utc)
    desk.change(created_at=(now + timedelta(minutes=6)).strftime("%Y-%m-%dT%H:%M:%SZ"))
    for options in ((), ("--max-age", "24")):
        result = desk.apply(*options)
        assert (result.exit_code, desk.writes()) == (3, [])
    desk.change(created_at=(now + timedelta(minutes=4)).strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert desk.apply("--max-age", "24").exit_code == 0


def test_a_plan_file_is_its_owners_alone(desk: Desk) -> None:
    desk.plan()
    assert stat.S_IMODE(desk.file.stat().st_mode) == 0o600
    assert sorted(path.name for path in desk.folder.iterdir()) == ["model.yaml", "plan.json"]


SECRET = "canary-3f1c6f0f5f0d"


def test_a_secret_from_the_environment_is_in_no_file_and_is_read_again(desk: Desk) -> None:
    desk.wants(SPEC.replace("name: newname", "metadata: {key: '${env:PETS_KEY}', list: [1]}, notes: x"))
    plan = desk.plan("-v", PETS_KEY=SECRET)
    assert SECRET not in desk.file.read_text(encoding="utf-8")
    fields = {field["path"]: field for change in plan["changes"] for field in change["fields"]}
    assert fields["metadata.key"] == {
        "path": "metadata.key",
        "after": "(sensitive)",
        "sensitive": True,
        "variables": ["PETS_KEY"],
    }
    unset = desk.apply()
    assert (unset.exit_code, desk.writes(), "PETS_KEY" in unset.stderr) == (1, [], True)
    result = desk.apply("-v", PETS_KEY=SECRET)
    assert (result.exit_code, SECRET in result.stdout + result.stderr) == (0, False)
    assert desk.model()["metadata"]["key"] == SECRET
    again = desk.run("plan", "model.yaml", "--detailed-exitcode", "-v", env={"PETS_KEY": SECRET})
    assert again.exit_code == 0


def test_a_secret_that_is_there_already_is_not_shown_when_its_struct_is_overwritten(desk: Desk) -> None:
    key = {"PETS_KEY": SECRET}
    desk.wants(SPEC.replace("name: newname", "metadata: {key: '${env:PETS_KEY}', list: [1]}"))
    assert desk.run("apply", "model.yaml", "--yes", env=key).exit_code == 0
    desk.wants(SPEC.replace("name: newname", "metadata: {key: '${env:PETS_KEY}', list: [1, 2]}"))
    desk.calls()
    plan = desk.plan("-v", **key)
    assert [request["action"] for request in plan["requests"]] == ["overwrite"]
    assert SECRET not in json.dumps(plan)
    assert desk.apply(**key).exit_code == 0
    metadata = desk.model()["metadata"]
    assert (metadata["key"], metadata["list"]) == (SECRET, [1.0, 2.0])


TIERS = "{action: overwrite, metadata: {tiers: {}}}"


def with_tiers(desk: Desk, tiers: dict[str, int]) -> None:
    """Let the live model have these tiers, as somebody's own."""
    desk.write("tiers.yaml", manifest("petsID", f"{{metadata: {{tiers: {json.dumps(tiers)}}}}}"))
    assert desk.run("apply", "tiers.yaml", "--yes").exit_code == 0
    desk.calls()


def test_a_key_that_a_merge_of_an_empty_mapping_would_remove_is_not_removed_unseen(desk: Desk) -> None:
    with_tiers(desk, {"gold": 1})
    desk.wants(TIERS)
    plan = desk.plan()
    assert [(each["action"], each["body"]["models"][0]["metadata"]) for each in plan["requests"]] == [
        ("merge", {"tiers": {}})
    ]
    with_tiers(desk, {"silver": 2})
    refused = desk.apply()
    assert (refused.exit_code, desk.writes()) == (3, [])
    assert [(each["path"], each["live"]) for each in refused.document()["stale"]] == [("metadata.tiers.silver", 2)]
    desk.plan()
    assert (desk.apply().exit_code, desk.model()["metadata"]) == (0, {"tiers": {}})


@pytest.mark.parametrize("sent", [{"tiers": {}}, {}], ids=["an empty mapping", "no mapping"])
@pytest.mark.parametrize("action", ["merge", "overwrite"])
def test_a_plan_that_shows_one_removed_key_of_two_removes_none(desk: Desk, sent: dict[str, Any], action: str) -> None:
    with_tiers(desk, {"gold": 1, "silver": 2})
    desk.wants(TIERS)
    plan = desk.plan()
    change, request = plan["changes"][0], plan["requests"][0]
    shown = [field for field in change["fields"] if field["path"] != "metadata.tiers.silver"]
    body = {**request["body"], "action": action, "models": [{"id": "petsID", "metadata": sent}]}
    desk.change(
        changes=[{**change, "fields": shown}],
        requests=[{**request, "action": action, "body": body}],
    )
    refused = desk.apply()
    assert (refused.exit_code, desk.writes()) == (3, []), refused
    assert desk.model()["metadata"] == {"tiers": {"gold": 1, "silver": 2}}
