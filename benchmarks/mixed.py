"""Manifests as people write them: no two have the same keys in the same order.

`model(number)` gives what one manifest states, `written(model, rng)` a string that states it: keys in any order, comments,
quotes of either kind or none, mappings and lists in blocks or in braces. The models are of the emulator's five types, with
notes of 1 to 10 KB as block scalars, lists in params, and metadata keys that need quotes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any, Final

TYPES: Final = ("concept-threshold", "embedding-classifier", "text-to-text", "visual-classifier", "visual-detector")
_WORDS: Final = (
    "the", "model", "sorts", "photos", "of", "cats", "and", "dogs", "Größe", "by", "breed;", "trained", "on", "March's",
    "set:", "12,000", "images", "#3", "with", "95 %", "recall", "– see", "the", "card", "(v2)", "before", "you", "use", "it",
)  # fmt: skip
_KEYS: Final = ("owner", "cost centre", "a: colon", "größe", "012", "yes", "x.y", "reviewed", "# no comment", "tier")
_PLAIN: Final = re.compile(r"[A-Za-zäöüß][A-Za-zäöüß0-9_./-]*(?: [A-Za-zäöüß0-9_./-]+)*")
_READ_OTHERWISE: Final = frozenset({"yes", "no", "on", "off", "true", "false", "null", "y", "n"})
_ALIASED: Final = 50
"""Of so many manifests one uses an anchor and an alias."""


def model(number: int, *, name: str) -> dict[str, Any]:
    """The manifest of one model, as data; `name` is its display name."""
    rng = Random(number)
    spec: dict[str, Any] = {
        "name": name,
        "notes": _text(rng, rng.randint(1_000, 10_000)),
        "toolkits": rng.sample(["OpenAI", "HuggingFace", "Clarifai", "MMDetection"], rng.randint(1, 3)),
        "metadata": {key: _value(rng) for key in rng.sample(_KEYS, rng.randint(1, 6))},
    }
    if number % _ALIASED == 0:
        spec["metadata"]["twice"] = [{"tier": 1}, {"tier": 1}]
    if rng.random() < 0.5:
        spec["description"] = _text(rng, 80).replace("\n", " ").strip()
    if rng.random() < 0.3:
        spec["use_cases"] = ["image-classification", "llm"][: rng.randint(1, 2)]
    version: dict[str, Any] = {"select": "latest", "output_info": {"params": _params(rng, TYPES[number % len(TYPES)])}}
    if rng.random() < 0.3:
        version["license"] = "CC-BY-4.0"
    if rng.random() < 0.3:
        version["metadata"] = {"dataset": "march", "reviewed": rng.random() < 0.5}
    spec["versions"] = [version]
    identity: dict[str, Any] = {"id": f"m{number:05d}", "user_id": "bench", "app_id": "fleet"}
    if rng.random() < 0.5:
        identity["labels"] = {"team": rng.choice(["vision", "text"])}
    return {"apiVersion": "reconciler/v1", "kind": "Model", "metadata": identity, "spec": spec}


def live(manifest: Mapping[str, Any], number: int, *, name: str) -> dict[str, Any]:
    """A live model that is as its manifest says but for its name."""
    spec = manifest["spec"]
    version = {key: item for key, item in spec["versions"][0].items() if key != "select"}
    fields = {key: item for key, item in spec.items() if key not in {"versions", "name"}}
    type_id = TYPES[number % len(TYPES)]
    return {
        "id": manifest["metadata"]["id"],
        "name": name,
        "model_type_id": type_id,
        **fields,
        "versions": [{"id": f"{number:032x}", **version}],
    }


def written(manifest: Mapping[str, Any], number: int) -> str:
    """The manifest as YAML."""
    return "\n".join(_block(manifest, Random(-number), "")) + "\n"


def _params(rng: Random, type_id: str) -> dict[str, Any]:
    concepts = [{"id": f"c{index}", "name": f"breed {index}", "value": 1} for index in range(rng.randint(1, 4))]
    if type_id == "concept-threshold":
        return {"concept_threshold_type": "GREATER_THAN", "concepts": concepts}
    if type_id == "text-to-text":
        return {
            "max_tokens": rng.randint(1, 2048),
            "temperature": rng.randint(1, 99) / 100,
            "system_prompt": _text(rng, 60),
        }
    if type_id == "visual-detector":
        return {"min_value": rng.randint(1, 999) / 10, "image_size": [320, rng.choice([320, 640])]}
    return {"max_concepts": rng.randint(1, 200), "min_value": rng.randint(1, 99) / 100, "select_concepts": concepts}


def _value(rng: Random) -> Any:
    return rng.choice(
        [
            "vision",
            "12",
            "a: b",
            rng.randint(0, 1000),
            rng.randint(1, 999) / 1000,
            rng.random() < 0.5,
            ["a", "b-c", 3],
            {"gold": 3, "silver": {"since": "2024-01-01"}},
        ]
    )


def _text(rng: Random, length: int) -> str:
    words: list[str] = []
    while length > 0:
        words.append(rng.choice(_WORDS) + (rng.choice(("\n", "\n\n", " ")) if rng.random() < 0.1 else ""))
        length -= len(words[-1]) + 1
    return " ".join(words).replace(" \n", "\n").replace("\n ", "\n").strip()


def _block(value: Mapping[str, Any], rng: Random, indent: str) -> Iterator[str]:
    """The lines of a mapping, its keys in any order."""
    for key in rng.sample(list(value), len(value)):
        item = value[key]
        if rng.random() < 0.1:
            yield f"{indent}# {_text(rng, 40).replace(chr(10), ' ')}"
        yield from _item(f"{indent}{_scalar(key, rng)}:", item, rng, indent)


def _item(head: str, item: Any, rng: Random, indent: str) -> Iterator[str]:
    inner = f"{indent}  "
    comment = f"  # {rng.choice(_WORDS)}" if rng.random() < 0.05 else ""
    if isinstance(item, str) and ("\n" in item or len(item) > 200):
        yield f"{head} |-"
        yield from (f"{inner}{line}" if line else "" for line in item.split("\n"))
    elif not isinstance(item, (dict, list)) or (_is_small(item) and rng.random() < 0.6):
        yield f"{head} {_flow(item, rng)}{comment}"
    elif isinstance(item, dict):
        yield head + comment
        yield from _block(item, rng, inner)
    else:
        yield head + comment
        for each in item:
            if isinstance(each, dict) and not _is_small(each):
                first, *rest = _block(each, rng, f"{inner}  ")
                while first.lstrip().startswith("#"):
                    first, *rest = rest
                yield f"{inner}- {first.lstrip()}"
                yield from rest
            else:
                yield f"{inner}- {_flow(each, rng)}"


def _is_small(item: Any) -> bool:
    return len(json.dumps(item)) < 100 and "\\n" not in json.dumps(item)


def _flow(item: Any, rng: Random) -> str:
    if isinstance(item, dict):
        keys = rng.sample(list(item), len(item))
        return "{" + ", ".join(f"{_scalar(key, rng)}: {_flow(item[key], rng)}" for key in keys) + "}"
    if isinstance(item, list) and len(item) == 2 and isinstance(item[0], dict) and item[0] == item[1]:
        return f"[&first {_flow(item[0], rng)}, *first]"
    if isinstance(item, list):
        return "[" + ", ".join(_flow(each, rng) for each in item) + "]"
    return _scalar(item, rng)


def _scalar(item: Any, rng: Random) -> str:
    if not isinstance(item, str):
        return json.dumps(item)
    chance = rng.random()
    if chance < 0.85 and _PLAIN.fullmatch(item) and item.lower() not in _READ_OTHERWISE:
        return item
    return json.dumps(item, ensure_ascii=False) if chance < 0.5 else "'" + item.replace("'", "''") + "'"
