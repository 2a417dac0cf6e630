"""A report as GitHub-flavoured Markdown, for pull-request comments and step summaries, never over a budget.

In: a Report and a budget. Out: text. Everything that comes from manifests or the service is in a place that it can't leave (see
`markdown_parts`). Outside of these there are only constant words and numbers.

Where the report is over its budget, the middle of the list of changes is omitted first (of those that were pending already
before of those that this change causes), and the page says how many. The summary, deletions, refusals and errors are shortened
last.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from reconciler.plan.parts import field_document
from reconciler.plan.plan import Change
from reconciler.report import lists
from reconciler.report.edits import whole_lines
from reconciler.report.effect_sections import markdown_section
from reconciler.report.escape import neutral
from reconciler.report.grouping import Group, counted, is_attributed, labelled, sections
from reconciler.report.markdown_parts import (
    LINE_LENGTH,
    LONGEST_SENTENCE,
    Part,
    clipped,
    clipped_bytes,
    code,
    fenced,
    heading,
    sentences,
    size_of,
)
from reconciler.report.outcome import forecast_text, is_long_or_deletes, lost_text, request_counts, summary_text
from reconciler.report.report import Report
from reconciler.report.wrap import listed
from reconciler.resources.secrets import redacted

COMMENT_BUDGET: Final = 65_000
"""For a comment: GitHub's limit is 65,536 characters, and a marker is added."""

SUMMARY_BUDGET: Final = 1024 * 1024 - 1024
"""For a step summary: GitHub's limit is 1 MiB (documentation, "Workflow commands": adding a job summary)."""

NAMES: Final = 60
"""Names listed for a group of identical changes. Their number is always shown."""


def render_markdown(report: Report, *, budget: int = COMMENT_BUDGET) -> str:
    """The report as Markdown of at most `budget` bytes in UTF-8, and so of at most as many characters."""
    head = heading(summary_text(report)[0]) + _where(report)
    found = [(rank, section(report)) for rank, section in SECTIONS]
    parts = [(rank, part) for rank, part in found if part.entries]
    texts = [part.text() for _, part in parts]
    for position, (_, part) in sorted(enumerate(parts), key=lambda item: item[1][0]):
        total = size_of(head) + sum(map(size_of, texts))
        if total <= budget:
            break
        texts[position] = part.fitted(budget - total + size_of(texts[position]))
    whole = head + "".join(texts)
    return whole if size_of(whole) <= budget else clipped_bytes(head, budget)


def _where(report: Report) -> str:
    plan = report.plan
    environment = f", environment {code(neutral(plan.environment))}" if plan.environment else ""
    base = f", compared with {code(neutral(plan.attribution_base.ref))}" if plan.attribution_base else ""
    return f"\nOn {code(neutral(plan.endpoint))}{environment}{base}.\n"


def _deletions(report: Report) -> Part:
    changes = [change for change in report.plan.changes if change.action == "delete"]
    entries = tuple(
        f"- **-** {code(neutral(change.key.address))}"
        + (f": {code(clipped(neutral(change.reason), LONGEST_SENTENCE))}\n" if change.reason else "\n")
        + (f"  {code(clipped(neutral(lost_text(change)), LONGEST_SENTENCE))}\n" if change.fields else "")
        for change in changes
    )
    return Part(
        head=f"\n### Deletions: {len(changes):,}\n\n",
        entries=entries,
        weights=(1,) * len(entries),
        omitted=lambda count: f"_**{counted(count, 'deletion', 'deletions')}** more are omitted here._",
    )


def _updates_of_this_change(report: Report) -> Part:
    title = "From this change" if is_attributed(report.plan.changes) else "Changes"
    return _updates(title, [change for change in _all_updates(report) if change.attribution != "base"])


def _updates_of_the_base(report: Report) -> Part:
    title = "Already pending before this change"
    return _updates(title, [change for change in _all_updates(report) if change.attribution == "base"])


def _all_updates(report: Report) -> Iterator[Change]:
    return (change for change in report.plan.changes if change.action != "delete")


