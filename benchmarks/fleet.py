"""Fleets of N models: their manifests, the emulator's state, and as many DNS records for octoDNS."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks import mixed
from reconciler.emulator.server import Emulator

DOCUMENTS_PER_FILE = 100

MANIFEST = """apiVersion: reconciler/v1
kind: Model
metadata: {{id: m{number:05d}, user_id: bench, app_id: fleet}}
spec:
  name: {name} {number}
  metadata: {{owner: vision}}
  toolkits: [OpenAI]
  versions:
    - select: latest
      output_info: {{params: {{min_value: 0.5, max_concepts: 20}}}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How a fleet's manifests are written: `uniform` ones differ in a number only; `per_file` of them share a file."""

    name: str
    is_mixed: bool = False
    per_file: int = DOCUMENTS_PER_FILE


UNIFORM: Final = Style(name="uniform")
STYLES: Final = (
    UNIFORM,
    Style(name="uniform, a file each", per_file=1),
    Style(name="mixed", is_mixed=True),
    Style(name="mixed, a file each", is_mixed=True, per_file=1),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Where one fleet lies. `changed` of its `size` models have another name than their manifest says."""

    size: int
    changed: int
    manifests: Path
    state: Path
    zone: Path


def fleet(folder: Path, *, size: int, changed: int, style: Style = UNIFORM) -> Fleet:
    """Write a fleet below `folder`."""
    manifests = folder / "manifests"
    manifests.mkdir(parents=True)
    write = _mixed if style.is_mixed else _uniform
    models: list[dict[str, Any]] = []
    for first in range(0, size, style.per_file):
        texts = []
        for number in range(first, min(size, first + style.per_file)):
            text, live = write(number, stated="new" if number < changed else "model")
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


def _uniform(number: int, *, stated: str) -> tuple[str, dict[str, Any]]:
    """A manifest and its model; `stated` begins the name that the manifest states."""
    params = {"min_value": 0.5, "max_concepts": 20, "select_concepts": []}
    live = {
        "id": f"m{number:05d}",
        "name": f"model {number}",
        "model_type_id": "embedding-classifier",
        "metadata": {"owner": "vision"},
        "toolkits": ["OpenAI"],
        "versions": [{"id": f"{number:032x}", "output_info": {"params": params}}],
    }
    return MANIFEST.format(number=number, name=stated), live


def _mixed(number: int, *, stated: str) -> tuple[str, dict[str, Any]]:
    manifest = mixed.model(number, name=f"{stated} {number}")
    return mixed.written(manifest, number), mixed.live(manifest, number, name=f"model {number}")


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
