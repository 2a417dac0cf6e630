"""What may be deleted: the guards between "it left git" and a call that can't be undone.

In: Desired, Observed and the rules of this run. Out: candidates for deletion, then a Decision on them. A model can be
deleted only if all of this holds: pruning was asked for; the app was listed completely; the model is the app's own
(the service lists Clarifai's models beside them) and no bookmark; no manifest has its id; it carries this
repository's owner mark, or the whole app is in scope and no other owner's mark is on it; its mark and
`prune.protect` don't protect it; no workflow uses it; the manifests aren't empty; the number stays under the cap.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from reconciler.compare.match import Match
from reconciler.errors import Origin, Refusal
from reconciler.manifests.selection import Shard, in_shard
from reconciler.plan.plan import Plan
from reconciler.requests.calls import Notice
from reconciler.resources.desired import Desired
from reconciler.resources.fields import MARK_KEY, MODEL_TRAINING_STATUSES
from reconciler.resources.keys import Key, Scope
from reconciler.resources.observed import Document, Observed, ObservedModel
from reconciler.resources.tree import MISSING, lookup


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneRules:
    """What this run may delete. `max_deletes`, where given, is the cap itself and counts versions too."""

    owner: str | None
    whole_app: bool = False
    max_count: int = 5
    max_percent: float = 10
    max_deletes: int | None = None
    protect: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Something that could be deleted, with the reason in words."""

    key: Key
    reason: str
    origin: Origin | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is deleted, in the order of keys, what is refused, and what is kept on purpose."""

    deletions: tuple[Candidate, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    notices: tuple[Notice, ...] = field(default=())


def owner_mark(model: ObservedModel) -> Mapping[str, Any]:
    """The live owner mark, or {} where there is none."""
    mark = lookup(model.document, ("metadata", MARK_KEY))
    return mark if isinstance(mark, Mapping) and isinstance(mark.get("owner"), str) else {}


def mark_conflicts(found: Iterable[Match], *, owner: str | None) -> tuple[Refusal, ...]:
    """A refusal for each model to be marked whose `metadata.reconciler` is somebody's value and no mark."""
    if owner is None:
        return ()
    live = ((match.desired.key, lookup(match.observed.document, ("metadata", MARK_KEY))) for match in found)
    return tuple(
        Refusal(
            rule="mark-conflict",
            address=key.address,
            message=f"metadata.{MARK_KEY} of {key.address} holds something else, where the owner mark belongs.",
            remedy="Move it to another key, or take the owner out of reconciler.yaml.",
        )
        for key, value in live
        if value is not MISSING and not isinstance(value, Mapping)
    )


def in_prune_scope(model: ObservedModel, rules: PruneRules) -> bool:
    """Whether a model without a manifest would be this run's to delete."""
    if model.is_bookmark:
        return False
    owner = owner_mark(model).get("owner")
    if rules.whole_app:
        return owner is None or owner == rules.owner
    return owner is not None and owner == rules.owner


def model_candidates(desired: Desired, observed: Observed, rules: PruneRules) -> tuple[Candidate, ...]:
    """Live models of completely listed apps that have no manifest and are in the scope of pruning."""
    manifests = {model.key for model in desired.models}
    scopes = {key.scope for key in manifests} & observed.listed
    return tuple(
        Candidate(key=key, reason="it has no manifest")
        for key, model in sorted(observed.models.items())
        if key.scope in scopes and key not in manifests and in_prune_scope(model, rules)
    )


def version_candidates(matches: Iterable[Match]) -> tuple[Candidate, ...]:
    """Versions beyond the newest `retain_versions`; never the latest, one a manifest names, or one in training."""
    found = []
    for match in matches:
        retain, live = match.desired.retain_versions, match.observed
        if retain is None or not live.versions_complete:
            continue
        named = {
            key for key, entries in match.versions.items() if any(entry.selector.select != "all" for entry in entries)
        }
        for version in live.versions[max(retain, 1) :]:
            is_latest = live.latest is not None and version.key == live.latest.key
            if not is_latest and version.key not in named and version.status_code not in MODEL_TRAINING_STATUSES:
                found.append(
                    Candidate(
                        key=version.key,
                        reason=f"it is older than the newest {retain} (retain_versions)",
                        origin=match.desired.origin,
                    )
                )
    return tuple(sorted(found, key=lambda candidate: candidate.key))


