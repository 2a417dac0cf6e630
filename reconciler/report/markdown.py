"""A report as GitHub-flavoured Markdown, for pull-request comments and step summaries, never over a budget.

In: a Report and a budget. Out: text. Everything that comes from manifests or the service stands inside a code span or a
fenced block, where Markdown knows no markup, mention, link or HTML; what could end that place early can't occur in it (see
`code` and `fenced`). Around it stand only constant words and numbers.

When it doesn't fit, the middle of the list of changes is left out first, what was pending anyway before what this change
causes, and the page says how much. The summary, deletions, refusals and errors stay as long as there is any other way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.plan.document import field_document
from reconciler.plan.plan import Change
from reconciler.report.edits import whole_lines
from reconciler.report.escape import neutral
from reconciler.report.grouping import Group, counted, is_attributed, labelled, sections
from reconciler.report.outcome import (
    failed_texts,
    forecast_text,
    history_texts,
    moved_texts,
    remaining_texts,
    request_counts,
    summary_text,
    unmet_texts,
)
from reconciler.report.report import Report
from reconciler.report.wrap import listed, without_commands
from reconciler.resources.secrets import redacted

COMMENT_BUDGET: Final = 65_000
"""For a comment: GitHub's limit is 65,536 characters, and whoever posts it adds a marker."""

SUMMARY_BUDGET: Final = 1024 * 1024 - 1024
"""For a step summary: GitHub's limit is 1 MiB (documentation, "Workflow commands": adding a job summary)."""

LINE_LENGTH: Final = 300
"""Characters of one line of a value; a longer one is cut and says so. The plan has all of it."""

LINES: Final = 40
"""Lines of one change; the middle of a longer one is left out."""

NAMES: Final = 60
"""Names that a group of identical changes lists; its number is always told."""

LONGEST_SENTENCE: Final = 1_000

