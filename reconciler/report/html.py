"""A report, as one self-contained page that works without network, script or colour.

In: a Report. Out: an HTML document (see `html_parts` for what keeps text harmless in it). Without script the page is the whole
report, unfiltered.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

from reconciler.plan.document import field_document
from reconciler.plan.plan import Change
from reconciler.report import lists
from reconciler.report.edits import ABSENT, edit_lines, shown
from reconciler.report.effect_sections import html_section
from reconciler.report.grouping import counted, is_attributed, labelled, sections
from reconciler.report.html_parts import page, preformatted, sentence, sentences, text
from reconciler.report.outcome import forecast_text, request_counts, summary_text
from reconciler.report.report import Report
from reconciler.resources.secrets import redacted

OPEN_UP_TO = 60
"""Up to this number, changes are open from the start; of more, a reader sees the list first."""

_HEAD = '<thead><tr><th scope="col">field</th><th scope="col">before</th><th scope="col">after</th></tr></thead>'
"""Omitted if there are many changes: then the style adds these words, and the page is a third smaller."""

_SYMBOLS = {"update": "~", "delete": "−"}


def render_html(report: Report) -> str:
    """The whole report as a page; nothing is omitted."""
    found = (section(report) for section in SECTIONS)
    return page(f"{report.kind} of Clarifai models", "\n".join(part for part in found if part))


def _summary(report: Report) -> str:
    return sentence(*summary_text(report))


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
    items = "".join(f"<div><dt>{name}</dt><dd>{text(value)}</dd></div>" for name, value in facts.items() if value)
    return f"<dl>{items}</dl>"


def _changes(report: Report) -> str:
    changes = report.plan.changes
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
        parts.append(f'<section class="app"><h2>{text(str(section.scope))}</h2>\n{entries}</section>')
    parts.append('<p id="none" hidden>No change matches.</p>')
    return "\n".join(parts)


def _filters(changes: Sequence[Change]) -> str:
    """The controls, hidden until the script that they need runs."""
    actions = "".join(f'<option value="{action}">{action}</option>' for action in ("update", "delete"))
    paths = sorted({field_document(item)["path"] for change in changes for item in change.fields})[:500]
    fields = "".join(f'<option value="{text(path)}"></option>' for path in paths)
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
    reason = f'<p class="reason">{text(change.reason)}</p>' if change.reason else ""
    body = (
        f'<table class="fields{"" if is_open else " many"}">{_HEAD if is_open else ""}<tbody>{rows}</tbody></table>'
        if rows
        else ""
    )
    version = f'<span class="at">@{text(change.key.version_id)}</span>' if change.key.version_id else ""
    action = change.action
    return (
        f'<details class="change {action}" data-action="{action}"{" open" * is_open}>'
        f'<summary><span class="symbol" aria-hidden="true">{_SYMBOLS[action]}</span> <span class="action">{action}</span> '
        f'<span class="name"><b class="model">{text(change.key.model_id)}</b>{version}</span> '
        f'<span class="count">{counted(len(fields), "field", "fields")}</span> <span class="place">{text(place)}</span>'
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
    value = shown(field, name)
    if value == ABSENT:
        return '<span class="rest">absent</span>'
    tag = "del" if name == "before" else "ins"
    return f"<{tag}>{escape(value)}</{tag}>"


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
            f'<details class="request"><summary>{text(title)}</summary>{preformatted(body.split(chr(10)))}</details>'
        )
    return f"<section><h2>Requests</h2>\n{chr(10).join(entries)}</section>"


def _list(found: lists.SentenceList) -> Callable[[Report], str]:
    return lambda report: sentences(found.title, found.texts(report), found.style)


SECTIONS: Final[tuple[Callable[[Report], str], ...]] = (
    _summary,
    _facts,
    _list(lists.REFUSED),
    _list(lists.OVERRIDDEN),
    _list(lists.STALE),
    _list(lists.ERRORS),
    _list(lists.REMAINING),
    _list(lists.UNMET),
    _list(lists.MISSED),
    _list(lists.NOT_UNDONE),
    _changes,
    html_section,
    _list(lists.RELEASED),
    _list(lists.UNMANAGED),
    _list(lists.NOT_COMPARABLE),
    _list(lists.HISTORY),
    _list(lists.NOTES),
    _list(lists.WARNINGS),
    _list(lists.BACKUPS),
    _requests,
)
"""The sections in their order. Each function returns HTML, "" for none."""