def decide(
    candidates: Iterable[Candidate],
    *,
    desired: Desired,
    observed: Observed,
    workflows: Mapping[Scope, tuple[Document, ...]],
    rules: PruneRules,
) -> Decision:
    """Judge every candidate by every guard. Nothing is deleted where anything is refused."""
    deletions: list[Candidate] = []
    refusals: list[Refusal] = []
    notices: list[Notice] = []
    for candidate in candidates:
        key, model = candidate.key, observed.models[candidate.key.model()]
        users = _workflows_using(key, workflows.get(key.scope, ()))
        if not key.version_id and (glob := _protecting_glob(model, rules.protect)):
            notices.append(Notice(address=key.address, message=f"kept: prune.protect has {glob!r}."))
        elif not key.version_id and owner_mark(model).get("protect", False) is not False:
            refusals.append(_protected(key))
        elif users:
            refusals.append(_used(key, users))
        else:
            deletions.append(candidate)
    refusals.extend(_over_the_cap(deletions, desired, observed, rules))
    return Decision(deletions=tuple(deletions), refusals=tuple(refusals), notices=tuple(notices))


def of_shard(decision: Decision, rules: PruneRules, *, shard: Shard | None) -> Decision:
    """The part of one app's decision that a shard carries out.

    Every shard lists the whole app and decides on all its models: what is refused for the app is refused for each shard, so
    shards together never delete more than one run would. Versions are known of a shard's own models only; under a cap that
    counts them each shard may delete its equal share.
    """
    if shard is None:
        return decision
    deletions = tuple(candidate for candidate in decision.deletions if in_shard(candidate.key, shard))
    versions = sum(bool(candidate.key.version_id) for candidate in deletions)
    share = None if rules.max_deletes is None else rules.max_deletes // shard.count
    if share is None or versions <= share:
        return replace(decision, deletions=deletions)
    refusal = Refusal(
        rule="delete-cap",
        message=f"{versions} versions to delete are more than this shard's share of --max-deletes, {share}.",
        remedy=f"If they are all meant, say --max-deletes {versions * shard.count}, or run without --shard.",
    )
    return replace(decision, deletions=deletions, refusals=(*decision.refusals, refusal))


def empty_desired_state() -> Refusal:
    """Pruning against no manifest at all would delete everything: almost always a wrong path."""
    return Refusal(
        rule="empty-desired-state",
        message="--prune was given and there is no manifest at all.",
        remedy="Check the paths; `reconciler purge` is the command that empties an app.",
    )


def manifests_passed_over(names: tuple[str, ...]) -> Refusal:
    """What was not read may describe a model that then seems to have left git."""
    return Refusal(
        rule="passed-over",
        message=f"--prune was given and {', '.join(names)} may hold manifests that were not read.",
        remedy="Put the files themselves there, give them as PATH too, or take the links away.",
    )


def cap(desired: Desired, observed: Observed, rules: PruneRules) -> int:
    """The most deletions of this run: --max-deletes, else max(1, min(count, percent of the models in scope))."""
    if rules.max_deletes is not None:
        return rules.max_deletes
    manifests = {model.key for model in desired.models}
    in_scope = sum(
        key in manifests or in_prune_scope(model, rules)
        for key, model in observed.models.items()
        if key.scope in observed.listed
    )
    return max(1, min(rules.max_count, int(rules.max_percent * in_scope / 100)))


def _over_the_cap(
    deletions: list[Candidate], desired: Desired, observed: Observed, rules: PruneRules
) -> Iterable[Refusal]:
    counted = [c for c in deletions if rules.max_deletes is not None or not c.key.version_id]
    limit = cap(desired, observed, rules)
    if len(counted) > limit:
        yield Refusal(
            rule="delete-cap",
            message=f"{len(counted)} deletions are more than the {limit} allowed.",
            remedy=f"If they are all meant, say --max-deletes {len(counted)}; nothing was written.",
        )


def purge_refusals(
    models: Iterable[ObservedModel], *, owner: str | None, protect: tuple[str, ...]
) -> tuple[Refusal, ...]:
    """Why an app may not be emptied, model by model: deleting all of it spares nothing."""
    return tuple(refusal for model in models for refusal in _purge_refusals(model, owner, protect))


