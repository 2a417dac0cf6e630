"""A hatchling hook that makes the README's relative links absolute, for the project's page on PyPI.

PyPI doesn't host the files of the repository, so relative links and images wouldn't work there. The links lead to the files
at the tag of the release.
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


class ReadmeHook(MetadataHookInterface):
    """Sets the `readme` field of the metadata."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set it to the text of README.md with absolute links."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        text = with_whole_links(text, metadata["urls"]["Source"], metadata["version"])
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
