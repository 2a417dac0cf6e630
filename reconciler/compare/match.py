"""Which live model and version each manifest entry means.

In: Desired and Observed. Out: Matches, one per model, each entry of `versions` with the version keys it selects; or
every unknown model and version at once, with its place. A model or version that was not read completely is never
called unknown: `observe` raises before that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from reconciler.compare.filling import Conflict, conflict_problems, conflicts, reduced, with_defaults
from reconciler.errors import ProblemList
from reconciler.resources.desired import Desired, DesiredModel, DesiredVersion
from reconciler.resources.fields import MODEL_TRAINED
from reconciler.resources.keys import Key, Kind, Scope
from reconciler.resources.observed import Observed, ObservedModel, ObservedVersion
from reconciler.resources.wording import nearest

Named = Callable[[Observed], frozenset[Key]]
"""Which of the live versions a manifest of this run names."""

LiveIds = Callable[[Scope], Collection[str] | None]
"""The ids of the models in an app; None if the app doesn't exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A manifest with its live model, and per live version the entries that select it, in the manifest's order."""

    desired: DesiredModel
    observed: ObservedModel
    versions: Mapping[Key, tuple[DesiredVersion, ...]]


def matches(desired: Desired, observed: Observed, *, live_ids: LiveIds = lambda scope: ()) -> tuple[Match, ...]:
    """Pair every manifest with what is live. Raises ProblemsError naming every model or version that isn't there, and every
    contradiction between defaults.

    `live_ids` is asked for the nearest id, once per app and only where a model isn't there.
    """
    problems = ProblemList()
    found = []
    unknown: dict[Scope, list[DesiredModel]] = {}
    contradicting: list[Conflict] = []
    for model in desired.models:
        live = observed.models.get(model.key)
        if live is None:
            unknown.setdefault(model.key.scope, []).append(model)
        else:
            contradicting.extend(conflicts(model.fills, model.key))
            versions = _versions(model, live, problems)
            contradicting.extend(
                conflict
                for key, entries in versions.items()
                for conflict in conflicts([each for each in entries if each.default is not None], key)
            )
            found.append(Match(desired=model, observed=live, versions=versions))
    for scope, models in unknown.items():
        _report_unknown(scope, models, live_ids(scope), problems)
    problems.extend(conflict_problems(contradicting))
    problems.raise_if_any()
    return tuple(found)


def _report_unknown(
    scope: Scope, models: list[DesiredModel], live: Collection[str] | None, problems: ProblemList
) -> None:
    if live is None:
        count = f" ({len(models)} manifests are about it)" if models[1:] else ""
        problems.add(
            "unknown-app",
            f"app {scope} does not exist{count}.",
            models[0].origin,
            pointer="/metadata/app_id",
            hint="Apps are not created here: correct the user_id or app_id, which may come from reconciler.yaml, an environment "
            "or a flag.",
        )
        return
    for model in models:
        near = nearest(model.key.model_id, live)
        meant = f"Did you mean {near}? " if near else ""
        problems.add(
            "unknown-model",
            f"model {model.key.model_id} does not exist in app {scope}.",
            model.origin if model.id_origin is None else model.id_origin(),
            pointer="/metadata/id",
            hint=f"{meant}Models are not created here: create it first, or correct the id, user_id or app_id "
            "(`reconciler get models` lists what is there).",
        )


def _versions(model: DesiredModel, live: ObservedModel, problems: ProblemList) -> dict[Key, tuple[DesiredVersion, ...]]:
    selected: dict[Key, tuple[DesiredVersion, ...]] = {}
    for entry in model.versions:
        chosen = selected_versions(entry, live)
        if not chosen and entry.default is None:
            near = nearest(entry.selector.version_id or "", live.versions_by_id)
            problems.add(
                "unknown-version",
                f"model {model.key.address} has no version for {entry.selector}.",
                entry.origin if entry.id_origin is None else entry.id_origin(),
                pointer=f"/spec/versions/{entry.index}",
                hint=f"Did you mean {near}?" if near else "`reconciler get versions` lists the versions it has.",
            )
        for version in chosen:
            selected[version.key] = (*selected.get(version.key, ()), entry)
    return {key: _reduced(entries) for key, entries in sorted(selected.items())}


def _reduced(entries: tuple[DesiredVersion, ...]) -> tuple[DesiredVersion, ...]:
    """The entries for one version: those of defaults first, without what the manifest's own state."""
    own = tuple(entry for entry in entries if entry.default is None)
    if len(own) == len(entries):
        return entries
    fills = (reduced(entry, Kind.MODEL_VERSION, own) for entry in entries if entry.default is not None)
    return (*(fill for fill in fills if fill.stated or fill.removals), *own)


def selected_versions(entry: DesiredVersion, live: ObservedModel) -> tuple[ObservedVersion, ...]:
    """The live versions that one entry means, newest first; empty if there is none."""
    selector = entry.selector
    if selector.version_id is not None:
        version = live.versions_by_id.get(selector.version_id)
        return () if version is None else (version,)
    if selector.select == "latest":
        return () if live.latest is None else (live.latest,)
    if selector.select == "latest-trained":
        return tuple(version for version in live.versions if version.status_code == MODEL_TRAINED)[:1]
    return live.versions


def idle_entries(match: Match) -> Iterator[str]:
    """What to know of defaults that state something of versions, where the model has none that they mean."""
    for entry in match.desired.versions:
        if entry.default is not None and not selected_versions(entry, match.observed):
            yield f"the ModelDefaults {entry.default} states something for {entry.selector}, and the model has no such version."


def needs_all_versions(model: DesiredModel, live: ObservedModel) -> bool:
    """Whether the latest version, as a listing carries it, is not enough for a manifest's entries.

    It isn't where another version is meant, or where params are stated and the listing left `output_info` out: what is
    not shown is not known to be empty.
    """
    if live.versions_complete:
        return False
    latest = live.latest
    if latest is not None and "output_info" not in latest.document and any(map(is_about_params, model.versions)):
        return True
    for entry in model.versions:
        selector = entry.selector
        if selector.select == "all":
            return True
        if selector.select == "latest-trained" and (latest is None or latest.status_code != MODEL_TRAINED):
            return latest is not None
        if selector.version_id is not None and latest is not None:
            named = live.versions_by_id.get(selector.version_id)
            if named is None or ("output_info" not in named.document and is_about_params(entry)):
                return True
    return False


def is_about_params(entry: DesiredVersion) -> bool:
    """Whether an entry states or removes anything in `output_info.params`."""
    return "output_info" in entry.stated or any(removal.path[0] == "output_info" for removal in entry.removals)


def lacks_versions(version_ids: frozenset[str], live: ObservedModel) -> bool:
    """Whether any of these versions was not read yet, or not with its `output_info`."""
    known = live.versions_by_id
    complete = all(name in known and "output_info" in known[name].document for name in version_ids)
    return not live.versions_complete and not complete


def named_versions(desired: Desired, observed: Observed) -> frozenset[Key]:
    """The live versions that an entry of a manifest or a default names, by id, as the latest, or as the latest trained one."""
    return frozenset(
        version.key
        for model in with_defaults(desired, observed).models
        if (live := observed.models.get(model.key)) is not None
        for entry in model.versions
        if entry.selector.select != "all"
        for version in selected_versions(entry, live)
    )


def no_names(_observed: Observed) -> frozenset[Key]:
    """For runs without manifests: no version is named."""
    return frozenset()
