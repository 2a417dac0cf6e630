"""What taking a run back does: which fields go back, which stay and why. Plans and live documents in, whole plans out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.apply.undo import inverse
from reconciler.compare.diff import drift_between
from reconciler.compare.results import Drift, FieldChange
from reconciler.plan.plan import Change, Plan, Source
from reconciler.requests.calls import calls_from_drifts, deletion_requests
from reconciler.resources.canonical import spec_from_document
from reconciler.resources.keys import Key
from reconciler.resources.observed import Observed, ObservedModel, ObservedVersion
from reconciler.resources.request import Request
from reconciler.resources.secrets import Secrets, Sensitive
from reconciler.resources.tree import MISSING, with_value
from tests.request_values import request
from tests.wording import Wording

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
        batch=128,
        created_at="tuesday",
        tool_version="2",
    )


Parts = tuple[tuple[Change, ...], tuple[Request, ...], list[tuple[Key, str]]]


def parts(found: Plan) -> Parts:
    """Changes, requests, and what stays as it is: its key and path. An undo has no manifest whose places it could show."""
    changes = tuple(
        replace(change, fields=tuple(replace(item, origin=None) for item in change.fields)) for change in found.changes
    )
    skipped = found.extra["undo"]["skipped"]
    keys = {MODEL.address: MODEL, VERSION.address: VERSION}
    return changes, found.requests, [(keys[item["address"]], item["path"]) for item in skipped]


def reasons(found: Plan) -> list[str]:
    """Why things stay as they are, as the notices say it too."""
    skipped = [item["reason"] for item in found.extra["undo"]["skipped"]]
    notices = [notice.message for notice in found.notices]
    assert [notice.endswith(reason) for notice, reason in zip(notices, skipped, strict=True)] == [True] * len(skipped)
    return notices


NOTHING: Parts = ((), (), [])


def back(key: Key, path: str, before: Any, after: Any) -> Change:
    change = FieldChange(path=tuple(path.split(".")), before=before, after=after, origin=None)
    return Change(key=key, action="update", fields=(change,))


def patch(action: str, **entry: Any) -> Request:
    return request("PatchModels", action, {MODEL: entry})


def test_a_field_that_still_has_the_runs_value_goes_back() -> None:
    run = run_of(drift(MODEL, {"id": "m", "name": "old", "notes": "n"}, {"name": "new"}))
    found = undo(run, live({"id": "m", "name": "new", "notes": "other"}))
    assert parts(found) == ((back(MODEL, "name", "new", "old"),), (patch("merge", name="old"),), [])
    assert replace(found, changes=(), requests=()) == Plan(
        tool_version="2",
        created_at="tuesday",
        endpoint="https://x",
        environment="prod",
        source=Source(digest="sha256:1", files=(), git_commit="abc"),
        extra={"undo": {"run": "r1", "skipped": []}},
    )


@pytest.mark.parametrize(
    ("name", "sent"),
    [("new", {}), ("new", {0: frozenset({"me/pets/other"})}), ("old", None)],
    ids=["nothing was sent", "it was not sent", "it is as before already"],
)
def test_where_nothing_is_to_go_back_nothing_is_said(name: str, sent: dict[int, frozenset[str]] | None) -> None:
    run = run_of(drift(MODEL, {"id": "m", "name": "old"}, {"name": "new"}))
    assert parts(undo(run, live({"id": "m", "name": name}), sent=sent)) == NOTHING


def test_what_somebody_changed_since_is_theirs(wording: Wording) -> None:
    run = run_of(drift(MODEL, {"id": "m", "name": "old", "toolkits": ["a"]}, {"name": "new", "toolkits": ["b"]}))
    found = undo(run, live({"id": "m", "name": "theirs", "toolkits": ["b"]}))
    sent = patch("overwrite", toolkits=["a"])
    assert parts(found) == ((back(MODEL, "toolkits", ["b"], ["a"]),), (sent,), [(MODEL, "name")])
    wording(*reasons(found))


def test_an_object_that_is_gone_stays_gone(wording: Wording) -> None:
    found = undo(run_of(drift(MODEL, {"id": "m", "name": "old"}, {"name": "new"})), NOBODY)
    assert parts(found) == ((), (), [(MODEL, "")])
    wording(*reasons(found))


@pytest.mark.parametrize("backups", [("b/1", "b/2"), ()], ids=["backups", "no backup"])
def test_the_undo_of_a_run_that_deleted_is_refused(backups: tuple[str, ...], wording: Wording) -> None:
    run = plan(changes=(Change(key=MODEL, action="delete"),), requests=tuple(deletion_requests([MODEL], batch=32)))
    found = undo(run, NOBODY, backups=backups)
    assert (parts(found), [item.rule for item in found.refused]) == (NOTHING, ["deleted"])
    wording(*found.refused)
    assert undo(run, NOBODY, sent={}).refused == ()


def test_a_deletion_that_did_not_happen_is_no_obstacle(wording: Wording) -> None:
    run = plan(changes=(Change(key=MODEL, action="delete"),), requests=tuple(deletion_requests([MODEL], batch=32)))
    found = undo(run, live({"id": "m"}))
    assert (parts(found), found.refused) == (((), (), [(MODEL, "")]), ())
    wording(*reasons(found))


def test_what_the_api_can_not_clear_stays(wording: Wording) -> None:
    run = run_of(drift(MODEL, {"id": "m", "notes": "a"}, {"name": "new", "notes": "b"}))
    found = undo(run, live({"id": "m", "name": "new", "notes": "b"}))
    assert parts(found) == ((back(MODEL, "notes", "b", "a"),), (patch("merge", notes="a"),), [(MODEL, "name")])
    alone = undo(run_of(drift(MODEL, {"id": "m"}, {"name": "new"})), live({"id": "m", "name": "new"}))
    assert parts(alone) == ((), (), [(MODEL, "name")])
    wording(*reasons(found))


def test_an_image_where_there_was_none_is_removed_again() -> None:
    run = run_of(drift(MODEL, {"id": "m"}, {"image": {"url": "https://x/a"}}))
    found = undo(run, live({"id": "m", "image": {"url": "https://x/a"}}))
    change = back(MODEL, "image.url", "https://x/a", MISSING)
    assert parts(found) == ((change,), (patch("remove", image={"url": "https://x/a"}),), [])


def test_the_services_own_copy_of_an_image_can_not_be_sent_again(wording: Wording) -> None:
    copy = "https://data.clarifai.com/large/a"
    run = run_of(drift(MODEL, {"id": "m", "image": {"url": copy}}, {"image": {"url": "https://x/b"}}))
    found = undo(run, live({"id": "m", "image": {"url": "https://x/b"}}))
    assert parts(found) == ((), (), [(MODEL, "image.url")])
    wording(*reasons(found))


def version_patch(action: str, **entry: Any) -> Request:
    return request("PatchModelVersions", action, {VERSION: entry})


def test_a_secret_stays_and_so_does_what_cannot_be_put_back_without_sending_it(wording: Wording) -> None:
    def change(name: str, before: Any, after: Any) -> FieldChange:
        return FieldChange(path=("output_info", "params", name), before=before, after=after)

    token = Sensitive("new", "env:T")
    fields = (
        change("depth", 3, 4),
        change("sizes", [1], [2]),
        change("token", Sensitive("old", "live"), token),
    )
    run = plan(
        changes=(Change(key=VERSION, action="update", fields=fields),),
        requests=(version_patch("overwrite", output_info={"params": {"depth": 4, "sizes": [2], "token": token}}),),
    )
    now = live({"id": "m"}, {"id": "v", "output_info": {"params": {"depth": 4, "sizes": [2], "token": "new"}}})
    found = undo(run, now, secrets=TOKEN_IS_SECRET)
    assert parts(found) == (
        (),
        (),
        [
            (VERSION, "output_info.params.token"),
            (VERSION, "output_info.params.depth"),
            (VERSION, "output_info.params.sizes"),
        ],
    )
    assert "new" not in repr(found)
    wording(*reasons(found))


def test_a_secret_that_is_gone_by_now_as_it_was_before_needs_nothing(wording: Wording) -> None:
    token = FieldChange(path=("output_info", "params", "token"), before=MISSING, after=Sensitive("new", "env:T"))
    license_change = FieldChange(path=("license",), before="MIT", after="GPL")
    run = plan(
        changes=(Change(key=VERSION, action="update", fields=(license_change, token)),),
        requests=(version_patch("merge", license="GPL", output_info={"params": {"token": Sensitive("new", "env:T")}}),),
    )
    of_license = (back(VERSION, "license", "GPL", "MIT"),), (version_patch("merge", license="MIT"),)
    assert parts(undo(run, live({"id": "m"}, {"id": "v", "license": "GPL"}))) == (*of_license, [])
    there = undo(run, live({"id": "m"}, {"id": "v", "license": "GPL", "output_info": {"params": {"token": "new"}}}))
    assert parts(there) == (*of_license, [(VERSION, "output_info.params.token")])
    wording(*reasons(there))


def test_keys_that_go_again_come_with_the_notice_of_every_deleted_key() -> None:
    run = run_of(drift(MODEL, {"id": "m", "metadata": {"a": 1}}, {"metadata.b": 1}))
    found = undo(run, live({"id": "m", "metadata": {"a": 1, "b": 1}}))
    assert found.requests == (patch("overwrite", metadata={"a": 1}),)
    forward = calls_from_drifts(
        [drift(MODEL, {"id": "m", "metadata": {"a": 1, "b": 1}}, {"metadata.b": MISSING})], batch=32
    )
    assert found.notices == forward.notices != ()
