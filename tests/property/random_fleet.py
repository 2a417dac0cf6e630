"""Random services and random manifests for them, the same ones for the same generator of random numbers.

In: a `random.Random`. Out: a Case: a seed for the emulator, its switches, the manifests as plain JSON and how they are
spread over files. What is stated is often made from what is live, so that in-sync paths, overlaps and near misses come
up; names and values come from small pools for the same reason.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

import yaml

Json = Any

APPS: Final = (("demo", "pets"), ("demo", "zoo"), ("demo", "idle"))
MODEL_IDS: Final = ("petsID", "m-1", "M_2", "general", "x9")
KEYS: Final = ("a", "b", "c", "owner", "x.y", "größe", "__x", "a b", "id", "\\", "0", "true", "tiers", "'q'", "[0]")
TEXTS: Final = ("x", "y", "pets", "yes", "012", "12:30", "null", "größe → 😀", "two\nlines", " spaced ", "2024-01-01",
                "# no comment", "a: b", "<b>@me</b>", "1", "true", "tab\there", "\u2028", "'", '"', "\\n")  # fmt: skip
NUMBERS: Final = (0, 1, -1, 2, 20, 20.0, 0.5, 0.95, 1.5, 1e-07, 1e300, 2**53, -(2**53), 0.1 + 0.2, 100)
TAG_POOL: Final = ("OpenAI", "HuggingFace", "Clarifai", "en", "de", "größe", "a b")
IMAGES: Final = ("https://samples.clarifai.com/metro-north.jpg", "https://example.com/a.png", "https://example.com/b")
VISIBILITIES: Final = ("PRIVATE", "ORG", "PUBLIC")
OWNER: Final = "vision-team"
FREE_TYPE: Final = "undeclared-type"
RANGED_TYPE: Final = "embedding-classifier"

READINGS: Final[Mapping[str, Sequence[Json]]] = {
    "overwrite_struct": ("whole", "by_key", "by_key_deep"),
    "overwrite_output_info": ("keep_unsent", "drop_unsent"),
    "merge_tags": ("append_missing", "append", "replace"),
}
"""How the service may read what it is sent."""

HABITS: Final[Mapping[str, Sequence[Json]]] = {
    "image_url": ("hosted", "kept"),
    "output_info_in_list": (True, False),
    "patch_models_output_info": ("error", "ignore"),
    "presets": ("always", "asked"),
    "list_order": ("id", "id_descending", "insertion"),
    "max_per_page": (1000, 1, 2, 3),
    "server_adds_params": ("create", "never"),
    "round_to_step": (False, True),
    "main_models": (True, False),
}
"""What else it may do differently."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One random run."""

    seed: dict[str, Json]
    manifests: tuple[dict[str, Json], ...]
    config: dict[str, Json] | None
    switches: dict[str, Json]
    arguments: tuple[str, ...] = ()
    user_id: str = "demo"
    owner: str | None = None
    files: tuple[tuple[str, str], ...] = field(default=())

    def specs(self) -> dict[str, Mapping[str, Json]]:
        """The specs by address, as the service spells it."""
        found = {}
        for manifest in self.manifests:
            identity = {"user_id": "demo", "app_id": "pets", **manifest["metadata"]}
            user_id = self.user_id if identity["user_id"] == "me" else identity["user_id"]
            found[f"{user_id}/{identity['app_id']}/{identity['id']}"] = manifest["spec"]
        return found


def random_case(rng: Random) -> Case:
    """A service and manifests for some of its models."""
    seed = random_seed(rng)
    with_defaults = rng.random() < 0.3
    as_me = rng.random() < 0.15
    owner = OWNER if rng.random() < 0.35 else None
    manifests = []
    for app in seed["apps"][:2]:
        for model in app["models"]:
            if rng.random() < 0.8:
                identity = {"id": model["id"], "user_id": "me" if as_me else "demo", "app_id": app["app_id"]}
                if with_defaults and app["app_id"] == "pets" and not as_me:
                    identity = {"id": model["id"]}
                if rng.random() < 0.2:
                    identity["labels"] = {"team": "vision"}
                manifests.append(
                    {
                        "apiVersion": "reconciler/v1",
                        "kind": "Model",
                        "metadata": identity,
                        "spec": random_spec(rng, model),
                    }
                )
    rng.shuffle(manifests)
    switches = {name: rng.choice(choices) for name, choices in {**READINGS, **HABITS}.items()}
    config = _config(rng, owner, with_defaults=with_defaults, switches=switches)
    return Case(
        seed=seed,
        manifests=tuple(manifests),
        config=config,
        switches=switches,
        owner=owner,
        arguments=("--parallelism", str(rng.choice((1, 2, 8)))),
        files=random_files(rng, manifests),
    )


