"""The guards on deletion, one by one."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from reconciler.compare.match import Match
from reconciler.errors import Origin, Refusal
from reconciler.manifests.selection import Shard, in_shard
from reconciler.plan.guards import (
    Candidate,
    Decision,
    PruneRules,
    Terms,
    cap,
    decide,
    empty_desired_state,
    manifests_passed_over,
    model_candidates,
    object_digest,
    of_shard,
    owner_refusals,
    protected_name_refusals,
    purge_refusals,
    saved_plan_refusals,
    version_candidates,
)
from reconciler.plan.in_use import in_use_refusals, uses_of
from reconciler.plan.plan import Plan, Source
from reconciler.requests.results import Notice
from reconciler.resources.desired import Desired, DesiredModel, DesiredVersion, Selector
from reconciler.resources.fields import Action
from reconciler.resources.keys import Key, Scope
from reconciler.resources.observed import Observed, ObservedModel, ObservedVersion
from tests.wording import Wording

HERE = Origin(path="m.yaml")
PETS = Scope("me", "pets")
OWN = PruneRules(owner="vision")
WHOLE = PruneRules(owner=None, whole_app=True)


def key(name: str, app_id: str = "pets") -> Key:
    return Key(user_id="me", app_id=app_id, model_id=name)


def manifest(name: str, **more: Any) -> DesiredModel:
    return DesiredModel(key=key(name), action=Action.MERGE, stated={}, origin=HERE, **more)


def live(name: str, mark: Any = None, /, **document: Any) -> ObservedModel:
    metadata = {} if mark is None else {"metadata": {"reconciler": mark}}
    return ObservedModel(key=key(name), document={"id": name, **metadata, **document})


def owned(name: str, /, **more: Any) -> ObservedModel:
    return live(name, {"owner": "vision", "protect": False}, **more)


def seen(*models: ObservedModel, listed: bool = True) -> Observed:
    return Observed(models={model.key: model for model in models}, listed=frozenset({PETS}) if listed else frozenset())


def wanting(*names: str) -> Desired:
    return Desired(models=tuple(manifest(name) for name in names))


def candidates(desired: Desired, observed: Observed, rules: PruneRules) -> list[str]:
    return [candidate.key.model_id for candidate in model_candidates(desired, observed, rules)]


def judged(
    observed: Observed, rules: PruneRules, workflows: Any = (), *, deployments: Any = (), kept: str = "kept"
) -> Decision:
    desired = wanting(kept)
    found = model_candidates(desired, observed, rules)
    uses = uses_of([each.key for each in found], workflows=workflows, deployments=deployments)
    return decide(found, desired=desired, observed=observed, uses=uses, rules=rules)


def rules_of(decision: Decision) -> list[str]:
    return [refusal.rule for refusal in decision.refusals]


def refused(decision: Decision, rule: str, address: str | None, wording: Wording) -> bool:
    """Whether a decision is this one refusal and nothing else."""
    wording(*decision.refusals)
    return (
        rules_of(decision) == [rule]
        and decision == Decision(refusals=decision.refusals)
        and (decision.refusals[0].address == address)
    )


def test_with_an_owner_only_models_with_its_mark_and_no_manifest_are_candidates() -> None:
    observed = seen(
        owned("kept"), owned("gone"), live("unmarked"), live("theirs", {"owner": "sound"}), live("odd", "vision")
    )
    assert candidates(wanting("kept"), observed, OWN) == ["gone"]


def test_with_the_whole_app_every_model_but_foreign_owners_is_a_candidate() -> None:
    observed = seen(owned("kept"), live("unmarked"), live("theirs", {"owner": "sound"}), owned("ours"))
    assert candidates(wanting("kept"), observed, WHOLE) == ["unmarked"]
    both = PruneRules(owner="vision", whole_app=True)
    assert candidates(wanting("kept"), observed, both) == ["ours", "unmarked"]


def test_nothing_is_a_candidate_in_an_app_that_was_not_listed_or_has_no_manifest() -> None:
    assert candidates(wanting("kept"), seen(owned("gone"), listed=False), OWN) == []
    assert candidates(Desired(models=()), seen(owned("gone")), OWN) == []


def test_a_bookmark_is_never_a_candidate_whatever_its_mark_says() -> None:
    observed = seen(owned("kept"), owned("marked", bookmark_origin={"id": "x"}), live("b", bookmark_origin={"id": "x"}))
    for rules in (OWN, WHOLE, PruneRules(owner="vision", whole_app=True)):
        assert candidates(wanting("kept"), observed, rules) == []


@pytest.mark.parametrize("mark", [{"owner": "vision", "protect": False}, {"owner": "vision"}])
def test_a_model_without_a_manifest_whose_mark_does_not_protect_is_deleted(mark: Any) -> None:
    decision = judged(seen(owned("kept"), live("gone", mark)), OWN)
    assert decision == Decision(deletions=(Candidate(key=key("gone"), reason="it has no manifest"),))


@pytest.mark.parametrize("protect", [True, "yes", 1, 0, None, "false"])
def test_a_mark_protects_unless_it_says_false(protect: Any, wording: Wording) -> None:
    decision = judged(seen(live("kept"), live("gone", {"owner": "vision", "protect": protect})), OWN)
    assert refused(decision, "protected", "me/pets/gone", wording)


@pytest.mark.parametrize("globs", [("prod-*",), ("Prod*",), ("test-*", "*-1", "prod-*")])
def test_a_glob_keeps_by_id_or_name_and_the_first_that_matches_is_named(
    globs: tuple[str, ...], wording: Wording
) -> None:
    rules = PruneRules(owner="vision", protect=globs)
    decision = judged(seen(owned("kept"), owned("prod-1", name="Production")), rules)
    (notice,) = decision.notices
    assert decision == Decision(notices=(notice,))
    assert (notice.address, repr(globs[len(globs) // 2]) in notice.message) == ("me/pets/prod-1", True)
    wording(notice.message)


@pytest.mark.parametrize("globs", [("prod-*",), ("",), ("None",)])
def test_a_model_without_a_name_is_kept_by_its_id_alone(globs: tuple[str, ...]) -> None:
    decision = judged(seen(owned("kept"), owned("gone")), PruneRules(owner="vision", protect=globs))
    assert [item.key for item in decision.deletions] == [key("gone")]


def test_a_glob_keeps_what_is_marked_protect_without_a_refusal() -> None:
    observed = seen(owned("kept"), live("gone", {"owner": "vision", "protect": True}))
    decision = judged(observed, PruneRules(owner="vision", protect=("gone",)))
    assert [notice.address for notice in decision.notices] == ["me/pets/gone"]
    assert decision == Decision(notices=decision.notices)


def test_every_candidate_is_judged_whatever_became_of_those_before_it() -> None:
    names = ("a-kept", "b-protected", "c-used", "d-gone", "e-protected")
    protected = {"owner": "vision", "protect": True}
    observed = seen(owned("kept"), *(live(name, protected) if "protected" in name else owned(name) for name in names))
    workflow = {"id": "w", "nodes": [{"model": {"id": "c-used"}}]}
    decision = judged(observed, PruneRules(owner="vision", protect=("a-*",)), [workflow])
    assert [item.key.model_id for item in decision.deletions] == ["d-gone"]
    assert [(item.rule, item.address) for item in decision.refusals] == [
        ("protected", "me/pets/b-protected"),
        ("used-by-workflow", "me/pets/c-used"),
        ("protected", "me/pets/e-protected"),
    ]
    assert [item.address for item in decision.notices] == ["me/pets/a-kept"]


@pytest.mark.parametrize(
    "workflow",
    [
        {"id": "w", "nodes": [{"model": {"id": "gone"}}]},
        {"id": "w", "nodes": [{"model": {"id": "gone", "app_id": "pets", "user_id": "the-real-id"}}]},
        {"id": "w", "version": {"nodes": [{"model": {"id": "gone", "model_version": {"id": "v"}}}]}},
    ],
)
def test_a_workflow_that_uses_the_model_refuses(workflow: Any, wording: Wording) -> None:
    decision = judged(seen(owned("kept"), owned("gone")), OWN, [workflow])
    assert refused(decision, "used-by-workflow", "me/pets/gone", wording)


def test_each_workflow_and_deployment_that_uses_a_model_is_named_once_in_order(wording: Wording) -> None:
    node = {"model": {"id": "gone", "app_id": "pets"}}
    workflows = [{"id": name, "app_id": app, "nodes": [node] * 2} for app, name in ("qa", "pb", "qa")]
    deployments = [{"id": "d", "worker": node, "desired_worker": node}, {"id": "c", "desired_worker": node}]
    decision = judged(seen(owned("kept"), owned("gone")), OWN, workflows, deployments=deployments)
    wording(*decision.refusals)
    assert rules_of(decision) == [*["used-by-workflow"] * 2, *["used-by-deployment"] * 2]
    uses = uses_of([key("gone")], workflows=workflows, deployments=deployments)
    assert [(use.kind, use.app_id, str(use)) for use in uses[key("gone")]] == [
        ("workflows", "p", "workflow b of app p"),
        ("workflows", "q", "workflow a of app q"),
        ("deployments", "", "deployment c"),
        ("deployments", "", "deployment d"),
    ]


@pytest.mark.parametrize(
    "workflow",
    [
        {"id": "w"},
        {"id": "w", "nodes": [{"model": {"id": "other"}}]},
        {"id": "w", "nodes": [{"model": {"id": "gone", "app_id": "main"}}]},
        {"id": "w", "nodes": [{}, {"id": "gone"}], "version": {"nodes": "gone"}},
        {"id": "w", "nodes": [{"model": {"model_version": {"id": "gone"}}}], "version": {}},
    ],
)
def test_a_workflow_of_other_models_does_not(workflow: Any) -> None:
    assert rules_of(judged(seen(owned("kept"), owned("gone")), OWN, [workflow])) == []


def test_a_version_is_used_only_where_it_is_pinned() -> None:
    pinned = {"id": "w", "nodes": [{"model": {"id": "m", "model_version": {"id": "v1"}}}]}
    keys = [key("m").version("v1"), key("m").version("v2")]
    refused = in_use_refusals(uses_of(keys, workflows=[pinned], deployments=[]))
    assert [refusal.address for refusal in refused] == ["me/pets/m@v1"]


def test_a_node_that_names_no_app_means_the_app_of_its_workflow() -> None:
    workflow = {"id": "w", "app_id": "pets", "nodes": [{"model": {"id": "m"}}]}
    assert list(uses_of([key("m", "zoo"), key("m")], workflows=[workflow], deployments=[])) == [key("m")]


@pytest.mark.parametrize(
    ("models", "rules", "limit"),
    [
        (3, OWN, 1),
        (19, OWN, 1),
        (20, OWN, 2),
        (50, OWN, 5),
        (200, OWN, 5),
        (200, PruneRules(owner="vision", max_count=50), 20),
        (3, PruneRules(owner="vision", max_count=0), 1),
        (200, PruneRules(owner="vision", max_deletes=7), 7),
        (200, PruneRules(owner="vision", max_deletes=0), 0),
        (10, PruneRules(owner="vision", max_percent=0), 1),
        (10, PruneRules(owner="vision", max_percent=100, max_count=100), 10),
    ],
)
def test_the_cap(models: int, rules: PruneRules, limit: int) -> None:
    observed = seen(*(owned(f"m{number}") for number in range(models)), live("unmarked"))
    assert cap(wanting("m0"), observed, rules) == limit


@pytest.mark.parametrize(
    ("with_manifest", "listed", "limit"),
    [
        (("pets",), ("pets",), 2),
        (("pets",), ("pets", "zoo"), 2),
        (("pets", "zoo"), ("pets",), 2),
        (("pets", "zoo"), ("pets", "zoo"), 4),
        (("pets",), ("zoo",), 1),
        (("pets",), (), 1),
    ],
)
def test_only_apps_with_a_manifest_that_were_listed_raise_the_cap(
    with_manifest: tuple[str, ...], listed: tuple[str, ...], limit: int
) -> None:
    keys = [key(f"m{number}", app) for app in ("pets", "zoo") for number in range(20)]
    models = {each: replace(owned(each.model_id), key=each) for each in keys}
    desired = Desired(models=tuple(replace(manifest("m0"), key=key("m0", app)) for app in with_manifest))
    observed = Observed(models=models, listed=frozenset(Scope("me", app) for app in listed))
    assert cap(desired, observed, OWN) == limit


def test_one_deletion_over_the_cap_refuses_them_all(wording: Wording) -> None:
    observed = seen(owned("kept"), owned("gone-0"), owned("gone-1"))
    decision = judged(observed, OWN)
    assert (rules_of(decision), decision.refusals[0].address) == (["delete-cap"], None)
    assert rules_of(judged(observed, PruneRules(owner="vision", max_deletes=2))) == []
    wording(*decision.refusals)


def version(name: str, created: int, status: int = 21100) -> ObservedVersion:
    return ObservedVersion(
        key=key("m").version(name), document={"id": name}, created_at=(created, 0), status_code=status
    )


VERSIONS = tuple(version(f"v{number}", number) for number in range(6, 0, -1))


def retained(retain: int | None, *entries: DesiredVersion, **more: Any) -> list[str]:
    observed = ObservedModel(key=key("m"), document={}, latest=VERSIONS[0], versions=VERSIONS, versions_complete=True)
    match = Match(
        desired=manifest("m", retain_versions=retain, versions=entries),
        observed=more.get("observed", observed),
        versions={
            item.key: entries for item in VERSIONS if any(e.selector.version_id == item.key.version_id for e in entries)
        }
        or ({item.key: entries for item in VERSIONS} if entries else {}),
    )
    return [candidate.key.version_id for candidate in version_candidates([match], owner=None)]


def entry(**selector: Any) -> DesiredVersion:
    return DesiredVersion(selector=Selector(**selector), action=Action.MERGE, stated={}, origins={(): HERE})


def test_versions_beyond_the_newest_are_candidates() -> None:
    assert retained(None) == []
    assert retained(3) == ["v1", "v2", "v3"]
    assert retained(6) == []
    assert retained(1) == ["v1", "v2", "v3", "v4", "v5"]


def test_a_version_says_why_it_may_go_and_which_manifest_says_so() -> None:
    observed = ObservedModel(key=key("m"), document={}, latest=VERSIONS[0], versions=VERSIONS, versions_complete=True)
    match = Match(desired=manifest("m", retain_versions=5), observed=observed, versions={})
    expected = Candidate(
        key=key("m").version("v1"), reason="it is older than the newest 5 (retain_versions)", origin=HERE, retain=5
    )
    assert version_candidates([match], owner=None) == (expected,)


def test_models_without_a_bound_or_unread_do_not_end_the_search_and_candidates_are_in_order() -> None:
    def match(name: str, *, retain: int | None, complete: bool = True) -> Match:
        versions = tuple(
            ObservedVersion(key=key(name).version(item), document={}, status_code=21100) for item in ("new", "old")
        )
        observed = ObservedModel(
            key=key(name), document={}, latest=versions[0], versions=versions, versions_complete=complete
        )
        return Match(desired=manifest(name, retain_versions=retain), observed=observed, versions={})

    found = version_candidates(
        [match("a", retain=None), match("b", retain=1, complete=False), match("d", retain=1), match("c", retain=0)],
        owner=None,
    )
    assert [item.key.address for item in found] == ["me/pets/c@old", "me/pets/d@old"]


def test_a_model_whose_latest_version_is_not_known_still_keeps_its_newest() -> None:
    observed = ObservedModel(key=key("m"), document={}, versions=VERSIONS, versions_complete=True)
    assert retained(0, observed=observed) == ["v1", "v2", "v3", "v4", "v5"]


def test_a_named_version_stays_and_one_selected_by_all_does_not() -> None:
    assert retained(3, entry(version_id="v2")) == ["v1", "v3"]
    assert retained(3, entry(select="all")) == ["v1", "v2", "v3"]


@pytest.mark.parametrize("status", [21101, 21103, 21104, 21105, 21107, 21109])
def test_a_version_that_is_still_made_stays(status: int) -> None:
    versions = (*VERSIONS[:4], version("v2", 2, status), VERSIONS[5])
    observed = ObservedModel(key=key("m"), document={}, latest=versions[0], versions=versions, versions_complete=True)
    assert retained(3, observed=observed) == ["v1", "v3"]


def test_the_services_latest_stays_even_if_it_is_not_the_newest() -> None:
    observed = ObservedModel(key=key("m"), document={}, latest=VERSIONS[5], versions=VERSIONS, versions_complete=True)
    assert retained(3, observed=observed) == ["v2", "v3"]


def test_versions_that_were_not_all_read_are_no_candidates() -> None:
    observed = ObservedModel(key=key("m"), document={}, latest=VERSIONS[0], versions=VERSIONS)
    assert retained(3, observed=observed) == []


def test_versions_count_against_an_explicit_bound_only() -> None:
    observed = seen(ObservedModel(key=key("m"), document={}, versions=VERSIONS, versions_complete=True))
    found = [Candidate(key=item.key, reason="old") for item in VERSIONS[1:]]

    for rules, expected in (
        (OWN, []),
        (PruneRules(owner="vision", max_deletes=4), ["delete-cap"]),
        (PruneRules(owner="vision", max_deletes=5), []),
    ):
        decision = decide(found, desired=wanting("m"), observed=observed, uses={}, rules=rules)
        assert rules_of(decision) == expected


@pytest.mark.parametrize(
    ("mark", "owner", "expected"),
    [
        ({"owner": "vision"}, "vision", ["v1"]),
        ({"owner": "sound"}, "vision", []),
        ({"owner": "sound"}, None, []),
        (None, "vision", ["v1"]),
        ("somebody's own value", "vision", ["v1"]),
    ],
)
def test_the_versions_of_another_owners_model_are_no_candidates(
    mark: Any, owner: str | None, expected: list[str]
) -> None:
    observed = replace(live("m", mark), versions=VERSIONS, latest=VERSIONS[0], versions_complete=True)
    match = Match(desired=manifest("m", retain_versions=5), observed=observed, versions={})
    assert [item.key.version_id for item in version_candidates([match], owner=owner)] == expected


@pytest.mark.parametrize("mark", ["bob", [], 0, False])
def test_somebodys_value_where_the_mark_belongs_is_a_conflict(mark: Any, wording: Wording) -> None:
    match = Match(desired=manifest("m"), observed=live("m", mark), versions={})
    found = owner_refusals([match], owner="vision")
    assert [(refusal.rule, refusal.address) for refusal in found] == [("mark-conflict", "me/pets/m")]
    assert owner_refusals([match], owner=None) == ()
    wording(*found)


@pytest.mark.parametrize("mark", [{"owner": "vision"}, {"a": 1}, {}, None])
def test_the_own_mark_or_none_is_no_conflict(mark: Any) -> None:
    match = Match(desired=manifest("m"), observed=live("m", mark), versions={})
    assert owner_refusals([match], owner="vision") == ()


@pytest.mark.parametrize(
    ("owner", "take_over", "expected"),
    [
        ("vision", (), ["foreign-owner"]),
        (None, (), ["foreign-owner"]),
        (None, ("m",), ["foreign-owner"]),
        ("vision", ("other",), ["foreign-owner"]),
        ("vision", ("m",), []),
        ("vision", ("me/pets/*",), []),
        ("sound", (), []),
    ],
)
def test_the_models_of_another_owner_are_not_written_to_unless_they_are_taken_over(
    owner: str | None, take_over: tuple[str, ...], expected: list[str], wording: Wording
) -> None:
    match = Match(desired=manifest("m"), observed=live("m", {"owner": "sound"}), versions={})
    found = owner_refusals([match], owner=owner, take_over=take_over)
    assert [(refusal.rule, refusal.address) for refusal in found] == [(rule, "me/pets/m") for rule in expected]
    wording(*found)


def test_pruning_against_no_manifest_or_against_some_that_were_not_read_is_refused(wording: Wording) -> None:
    refusals = (empty_desired_state(), manifests_passed_over(("a.yaml", "b")))
    assert [(refusal.rule, refusal.address) for refusal in refusals] == [
        ("empty-desired-state", None),
        ("passed-over", None),
    ]
    wording(*refusals)


# --- emptying an app --------------------------------------------------------------------------------------------


def purge_refusals_of(
    document: dict[str, Any], *, owner: str | None = "us", protect: tuple[str, ...] = ()
) -> list[Refusal]:
    return list(purge_refusals([ObservedModel(key=key("m"), document=document)], owner=owner, protect=protect))


def test_an_app_of_unmarked_and_own_models_may_be_emptied() -> None:
    own = {"id": "m", "name": "cats", "metadata": {"reconciler": {"owner": "us", "protect": False}}}
    assert purge_refusals_of(own, protect=("dogs", "prod-*")) == []
    assert purge_refusals_of({"id": "m"}, owner=None) == []
    assert purge_refusals_of({"id": "m", "metadata": {"reconciler": "no mark"}}) == []


@pytest.mark.parametrize(
    ("document", "rule"),
    [
        ({"id": "m", "bookmark_origin": {"id": "x"}}, "bookmark"),
        *(
            ({"metadata": {"reconciler": {"owner": "us", "protect": value}}}, "protected")
            for value in (True, "no", 0, None)
        ),
        ({}, "protected-name"),
        ({"name": "prod-cats"}, "protected-name"),
    ],
)
def test_what_keeps_an_app_from_being_emptied(document: dict[str, Any], rule: str, wording: Wording) -> None:
    protect = () if rule != "protected-name" else ("prod-*",) if document else ("x", "m")
    (refusal,) = purge_refusals_of(document, protect=protect)
    assert (refusal.rule, refusal.address) == (rule, "me/pets/m")
    wording(refusal)


@pytest.mark.parametrize("owner", [None, "us"])
def test_a_model_of_another_owner_keeps_an_app_from_being_emptied(owner: str | None, wording: Wording) -> None:
    (refusal,) = purge_refusals_of({"metadata": {"reconciler": {"owner": "them"}}}, owner=owner)
    assert (refusal.rule, refusal.address, "'them'" in refusal.message) == ("foreign-owner", "me/pets/m", True)
    wording(refusal)


def test_every_reason_of_every_model_is_given() -> None:
    marked = {"name": "x", "bookmark_origin": {}, "metadata": {"reconciler": {"owner": "them", "protect": True}}}
    models = [ObservedModel(key=key(name), document=marked) for name in ("m", "n")]
    found = [(refusal.address, refusal.rule) for refusal in purge_refusals(models, owner="us", protect=("x",))]
    rules = ("bookmark", "protected", "protected-name", "foreign-owner")
    assert found == [(f"me/pets/{name}", rule) for name in ("m", "n") for rule in rules]


# --- marks and globs are about models, not versions -------------------------------------------------------------


def test_a_version_is_not_kept_by_what_protects_its_model() -> None:
    protected = ObservedModel(key=key("m"), document={"metadata": {"reconciler": {"owner": "x", "protect": True}}})
    candidate = Candidate(key=key("m").version("v1"), reason="old")
    decision = decide(
        [candidate],
        desired=wanting("m"),
        observed=seen(protected),
        uses={},
        rules=PruneRules(owner="x", protect=("m",)),
    )
    assert decision == Decision(deletions=(candidate,))


# --- shards -----------------------------------------------------------------------------------------------------

SECOND = Shard(number=2, count=3)
MODELS = tuple(Candidate(key=key(f"m{number:02d}"), reason="it has no manifest") for number in range(8))
OLD = tuple(Candidate(key=item.key.version("v"), reason="old") for item in MODELS if in_shard(item.key, SECOND))
NOTICE = Notice(address="me/pets/x", message="kept")
OVER = Refusal(rule="delete-cap", message="9 deletions are more than the 1 allowed.")


def test_without_shards_a_decision_is_the_apps() -> None:
    decision = Decision(deletions=(*MODELS, *OLD), refusals=(OVER,), notices=(NOTICE,))
    assert of_shard(decision, PruneRules(owner=None, max_deletes=0), shard=None) == decision


@pytest.mark.parametrize("limit", [None, 9, 10])
def test_a_shard_deletes_its_own_models_and_versions_and_keeps_notices_and_refusals(
    limit: int | None, wording: Wording
) -> None:
    decision = Decision(deletions=(*MODELS, *OLD), refusals=(OVER,), notices=(NOTICE,))
    own = tuple(Candidate(key=key(name), reason="it has no manifest") for name in ("m00", "m01", "m05", "m06"))
    found = of_shard(decision, PruneRules(owner=None, max_deletes=limit), shard=SECOND)
    assert [item.key.version_id for item in OLD] == ["v"] * 4
    assert found == Decision(deletions=(*own, *OLD), refusals=found.refusals, notices=(NOTICE,))
    assert found.refusals[0] == OVER
    assert [item.rule for item in found.refusals[1:]] == ([] if limit is None else ["delete-cap"])
    wording(*found.refusals[1:])


@pytest.mark.parametrize("limit", [12, 14, 100])
def test_a_shard_may_delete_versions_up_to_its_equal_share_of_an_explicit_bound(limit: int) -> None:
    decision = Decision(deletions=(*MODELS, *OLD))
    found = of_shard(decision, PruneRules(owner=None, max_deletes=limit), shard=SECOND)
    assert found.refusals == ()
    assert found.deletions == tuple(item for item in decision.deletions if in_shard(item.key, SECOND))


def test_of_what_is_deleted_the_models_whose_names_are_protected_by_now_are_refused(wording: Wording) -> None:
    observed = seen(owned("prod-1"), owned("b", name="prod two"), owned("c"))
    keys = [key("prod-1"), key("b"), key("c"), key("prod-1").version("v")]
    found = protected_name_refusals(keys, observed, protect=("x", "prod*"))
    assert [(refusal.rule, refusal.address) for refusal in found] == [
        ("protected-name", "me/pets/prod-1"),
        ("protected-name", "me/pets/b"),
    ]
    assert protected_name_refusals(keys, observed, protect=()) == ()
    wording(*found)


# --- what a plan keeps of a deletion -------------------------------------------------------------------------------


def digest(document: dict[str, Any], version: dict[str, Any] | None = None) -> str:
    latest = None if version is None else ObservedVersion(key=key("m").version("v"), document=version)
    return object_digest(ObservedModel(key=key("m"), document=document, latest=latest), key("m"))


def test_a_digest_is_of_the_whole_object() -> None:
    status = {"code": "MODEL_TRAINED", "description": "done"}
    content = {"id": "m", "name": "a", "metadata": {"n": 1, "list": [{"b": 2, "a": 1}]}, "status": status}
    # Compact JSON, with sorted names, of the model and its latest version.
    text = '[{"id":"m","metadata":{"list":[{"a":1,"b":2}],"n":1},"name":"a","status":{"code":"MODEL_TRAINED"}},null]'
    assert digest(content) == "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    others = [
        digest({**content, "name": "b"}),
        digest({**content, "metadata": {"n": 1, "list": [{"b": 2, "a": 3}]}}),
        digest(content, {"id": "v"}),
        digest(content, {"id": "v", "status": {"code": "MODEL_TRAINED"}}),
        digest(content, {"id": "v", "output_info": {"params": {"a": 1}}}),
    ]
    assert len({digest(content), *others}) == 6


def test_the_digest_of_a_version_is_of_its_own_document_alone() -> None:
    versions = tuple(
        ObservedVersion(key=key("m").version(name), document={"id": name, "license": "MIT"}) for name in ("w", "v")
    )
    observed = ObservedModel(key=key("m"), document={"id": "m"}, latest=versions[0], versions=versions)
    expected = "sha256:" + hashlib.sha256(b'[{"id":"v","license":"MIT"}]').hexdigest()
    assert object_digest(observed, key("m").version("v")) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"star_count": 3, "is_starred": True, "metrics": {"a": 1}, "train_log": "x"}),
        ({}, {"presets": {}, "toolkits": [], "image": None}),
        ({"n": {"x": 1}}, {"n": {"x": 1.0, "version_count": 2}}),
        (
            {"output_info": {"params": {"a": 1}}},
            {"output_info": {"params": {"a": 1}, "data": {"b": 1}, "message": "x"}},
        ),
        ({"status": {"code": 1}}, {"status": {"code": 1, "description": "done"}}),
    ],
    ids=["what the service counts", "empty values", "numbers", "concepts", "status"],
)
def test_what_the_service_counts_or_shows_at_times_is_no_part_of_a_digest(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert digest(one) == digest(other)
    assert digest({}, one) == digest({}, other)


# --- saved plans ------------------------------------------------------------------------------------------------

MADE = datetime(2026, 11, 23, 14, tzinfo=timezone.utc)
SAVED = Plan(
    tool_version="1",
    created_at="2026-11-23T14:00:00Z",
    endpoint="https://x",
    environment="prod",
    source=Source(digest="", files=()),
)


@pytest.mark.parametrize(
    ("endpoint", "age", "limit", "expected"),
    [
        ("https://x", None, 24, []),
        ("https://x", timedelta(0), None, []),
        ("https://x", timedelta(days=900), None, []),
        ("https://x", timedelta(hours=24), 24, []),
        ("https://x", timedelta(hours=24, seconds=1), 24, ["plan-too-old"]),
        ("https://x", timedelta(minutes=-5), 24, []),
        ("https://x", timedelta(minutes=-5, seconds=-1), 24, ["plan-from-the-future"]),
        ("https://y", timedelta(hours=2), 1.5, ["other-endpoint", "plan-too-old"]),
        ("https://y", timedelta(hours=-2), None, ["other-endpoint", "plan-from-the-future"]),
    ],
)
def test_a_saved_plan_is_for_one_endpoint_and_a_time(
    endpoint: str, age: timedelta | None, limit: float | None, expected: list[str], wording: Wording
) -> None:
    now = None if age is None else MADE + age
    found = saved_plan_refusals(SAVED, Terms(endpoint=endpoint, now=now, max_age_hours=limit), digest="sha256:1")
    assert [(refusal.rule, refusal.address) for refusal in found] == [(rule, None) for rule in expected]
    wording(*found)


@pytest.mark.parametrize(
    ("environment", "made", "digest", "expected"),
    [
        (None, "prod", None, []),
        ("prod", "prod", "sha256:1", []),
        ("staging", "prod", None, ["other-environment"]),
        ("prod", None, None, ["other-environment"]),
        (None, None, "sha256:2", ["other-digest"]),
    ],
)
def test_a_saved_plan_is_for_one_environment_and_has_one_digest(
    environment: str | None, made: str | None, digest: str | None, expected: list[str], wording: Wording
) -> None:
    terms = Terms(endpoint="https://x", environment=environment, digest=digest)
    found = saved_plan_refusals(replace(SAVED, environment=made), terms, digest="sha256:1")
    assert [(refusal.rule, refusal.address) for refusal in found] == [(rule, None) for rule in expected]
    wording(*found)
