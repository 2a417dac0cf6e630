"""Hooks of the mkdocs build: they add files from outside docs/, and reject pages that load anything from another host.

SECURITY.md, CHANGELOG.md and CONTRIBUTING.md become pages. A link to another file of the repository leads to a copy of that
file as text below `source/`, and a link to a folder to a list of the files in it.
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
    """Add the pages from the top level of the repository."""
    for name in PAGES:
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Rewrite links that leave docs/, or that are in a page from outside it, to pages or copies within the site."""
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


def on_page_content(html: str, page: Any, config: Any, files: Any) -> str:  # noqa: ARG001  mkdocs passes them
    """In tables, replace `\\|` in code by `|`, and keep short code on one line."""
    # A bar in a table cell has to be escaped. GitHub removes the backslash again, Python-Markdown keeps it in code.
    return CELL.sub(lambda cell: CODE.sub(_code, cell[0]), html)


def _code(found: re.Match[str]) -> str:
    text = found[1].replace("\\|", "|")
    return f'<code class="short">{text}</code>' if len(text) <= 40 else f"<code>{text}</code>"


def _copy(config: Any, uri: str, path: Path) -> Any:
    """Return a file of the repository as a file of the site; for a folder, the list of its files."""
    if path.is_dir():
        return File.generated(config, uri, content="\n".join(sorted(each.name for each in path.iterdir())) + "\n")
    return File.generated(config, uri, abs_src_path=str(path))


def on_post_page(output: str, page: Any, config: Any) -> str:  # noqa: ARG001  mkdocs passes it
    """Fail the build if a page loads anything from another host."""
    if found := FOREIGN.search(output):
        raise PluginError(f"{page.file.src_uri} loads something from another host: {found[0]}…")
    return output