def _config(
    rng: Random, owner: str | None, *, with_defaults: bool, switches: dict[str, Json]
) -> dict[str, Json] | None:
    config: dict[str, Json] = {}
    if owner is not None:
        config["owner"] = owner
    if with_defaults:
        config.update(user_id="demo", app_id="pets")
    if rng.random() < 0.4:
        batch = rng.choice((1, 2, 3))
        config["limits"] = {"batch": batch}
        switches["max_batch"] = batch
    return {"apiVersion": "reconciler/v1", "kind": "Config", **config} if config or rng.random() < 0.2 else None


# --- values ---------------------------------------------------------------------------------------------------------


def scalar(rng: Random) -> Json:
    """A boolean, number, text or null."""
    return rng.choice((rng.choice(NUMBERS), rng.choice(NUMBERS), rng.choice(TEXTS), True, False, None, "", 1, 20))


def random_value(rng: Random, depth: int) -> Json:
    """Any JSON value; lists either have objects with ids only, all different, or none."""
    kind = rng.random()
    if depth <= 0 or kind < 0.5:
        return scalar(rng)
    if kind < 0.72:
        return struct(rng, depth - 1)
    if kind < 0.86:
        return id_list(rng, depth - 1)
    items = [random_value(rng, depth - 1) for _ in range(rng.randrange(4))]
    return [item for item in items if not (isinstance(item, dict) and "id" in item)]


def struct(rng: Random, depth: int) -> dict[str, Json]:
    """A mapping, empty at times."""
    return {key: random_value(rng, depth) for key in rng.sample(KEYS, rng.choice((0, 1, 1, 2, 2, 3, 4)))}


def id_list(rng: Random, depth: int) -> list[Json]:
    """Objects with ids, each id once."""
    ids = rng.sample(("1", "2", "cat", "7"), rng.randrange(1, 4))
    return [{**struct(rng, min(depth, 0)), "id": name} for name in ids]


def variation(rng: Random, live: Json, depth: int = 2) -> Json:
    """A value made from a live one: equal in other words, a part of it, or changed somewhere."""
    if rng.random() < 0.15:
        return random_value(rng, depth)
    if isinstance(live, dict):
        kept = {key: variation(rng, value, depth - 1) for key, value in live.items() if rng.random() < 0.6}
        return {**kept, **(struct(rng, depth - 1) if rng.random() < 0.4 else {})}
    if isinstance(live, list):
        return _list_variation(rng, live, depth)
    if isinstance(live, (int, float)) and not isinstance(live, bool) and abs(live) < 2**53 and live == int(live):
        return rng.choice((int(live), float(live)))
    return live if rng.random() < 0.7 else scalar(rng)


def _list_variation(rng: Random, live: list[Json], depth: int) -> list[Json]:
    has_ids = bool(live) and all(isinstance(item, dict) and "id" in item for item in live)
    kept = [item for item in live if rng.random() < 0.7]
    if has_ids:
        kept = [{**variation_of_item(rng, item, depth), "id": item["id"]} for item in kept]
        names = {str(item["id"]) for item in kept}
        kept += [item for item in id_list(rng, 0) if str(item["id"]) not in names and rng.random() < 0.5]
    elif rng.random() < 0.5:
        kept.append(scalar(rng))
    if rng.random() < 0.3:
        rng.shuffle(kept)
    return kept


def variation_of_item(rng: Random, item: dict[str, Json], depth: int) -> dict[str, Json]:
    """A part of a list's object, changed at times."""
    found = variation(rng, item, depth - 1)
    return found if isinstance(found, dict) else dict(item)


