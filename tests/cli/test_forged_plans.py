"""Saved plans that somebody has changed and given a fingerprint that fits: none of them may write anything."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator.server import Emulator
from reconciler.plan.fingerprint import fingerprint
from tests.cli.live_side import LATEST, Service, manifest
from tests.command_line import CliResult, RunCli

Document = dict[str, Any]
Forgery = Callable[[Document], None]

VERSION = LATEST["petsID"]
CONFIG = "apiVersion: reconciler/v1\nkind: Config\nowner: us\nprune: {max_count: 5, max_percent: 100}\n"
MANIFESTS = {
    "petsID": f"{{name: newname, versions: [{{id: {VERSION}, output_info: {{params: {{min_value: 0.95}}}}}}]}}",
    "pet-breeds": "{description: new, metadata: {list: [1, 2], key: '${env:PETS_KEY}'}}",
    "pet-names": "{name: names}",
}
KEY = {"PETS_KEY": "planted-secret-0123"}


class Forger(Service):
    """Manifests that change three models and delete one, and a saved plan of them."""

    def __init__(self, emulator: Emulator, cli: RunCli, folder: Path) -> None:
        super().__init__(emulator, cli, folder)
        self.write("reconciler.yaml", CONFIG)
        (folder / "models").mkdir()
        before = {"pet-breeds": "{metadata: {list: [1]}}", "pet-draft": "{}"}
        for name, spec in before.items():
            self.write(f"models/{name}.yaml", manifest(name, spec))
        assert self.run("apply", "models", "--yes").exit_code == 0
        (folder / "models" / "pet-draft.yaml").unlink()
        for name, spec in MANIFESTS.items():
            self.write(f"models/{name}.yaml", manifest(name, spec))
        planned = self.run("plan", "models", "--prune", "--out", "plan.json", env=KEY)
        assert planned.exit_code == 0, planned
        self.plan: Document = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
        self.emulator.clear_calls()

    def applied(self, forge: Forgery) -> CliResult:
        """Apply the plan after a forgery."""
        document = copy.deepcopy(self.plan)
        forge(document)
        document["fingerprint"] = fingerprint(document)
        self.write("plan.json", json.dumps(document))
        return self.run("apply", "--plan", "plan.json", env={**KEY, "OTHER": "another-secret-4567"})


@pytest.fixture
def forger(cli: RunCli, emulator: Emulator, folder: Path) -> Forger:
    return Forger(emulator, cli, folder)


def request(document: Document, rpc: str, action: str | None = None) -> Document:
    found = (each for each in document["requests"] if each["rpc"] == rpc and action in (None, each["action"]))
    return next(found)


def change(document: Document, model_id: str) -> Document:
    found = (each for each in document["changes"] if each["model_id"] == model_id and each["version_id"] is None)
    return next(found)


def _another_value(document: Document) -> None:
    request(document, "PatchModels", "merge")["body"]["models"][0]["name"] = "forged"


def _true_for_one(document: Document) -> None:
    field = change(document, "pet-breeds")["fields"]
    next(each for each in field if each["path"] == "metadata.list")["after"] = [True, 2]


def _a_field_that_no_change_shows(document: Document) -> None:
    request(document, "PatchModels", "merge")["body"]["models"][0]["description"] = "forged"


def _a_key_beside_the_shown_one(document: Document) -> None:
    body = request(document, "PatchModelVersions")["body"]
    body["model_versions"][0]["output_info"]["params"]["max_concepts"] = 1


def _a_key_carried_by_an_overwrite(document: Document) -> None:
    models = request(document, "PatchModels", "overwrite")["body"]["models"]
    next(each for each in models if each["id"] == "pet-breeds")["metadata"]["forged"] = 1


def _a_key_dropped_from_an_overwrite(document: Document) -> None:
    models = request(document, "PatchModels", "overwrite")["body"]["models"]
    entry = next(each for each in models if each["id"] == "pet-breeds")
    del entry["metadata"][next(name for name in entry["metadata"] if name not in ("list", "key", "reconciler"))]


def _merge_turned_into_overwrite(document: Document) -> None:
    chosen = request(document, "PatchModels", "merge")
    chosen["action"] = chosen["body"]["action"] = "overwrite"


def _overwrite_turned_into_merge(document: Document) -> None:
    chosen = request(document, "PatchModels", "overwrite")
    chosen["action"] = chosen["body"]["action"] = "merge"


def _an_entry_moved_to_another_request(document: Document) -> None:
    one, other = request(document, "PatchModels", "merge"), request(document, "PatchModels", "overwrite")
    one["body"]["models"].append(other["body"]["models"].pop())
    one["changes"].append(other["changes"].pop())


def _requests_in_another_order(document: Document) -> None:
    document["requests"].reverse()


def _a_request_twice(document: Document) -> None:
    document["requests"].append(copy.deepcopy(document["requests"][0]))


def _a_request_left_out(document: Document) -> None:
    del document["requests"][0]


def _every_request_left_out(document: Document) -> None:
    document["requests"] = []


def _a_deletion_shown_as_an_update(document: Document) -> None:
    shown = change(document, "pet-draft")
    shown.update(action="update", fields=[{"path": "description", "before": "a", "after": "b"}])
    document["summary"].update(update=document["summary"]["update"] + 1, delete=0)


def _a_deletion_that_no_change_shows(document: Document) -> None:
    document["changes"].remove(change(document, "pet-draft"))
    document["summary"]["delete"] = 0


def _another_model_in_a_deletion(document: Document) -> None:
    request(document, "DeleteModels")["body"]["ids"] = ["petsID"]


def _one_more_model_in_a_deletion(document: Document) -> None:
    request(document, "DeleteModels")["body"]["ids"].append("petsID")


def _delete_all_in_a_body(document: Document) -> None:
    request(document, "DeleteModels")["body"]["delete_all"] = True


def _delete_all_as_an_action(document: Document) -> None:
    chosen = request(document, "DeleteModels")
    chosen["action"], chosen["body"] = "delete_all", {"user_app_id": chosen["body"]["user_app_id"], "delete_all": True}


def _delete_all_as_a_purge(document: Document) -> None:
    document["changes"] = [change(document, "pet-draft")]
    document["summary"]["update"] = 0
    _delete_all_as_an_action(document)
    document["requests"] = [request(document, "DeleteModels")]
    document["kind"] = "Purge"


def _counts_that_hide_a_deletion(document: Document) -> None:
    document["summary"]["delete"] = 0


def _addresses_swapped(document: Document) -> None:
    one, other = change(document, "petsID"), change(document, "pet-draft")
    one["address"], other["address"] = other["address"], one["address"]


def _an_address_of_another_app(document: Document) -> None:
    change(document, "petsID")["app_id"] = "other"


def _another_app_in_a_body(document: Document) -> None:
    request(document, "PatchModels", "merge")["body"]["user_app_id"]["app_id"] = "other"


def _a_change_twice(document: Document) -> None:
    document["changes"].append(copy.deepcopy(change(document, "petsID")))
    document["summary"]["update"] += 1


def _another_variable(document: Document) -> None:
    request(document, "PatchModels", "overwrite")["sensitive"][0]["source"] = "env:OTHER"


def _a_credential(document: Document) -> None:
    request(document, "PatchModels", "overwrite")["sensitive"][0]["source"] = "env:CLARIFAI_PAT"
    fields = change(document, "pet-breeds")["fields"]
    next(each for each in fields if each.get("sensitive"))["variables"] = ["CLARIFAI_PAT"]


def _plain_text_for_a_secret(document: Document) -> None:
    chosen = request(document, "PatchModels", "overwrite")
    next(each for each in chosen["body"]["models"] if each["id"] == "pet-breeds")["metadata"]["key"] = "forged"
    del chosen["sensitive"]


def _a_field_that_is_not_managed(document: Document) -> None:
    change(document, "petsID")["fields"].append({"path": "model_type_id", "before": "a", "after": "b"})


def _another_object_digest(document: Document) -> None:
    document["changes"] = [{**each, "object_digest": "sha256:0"} for each in document["changes"]]


def _no_batch(document: Document) -> None:
    del document["batch"]


def _a_batch_of_none(document: Document) -> None:
    document["batch"] = 0


def _a_batch_that_is_no_number(document: Document) -> None:
    document["batch"] = True


def _a_wrong_time(document: Document) -> None:
    document["created_at"] = "yesterday"


def _a_time_in_the_future(document: Document) -> None:
    document["created_at"] = "2999-01-01T00:00:00Z"


FORGERIES = sorted(
    (
        value
        for name, value in globals().items()
        if name.startswith("_") and getattr(value, "__module__", "") == __name__
    ),
    key=lambda forgery: forgery.__name__,
)


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forgery: forgery.__name__.strip("_"))
def test_a_forged_plan_writes_nothing(forger: Forger, forge: Forgery) -> None:
    result = forger.applied(forge)
    assert (result.exit_code, forger.writes()) == (3, []), result
    assert "another-secret" not in result.stdout + result.stderr


def test_the_plan_itself_is_applied(forger: Forger) -> None:
    result = forger.applied(lambda document: None)
    assert result.exit_code == 0, result
    assert "DeleteModels" in forger.writes()


def test_a_forgery_with_the_fingerprint_of_before_is_refused_too(forger: Forger) -> None:
    document = copy.deepcopy(forger.plan)
    document["notices"].append({"address": None, "message": "nothing"})
    forger.write("plan.json", json.dumps(document))
    assert (forger.run("apply", "--plan", "plan.json", env=KEY).exit_code, forger.writes()) == (3, [])