def _purge_refusals(model: ObservedModel, owner: str | None, protect: tuple[str, ...]) -> Iterator[Refusal]:
    address, mark, glob = model.key.address, owner_mark(model), _protecting_glob(model, protect)
    if model.is_bookmark:
        yield Refusal(
            rule="bookmark",
            address=address,
            message=f"{address} is a bookmark of another app's model.",
            remedy="Remove the bookmark first.",
        )
    if mark.get("protect", False) is not False:
        yield Refusal(
            rule="protected",
            address=address,
            message=f"{address} is protected: its live mark says so.",
            remedy="Apply a manifest with protect: false first.",
        )
    if glob is not None:
        yield Refusal(
            rule="protected-name",
            address=address,
            message=f"{address} matches {glob!r} of prune.protect.",
            remedy="Take the pattern out of reconciler.yaml, or delete the other models one by one.",
        )
    if mark and mark["owner"] != owner:
        yield Refusal(
            rule="foreign-owner",
            address=address,
            message=f"{address} belongs to {mark['owner']!r}, by its owner mark.",
            remedy="Purge with the reconciler.yaml of that owner.",
        )


def saved_plan_refusals(
    plan: Plan, *, endpoint: str, now: datetime, max_age_hours: float | None = None
) -> tuple[Refusal, ...]:
    """Why a saved plan may not be applied to `endpoint` at this time, before anything is read."""
    refusals = []
    if plan.endpoint != endpoint:
        refusals.append(
            Refusal(
                rule="other-endpoint",
                message=f"The plan was made for {plan.endpoint}, but the endpoint of this run is {endpoint}.",
                remedy="Give the plan's endpoint, or make a new plan.",
            )
        )
    age = now - datetime.fromisoformat(plan.created_at.replace("Z", "+00:00"))
    if max_age_hours is not None and age > timedelta(hours=max_age_hours):
        refusals.append(
            Refusal(
                rule="plan-too-old",
                message=f"The plan was made at {plan.created_at}, more than {max_age_hours:g} hours ago.",
                remedy="Make a new plan.",
            )
        )
    return tuple(refusals)


def _protecting_glob(model: ObservedModel, protect: tuple[str, ...]) -> str | None:
    names = [text for text in (model.key.model_id, model.document.get("name")) if text]
    return next((glob for glob in protect if any(fnmatchcase(name, glob) for name in names)), None)


def _protected(key: Key) -> Refusal:
    return Refusal(
        rule="protected",
        address=key.address,
        message=f"{key.address} has no manifest, and its live mark says protect.",
        remedy="Bring the manifest back with protect: false and apply, or add its name to prune.protect to keep it.",
    )


def _used(key: Key, workflows: list[str]) -> Refusal:
    return Refusal(
        rule="used-by-workflow",
        address=key.address,
        message=f"{key.address} is used by workflow {', '.join(workflows)} of the app.",
        remedy="Take it out of the workflow first, or keep its manifest.",
    )


def used_by_workflows(keys: Iterable[Key], workflows: Mapping[Scope, tuple[Document, ...]]) -> tuple[Refusal, ...]:
    """A refusal for each key that a workflow of its app uses."""
    users = ((key, _workflows_using(key, workflows.get(key.scope, ()))) for key in keys)
    return tuple(_used(key, names) for key, names in users if names)


def _workflows_using(key: Key, workflows: Iterable[Document]) -> list[str]:
    return sorted({str(workflow.get("id")) for workflow in workflows if _uses(key, workflow)})


def _uses(key: Key, workflow: Document) -> bool:
    """Whether a node runs the model (its version, for a version's key). User ids are not compared: "me" has two."""
    version_nodes = lookup(workflow, ("version", "nodes"))
    nodes = [*workflow.get("nodes", ()), *(version_nodes if isinstance(version_nodes, list) else ())]
    models = [node.get("model", {}) for node in nodes]
    return any(
        model.get("id") == key.model_id
        and model.get("app_id", key.app_id) == key.app_id
        and (not key.version_id or lookup(model, ("model_version", "id")) == key.version_id)
        for model in models
    )
