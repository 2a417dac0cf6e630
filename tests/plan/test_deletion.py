"""What a planned deletion shows of what would be lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reconciler.compare.results import FieldChange
from reconciler.errors import Origin
from reconciler.plan.deletion import deletion_of
from reconciler.plan.document import PLAN, plan_document, plan_from_document
from reconciler.plan.guards import object_digest
from reconciler.plan.parts import field_document
from reconciler.plan.plan import Plan, Source
from reconciler.requests.calls import deletion_requests
from reconciler.resources.keys import Key
from reconciler.resources.observed import ObservedModel, ObservedVersion
from reconciler.resources.secrets import Secrets
from reconciler.resources.tree import MISSING, path_text

KEY = Key(user_id="me", app_id="pets", model_id="m")
LATEST = ObservedVersion(
    key=KEY.version("v2"),
    document={
        "id": "v2",
        "created_at": "2026-03-01T12:00:00Z",
        "description": "Threshold raised",
        "status": {"code": "MODEL_TRAINED", "description": "done"},
    },
)
OLDER = ObservedVersion(key=KEY.version("v1"), document={"id": "v1"})
MODEL = ObservedModel(
    key=KEY,
    document={
        "id": "m",
        "name": "Pets",
        "visibility": {"gettable": "PRIVATE"},
        "metadata": {"reconciler": {"owner": "vision", "protect": False, "unreadable": {"x": 1}}},
    },
    model_type_id="embedding-classifier",
    latest=LATEST,
    versions=(LATEST, OLDER),
    versions_complete=True,
)


def lost(model: ObservedModel, key: Key, secrets: Secrets | None = None) -> dict[str, Any]:
    change = deletion_of(model, key, reason="it has no manifest", secrets=secrets)
    assert all(item.after is MISSING for item in change.fields)
    return {path_text(item.path): field_document(item)["before"] for item in change.fields}


def test_the_deletion_of_a_model_shows_what_it_is_and_what_goes_with_it() -> None:
    assert list(lost(MODEL, KEY).items()) == [
        ("name", "Pets"),
        ("model_type_id", "embedding-classifier"),
        ("visibility", "PRIVATE"),
        ("versions", 2),
        ("latest_version.id", "v2"),
        ("latest_version.created_at", "2026-03-01T12:00:00Z"),
        ("latest_version.description", "Threshold raised"),
        ("latest_version.status", "MODEL_TRAINED"),
    ]


def test_the_deletion_of_a_version_shows_which_one_it_is() -> None:
    assert lost(MODEL, LATEST.key) == {
        "created_at": "2026-03-01T12:00:00Z",
        "description": "Threshold raised",
        "status": "MODEL_TRAINED",
    }
    assert lost(MODEL, OLDER.key) == {}


def test_the_number_of_versions_is_shown_only_where_all_of_them_were_read() -> None:
    assert "versions" not in lost(replace(MODEL, versions_complete=False), KEY)
    assert lost(replace(MODEL, latest=None, versions=()), KEY)["versions"] == 0


def test_a_secret_of_the_run_is_not_shown_in_what_is_lost() -> None:
    secrets = Secrets(known=frozenset({"Pets", "Threshold raised"}))
    found = lost(MODEL, KEY, secrets)
    assert (found["name"], found["latest_version.description"]) == ("(sensitive)", "(sensitive)")


def test_a_deletion_carries_the_digest_of_the_object_and_the_owner_mark_of_a_model() -> None:
    whole = deletion_of(MODEL, KEY, reason="it has no manifest")
    assert (whole.object_digest, whole.mark) == (object_digest(MODEL, KEY), {"owner": "vision", "protect": False})
    unmarked = replace(MODEL, document={"id": "m"})
    assert deletion_of(unmarked, KEY, reason="it has no manifest").mark == {}
    part = deletion_of(MODEL, OLDER.key, reason="old", origin=Origin(path="m.yaml"), retain=3)
    assert (part.object_digest, part.mark, part.retain) == (object_digest(MODEL, OLDER.key), None, 3)


def test_a_saved_deletion_is_read_back_as_it_was_planned() -> None:
    changes = (deletion_of(MODEL, KEY, reason="it has no manifest"),)
    plan = Plan(
        tool_version="1",
        created_at="2026-11-23T14:00:00Z",
        endpoint="embedded",
        source=Source(digest="sha256:" + "0" * 64, files=()),
        changes=changes,
        requests=tuple(deletion_requests([KEY], batch=32)),
    )
    document = plan_document(plan)
    assert plan_from_document(document, kinds=(PLAN,)).changes == changes
    assert document["changes"][0]["fields"][0] == field_document(
        FieldChange(path=("name",), before="Pets", after=MISSING)
    )
