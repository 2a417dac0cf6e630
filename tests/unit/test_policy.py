"""The guards on deletion, one by one."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.errors import Origin
from reconciler.policy import (
    Candidate,
    Decision,
    PruneRules,
    cap,
    decide,
    mark_conflicts,
    model_candidates,
    used_by_workflows,
    version_candidates,
)
from reconciler.resolve import Match
from reconciler.resources import (
    Action,
    Desired,
    DesiredModel,
    DesiredVersion,
    Key,
    Observed,
    ObservedModel,
    ObservedVersion,
    Scope,
    Selector,
)

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


def judged(observed: Observed, rules: PruneRules, workflows: Any = (), *, kept: str = "kept") -> Decision:
    desired = wanting(kept)
    found = model_candidates(desired, observed, rules)
    return decide(found, desired=desired, observed=observed, workflows={PETS: tuple(workflows)}, rules=rules)


def rules_of(decision: Decision) -> list[str]:
    return [refusal.rule for refusal in decision.refusals]


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


def test_a_bookmark_is_nobodys_to_delete() -> None:
    observed = seen(owned("kept"), owned("marked", bookmark_origin={"id": "x"}), live("b", bookmark_origin={"id": "x"}))
    assert candidates(wanting("kept"), observed, OWN) == []
    assert candidates(wanting("kept"), observed, WHOLE) == []


def test_an_allowed_deletion() -> None:
    decision = judged(seen(owned("kept"), owned("gone")), OWN)
    assert [item.key.model_id for item in decision.deletions] == ["gone"]
    assert decision.refusals == ()


@pytest.mark.parametrize("protect", [True, "yes", 1, 0, None, "false"])
def test_a_mark_protects_unless_it_says_false(protect: Any) -> None:
    decision = judged(seen(live("kept"), live("gone", {"owner": "vision", "protect": protect})), OWN)
    assert rules_of(decision) == ["protected"]
    assert decision.deletions == ()


@pytest.mark.parametrize("glob", ["prod-*", "Prod*"])
def test_a_glob_keeps_by_id_or_name_and_says_so(glob: str) -> None:
    rules = PruneRules(owner="vision", protect=(glob,))
    decision = judged(seen(owned("kept"), owned("prod-1", name="Production")), rules)
    assert (decision.deletions, decision.refusals) == ((), ())
    assert [notice.address for notice in decision.notices] == ["me/pets/prod-1"]


@pytest.mark.parametrize(
    "workflow",
    [
        {"id": "w", "nodes": [{"model": {"id": "gone"}}]},
        {"id": "w", "nodes": [{"model": {"id": "gone", "app_id": "pets", "user_id": "the-real-id"}}]},
        {"id": "w", "version": {"nodes": [{"model": {"id": "gone", "model_version": {"id": "v"}}}]}},
    ],
)
def test_a_workflow_that_uses_the_model_refuses(workflow: Any) -> None:
    decision = judged(seen(owned("kept"), owned("gone")), OWN, [workflow])
    assert rules_of(decision) == ["used-by-workflow"]
    assert "workflow w" in decision.refusals[0].message


@pytest.mark.parametrize(
    "workflow",
    [
        {"id": "w"},
        {"id": "w", "nodes": [{"model": {"id": "other"}}]},
        {"id": "w", "nodes": [{"model": {"id": "gone", "app_id": "main"}}]},
    ],
)
def test_a_workflow_of_other_models_does_not(workflow: Any) -> None:
    assert rules_of(judged(seen(owned("kept"), owned("gone")), OWN, [workflow])) == []


def test_a_version_is_used_only_where_it_is_pinned() -> None:
    pinned = {"id": "w", "nodes": [{"model": {"id": "m", "model_version": {"id": "v1"}}}]}
    keys = [key("m").version("v1"), key("m").version("v2")]
    refused = used_by_workflows(keys, {PETS: (pinned,)})
    assert [refusal.address for refusal in refused] == ["me/pets/m@v1"]


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


def test_one_deletion_over_the_cap_refuses_them_all() -> None:
    names = [f"gone-{number}" for number in range(2)]
    observed = seen(owned("kept"), *(owned(name) for name in names))
    decision = judged(observed, OWN)
    assert rules_of(decision) == ["delete-cap"]
    assert "--max-deletes 2" in str(decision.refusals[0])
    assert rules_of(judged(observed, PruneRules(owner="vision", max_deletes=2))) == []


def version(name: str, created: int, status: int = 21100) -> ObservedVersion:
    return ObservedVersion(
        key=key("m").version(name), document={"id": name}, created_at=f"2026-01-{created:02d}", status_code=status
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
    return [candidate.key.version_id for candidate in version_candidates([match])]


def entry(**selector: Any) -> DesiredVersion:
    return DesiredVersion(selector=Selector(**selector), action=Action.MERGE, stated={}, origin=HERE)


def test_versions_beyond_the_newest_are_candidates() -> None:
    assert retained(None) == []
    assert retained(3) == ["v1", "v2", "v3"]
    assert retained(6) == []
    assert retained(1) == ["v1", "v2", "v3", "v4", "v5"]


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

    def refused(rules: PruneRules) -> list[str]:
        decision = decide(found, desired=wanting("m"), observed=observed, workflows={}, rules=rules)
        return rules_of(decision)

    assert refused(OWN) == []
    assert refused(PruneRules(owner="vision", max_deletes=4)) == ["delete-cap"]
    assert refused(PruneRules(owner="vision", max_deletes=5)) == []


@pytest.mark.parametrize(("mark", "expected"), [("bob", 1), ([], 1), ({"owner": "x"}, 0), ({"a": 1}, 0), (None, 0)])
def test_somebodys_value_where_the_mark_belongs_is_a_conflict(mark: Any, expected: int) -> None:
    match = Match(desired=manifest("m"), observed=live("m", mark), versions={})
    assert len(mark_conflicts([match], owner="vision")) == expected
    assert mark_conflicts([match], owner=None) == ()
