"""The parts of a self-contained page: the document around a body, and text, tables and lists in it.

In: plain texts. Out: HTML, in which everything that comes from manifests or the service is escaped text; none of it is in a
script, a style, or an attribute that a browser acts on. The page's Content-Security-Policy allows its own style and script, by
their hashes, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Final

from reconciler.report import effect_assets, page_script, page_style
from reconciler.report.escape import neutral

FAVICON: Final = "data:,"
"""An empty icon, so that no browser requests one from a server."""

# After a separator, but not before the number of a line. The character references of `escape` have none of them.
_BREAKS: Final = re.compile(r"(?<=[/@._=-])(?=\w)|(?<=:)(?=[^\W\d])")

STYLE: Final = page_style.STYLE + effect_assets.STYLE
SCRIPT: Final = page_script.SCRIPT + effect_assets.SCRIPT


def page_start(title: str, *, subtitle: str = "") -> str:
    """The beginning of a document, up to where its sections go. `subtitle` is HTML."""
    policy = (
        f"default-src 'none'; style-src '{_hash(STYLE)}'; script-src '{_hash(SCRIPT)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{text(title)}</title>
<link rel="icon" href="{FAVICON}">
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>{breakable(title)}</h1>
{subtitle}
"""


def page_end() -> str:
    """The end of a document that `page_start` began."""
    return f"</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"


def page(title: str, body: str) -> str:
    """A whole document around a body of HTML."""
    return f"{page_start(title)}{body}\n{page_end()}"


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows of text as a table, for `page`."""
    head = "".join(f'<th scope="col">{text(header)}</th>' for header in headers)
    body = "".join(f"<tr>{''.join(f'<td>{text(cell)}</td>' for cell in row)}</tr>\n" for row in rows)
    return (
        f'<div class="wide"><table class="plain"><thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>'
    )


def preformatted(lines: Iterable[str]) -> str:
    """Lines as they are, for `page`."""
    return f'<pre tabindex="0">{"".join(f"{_line(line)}{chr(10)}" for line in lines)}</pre>'


def sentence(plain: str, style: str = "") -> str:
    """A paragraph, for `page`."""
    return f'<p class="summary {style}">{text(plain)}</p>'


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def text(plain: str) -> str:
    """Plain text as HTML."""
    return escape(neutral(plain))


def breakable(plain: str) -> str:
    """An id or a path as HTML that a browser breaks at separators, where it has to break it."""
    return _BREAKS.sub("<wbr>", text(plain))


def _line(plain: str) -> str:
    """A line of the page, in which a CI runner that logs the page finds no command (see `wrap.without_commands`)."""
    shown = text(plain)
    return shown.replace("::", "&#58;:", 1) if shown.lstrip().startswith("::") else shown


def sentences(title: str, texts: Iterable[str], style: str = "") -> Iterator[str]:
    """A titled list of texts; nothing if there are none."""
    is_empty = True
    for each in texts:
        if is_empty:
            yield f'<section class="{style}"><h2>{title}</h2>\n<ul>\n'
        is_empty = False
        yield f"<li>{text(each)}</li>\n"
    if not is_empty:
        yield "</ul></section>\n"
