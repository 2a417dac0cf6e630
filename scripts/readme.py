"""What hatchling calls to read the README: its links into the repository become links to the release's files.

On PyPI a page has no files beside it; `docs/ci.md` there leads nowhere, and a picture stays empty.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

RELATIVE = re.compile(r"(?P<before>(?P<picture>!?)\[[^]]*\]\()(?![a-z]+:|#)(?P<path>[^)\s]+)\)")


def with_whole_links(text: str, source: str, version: str) -> str:
    """The README with `source` (the repository's page) and the tag of the version before each relative link."""
    repository = source.removeprefix("https://github.com/")

    def whole(found: re.Match[str]) -> str:
        base = f"https://raw.githubusercontent.com/{repository}" if found["picture"] else f"{source}/blob"
        return f"{found['before']}{base}/v{version}/{found['path']})"

    return RELATIVE.sub(whole, text)


class ReadmeHook(MetadataHookInterface):
    """Fills in `readme`."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set it to README.md with whole links."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        text = with_whole_links(text, metadata["urls"]["Source"], metadata["version"])
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
