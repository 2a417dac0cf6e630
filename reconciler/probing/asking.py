"""Predictions for many questions: in batches, several in flight, the same input on the same version with the same params once.

Takes questions and a Remote. Returns the answers in the order of the questions. A failed call is the answer of its questions, never
an error: a plan is not lost for a prediction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Final

from reconciler.errors import ReconcilerError
from reconciler.manifests.probe_files import UnreadableFileError, content_of, digest_of
from reconciler.probing.questions import Question
from reconciler.remote.port import Remote
from reconciler.resources.keys import Key
from reconciler.resources.prediction import MAX_BYTES, MAX_INPUTS, Answer, Override, Sample, Unpredicted
from reconciler.resources.probe import Probe, ProbeInput

_TICK: Final = 0.2
"""Seconds after which a signal is noticed."""

Content = tuple[str, str]
"""What an input is, whatever it is called: "text", "url" or "file", and the text, the address, or the digest of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """The inputs of one call of one version. Each question is the first of those that ask the same."""

    key: Key
    override: Override | None
    questions: tuple[tuple[Content, Question], ...]


@dataclass(frozen=True, kw_only=True)
class Asking:
    """Asks on one connection. Once `is_stopping`, no further call is made."""

    remote: Remote
    parallelism: int
    is_stopping: Callable[[], bool] = lambda: False
    _contents: dict[str, tuple[Content, int]] = field(default_factory=dict)

    def content(self, probe: Probe, item: ProbeInput) -> tuple[Content, int]:
        """What an input is, and its size in bytes. Raises UnreadableFileError."""
        if item.file is None:
            kind, text = ("text", item.text or "") if item.text is not None else ("url", item.url or "")
            return (kind, text), len(text.encode())
        if item.file not in self._contents:
            content = content_of(probe, item)
            self._contents[item.file] = ("file", digest_of(content)), len(content)
        return self._contents[item.file]

    def answers(self, asked: Iterable[tuple[Question, Override | None]]) -> list[Answer]:
        """The answer to each question, with the params of the call that stand beside it."""
        pairs = list(asked)
        found: dict[tuple[Key, bool, Content], Answer] = {}
        places: list[tuple[Key, bool, Content] | Unpredicted] = []
        waiting: dict[tuple[Key, bool], dict[Content, tuple[Question, int]]] = {}
        overrides: dict[tuple[Key, bool], Override | None] = {}
        for question, override in pairs:
            group = (question.key, override is not None)
            try:
                content, size = self.content(question.probe, question.input)
            except UnreadableFileError as error:
                places.append(Unpredicted(reason=f"the file {question.input.file} {error}"))
                continue
            overrides[group] = override
            waiting.setdefault(group, {}).setdefault(content, (question, size))
            places.append((*group, content))
        calls = [call for group, inputs in waiting.items() for call in _calls(group[0], overrides[group], inputs)]
        for call, answers in zip(calls, self._all_asked(calls), strict=True):
            for (content, _), answer in zip(call.questions, answers, strict=True):
                found[(call.key, call.override is not None, content)] = answer
        return [place if isinstance(place, Unpredicted) else found[place] for place in places]

    def _all_asked(self, calls: Sequence[_Call]) -> list[tuple[Answer, ...]]:
        if not calls:
            return []
        with ThreadPoolExecutor(max_workers=min(self.parallelism, len(calls))) as pool:
            futures = [pool.submit(self._asked, call) for call in calls]
            # Python runs a signal's handler in this thread, between two waits: a busy model is waited for up to two minutes.
            while wait(futures, timeout=_TICK).not_done:
                pass
        return [future.result() for future in futures]

    def _asked(self, call: _Call) -> tuple[Answer, ...]:
        if self.is_stopping():
            return (Unpredicted(reason="the run was interrupted"),) * len(call.questions)
        try:
            samples = [_sample(content, question) for content, question in call.questions]
            return self.remote.predict(call.key, samples, override=call.override)
        except UnreadableFileError as error:
            return (Unpredicted(reason=f"a file of the same call {error}"),) * len(call.questions)
        except ReconcilerError as error:
            return (Unpredicted(reason=str(error)),) * len(call.questions)


def _sample(content: Content, question: Question) -> Sample:
    item = question.input
    image = None if item.file is None else content_of(question.probe, item)
    if image is not None and digest_of(image) != content[1]:
        raise UnreadableFileError("was changed while it was read")
    return Sample(id=item.id, text=item.text, url=item.url, image=image)


def _calls(key: Key, override: Override | None, inputs: Mapping[Content, tuple[Question, int]]) -> Iterator[_Call]:
    """The inputs in calls of at most MAX_INPUTS and MAX_BYTES, and without two inputs of one id."""
    batch: list[tuple[Content, Question]] = []
    size = 0
    for content, (question, more) in inputs.items():
        names = {other.input.id for _, other in batch}
        if batch and (len(batch) == MAX_INPUTS or size + more > MAX_BYTES or question.input.id in names):
            yield _Call(key=key, override=override, questions=tuple(batch))
            batch, size = [], 0
        batch.append((content, question))
        size += more
    if batch:
        yield _Call(key=key, override=override, questions=tuple(batch))