def tags(rng: Random) -> list[str]:
    """A few different tags."""
    return rng.sample(TAG_POOL, rng.choice((0, 1, 1, 2, 3)))


# --- the live side ---------------------------------------------------------------------------------------------------


def random_seed(rng: Random) -> dict[str, Json]:
    """Up to three apps with up to four models each."""
    apps = []
    for user_id, app_id in APPS:
        ids = rng.sample(MODEL_IDS, rng.choice((1, 2, 3, 5, 5)) if app_id != "idle" else 1)
        models = [random_model(rng, model_id) for model_id in ids]
        apps.append({"user_id": user_id, "app_id": app_id, "models": models, "workflows": []})
    return {"apps": apps}


def _some(rng: Random, makers: Mapping[str, Callable[[], Json]], share: float = 0.5) -> dict[str, Json]:
    return {name: make() for name, make in makers.items() if rng.random() < share}


def random_model(rng: Random, model_id: str) -> dict[str, Json]:
    """A model of the service, with fields that no manifest manages."""
    type_id = RANGED_TYPE if rng.random() < 0.25 else FREE_TYPE
    model = {
        "id": model_id,
        "model_type_id": type_id,
        **_some(
            rng,
            {
                "name": lambda: rng.choice(TEXTS),
                "description": lambda: rng.choice(TEXTS),
                "notes": lambda: rng.choice(TEXTS),
                "visibility": lambda: {"gettable": rng.choice(VISIBILITIES)},
                "toolkits": lambda: tags(rng),
                "use_cases": lambda: tags(rng),
                "languages": lambda: tags(rng),
                "metadata": lambda: struct(rng, 3),
                "image": lambda: {"url": rng.choice(IMAGES)},
            },
            0.6,
        ),
        **_some(
            rng,
            {
                "presets": lambda: struct(rng, 1),
                "display_name": lambda: rng.choice(TEXTS),
                "task": lambda: "classification",
                "creator": lambda: "someone",
                "workflow_recommended": lambda: rng.choice((True, False)),
                "deploy_restriction": lambda: "SHARED_COMPUTE_ONLY",
                "check_consents": lambda: tags(rng),
                "default_eval_info": lambda: {"params": {"k": 1}},
            },
            0.3,
        ),
    }
    if "image" in model and rng.random() < 0.5:
        model["image"] = {
            "url": "https://data.clarifai.com/large/users/demo/0f3c",
            "hosted": {"prefix": "https://data.clarifai.com", "suffix": "users/demo/0f3c", "sizes": ["small"]},
        }
    if rng.random() < 0.3:
        mark = {"owner": OWNER, "protect": rng.random() < 0.3}
        model["metadata"] = {**model.get("metadata", {}), "reconciler": mark}
    model["versions"] = [random_version(rng, number, type_id) for number in range(rng.choice((0, 1, 1, 2, 3)))]
    return model


def random_version(rng: Random, number: int, type_id: str) -> dict[str, Json]:
    """A version of the service; ids repeat from model to model."""
    params = ranged_params(rng) if type_id == RANGED_TYPE else struct(rng, 3)
    info = {
        **_some(
            rng,
            {
                "params": lambda: params,
                "output_config": lambda: {"max_concepts": 7, "min_value": 0.95, "existing_model_id": "e"},
                "fields_map": lambda: {"concepts": "softmax"},
                "params_specs": lambda: [{"path": "output_info.params.threshold", "field_type": "NUMBER"}],
                "data": lambda: {"concepts": [{"id": "cat", "name": "cat", "value": 1}]},
            },
            0.6,
        )
    }
    if type_id == RANGED_TYPE:
        info.pop("params_specs", None)
    code = rng.choice(("MODEL_TRAINED", "MODEL_TRAINED", "MODEL_TRAINING", "MODEL_UNTRAINED"))
    return {
        "id": f"{number + 1}{rng.choice('abc')}" * 16,
        "created_at": f"2024-0{rng.randrange(1, 4)}-01T00:00:0{number}Z",
        "status": {"code": code},
        **_some(
            rng,
            {
                "description": lambda: rng.choice(TEXTS),
                "license": lambda: rng.choice(TEXTS),
                "visibility": lambda: {"gettable": rng.choice(VISIBILITIES)},
                "metadata": lambda: struct(rng, 2),
                "output_info": lambda: info,
            },
            0.7,
        ),
        **_some(
            rng,
            {
                "train_info": lambda: {"params": struct(rng, 1)},
                "input_info": lambda: {"params": struct(rng, 1), "fields_map": {"image": "x"}},
                "inference_compute_info": lambda: {"cpu_limit": "1", "accelerator_type": ["NVIDIA-*"]},
                "method_signatures": lambda: [{"name": "predict"}],
                "total_input_count": lambda: 3,
            },
            0.3,
        ),
    }


