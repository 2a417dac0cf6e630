"""A report, or any command's result, as one self-contained page that works without network, script or colour.

In: a Report. Out: an HTML document. Everything that comes from manifests or the service is escaped text; none of it is in a
script, a style, or an attribute that a browser acts on. The page's Content-Security-Policy allows its own style and script, by
their hashes, and nothing else. Without script the page is the whole report, unfiltered.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from reconciler.plan.document import field_document
from reconciler.plan.plan import Change
from reconciler.report.assets import FAVICON, SCRIPT, STYLE
from reconciler.report.edits import ABSENT, edit_lines, shown
from reconciler.report.escape import neutral
from reconciler.report.grouping import counted, is_attributed, labelled, sections
from reconciler.report.outcome import (
    failed_texts,
    forecast_text,
    history_texts,
    not_comparable_texts,
    remaining_texts,
    request_counts,
    stale_texts,
    summary_text,
    unmet_texts,
)
from reconciler.report.report import Report
from reconciler.resources.secrets import redacted

OPEN_UP_TO = 60
"""Up to this number, changes are open from the start; of more, a reader sees the list first."""

_HEAD = '<thead><tr><th scope="col">field</th><th scope="col">before</th><th scope="col">after</th></tr></thead>'
"""Omitted if there are many changes: then the style adds these words, and the page is a third smaller."""

_SYMBOLS = {"update": "~", "delete": "−"}


def render_html(report: Report) -> str:
    """The whole report as a page; nothing is omitted."""
    plan = report.plan
    summary, style = summary_text(report)
    parts = [
        f'<p class="summary {style}">{_text(summary)}</p>',
        _facts(report),
        _sentences("Refused", (str(refusal) for refusal in plan.refused), "bad"),
        _sentences("Stale: the live side has changed since the plan was made", stale_texts(report), "bad"),
        _sentences(
            "Errors",
            (*failed_texts(report), *([f"Reading back failed: {report.outcome.unread}"] * bool(report.outcome.unread))),
        ),
        _sentences("Not as planned after the apply", remaining_texts(report), "bad"),
        _sentences("Expectations not met", unmet_texts(report), "bad"),
        _changes(plan.changes),
        _sentences("Not comparable", not_comparable_texts(report), ""),
        _sentences("Drift history", history_texts(report), ""),
        _sentences("Notes", (f"{notice.address}: {notice.message}" for notice in plan.notices), ""),
        _sentences("Warnings", map(str, report.warnings), ""),
        _sentences("Backups", report.outcome.backups, ""),
        _requests(report),
    ]
    return page(f"{report.kind} of Clarifai models", "\n".join(part for part in parts if part))


def page(title: str, body: str) -> str:
    """A whole document around a body of HTML."""
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
<title>{_text(title)}</title>
<link rel="icon" href="{FAVICON}">
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>{_text(title)}</h1>
{body}
</main>
<script>{SCRIPT}</script>
</body>
</html>
"""


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows of text as a table, for `page`."""
    head = "".join(f'<th scope="col">{_text(header)}</th>' for header in headers)
    body = "".join(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>\n" for row in rows)
    return (
        f'<div class="wide"><table class="plain"><thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>'
    )


def preformatted(lines: Iterable[str]) -> str:
    """Lines as they are, for `page`."""
    return f'<pre tabindex="0">{"".join(f"{_line(line)}{chr(10)}" for line in lines)}</pre>'


def sentence(text: str, style: str = "") -> str:
    """A paragraph, for `page`."""
    return f'<p class="summary {style}">{_text(text)}</p>'


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _text(text: str) -> str:
    return escape(neutral(text))


def _line(text: str) -> str:
    """A line of the page, in which a CI runner that logs the page finds no command (see `wrap.without_commands`)."""
    shown = _text(text)
    return shown.replace("::", "&#58;:", 1) if shown.lstrip().startswith("::") else shown


# --- parts of a report ---------------------------------------------------------------------------------------


def _facts(report: Report) -> str:
    plan = report.plan
    facts = {
        "made": plan.created_at,
        "endpoint": plan.endpoint,
        "environment": plan.environment,
        "commit": plan.source.git_commit,
        "compared with": plan.attribution_base.ref if plan.attribution_base else None,
        "requests": request_counts(report) or None,
        "forecast": forecast_text(report).removeprefix("Forecast: ") or None,
    }
    items = "".join(f"<div><dt>{name}</dt><dd>{_text(value)}</dd></div>" for name, value in facts.items() if value)
    return f"<dl>{items}</dl>"


def _sentences(title: str, texts: Iterable[str], style: str = "bad") -> str:
    items = "".join(f"<li>{_text(text)}</li>\n" for text in texts)
    return f'<section class="{style}"><h2>{title}</h2>\n<ul>\n{items}</ul></section>' if items else ""


def _changes(changes: Sequence[Change]) -> str:
    if not changes:
        return ""
    attributed = is_attributed(changes)
    is_open = len(changes) <= OPEN_UP_TO
    parts = [_filters(changes)]
    titled: bool | None = None
    # Identical changes are not grouped here: the filters need each change as an element of its own.
    for section in sections(changes, group_from=len(changes) + 1):
        if attributed and section.is_base is not titled:
            title = "Already pending before this change" if section.is_base else "From this change"
            parts.append(f'<h2 class="attribution">{title}</h2>')
            titled = section.is_base
        entries = "\n".join(_change(group.first, is_open=is_open) for group in section.groups)
        parts.append(f'<section class="app"><h2>{_text(str(section.scope))}</h2>\n{entries}</section>')
    parts.append('<p id="none" hidden>No change matches.</p>')
    return "\n".join(parts)


def _filters(changes: Sequence[Change]) -> str:
    """The controls, hidden until the script that they need runs."""
    actions = "".join(f'<option value="{action}">{action}</option>' for action in ("update", "delete"))
    paths = sorted({field_document(item)["path"] for change in changes for item in change.fields})[:500]
    fields = "".join(f'<option value="{_text(path)}"></option>' for path in paths)
    return f"""<form id="filters" role="search" hidden>
