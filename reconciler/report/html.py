"""A report as one self-contained page that works without network, script or colour.

In: a Report. Out: an HTML document (see `html_parts` for what keeps text harmless in it), in pieces, so that a big one is
never in memory as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from reconciler.plan.parts import field_document
from reconciler.plan.plan import Change
from reconciler.report import lists
from reconciler.report.cards import CardSection, card_sections
from reconciler.report.cards_html import cards_html
from reconciler.report.effect_sections import html_section
from reconciler.report.grouping import counted, is_attributed
from reconciler.report.html_parts import breakable, page_end, page_start, preformatted, sentences, text
from reconciler.report.outcome import forecast_text, request_counts, summary_parts
from reconciler.report.report import Report
from reconciler.resources.secrets import redacted

BODIES: Final = 200_000
"""Characters of requests that are shown. Of more, the page says how many are left out."""

_MONTHS: Final = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


def render_html(report: Report) -> Iterator[str]:
    """The whole report as the pieces of a page."""
    yield page_start(_title(report), subtitle=_facts(report))
    for section in SECTIONS:
        yield from section(report)
    yield page_end()


def _title(report: Report) -> str:
    """What the page is about: the kind of report, and the app or apps."""
    plan = report.plan
    scopes = sorted({str(change.key.scope) for change in plan.changes} or {str(key.scope) for key in plan.compared})
    if not scopes:
        return report.kind
    return f"{report.kind} for {scopes[0] if len(scopes) == 1 else f'{len(scopes)} apps'}"


def _facts(report: Report) -> str:
    plan = report.plan
    facts = {
        "made": _time_in_words(report),
        "branch": plan.source.git_branch,
        "commit": _short_commit(plan.source.git_commit),
        "compared with": plan.attribution_base.ref if plan.attribution_base else None,
        "environment": plan.environment,
        "endpoint": plan.endpoint,
        "to apply": forecast_text(report).removeprefix("An apply takes ") or None,
    }
    items = "".join(f"<div><dt>{name}</dt><dd>{breakable(value)}</dd></div>" for name, value in facts.items() if value)
    return f"<dl>{items}</dl>"


def _short_commit(commit: str | None) -> str | None:
    """The first seven digits, as git abbreviates them, and whether the work tree had changes."""
    if commit is None:
        return None
    digits, dash, dirty = commit.partition("-")
    return f"{digits[:7]}{' with local changes' if dash and dirty else ''}"


def _time_in_words(report: Report) -> str:
    made = report.plan.made_at
    return f"{made.day} {_MONTHS[made.month - 1]} {made.year}, {made:%H:%M} UTC"


def _summary(report: Report) -> Iterator[str]:
    chips = "".join(f'<li class="{style or "plain"}">{text(part)}</li>' for part, style in summary_parts(report))
    yield f'<ul class="summary">{chips}</ul>\n'


def _changes(report: Report) -> Iterator[str]:
    changes = report.plan.changes
    if not changes:
        return
    yield _filters(changes)
    found = card_sections(changes)
    yield from cards_html(found, titles=_titles(found, is_attributed=is_attributed(changes)))


def _titles(found: Sequence[CardSection], *, is_attributed: bool) -> list[str]:
    """The heading above each section: where the changes come from, once for all that come from there."""
    titles: list[str] = []
    for number, section in enumerate(found):
        is_first = number == 0 or found[number - 1].is_base is not section.is_base
        title = "Already pending before this change" if section.is_base else "From this change"
        titles.append(title if is_attributed and is_first else "")
    return titles


def _filters(changes: Sequence[Change]) -> str:
    """The controls, hidden until the script that they need runs."""
    actions = "".join(f'<option value="{action}">{action}</option>' for action in ("update", "delete"))
    paths = islice(sorted({field_document(item)["path"] for change in changes for item in change.fields}), 500)
    fields = "".join(f'<option value="{text(path)}"></option>' for path in paths)
    return f"""<form id="filters" role="search" hidden>
<label class="wide">Search <input id="search" type="search" autocomplete="off" placeholder="press / to search" spellcheck="false"></label>
<label>Action <select id="action"><option value="">all</option>{actions}</select></label>
<label>Model <input id="model" type="search" autocomplete="off" spellcheck="false"></label>
<label>Field <input id="field" type="search" list="fields" autocomplete="off" spellcheck="false"></label>
<datalist id="fields">{fields}</datalist>
<div class="buttons"><button type="button" id="unfold">Open all</button><button type="button" id="fold">Close all</button></div>
<output id="count" aria-live="polite">{counted(len(changes), "change", "changes")}</output>
</form>
"""


def _requests(report: Report) -> Iterator[str]:
    requests = report.plan.requests
    if not requests:
        return
    # By identity: two requests of a plan may be equal, and each has a result of its own.
    results = {id(result.request): result.status.value.replace("_", " ") for result in report.outcome.results}
    yield f'<section><details class="requests"><summary><h2>Requests</h2> {text(request_counts(report))}</summary>\n'
    size = 0
    for number, request in enumerate(requests):
        if size > BODIES:
            left = counted(len(requests) - number, "more request is", "more requests are")
            yield f"<p>{left} left out here. <code>--format json</code> has all of them.</p>"
            break
        status = results.get(id(request))
        keys = counted(len(request.keys), "resource", "resources")
        title = f"{request.rpc} {request.action or ''}".strip() + f", {keys}" + (f": {status}" if status else "")
        body = json.dumps(redacted(request.body), ensure_ascii=False, indent=2)
        size += len(body)
        yield f'<details class="request"><summary>{text(title)}</summary>{preformatted(body.split(chr(10)))}</details>\n'
    yield "</details></section>\n"


def _whole(section: Callable[[Report], str]) -> Callable[[Report], Iterable[str]]:
    return lambda report: (section(report),)


def _list(found: lists.SentenceList) -> Callable[[Report], Iterable[str]]:
    return lambda report: sentences(found.title, found.texts(report), found.style)


SECTIONS: Final[tuple[Callable[[Report], Iterable[str]], ...]] = (
    _summary,
    _list(lists.REFUSED),
    _list(lists.OVERRIDDEN),
    _list(lists.STALE),
    _list(lists.ERRORS),
    _list(lists.REMAINING),
    _list(lists.UNMET),
    _list(lists.MISSED),
    _list(lists.NOT_UNDONE),
    _changes,
    _whole(html_section),
    _list(lists.RELEASED),
    _list(lists.UNMANAGED),
    _list(lists.NOT_COMPARABLE),
    _list(lists.HISTORY),
    _list(lists.NOTES),
    _list(lists.WARNINGS),
    _list(lists.BACKUPS),
    _requests,
)
"""The sections in their order. Each function yields the pieces of its section, or nothing."""
