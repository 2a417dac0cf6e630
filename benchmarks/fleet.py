"""Fleets of N models: their manifests, the emulator's state, and as many DNS records for octoDNS."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
class Fleet:
    """Where one fleet lies. `changed` of its `size` models have another name than their manifest says."""

    size: int
    changed: int
    manifests: Path
    state: Path
    zone: Path


def fleet(folder: Path, *, size: int, changed: int) -> Fleet:
    """Write a fleet below `folder`."""
    manifests = folder / "manifests"
    manifests.mkdir(parents=True)
    for first in range(0, size, DOCUMENTS_PER_FILE):
        numbers = range(first, min(size, first + DOCUMENTS_PER_FILE))
        texts = [MANIFEST.format(number=n, name="new" if n < changed else "model") for n in numbers]
        (manifests / f"{first:05d}.yaml").write_text("---\n".join(texts), encoding="utf-8")
    with Emulator(state=folder / "state.db", seed={"apps": [_app(size)]}):
        pass
    return Fleet(
        size=size,
        changed=changed,
        manifests=manifests,
        state=folder / "state.db",
        zone=_zone(folder / "dns", size=size, changed=changed),
    )


def _app(size: int) -> dict[str, Any]:
    params = {"min_value": 0.5, "max_concepts": 20, "select_concepts": []}
    models = [
        {
            "id": f"m{number:05d}",
            "name": f"model {number}",
            "model_type_id": "embedding-classifier",
            "metadata": {"owner": "vision"},
            "toolkits": ["OpenAI"],
            "versions": [{"id": f"{number:032x}", "output_info": {"params": params}}],
        }
        for number in range(size)
    ]
    return {"user_id": "bench", "app_id": "fleet", "models": models}


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
