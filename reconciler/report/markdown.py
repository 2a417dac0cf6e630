"""A report as GitHub-flavoured Markdown, for pull-request comments and step summaries, never over a budget.

In: a Report and a budget. Out: text. Everything that comes from manifests or the service is inside a code span or a fenced
block, where no markup, mention, link or HTML takes effect; `code` and `fenced` make sure that it can't end its place early.
Outside of these there are only constant words and numbers.

Where the report is over its budget, the middle of the list of changes is omitted first (of those that were pending already
before of those that this change causes), and the page says how many. The summary, deletions, refusals and errors are shortened
last.
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
    not_comparable_texts,
    remaining_texts,
    request_counts,
    stale_texts,
    summary_text,
    unmet_texts,
)
from reconciler.report.report import Report
from reconciler.report.wrap import listed, without_commands
from reconciler.resources.secrets import redacted

COMMENT_BUDGET: Final = 65_000
"""For a comment: GitHub's limit is 65,536 characters, and a marker is added."""

SUMMARY_BUDGET: Final = 1024 * 1024 - 1024
"""For a step summary: GitHub's limit is 1 MiB (documentation, "Workflow commands": adding a job summary)."""

LINE_LENGTH: Final = 300
"""Characters of one line of a value. A longer one is cut, and says so; the plan has all of it."""

LINES: Final = 40
"""Lines of one change. The middle of a longer one is omitted."""

NAMES: Final = 60
"""Names listed for a group of identical changes. Their number is always shown."""

LONGEST_SENTENCE: Final = 1_000

_PLAIN: Final = re.compile(r"[A-Za-z0-9 ,.;:]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A list with a title that can be shortened by omitting entries from its middle.

    `weights` are the numbers of changes that the entries stand for; `omitted` puts such a number into words.
    """

    head: str
    entries: tuple[str, ...]
    omitted: Callable[[int], str]
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
                f"\n{self.omitted(sum(self.weights[cut]))}\n",
                *entries[len(entries) - last :],
            )
        return "".join((self.head, *entries, self.tail))

    def fitted(self, size: int) -> str:
        """The part with as many entries as fit into `size` bytes; at least its title, and how many are omitted."""
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
    "### Drift history",
    "### Already pending before this change",
    "### From this change",
    "### Changes",
    "### Notes",
    "### Not comparable",
    "### Warnings",
    "### Backups",
    "### Deletions",
    "### Expectations not met",
    "### Not as planned after the apply",
    "### Errors",
    "### Stale: the live side has changed since the plan was made",
    "### Refused",
)
"""The parts in the order in which they are shortened: each as far as possible before the next one."""


def _name(part: _Part) -> str:
    return next(name for name in _EXPENDABLE if part.head.lstrip("\n").startswith(name))


def _parts(report: Report) -> Iterator[_Part]:
    plan = report.plan
    yield _sentences("### Refused", (str(refusal) for refusal in plan.refused))
    yield _sentences("### Stale: the live side has changed since the plan was made", stale_texts(report))
    yield _sentences("### Errors", (*failed_texts(report), *_unread(report)))
    yield _sentences("### Not as planned after the apply", remaining_texts(report))
    yield _sentences("### Expectations not met", unmet_texts(report))
    yield _deletions([change for change in plan.changes if change.action == "delete"])
    updates = [change for change in plan.changes if change.action != "delete"]
    base = [change for change in updates if change.attribution == "base"]
    title = "### From this change" if is_attributed(plan.changes) else "### Changes"
    yield _updates(title, [change for change in updates if change.attribution != "base"])
    yield _updates("### Already pending before this change", base)
    yield _sentences("### Not comparable", not_comparable_texts(report))
    yield _sentences("### Drift history", history_texts(report))
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
        omitted=lambda count: f"_{count:,} more are omitted here._",
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
        omitted=lambda count: f"_**{counted(count, 'deletion', 'deletions')}** more are omitted here._",
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
        yield f"@@ {_clipped(labelled(group.first, document), LINE_LENGTH)} @@"
        for line in whole_lines(document):
            yield f"{line.mark if line.mark != '…' else ' …'} {_clipped(line.text, LINE_LENGTH)}"


def _requests(report: Report) -> _Part:
    entries = []
    for request in report.plan.requests:
        body = json.dumps(redacted(request.body), ensure_ascii=False, sort_keys=True)
        entries.append(f"- {code(_clipped(neutral(f'{request.rpc} {body}'), LONGEST_SENTENCE))}\n")
    # A comment mentions the time only if somebody will wait for it.
    is_long = report.forecast is not None and report.forecast.seconds >= 1
    note = f"\n{forecast_text(report)}.\n" if is_long else ""
    counts = f"{code(neutral(request_counts(report)))}\n{note}\n<details><summary>What is sent</summary>"
    return _Part(
        head=f"\n### Requests\n\n{counts}\n\n",
        entries=tuple(entries),
        weights=(1,) * len(entries),
        omitted=lambda count: f"_{counted(count, 'request', 'requests')} are omitted here._",
        tail="\n</details>\n",
    )


# --- places that text can't leave ----------------------------------------------------------------------------


def code(text: str) -> str:
    """A code span that shows exactly a text of one line.

    A run of backticks ends a span only if it is as long as the one that began it (CommonMark, 6.1), so the fence is longer than
    any run inside. CommonMark strips the blanks beside it. A span can't be empty.
    """
    text = text or "empty"
    fence = "`" * (_longest_run(text) + 1)
    # A span of blanks alone is not stripped, so it needs no blanks around it.
    is_padded = bool(text.strip(" ")) and (text[0] in "` " or text[-1] in "` ")
    return f"{fence} {text} {fence}" if is_padded else f"{fence}{text}{fence}"


def fenced(lines: Sequence[str], language: str, *, limit: int | None = LINES) -> str:
    """A fenced block that shows exactly these lines; of more than `limit` the middle is omitted."""
    if limit is not None and len(lines) > limit:
        cut = len(lines) - limit
        first = limit // 2
        lines = [*lines[:first], f"… {cut:,} lines omitted", *lines[first + cut :]]
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
    """A heading. Anything but plain words and numbers is in a code span: a saved plan may contain anything."""
    return f"## {text if _PLAIN.fullmatch(text) else code(neutral(text))}\n"


def listing(texts: Iterable[str]) -> str:
    """A list of texts from manifests or the service, each in a code span."""
    return "".join(f"- {code(neutral(text))}\n" for text in texts)
