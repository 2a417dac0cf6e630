"""Decides what may be deleted, because a deletion can't be undone.

In: Desired, Observed and the rules of this run. Out: candidates for deletion, then a Decision on them. A model can be
deleted only if all of this holds: pruning was asked for; the app was listed completely; the model is the app's own
(the service lists Clarifai's models too) and not a bookmark; no manifest has its id; it carries this
repository's owner mark, or the whole app is in scope and no other owner's mark is on it; its mark and
`prune.protect` don't protect it; no workflow uses it; the manifests aren't empty; the number stays under the cap.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any, Final

from reconciler.compare.match import Match
from reconciler.errors import Origin, Refusal
from reconciler.manifests.selection import Shard, in_shard, is_targeted
from reconciler.plan.in_use import Use, in_use_refusals
from reconciler.plan.plan import CREATED_AT, Plan
from reconciler.requests.results import Notice
from reconciler.resources.canonical import canonical
from reconciler.resources.desired import Desired
from reconciler.resources.fields import MARK_KEY, MODEL_TRAINING_STATUSES, UNREADABLE_KEY
from reconciler.resources.keys import Key, Kind
from reconciler.resources.observed import Observed, ObservedModel
from reconciler.resources.secrets import redacted
from reconciler.resources.tree import MISSING, lookup

CLOCK_SKEW: Final = timedelta(minutes=5)
"""How far ahead the clock of the machine that made a plan may be."""


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
    """Something that could be deleted, with the reason in words; for a version, how many of the newest are to stay."""

    key: Key
    reason: str
    origin: Origin | None = None
    retain: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is deleted, in the order of keys, what is refused, and what is kept on purpose."""

    deletions: tuple[Candidate, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    notices: tuple[Notice, ...] = field(default=())


def owner_mark(model: ObservedModel) -> Mapping[str, Any]:
    """The live owner mark without what it records of values, or {} where there is none."""
    mark = lookup(model.document, ("metadata", MARK_KEY))
    if not isinstance(mark, Mapping) or not isinstance(mark.get("owner"), str):
        return {}
    return {name: value for name, value in mark.items() if name != UNREADABLE_KEY}


def owner_refusals(
    found: Iterable[Match], *, owner: str | None, take_over: Collection[str] = ()
) -> tuple[Refusal, ...]:
    """A refusal for each model with a manifest that this run may not write to, because of what its live mark says.

    That is a mark of another owner, and any mark where this run has none; `take_over` are globs of model ids whose mark
    this run changes. Where `metadata.reconciler` is somebody's own value and no mark, the mark has no place.
    """
    return tuple(refusal for match in found for refusal in _owner_refusals(match, owner, take_over))


def _owner_refusals(match: Match, owner: str | None, take_over: Collection[str]) -> Iterator[Refusal]:
    key, value = match.desired.key, lookup(match.observed.document, ("metadata", MARK_KEY))
    theirs = owner_mark(match.observed).get("owner")
    is_marked = owner is not None and match.desired.has_manifest
    if is_marked and value is not MISSING and not isinstance(value, Mapping):
        yield Refusal(
            rule="mark-conflict",
            address=key.address,
            message=f"metadata.{MARK_KEY} of {key.address} contains something else in the place of the owner mark.",
            remedy="Move it to another key, or take the owner out of reconciler.yaml.",
        )
    elif theirs not in (None, owner) and not (owner is not None and take_over and is_targeted(key, take_over)):
        ours = "this run has no owner" if owner is None else f"this run's owner is {owner!r}"
        yield Refusal(
            rule="foreign-owner",
            address=key.address,
            message=f"{key.address} belongs to {theirs!r}, by its owner mark; {ours}.",
            remedy=f"Leave it to {theirs!r}, or take it over with --take-over {key.model_id} and an owner.",
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
    """Live models of completely listed apps that have no manifest and are in the scope of pruning.

    `desired` contains the models that only defaults manage, which are never candidates.
    """
    manifests = {model.key for model in desired.models}
    scopes = {model.key.scope for model in desired.models if model.has_manifest} & observed.listed
    return tuple(
        Candidate(key=key, reason="it has no manifest")
        for key, model in sorted(observed.models.items())
        if key.scope in scopes and key not in manifests and in_prune_scope(model, rules)
    )


def version_candidates(matches: Iterable[Match], *, owner: str | None) -> tuple[Candidate, ...]:
    """Versions beyond the newest `retain_versions`; never the latest, one a manifest names, or one in training."""
    found: list[Candidate] = []
    for match in matches:
        retain, live = match.desired.retain_versions, match.observed
        if (
            retain is None
            or not match.desired.has_manifest
            or not live.versions_complete
            or owner_mark(live).get("owner") not in (None, owner)
        ):
            continue  # the versions of another owner's model are that owner's
        named = {
            key for key, entries in match.versions.items() if any(entry.selector.select != "all" for entry in entries)
        }
        reason = f"it is older than the newest {retain} (retain_versions)"
        found.extend(
            Candidate(key=version.key, reason=reason, origin=match.desired.origin, retain=retain)
            for version in live.versions
            if version.key not in named and not is_kept_version(live, version.key, retain)
        )
    return tuple(sorted(found, key=lambda candidate: candidate.key))


def is_kept_version(model: ObservedModel, key: Key, retain: int) -> bool:
    """Whether a version is among the newest `retain` (never fewer than one), the latest, or still in training.

    `model` has all its versions, newest first.
    """
    newest = {version.key for version in model.versions[: max(retain, 1)]}
    if model.latest is not None:
        newest.add(model.latest.key)
    version = model.versions_by_id.get(key.version_id)
    return key in newest or (version is not None and version.status_code in MODEL_TRAINING_STATUSES)


# Counted or shown by the service itself, whatever anybody does to the object; and what not every answer shows.
_COUNTED: Final = frozenset(
    {"star_count", "is_starred", "version_count", "replica_count", "languages_full", "active_concept_count",
     "total_input_count", "train_log", "metrics"}
)  # fmt: skip


def object_digest(model: ObservedModel, key: Key) -> str:
    """SHA-256 over a whole live object as any read shows it: a model with its latest version, or one version.

    What the service counts by itself is left out, and so is what only some answers show (concepts, empty values).
    """
    if key.kind is Kind.MODEL:
        parts: list[Any] = [model.document, None if model.latest is None else model.latest.document]
    else:
        parts = [model.versions_by_id[key.version_id].document]
    text = json.dumps([_lasting(redacted(part)) for part in parts], sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _lasting(value: Any) -> Any:
    if isinstance(value, Mapping):
        kept = {name: _lasting(item) for name, item in value.items() if name not in _COUNTED}
        if isinstance(info := kept.get("output_info"), Mapping):
            kept["output_info"] = {name: item for name, item in info.items() if name not in ("data", "message")}
        if isinstance(status := kept.get("status"), Mapping):
            kept["status"] = {"code": status.get("code")}
        return {name: item for name, item in kept.items() if item not in ({}, [], None)}
    if isinstance(value, list):
        return [_lasting(item) for item in value]
    return canonical(value)


def decide(
    candidates: Iterable[Candidate],
    *,
    desired: Desired,
    observed: Observed,
    uses: Mapping[Key, tuple[Use, ...]],
    rules: PruneRules,
) -> Decision:
    """Judge every candidate by every guard. Nothing is deleted where anything is refused."""
    deletions: list[Candidate] = []
    refusals: list[Refusal] = []
    notices: list[Notice] = []
    for candidate in candidates:
        key, model = candidate.key, observed.models[candidate.key.model()]
        if not key.version_id and (glob := _protecting_glob(model, rules.protect)):
            notices.append(Notice(address=key.address, message=f"kept: prune.protect has {glob!r}."))
        elif not key.version_id and owner_mark(model).get("protect", False) is not False:
            refusals.append(_protected(key))
        elif key in uses:
            refusals.extend(in_use_refusals({key: uses[key]}))
        else:
            deletions.append(candidate)
    refusals.extend(_over_the_cap(deletions, desired, observed, rules))
    return Decision(deletions=tuple(deletions), refusals=tuple(refusals), notices=tuple(notices))


def of_shard(decision: Decision, rules: PruneRules, *, shard: Shard | None) -> Decision:
    """The part of one app's decision that a shard carries out.

    Every shard lists the whole app and decides on all its models. What is refused for the app is refused for each shard, so
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
    """The refusal to prune without any manifest: that would delete everything, and the path is most likely wrong."""
    return Refusal(
        rule="empty-desired-state",
        message="--prune was given, but no manifest was found.",
        remedy="Check the paths; `reconciler purge` is the command that empties an app.",
    )


def manifests_passed_over(names: tuple[str, ...]) -> Refusal:
    """The refusal to prune if a manifest may not have been read: its model would seem to have left git."""
    return Refusal(
        rule="passed-over",
        message=f"--prune was given and {', '.join(names)} may contain manifests that were not read.",
        remedy="The warnings say why they were skipped. Bring them there, give them as PATH too, or remove them.",
    )


def cap(desired: Desired, observed: Observed, rules: PruneRules) -> int:
    """The most deletions of this run: --max-deletes, else max(1, min(count, percent of the models in scope))."""
    if rules.max_deletes is not None:
        return rules.max_deletes
    manifests = {model.key for model in desired.models if model.has_manifest}
    # Apps that were listed for defaults alone have nothing to prune, so they must not raise the cap.
    scopes = {key.scope for key in manifests} & observed.listed
    in_scope = sum(
        key in manifests or in_prune_scope(model, rules)
        for key, model in observed.models.items()
        if key.scope in scopes
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
    """A refusal for each model because of which the app may not be purged, since a purge spares no model."""
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
        yield _protected_name(model.key, glob)
    if mark and mark["owner"] != owner:
        yield Refusal(
            rule="foreign-owner",
            address=address,
            message=f"{address} belongs to {mark['owner']!r}, by its owner mark.",
            remedy="Purge with the reconciler.yaml of that owner.",
        )


def protected_name_refusals(
    deleted: Iterable[Key], observed: Observed, *, protect: tuple[str, ...]
) -> tuple[Refusal, ...]:
    """A refusal for each model to delete whose name `prune.protect` protects now, even if it didn't when the plan was made."""
    models = [observed.models[key] for key in deleted if key.kind is Kind.MODEL]
    found = ((model.key, _protecting_glob(model, protect)) for model in models)
    return tuple(_protected_name(key, glob) for key, glob in found if glob is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a saved plan must fit to be applied by this run.

    `environment` is the name that --environment gives, `now` the time in UTC, before which the plan must have been made, and
    `digest` the fingerprint that it must have. None means that any will do.
    """

    endpoint: str
    now: datetime | None = None
    environment: str | None = None
    max_age_hours: float | None = None
    digest: str | None = None


def saved_plan_refusals(plan: Plan, terms: Terms, *, digest: str) -> tuple[Refusal, ...]:
    """Return why a saved plan with this fingerprint may not be applied by a run, before anything is read."""
    return tuple(_saved_plan_refusals(plan, terms, digest))


def _saved_plan_refusals(plan: Plan, terms: Terms, digest: str) -> Iterator[Refusal]:
    if terms.digest is not None and terms.digest != digest:
        yield Refusal(
            rule="other-digest",
            message=f"The digest of the plan is {digest}, but --expect-digest is {terms.digest}.",
            remedy="Apply the plan that was reviewed, or review this one and give its digest.",
        )
    if plan.endpoint != terms.endpoint:
        yield Refusal(
            rule="other-endpoint",
            message=f"The plan was made for {plan.endpoint}, but the endpoint of this run is {terms.endpoint}.",
            remedy="Give the plan's endpoint, or make a new plan.",
        )
    if terms.environment is not None and terms.environment != plan.environment:
        made = "without an environment" if plan.environment is None else f"for environment {plan.environment!r}"
        yield Refusal(
            rule="other-environment",
            message=f"The plan was made {made}, but --environment is {terms.environment!r}.",
            remedy="Give the plan's environment, or make a new plan.",
        )
    if terms.now is None:
        return
    age = terms.now - plan.made_at
    if age < -CLOCK_SKEW:
        yield Refusal(
            rule="plan-from-the-future",
            message=f"The plan was made at {plan.created_at}, but it is {terms.now.strftime(CREATED_AT)} here.",
            remedy="Set the clocks of both machines right, and make a new plan.",
        )
    if terms.max_age_hours is not None and age > timedelta(hours=terms.max_age_hours):
        message = f"The plan was made at {plan.created_at}, more than {terms.max_age_hours:g} hours ago."
        yield Refusal(rule="plan-too-old", message=message, remedy="Make a new plan.")


def _protecting_glob(model: ObservedModel, protect: tuple[str, ...]) -> str | None:
    names = [text for text in (model.key.model_id, model.document.get("name")) if text]
    return next((glob for glob in protect if any(fnmatchcase(name, glob) for name in names)), None)


def _protected_name(key: Key, glob: str) -> Refusal:
    return Refusal(
        rule="protected-name",
        address=key.address,
        message=f"{key.address} matches {glob!r} of prune.protect.",
        remedy="Take the pattern out of reconciler.yaml, or delete the other models one by one.",
    )


def _protected(key: Key) -> Refusal:
    return Refusal(
        rule="protected",
        address=key.address,
        message=f"{key.address} has no manifest, and its live mark says protect.",
        remedy="Bring the manifest back with protect: false and apply, or add its name to prune.protect to keep it.",
    )