def ranged_params(rng: Random) -> dict[str, Json]:
    """Params that the sample's embedding-classifier declares, within its ranges."""
    return _some(
        rng,
        {
            "max_concepts": lambda: rng.randrange(201),
            "min_value": lambda: rng.randrange(101) / 100,
            "select_concepts": lambda: [{"id": name, "name": name} for name in rng.sample(("cat", "dog", "bird"), 2)],
        },
        0.7,
    )


# --- manifests --------------------------------------------------------------------------------------------------------


def random_spec(rng: Random, model: Mapping[str, Json]) -> dict[str, Json]:
    """A manifest's spec for a live model."""
    action = rng.choice((None, "merge", "overwrite"))
    spec: dict[str, Json] = {} if action is None else {"action": action}
    for name in ("name", "description", "notes"):
        if rng.random() < 0.35:
            spec[name] = model.get(name) if name in model and rng.random() < 0.3 else rng.choice(TEXTS)
    if rng.random() < 0.3:
        spec["visibility"] = rng.choice(VISIBILITIES)
    removed: dict[str, Json] = {}
    for name in ("toolkits", "use_cases", "languages"):
        stated = tags(rng)
        if rng.random() < 0.45 and (stated or action == "overwrite"):
            spec[name] = stated
        if rng.random() < 0.25:
            removed[name] = [tag for tag in tags(rng) if tag not in spec.get(name, ())]
    chance = rng.random()
    if chance < 0.2:
        spec["image"] = {"url": rng.choice(IMAGES)}
    elif chance < 0.4:
        removed["image"] = True
    live = {key: value for key, value in model.get("metadata", {}).items() if key != "reconciler"}
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


def _state_struct(
    rng: Random, entry: dict[str, Json], removed: dict[str, Json], live: Json, path: tuple[str, ...]
) -> None:
    """State a Struct at `path` of an entry, and paths of it to remove that contradict nothing stated."""
    stated = None
    if rng.random() < 0.5:
        stated = variation(rng, live, 3) if rng.random() < 0.7 else struct(rng, 2)
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
        _state_struct(rng, entry, removed, version.get("metadata", {}), ("metadata",))
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


# --- files ------------------------------------------------------------------------------------------------------------


def random_files(rng: Random, manifests: Sequence[Json]) -> tuple[tuple[str, str], ...]:
    """The manifests spread over files in any order, each file written in one of the ways that YAML has."""
    shuffled = list(manifests)
    rng.shuffle(shuffled)
    names = rng.sample(("a.yaml", "b.yml", "deep/er/c.yaml", "z.yaml", "B.yaml"), rng.randrange(1, 5))
    parts: dict[str, list[str]] = {name: [] for name in names}
    for manifest in shuffled:
        parts[rng.choice(names)].append(_text(rng, manifest))
    return tuple((name, "---\n".join(texts)) for name, texts in parts.items())


def _text(rng: Random, manifest: Json) -> str:
    plain = json.loads(json.dumps(manifest))
    as_json = json.dumps(plain, ensure_ascii=False, indent=rng.choice((None, 2))).replace("\u2028", "\\u2028")
    if rng.random() < 0.2 and yaml.safe_load(as_json) == plain:  # 1e-07 is a text in YAML 1.1
        return f"{as_json}\n"
    text: str = yaml.safe_dump(
        plain, allow_unicode=rng.random() < 0.7, sort_keys=False, default_flow_style=rng.choice((None, True, False))
    )
    return text


def write_files(files: Sequence[tuple[str, str]], folder: Path) -> None:
    """Write the files into a folder."""
    for name, text in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
