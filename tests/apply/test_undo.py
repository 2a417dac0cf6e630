"""What taking a run back does: which fields go back, which stay and why. Plans and live documents in, whole plans out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.apply.undo import inverse
from reconciler.compare.diff import Drift, FieldChange, drift_between
from reconciler.plan.plan import Change, Plan, Source
from reconciler.requests.calls import Notice, calls_from_drifts, deletion_requests
from reconciler.resources.canonical import spec_from_document
from reconciler.resources.keys import Key
from reconciler.resources.observed import Observed, ObservedModel, ObservedVersion
from reconciler.resources.request import Request
from reconciler.resources.secrets import Secrets, Sensitive
from reconciler.resources.tree import MISSING, with_value
from tests.request_values import request

SCOPE = {"user_id": "me", "app_id": "pets"}
MODEL = Key(user_id="me", app_id="pets", model_id="m")
VERSION = MODEL.version("v")
NOTHING_SECRET = Secrets()
TOKEN_IS_SECRET = Secrets(params_of=lambda key: frozenset({"token"}))


def drift(key: Key, document: dict[str, Any], after: dict[str, Any], secrets: Secrets = NOTHING_SECRET) -> Drift:
    before = wanted = spec_from_document(key.kind, document)
    for path, value in after.items():
        wanted = with_value(wanted, tuple(path.split(".")), value)
    found = drift_between(key, document, before, wanted, secrets=secrets)
    assert found is not None
    return found


def run_of(*drifts: Drift) -> Plan:
    """The plan of the run that is taken back."""
    return plan(
        changes=tuple(Change(key=item.key, action="update", fields=item.changes) for item in drifts),
        requests=calls_from_drifts(drifts, batch=32).requests,
    )


def plan(**more: Any) -> Plan:
    source = Source(digest="sha256:1", files=("m.yaml",), git_commit="abc")
    return Plan(tool_version="1", created_at="monday", endpoint="https://x", environment="prod", source=source, **more)


def live(model: dict[str, Any], version: dict[str, Any] | None = None) -> Observed:
    versions = () if version is None else (ObservedVersion(key=VERSION, document=version),)
    return Observed(models={MODEL: ObservedModel(key=MODEL, document=model, versions=versions)})


NOBODY = Observed(models={})


def undo(
    run: Plan,
    observed: Observed,
    *,
    sent: dict[int, frozenset[str]] | None = None,
    backups: tuple[str, ...] = (),
    secrets: Secrets = NOTHING_SECRET,
) -> Plan:
    everything = {n: frozenset(key.address for key in item.keys) for n, item in enumerate(run.requests)}
    return inverse(
        run,
        run="r1",
        sent=everything if sent is None else sent,
        observed=observed,
        secrets=secrets,
        backups=backups,
        batch=32,
        created_at="tuesday",
        tool_version="2",
    )


def expected(*changes: Change, requests: tuple[Request, ...] = (), kept: tuple[tuple[Key, str, str], ...] = ()) -> Plan:
    """A plan that takes back; `kept` are what stays: key, path and reason."""
    return Plan(
        tool_version="2",
        created_at="tuesday",
        endpoint="https://x",
        environment="prod",
        source=Source(digest="sha256:1", files=(), git_commit="abc"),
        changes=changes,
        requests=requests,
        notices=tuple(
            Notice(
                address=key.address,
                message=f"{path} is left as it is: {reason}" if path else f"left as it is: {reason}",
            )
            for key, path, reason in kept
        ),
        extra={
            "undo": {
                "run": "r1",
                "skipped": [{"address": key.address, "path": path, "reason": reason} for key, path, reason in kept],
            }
        },
    )


def back(key: Key, path: str, before: Any, after: Any) -> Change:
    change = FieldChange(path=tuple(path.split(".")), before=before, after=after, origin=None)
    return Change(key=key, action="update", fields=(change,))


def patch(action: str, **entry: Any) -> Request:
    return request("PatchModels", action, {MODEL: entry})


def without_origins(found: Plan) -> Plan:
    """The plan with its fields' places taken away: an undo has no manifest to point to."""
    changes = tuple(
        replace(change, fields=tuple(replace(item, origin=None) for item in change.fields)) for change in found.changes
    )
    return replace(found, changes=changes)


def test_a_field_that_still_has_the_runs_value_goes_back() -> None:
    run = run_of(drift(MODEL, {"id": "m", "name": "old", "notes": "n"}, {"name": "new"}))
    found = undo(run, live({"id": "m", "name": "new", "notes": "other"}))
    assert without_origins(found) == expected(back(MODEL, "name", "new", "old"), requests=(patch("merge", name="old"),))


def test_what_was_not_sent_is_left_and_not_spoken_of() -> None:
    run = run_of(drift(MODEL, {"id": "m", "name": "old"}, {"name": "new"}))
    assert undo(run, live({"id": "m", "name": "new"}), sent={}) == expected()
    assert undo(run, live({"id": "m", "name": "new"}), sent={0: frozenset({"me/pets/other"})}) == expected()


def test_what_is_as_before_already_is_not_spoken_of() -> None:
    run = run_of(drift(MODEL, {"id": "m", "name": "old"}, {"name": "new"}))
    assert undo(run, live({"id": "m", "name": "old"})) == expected()


def test_what_somebody_changed_since_is_theirs() -> None:
    run = run_of(drift(MODEL, {"id": "m", "name": "old", "toolkits": ["a"]}, {"name": "new", "toolkits": ["b"]}))
    found = undo(run, live({"id": "m", "name": "theirs", "toolkits": ["b"]}))
    assert without_origins(found) == expected(
        back(MODEL, "toolkits", ["b"], ["a"]),
        requests=(patch("overwrite", toolkits=["a"]),),
        kept=((MODEL, "name", "somebody has changed it since"),),
    )


