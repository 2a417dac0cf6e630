"""A hatchling hook that derives the addresses in the metadata from that of the repository, which pyproject.toml has once.

PyPI doesn't host the files of the repository, so the README's relative links and images wouldn't work on the project's page. There
they lead to the files at the tag of the release.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

RELATIVE = re.compile(r"(?P<before>(?P<picture>!?)\[[^]]*\]\()(?![a-z]+:|#)(?P<path>[^)\s]+)\)")


def with_whole_links(text: str, source: str, version: str) -> str:
    """Return Markdown with each relative link made absolute. `source` is the URL of the repository's page."""
    repository = source.removeprefix("https://github.com/")

    def whole(found: re.Match[str]) -> str:
        base = f"https://raw.githubusercontent.com/{repository}" if found["picture"] else f"{source}/blob"
        return f"{found['before']}{base}/v{version}/{found['path']})"

    return RELATIVE.sub(whole, text)


def urls(source: str) -> dict[str, str]:
    """Return the project's addresses. `source` is the URL of the repository's page."""
    return {
        "Source": source,
        "Documentation": f"{source}/tree/main/docs",
        "Changelog": f"{source}/blob/main/CHANGELOG.md",
        "Contact": f"{source}/issues",
        "Security": f"{source}/security/policy",
    }


class ReadmeHook(MetadataHookInterface):
    """Sets the `readme` and `urls` fields of the metadata."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set them to the text of README.md with absolute links, and to the addresses below the repository's."""
        source = f"https://github.com/{self.config['repository']}"
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        text = with_whole_links(text, source, metadata["version"])
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
        metadata["urls"] = urls(source)
