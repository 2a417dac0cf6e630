"""Random manifests for a random model: every field, both actions at both levels, removals, and versions by every selector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from .random_live import FREE_TYPE, ranged_params
from .random_values import IMAGES, KEYS, RESTRICTIONS, TEXTS, VISIBILITIES, reordered, struct, tags, variation

Json = Any


def random_spec(rng: Random, model: Mapping[str, Json]) -> dict[str, Json]:
    """A manifest's spec for a live model."""
    action = rng.choice((None, "merge", "overwrite"))
    spec: dict[str, Json] = {} if action is None else {"action": action}
    for name in ("name", "description", "notes"):
        if rng.random() < 0.35:
            spec[name] = model.get(name) if name in model and rng.random() < 0.3 else rng.choice(TEXTS)
    if rng.random() < 0.3:
        spec["visibility"] = rng.choice(VISIBILITIES)
    if rng.random() < 0.2:
        spec["deploy_restriction"] = rng.choice(RESTRICTIONS)
    removed: dict[str, Json] = {}
    _state_tags(rng, spec, removed)
    chance = rng.random()
    if chance < 0.2:
        spec["image"] = {"url": rng.choice(IMAGES)}
    elif chance < 0.55:
        removed["image"] = True
    live = _statable(model.get("metadata", {}))
    _state_struct(rng, spec, removed, live, ("metadata",))
    if removed or rng.random() < 0.05:
        spec["remove"] = removed
    if rng.random() < 0.2:
        spec["protect"] = rng.random() < 0.5
    if rng.random() < 0.1:
        spec["retain_versions"] = rng.randrange(1, 3)
    entries = _entries(rng, model, action or "merge")
    if entries or rng.random() < 0.1:
        spec["versions"] = entries
    return _shuffled(rng, spec)


def _state_tags(rng: Random, spec: dict[str, Json], removed: dict[str, Json]) -> None:
    for name in ("toolkits", "use_cases", "languages"):
        stated = tags(rng)
        if rng.random() < 0.45 and (stated or spec.get("action") == "overwrite"):
            spec[name] = stated
        if rng.random() < 0.25:
            removed[name] = [tag for tag in tags(rng) if tag not in spec.get(name, ())]


def _statable(live: Mapping[str, Json]) -> dict[str, Json]:
    """The keys that a manifest may name: the mark is the tool's, and no key is empty."""
    return {key: value for key, value in live.items() if key not in ("", "reconciler")}


def _state_struct(
    rng: Random, entry: dict[str, Json], removed: dict[str, Json], live: Json, path: tuple[str, ...]
) -> None:
    """State a Struct at `path` of an entry, and paths of it to remove that contradict nothing stated."""
    stated = None
    if rng.random() < 0.6:
        chance = rng.random()
        stated = reordered(rng, live) if chance < 0.25 else variation(rng, live, 3) if chance < 0.8 else struct(rng, 2)
        stated = stated if isinstance(stated, dict) else {}
        entry[path[0]] = stated if len(path) == 1 else {path[1]: stated}
    if rng.random() < 0.35:
        candidates = [(key,) for key in rng.sample(KEYS, 2)] + list(_paths(live))
        picked = rng.sample(candidates, min(len(candidates), rng.randrange(1, 4)))
        kept = [names for names in picked if stated is None or not _touches(names, stated)]
        texts = [".".join(name.replace("\\", "\\\\").replace(".", "\\.") for name in names) for names in kept]
        removed[path[-1]] = list(dict.fromkeys(texts))


def _paths(value: Json, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(value, dict):
        return []
    return [found for key, item in value.items() for found in ((*path, key), *_paths(item, (*path, key)))]


def _touches(path: tuple[str, ...], stated: Json) -> bool:
    """Whether something stated is at the path, below it, or a value without keys above it."""
    for name in path:
        if not isinstance(stated, dict):
            return True
        if name not in stated:
            return False
        stated = stated[name]
    return True


def _entries(rng: Random, model: Mapping[str, Json], inherited: str) -> list[Json]:
    versions = model["versions"]
    if not versions:
        return []
    selectors: list[dict[str, str]] = [{"select": "latest"}, {"select": "all"}]
    selectors += [{"id": version["id"]} for version in versions]
    if any(version["status"]["code"] == "MODEL_TRAINED" for version in versions):
        selectors.append({"select": "latest-trained"})
    chosen = rng.sample(selectors, min(len(selectors), rng.choice((0, 1, 1, 2, 3))))
    # Entries that share a version mostly state different fields: else most cases would be contradictions.
    fields = ["description", "license", "visibility", "metadata", "params"]
    rng.shuffle(fields)
    shares = [fields[number :: len(chosen)] if rng.random() < 0.9 else fields for number in range(len(chosen))]
    return [
        {**selector, **_entry(rng, rng.choice(versions), share, type_id=model["model_type_id"])}
        for selector, share in zip(chosen, shares, strict=True)
    ]


def _entry(rng: Random, version: Mapping[str, Json], share: Sequence[str], *, type_id: str) -> dict[str, Json]:
    entry: dict[str, Json] = {}
    removed: dict[str, Json] = {}
    if rng.random() < 0.4:
        entry["action"] = rng.choice(("merge", "overwrite"))
    for name in ("description", "license"):
        if name in share and rng.random() < 0.6:
            entry[name] = rng.choice(TEXTS)
    if "visibility" in share and rng.random() < 0.5:
        entry["visibility"] = rng.choice(VISIBILITIES)
    if "metadata" in share:
        _state_struct(rng, entry, removed, _statable(version.get("metadata", {})), ("metadata",))
    if "params" in share:
        if type_id == FREE_TYPE:
            live = version.get("output_info", {}).get("params", {})
            _state_struct(rng, entry, removed, live, ("output_info", "params"))
        elif rng.random() < 0.8:
            entry["output_info"] = {"params": ranged_params(rng)}
    if removed:
        entry["remove"] = removed
    return _shuffled(rng, entry)


def _shuffled(rng: Random, mapping: dict[str, Json]) -> dict[str, Json]:
    names = list(mapping)
    rng.shuffle(names)
    return {name: mapping[name] for name in names}