def test_an_object_that_is_gone_stays_gone() -> None:
    run = run_of(drift(MODEL, {"id": "m", "name": "old"}, {"name": "new"}))
    assert undo(run, NOBODY) == expected(kept=((MODEL, "", "it does not exist any more"),))


@pytest.mark.parametrize(
    ("observed", "backups", "reason"),
    [
        (NOBODY, ("b/1", "b/2"), "a deletion can't be undone; its backup is in b/1, b/2"),
        (NOBODY, (), "a deletion can't be undone; its backup is in the state folder's backup/"),
        (live({"id": "m"}), (), "its deletion was sent, and it is there now"),
    ],
)
def test_a_deletion_is_not_undone(observed: Observed, backups: tuple[str, ...], reason: str) -> None:
    run = plan(changes=(Change(key=MODEL, action="delete"),), requests=tuple(deletion_requests([MODEL], batch=32)))
    assert undo(run, observed, backups=backups) == expected(kept=((MODEL, "", reason),))


def test_what_the_api_can_not_clear_stays() -> None:
    run = run_of(drift(MODEL, {"id": "m", "notes": "a"}, {"name": "new", "notes": "b"}))
    found = undo(run, live({"id": "m", "name": "new", "notes": "b"}))
    assert without_origins(found) == expected(
        back(MODEL, "notes", "b", "a"),
        requests=(patch("merge", notes="a"),),
        kept=((MODEL, "name", "the API can't put it back as it was"),),
    )


def test_a_change_of_which_nothing_can_go_back_is_no_change() -> None:
    run = run_of(drift(MODEL, {"id": "m"}, {"name": "new"}))
    found = undo(run, live({"id": "m", "name": "new"}))
    assert found == expected(kept=((MODEL, "name", "the API can't put it back as it was"),))


def test_an_image_where_there_was_none_is_removed_again() -> None:
    run = run_of(drift(MODEL, {"id": "m"}, {"image": {"url": "https://x/a"}}))
    found = undo(run, live({"id": "m", "image": {"url": "https://x/a"}}))
    assert without_origins(found) == expected(
        back(MODEL, "image.url", "https://x/a", MISSING), requests=(patch("remove", image={"url": "https://x/a"}),)
    )


def test_the_services_own_copy_of_an_image_can_not_be_sent_again() -> None:
    copy = "https://data.clarifai.com/large/a"
    run = run_of(drift(MODEL, {"id": "m", "image": {"url": copy}}, {"image": {"url": "https://x/b"}}))
    found = undo(run, live({"id": "m", "image": {"url": "https://x/b"}}))
    reason = "the image was the service's own copy, which can't be sent again"
    assert found == expected(kept=((MODEL, "image.url", reason),))


def test_a_secret_stays_and_travels_hidden_where_it_has_to() -> None:
    document = {"id": "v", "output_info": {"params": {"token": "old", "sizes": [1]}}}
    after = {"output_info.params.token": "new", "output_info.params.sizes": [2]}
    run = run_of(drift(VERSION, document, after, TOKEN_IS_SECRET))
    now = live({"id": "m"}, {"id": "v", "output_info": {"params": {"token": "new", "sizes": [2]}}})
    found = undo(run, now)
    params = {"token": Sensitive("new", "live"), "sizes": [1]}
    assert without_origins(found) == expected(
        back(VERSION, "output_info.params.sizes", [2], [1]),
        requests=(request("PatchModelVersions", "overwrite", {VERSION: {"output_info": {"params": params}}}),),
        kept=((VERSION, "output_info.params.token", "it is a secret, and no journal keeps the one before"),),
    )
    assert "new" not in repr(found)


def test_a_secret_that_is_gone_by_now_as_it_was_before_needs_nothing() -> None:
    token = FieldChange(path=("output_info", "params", "token"), before=MISSING, after=Sensitive("new", "env:T"))
    license_change = FieldChange(path=("license",), before="MIT", after="GPL")
    sent = {"license": "GPL", "output_info": {"params": {"token": Sensitive("new", "env:T")}}}
    run = plan(
        changes=(Change(key=VERSION, action="update", fields=(license_change, token)),),
        requests=(version_patch(sent),),
    )
    found = undo(run, live({"id": "m"}, {"id": "v", "license": "GPL"}))
    assert without_origins(found) == expected(
        back(VERSION, "license", "GPL", "MIT"),
        requests=(version_patch({"license": "MIT"}),),
    )
    there = undo(run, live({"id": "m"}, {"id": "v", "license": "GPL", "output_info": {"params": {"token": "new"}}}))
    reason = "it was absent before, and is a secret: nothing tells whether it is still the one that was written"
    assert without_origins(there) == expected(
        back(VERSION, "license", "GPL", "MIT"),
        requests=(version_patch({"license": "MIT"}),),
        kept=((VERSION, "output_info.params.token", reason),),
    )


def version_patch(entry: dict[str, Any]) -> Request:
    return request("PatchModelVersions", "merge", {VERSION: entry})


def test_keys_that_go_again_come_with_the_notice_of_every_deleted_key() -> None:
    run = run_of(drift(MODEL, {"id": "m", "metadata": {"a": 1}}, {"metadata.b": 1}))
    found = undo(run, live({"id": "m", "metadata": {"a": 1, "b": 1}}))
    message = (
        "keys are deleted from metadata by overwrite; a service that overwrites key by key would keep them. "
        "Apply reads back and names what did not take."
    )
    assert found.notices == (Notice(address=MODEL.address, message=message),)
    assert found.requests == (patch("overwrite", metadata={"a": 1}),)
