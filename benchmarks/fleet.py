"""Fleets of N models: their manifests, the emulator's state, and as many DNS records for octoDNS."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks import mixed
from reconciler.emulator.server import Emulator

DOCUMENTS_PER_FILE: Final = 100

MANIFEST: Final = """apiVersion: reconciler/v1
kind: Model
metadata: {{id: m{number:05d}, user_id: bench, app_id: fleet}}
spec:
  name: model {number}
  metadata: {{owner: {owner}}}
  toolkits: [OpenAI]
  versions:
    - select: latest
      output_info:
        params: {{min_value: {min_value}, max_concepts: 20, select_concepts: [{concepts}]}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How a fleet's manifests are written: `uniform` ones differ in a number and a list; `per_file` of them share a file."""

    name: str
    is_mixed: bool = False
    per_file: int = DOCUMENTS_PER_FILE


UNIFORM: Final = Style(name="uniform with lists")
SINGLE_FILES: Final = Style(name="one file per model", per_file=1)
MIXED: Final = Style(name="mixed", is_mixed=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Where one fleet lies. `changed` of its `size` models differ from their manifests."""

    size: int
    changed: int
    manifests: Path
    state: Path
    zone: Path


def fleet(folder: Path, *, size: int, changed: int, style: Style = UNIFORM) -> Fleet:
    """Write a fleet below `folder`. A changed model differs in a value of each of its two Structs; a mixed one in its name."""
    manifests = folder / "manifests"
    manifests.mkdir(parents=True)
    write = _mixed if style.is_mixed else _uniform
    models: list[dict[str, Any]] = []
    for first in range(0, size, style.per_file):
        texts = []
        for number in range(first, min(size, first + style.per_file)):
            text, live = write(number, is_changed=number < changed)
            texts.append(text)
            models.append(live)
        (manifests / f"{first:05d}.yaml").write_text("---\n".join(texts), encoding="utf-8")
    app = {"user_id": "bench", "app_id": "fleet", "models": models}
    with Emulator(state=folder / "state.db", seed={"apps": [app]}):
        pass
    return Fleet(
        size=size,
        changed=changed,
        manifests=manifests,
        state=folder / "state.db",
        zone=_zone(folder / "dns", size=size, changed=changed),
    )


def manifest(number: int, *, is_changed: bool = False) -> str:
    """The uniform manifest of one model."""
    concepts = ", ".join(f"{{id: {concept['id']}, name: {concept['name']}}}" for concept in _concepts(number))
    owner, min_value = ("audio", 0.7) if is_changed else ("vision", 0.5)
    return MANIFEST.format(number=number, owner=owner, min_value=min_value, concepts=concepts)


def _concepts(number: int) -> list[dict[str, str]]:
    """A list that differs by model."""
    return [{"id": f"c{number}-{index}", "name": f"breed {index}"} for index in range(1 + number % 3)]


def _uniform(number: int, *, is_changed: bool) -> tuple[str, dict[str, Any]]:
    """A manifest and its model."""
    params = {"min_value": 0.5, "max_concepts": 20, "select_concepts": _concepts(number)}
    live = {
        "id": f"m{number:05d}",
        "name": f"model {number}",
        "model_type_id": "embedding-classifier",
        "metadata": {"owner": "vision"},
        "toolkits": ["OpenAI"],
        "versions": [{"id": f"{number:032x}", "output_info": {"params": params}}],
    }
    return manifest(number, is_changed=is_changed), live


def _mixed(number: int, *, is_changed: bool) -> tuple[str, dict[str, Any]]:
    stated = mixed.model(number, name=f"{'new' if is_changed else 'model'} {number}")
    return mixed.written(stated, number), mixed.live(stated, number, name=f"model {number}")


def _zone(folder: Path, *, size: int, changed: int) -> Path:
    """A zone of A records on both sides of octoDNS, and its configuration; the changed ones have another TTL."""
    for side in ("config", "live"):
        (folder / side).mkdir(parents=True)
        lines = ["---"]
        for number in range(size):
            ttl = 60 if side == "config" and number < changed else 300
            value = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
            lines.append(f"r{number:05d}:\n  type: A\n  ttl: {ttl}\n  value: {value}")
        (folder / side / "example.com.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    config = folder / "octodns.yaml"
    provider = "{{class: octodns.provider.yaml.YamlProvider, directory: {}, default_ttl: 3600, enforce_order: false}}"
    config.write_text(
        f"---\nproviders:\n  config: {provider.format(folder / 'config')}\n  live: {provider.format(folder / 'live')}\n"
        "zones:\n  example.com.: {sources: [config], targets: [live]}\n",
        encoding="utf-8",
    )
    return config