def _updates(title: str, changes: Sequence[Change]) -> Part:
    entries: list[str] = []
    weights: list[int] = []
    for section in sections(changes):
        scope = f"\n#### {code(neutral(str(section.scope)))}\n"
        for group in section.groups:
            entries.append(scope + _group(group))
            weights.append(len(group.changes))
            scope = ""
    models = len({change.key.model() for change in changes})
    numbers = f"{counted(len(changes), 'update', 'updates')} of {counted(models, 'model', 'models')}"
    return Part(
        head=f"\n### {title}: {numbers}\n",
        entries=tuple(entries),
        weights=tuple(weights),
        omitted=lambda count: (
            f"_**{counted(count, 'update', 'updates')}** are omitted here, from the middle of the list, because the report has "
            f"a size limit. The plan has all {len(changes):,}._"
        ),
    )


def _group(group: Group) -> str:
    place = f" in {code(neutral(group.place))}" if group.place else ""
    lines = list(_diff(group))
    diff = fenced(lines, "diff")
    if len(group.changes) == 1:
        return f"\n**~** {code(neutral(group.names[0]))}{place}\n\n{diff}"
    names = [neutral(name) for name in group.names[:NAMES]]
    more = [f"and {len(group.names) - NAMES:,} more"] if len(group.names) > NAMES else []
    members = fenced([*listed(names, 100, indent=""), *more], "text")
    return f"\n**~** the same change on **{group.counted}**{place}\n\n{diff}\n{members}"


def _diff(group: Group) -> Iterator[str]:
    for item in group.first.fields:
        document = field_document(item)
        yield f"@@ {clipped(labelled(group.first, document), LINE_LENGTH)} @@"
        for line in whole_lines(document):
            yield f"{line.mark if line.mark != '…' else ' …'} {clipped(line.text, LINE_LENGTH)}"


def _requests(report: Report) -> Part:
    entries = []
    sorted_json = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode
    for request in report.plan.requests:
        body = sorted_json(redacted(request.body))
        entries.append(f"- {code(clipped(neutral(f'{request.rpc} {body}'), LONGEST_SENTENCE))}\n")
    forecast = forecast_text(report) if is_long_or_deletes(report) else ""
    note = f"\n{forecast}.\n" if forecast else ""
    counts = f"{code(neutral(request_counts(report)))}\n{note}\n<details><summary>What is sent</summary>"
    return Part(
        head=f"\n### Requests\n\n{counts}\n\n",
        entries=tuple(entries),
        weights=(1,) * len(entries),
        omitted=lambda count: f"_{counted(count, 'request', 'requests')} omitted here._",
        tail="\n</details>\n",
    )


def _list(found: lists.SentenceList) -> Callable[[Report], Part]:
    return lambda report: sentences(found.title, found.texts(report))


SECTIONS: Final[tuple[tuple[int, Callable[[Report], Part]], ...]] = (
    (150, _list(lists.REFUSED)),
    (145, _list(lists.OVERRIDDEN)),
    (140, _list(lists.STALE)),
    (130, _list(lists.ERRORS)),
    (120, _list(lists.REMAINING)),
    (110, _list(lists.UNMET)),
    (115, _list(lists.MISSED)),
    (116, _list(lists.NOT_UNDONE)),
    (100, _deletions),
    (50, _updates_of_this_change),
    (40, _updates_of_the_base),
    (45, markdown_section),
    (95, _list(lists.RELEASED)),
    (65, _list(lists.UNMANAGED)),
    (70, _list(lists.NOT_COMPARABLE)),
    (30, _list(lists.HISTORY)),
    (60, _list(lists.NOTES)),
    (80, _list(lists.WARNINGS)),
    (90, _list(lists.BACKUPS)),
    (20, _requests),
)
"""The sections in their order. Each function returns a part, whose title is omitted with its entries. Where the report is over its
budget, the section with the lowest number is shortened first, as far as possible, then the one with the next.
"""
