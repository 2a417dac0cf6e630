"""What mkdocs calls while it builds the site: files outside docs/ that a page links to come along, and nothing is loaded from elsewhere.

SECURITY.md, CHANGELOG.md and CONTRIBUTING.md become pages. A link to any other file of the repository leads to a copy of it as text, below
`source/`, one to a folder to a list of what is in it. A page that would load a script, a style or an image from another host ends the build.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError  # type: ignore[import-not-found]  # in .venv-docs alone
from mkdocs.structure.files import File  # type: ignore[import-not-found]

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("SECURITY.md", "CHANGELOG.md", "CONTRIBUTING.md")
LEAVING = re.compile(r"\]\(((?:\.\./)+[^)#\s]+)(?=[)#])")
RELATIVE = re.compile(r"\]\((?![a-z]+:)([^)#\s]+)(?=[)#])")
CELL = re.compile(r"<td[ >].*?</td>", re.DOTALL)
CODE = re.compile(r"<code>([^<]*)</code>")
FOREIGN = re.compile(r"<(?:script|img|iframe)\b[^>]*\bsrc=\"?(?:https?:)?//|<link\b[^>]*\bhref=\"?(?:https?:)?//")


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that lie at the top of the repository."""
    for name in PAGES:
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Turn links that leave docs/, or come from outside it, into links to pages, or to copies, within the site."""
    folder = posixpath.dirname(page.file.src_uri)
    is_outside = page.file.src_uri in PAGES

    def link(found: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join("" if is_outside else "docs", folder, found[1]))
        if target.startswith("docs/"):
            return f"]({target.removeprefix('docs/')}" if is_outside else found[0]
        inside = target if target in PAGES else f"source/{target.replace('/.', '/').lstrip('.')}.txt"
        if files.get_file_from_path(inside) is None:
            files.append(_copy(config, inside, ROOT / target))
        return f"]({posixpath.relpath(inside, folder or '.')}"

    return (RELATIVE if is_outside else LEAVING).sub(link, markdown)


def on_page_content(html: str, page: Any, config: Any, files: Any) -> str:  # noqa: ARG001  mkdocs gives them
    """In tables, show `\\|` inside code as the bar that it is elsewhere, and keep short code on one line."""
    return CELL.sub(lambda cell: CODE.sub(_code, cell[0]), html)


def _code(found: re.Match[str]) -> str:
    text = found[1].replace("\\|", "|")
    return f'<code class="short">{text}</code>' if len(text) <= 40 else f"<code>{text}</code>"


def _copy(config: Any, uri: str, path: Path) -> Any:
    """A file of the repository as a file of the site; of a folder, the names in it."""
    if path.is_dir():
        return File.generated(config, uri, content="\n".join(sorted(each.name for each in path.iterdir())) + "\n")
    return File.generated(config, uri, abs_src_path=str(path))


def on_post_page(output: str, page: Any, config: Any) -> str:  # noqa: ARG001  mkdocs gives it
    """Refuse a page that needs another host."""
    if found := FOREIGN.search(output):
        raise PluginError(f"{page.file.src_uri} loads something from elsewhere: {found[0]}…")
    return output