<label>Search <input id="search" type="search" autocomplete="off" placeholder="press / to search" spellcheck="false"></label>
<label>Action <select id="action"><option value="">all</option>{actions}</select></label>
<label>Model <input id="model" type="search" autocomplete="off" spellcheck="false"></label>
<label>Field <input id="field" type="search" list="fields" autocomplete="off" spellcheck="false"></label>
<datalist id="fields">{fields}</datalist>
<span class="buttons"><button type="button" id="unfold">Open all</button> <button type="button" id="fold">Close all</button></span>
<output id="count" aria-live="polite">{counted(len(changes), "change", "changes")}</output>
</form>"""


def _change(change: Change, *, is_open: bool) -> str:
    fields = [field_document(item) for item in change.fields]
    place = f"{change.origin.path}:{change.origin.line}" if change.origin else ""
    rows = "".join(_row(change, field) for field in fields)
    reason = f'<p class="reason">{_text(change.reason)}</p>' if change.reason else ""
    body = (
        f'<table class="fields{"" if is_open else " many"}">{_HEAD if is_open else ""}<tbody>{rows}</tbody></table>'
        if rows
        else ""
    )
    version = f'<span class="at">@{_text(change.key.version_id)}</span>' if change.key.version_id else ""
    action = change.action
    return (
        f'<details class="change {action}" data-action="{action}"{" open" * is_open}>'
        f'<summary><span class="symbol" aria-hidden="true">{_SYMBOLS[action]}</span> <span class="action">{action}</span> '
        f'<span class="name"><b class="model">{_text(change.key.model_id)}</b>{version}</span> '
        f'<span class="count">{counted(len(fields), "field", "fields")}</span> <span class="place">{_text(place)}</span>'
        f"</summary>{reason}{body}</details>"
    )


def _row(change: Change, field: Mapping[str, Any]) -> str:
    before, after = _sides(field)
    return (
        f'<tr><th scope="row">{escape(labelled(change, field))}</th>'
        f'<td class="before">{before}</td><td class="after">{after}</td></tr>'
    )


def _sides(field: Mapping[str, Any]) -> tuple[str, str]:
    """Both values. An edit of lines or items has on each side its own lines and the shared ones."""
    lines = edit_lines(field)
    if not lines or ("before" not in field) or ("after" not in field):
        return _side(field, "before"), _side(field, "after")

    def side(mark: str, tag: str) -> Iterator[str]:
        for line in lines:
            if line.mark == mark:
                yield f"<{tag}>{escape(line.text)}</{tag}>"
            elif line.mark in " …":
                yield f'<span class="{"rest" if line.mark == "…" else "same"}">{escape(line.text)}</span>'

    return "".join(side("-", "del")), "".join(side("+", "ins"))


def _side(field: Mapping[str, Any], name: str) -> str:
    text = shown(field, name)
    if text == ABSENT:
        return '<span class="rest">absent</span>'
    tag = "del" if name == "before" else "ins"
    return f"<{tag}>{escape(text)}</{tag}>"


def _requests(report: Report) -> str:
    if not report.plan.requests:
        return ""
    # By identity: two requests of a plan may be equal, and each has a result of its own.
    results = {id(result.request): result.status.value.replace("_", " ") for result in report.outcome.results}
    entries = []
    for request in report.plan.requests:
        status = results.get(id(request))
        body = json.dumps(redacted(request.body), ensure_ascii=False, indent=2)
        title = (
            f"{request.rpc} {request.action or ''}".strip()
            + f": {len(request.keys)}"
            + (f", {status}" if status else "")
        )
        entries.append(
            f'<details class="request"><summary>{_text(title)}</summary>{preformatted(body.split(chr(10)))}</details>'
        )
    return f"<section><h2>Requests</h2>\n{chr(10).join(entries)}</section>"
