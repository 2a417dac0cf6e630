"""Random services and random manifests for them, the same ones for the same generator of random numbers.

In: a `random.Random`. Out: a Case: a seed for the emulator, its switches, the manifests as plain JSON and how they are
spread over files. What is stated is often made from what is live, so that in-sync paths, overlaps and near misses come
up; names and values come from small pools for the same reason.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

import yaml

from .random_live import OWNER, random_seed
from .random_manifests import random_spec

Json = Any


VARIANTS: Final[Mapping[str, Sequence[Json]]] = {
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
    switches = {name: rng.choice(choices) for name, choices in {**VARIANTS, **HABITS}.items()}
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