_PLAIN: Final = re.compile(r"[A-Za-z0-9 ,.;:]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A titled list that can be shortened from its middle.

    `weights` says how many changes each entry stands for, `left_out` puts a number of them into words.
    """

    head: str
    entries: tuple[str, ...]
    left_out: Callable[[int], str]
    weights: tuple[int, ...]
    tail: str = ""

    def text(self, kept: int | None = None) -> str:
        """The part with its first and last entries, `kept` in all."""
        entries = self.entries
        if kept is not None and kept < len(entries):
            first, last = (kept + 1) // 2, kept // 2
            cut = slice(first, len(entries) - last)
            entries = (
                *entries[:first],
                f"\n{self.left_out(sum(self.weights[cut]))}\n",
                *entries[len(entries) - last :],
            )
        return "".join((self.head, *entries, self.tail))

    def fitted(self, size: int) -> str:
        """A part that is too long with as many entries as fit into `size` bytes; at least its title and how much is left out."""
        low, high = 0, len(self.entries) - 1
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if _size(self.text(middle)) <= size else (low, middle - 1)
        return self.text(low)


def render_markdown(report: Report, *, budget: int = COMMENT_BUDGET) -> str:
    """The report as Markdown of at most `budget` bytes in UTF-8, and so of at most as many characters."""
    head = heading(summary_text(report)[0]) + _where(report)
    parts = [part for part in _parts(report) if part.entries]
    texts = {position: part.text() for position, part in enumerate(parts)}
    for position in sorted(texts, key=lambda position: _EXPENDABLE.index(_name(parts[position]))):
        total = _size(head) + sum(map(_size, texts.values()))
        if total <= budget:
            break
        texts[position] = parts[position].fitted(budget - total + _size(texts[position]))
    whole = head + "".join(texts.values())
    return whole if _size(whole) <= budget else _clipped_bytes(head, budget)


def _where(report: Report) -> str:
    plan = report.plan
    environment = f", environment {code(neutral(plan.environment))}" if plan.environment else ""
    base = f", compared with {code(neutral(plan.attribution_base.ref))}" if plan.attribution_base else ""
    return f"\nOn {code(neutral(plan.endpoint))}{environment}{base}.\n"


_EXPENDABLE: Final = (
    "### Requests",
    "### Drift over time",
    "### Already pending before this change",
    "### Changes",
    "### Notes",
    "### Warnings",
    "### Backups",
    "### Deletions",
    "### Not as expected",
    "### Not as wanted after apply",
    "### Errors",
    "### Stale: the live side has changed since the plan was made",
    "### Refused",
)
"""The parts in the order in which they are shortened, each before the next one is."""


def _name(part: _Part) -> str:
    return next(name for name in _EXPENDABLE if part.head.lstrip("\n").startswith(name))


def _parts(report: Report) -> Iterator[_Part]:
    plan = report.plan
    yield _sentences("### Refused", (str(refusal) for refusal in plan.refused))
    yield _sentences("### Stale: the live side has changed since the plan was made", moved_texts(report))
    yield _sentences("### Errors", (*failed_texts(report), *_unread(report)))
    yield _sentences("### Not as wanted after apply", remaining_texts(report))
    yield _sentences("### Not as expected", unmet_texts(report))
    yield _deletions([change for change in plan.changes if change.action == "delete"])
    updates = [change for change in plan.changes if change.action != "delete"]
    base = [change for change in updates if change.attribution == "base"]
    title = "### Changes from this change's manifests" if is_attributed(plan.changes) else "### Changes"
    yield _updates(title, [change for change in updates if change.attribution != "base"])
    yield _updates("### Already pending before this change", base)
    yield _sentences("### Drift over time", history_texts(report))
    yield _sentences("### Notes", (f"{notice.address}: {notice.message}" for notice in plan.notices))
    yield _sentences("### Warnings", map(str, report.warnings))
    yield _sentences("### Backups", report.outcome.backups)
    yield _requests(report)


def _unread(report: Report) -> Iterator[str]:
    if report.outcome.unread:
        yield f"Reading back failed: {report.outcome.unread}"


# --- parts ---------------------------------------------------------------------------------------------------


def _sentences(title: str, texts: Iterable[str]) -> _Part:
    entries = tuple(f"- {code(_clipped(neutral(text), LONGEST_SENTENCE))}\n" for text in texts)
    return _Part(
        head=f"\n{title}\n\n",
        entries=entries,
        weights=(1,) * len(entries),
        left_out=lambda count: f"_{count:,} more are left out here._",
    )


def _deletions(changes: Sequence[Change]) -> _Part:
    entries = tuple(
        f"- **-** {code(neutral(change.key.address))}"
        + (f": {code(_clipped(neutral(change.reason), LONGEST_SENTENCE))}\n" if change.reason else "\n")
        for change in changes
    )
    return _Part(
        head=f"\n### Deletions: {len(changes):,}\n\n",
        entries=entries,
        weights=(1,) * len(entries),
        left_out=lambda count: f"_**{counted(count, 'deletion', 'deletions')}** more are left out here._",
    )


def _updates(title: str, changes: Sequence[Change]) -> _Part:
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
    return _Part(
        head=f"\n{title}: {numbers}\n",
        entries=tuple(entries),
        weights=tuple(weights),
        left_out=lambda count: (
            f"_**{counted(count, 'update', 'updates')}** are left out here, in the middle of the "
            f"list: the report has a limit. The plan has all {len(changes):,}._"
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
    told = fenced([*listed(names, 100, indent=""), *more], "text")
    return f"\n**~** the same change on **{group.counted}**{place}\n\n{diff}\n{told}"


def _diff(group: Group) -> Iterator[str]:
    for item in group.first.fields:
        document = field_document(item)
        yield f"@@ {_clipped(labelled(group.first, document), LINE_LENGTH)} @@"
        for line in whole_lines(document):
            yield f"{line.mark if line.mark != '…' else ' …'} {_clipped(line.text, LINE_LENGTH)}"


def _requests(report: Report) -> _Part:
    entries = []
    for request in report.plan.requests:
        body = json.dumps(redacted(request.body), ensure_ascii=False, sort_keys=True)
        entries.append(f"- {code(_clipped(neutral(f'{request.rpc} {body}'), LONGEST_SENTENCE))}\n")
    is_long = report.forecast is not None and report.forecast.seconds >= 1
    note = f"\n{forecast_text(report)}.\n" if is_long else ""
    told = f"{code(neutral(request_counts(report)))}\n{note}\n<details><summary>What is sent</summary>"
    return _Part(
        head=f"\n### Requests\n\n{told}\n\n",
        entries=tuple(entries),
        weights=(1,) * len(entries),
        left_out=lambda count: f"_{counted(count, 'request', 'requests')} are left out here._",
        tail="\n</details>\n",
    )


# --- places that text can't leave ----------------------------------------------------------------------------


def code(text: str) -> str:
    """A code span that shows exactly a text of one line.

    A run of backticks ends a span only where it is as long as the one that began it (CommonMark, 6.1), so the fence is
    longer than any run inside; the blanks beside it are taken off again. A span can't be empty.
    """
    text = text or "empty"
    fence = "`" * (_longest_run(text) + 1)
    is_padded = bool(text.strip(" ")) and (text[0] in "` " or text[-1] in "` ")
    return f"{fence} {text} {fence}" if is_padded else f"{fence}{text}{fence}"


def fenced(lines: Sequence[str], language: str, *, limit: int | None = LINES) -> str:
    """A fenced block that shows exactly these lines; of more than `limit` the middle is left out."""
    if limit is not None and len(lines) > limit:
        cut = len(lines) - limit
        first = limit // 2
        lines = [*lines[:first], f"… {cut:,} lines left out", *lines[first + cut :]]
    fence = "`" * max(3, max(map(_longest_run, lines), default=0) + 1)
    body = "".join(f"{without_commands(line)}\n" for line in lines)
    return f"{fence}{language}\n{body}{fence}\n"


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


def _clipped(text: str, length: int) -> str:
    if len(text) <= length:
        return text
    return f"{text[:length]} … ({len(text) - length:,} more characters)"


def _size(text: str) -> int:
    return len(text.encode())


def _clipped_bytes(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore")


def heading(text: str) -> str:
    """A heading; what isn't plain words and numbers (a saved plan's may be anything) stands in a code span."""
    return f"## {text if _PLAIN.fullmatch(text) else code(neutral(text))}\n"


def listing(texts: Iterable[str]) -> str:
    """A list of texts from anywhere, each in its place."""
    return "".join(f"- {code(neutral(text))}\n" for text in texts)
