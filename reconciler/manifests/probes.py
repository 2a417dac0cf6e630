"""One document of kind Probe → its inputs and expectations, under what a JSON Schema can't state.

Reads no file: whether the files of inputs are there, and may be read, is checked by `probe_files.py`, for the manifests of the work
tree alone. A regular expression is compiled here, by the engine that will match it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any, Final

from reconciler.errors import ProblemList
from reconciler.loading.account import STDIN
from reconciler.loading.document import LoadedDocument
from reconciler.loading.nodes import JsonPath, dotted, json_pointer
from reconciler.loading.patterns import MAX_PATTERN, PatternError, pattern
from reconciler.manifests.identity import scope_of
from reconciler.manifests.reading import Reading
from reconciler.resources.probe import Probe, ProbeExpectation, ProbeInput
from reconciler.resources.wording import listed, nearest, quoted

_SUFFIXES_OF_VIDEOS: Final = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv")
MAX_TEXT: Final = 64 * 1024


def probe_from_document(document: LoadedDocument, reading: Reading) -> Probe | None:
    """What one document states; only complete where the schema accepts the document."""
    scope = scope_of(document, reading.ids, reading.problems, reading.warnings, what="probe")
    metadata, spec = document.value.get("metadata"), document.value.get("spec")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(name, str) or not isinstance(spec, dict):
        return None
    inputs = _Inputs(document, reading.problems)
    inputs.read(_mappings(spec.get("inputs")))
    expectations = tuple(_expectations(document, _mappings(spec.get("expect")), inputs.ids, reading.problems))
    models = spec.get("models")
    if scope is None or not isinstance(models, list):
        return None
    return Probe(
        name=name,
        scope=scope,
        models=tuple(glob for glob in models if isinstance(glob, str)),
        inputs=tuple(inputs.found),
        expect=expectations,
        origin=document.origin(),
    )


def _mappings(values: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """The mappings of a list with their positions; the schema has reported what else is in it."""
    for index, value in enumerate(values if isinstance(values, list) else ()):
        if isinstance(value, dict):
            yield index, value


class _Inputs:
    """Reads the inputs of one document; `ids` are those of all of them, usable or not."""

    def __init__(self, document: LoadedDocument, problems: ProblemList) -> None:
        self._document = document
        self._problems = problems
        self.ids: list[str] = []
        self.found: list[ProbeInput] = []

    def read(self, inputs: Iterator[tuple[int, dict[str, Any]]]) -> None:
        """Record every input that can be used, and what is wrong with the others."""
        for index, value in inputs:
            path: JsonPath = ("spec", "inputs", index)
            name = value.get("id")
            if not isinstance(name, str):
                continue
            if name in self.ids:
                self._report(
                    "duplicate-input",
                    f"the input {quoted(name)} is already stated above.",
                    (*path, "id"),
                    "Give each input of a probe an id of its own.",
                )
            self.ids.append(name)
            self._read_one(path, name, value)

    def _read_one(self, path: JsonPath, name: str, value: dict[str, Any]) -> None:
        text, image = value.get("text"), value.get("image")
        unusable = {"video", "audio"} & set(value)
        if (text is None) == (image is None):
            if not unusable:  # the schema has reported these
                found = "neither" if text is None else "both"
                hint = "Write `text: …`, or `image: {url: …}`, or `image: {file: …}`."
                message = f"{dotted(path)} needs exactly one of text and image, has {found}."
                self._report("ambiguous-input", message, path, hint)
            return
        origin = self._document.origin(path)
        if isinstance(text, str):
            if len(text.encode()) > MAX_TEXT:
                message = f"{dotted((*path, 'text'))} is longer than {MAX_TEXT // 1024} KiB."
                self._report("input-too-large", message, (*path, "text"), "Use a shorter text.")
            self.found.append(ProbeInput(id=name, text=text, origin=origin))
        elif isinstance(image, dict):
            self._read_image((*path, "image"), name, image)

    def _read_image(self, path: JsonPath, name: str, image: dict[str, Any]) -> None:
        url, file = image.get("url"), image.get("file")
        if (url is None) == (file is None):
            found = "neither" if url is None else "both"
            message = f"{dotted(path)} needs exactly one of url and file, has {found}."
            hint = "Write `url:` for an image on the web, `file:` for one beside this manifest."
            self._report("ambiguous-input", message, path, hint)
            return
        key = "url" if url is not None else "file"
        value, where = image[key], (*path, key)
        if not isinstance(value, str) or not value:
            return
        if value.lower().partition("?")[0].endswith(_SUFFIXES_OF_VIDEOS):
            message = f"{dotted(where)} is a video, which can't be probed: what it gives is a list of frames."
            self._report("unsupported-input", message, where, "Use an image or a text.")
        elif key == "url" and not value.startswith(("https://", "http://")):
            message = f"{dotted(where)} must be an http or https address, found {quoted(value)}."
            self._report("bad-url", message, where, "Use `file:` for a file beside this manifest.")
        elif key == "url":
            self.found.append(ProbeInput(id=name, url=value, origin=self._document.origin(where)))
        elif (why := _problem_of_path(value, self._document.path)) is not None:
            hint = "A file lies in the folder of its manifest, or below it."
            self._report("bad-file", f"{dotted(where)} {quoted(value)} {why}.", where, hint)
        else:
            file = posixpath.join(posixpath.dirname(self._document.path), posixpath.normpath(value))
            self.found.append(ProbeInput(id=name, file=file, origin=self._document.origin(where)))

    def _report(self, code: str, message: str, path: JsonPath, hint: str) -> None:
        self._problems.add(code, message, self._document.origin(path), pointer=json_pointer(path), hint=hint)


def _problem_of_path(value: str, manifest: str) -> str | None:
    """Why a path isn't that of a file in or below the folder of its manifest, as far as the text says; else None."""
    if manifest == STDIN:
        return "can't be read: the manifest comes from standard input, which has no folder"
    if "\x00" in value or "\\" in value:
        return "has a character that a path can't have here"
    if posixpath.isabs(value):
        return "is an absolute path"
    if posixpath.normpath(value).split("/")[0] == "..":
        return "leaves the folder of its manifest"
    return None


def _expectations(
    document: LoadedDocument, entries: Iterator[tuple[int, dict[str, Any]]], inputs: list[str], problems: ProblemList
) -> Iterator[ProbeExpectation]:
    for index, value in entries:
        path: JsonPath = ("spec", "expect", index)
        name = value.get("input")
        if not isinstance(name, str) or not name:
            continue
        if name not in inputs:
            near = nearest(name, inputs)
            hint = f"Did you mean {quoted(near)}?" if near else f"The inputs are {listed(inputs)}." if inputs else None
            where = (*path, "input")
            message = f"{dotted(where)} {quoted(name)} is not the id of an input of this probe."
            problems.add("unknown-input", message, document.origin(where), pointer=json_pointer(where), hint=hint)
        found = _expectation(document, path, name, value, problems)
        if found is not None:
            yield found


def _expectation(
    document: LoadedDocument, path: JsonPath, name: str, value: dict[str, Any], problems: ProblemList
) -> ProbeExpectation | None:
    concept, text = value.get("concept"), value.get("text_matches")
    low, high = _number(value.get("at_least")), _number(value.get("at_most"))
    has_bounds = "at_least" in value or "at_most" in value
    wrong = _contradiction(
        concept=concept is not None, has_bounds=has_bounds, text=text is not None, is_empty=_is_empty(low, high)
    )
    if wrong is not None:
        hint = "Write `concept:` with `at_least:` or `at_most:`, or `text_matches:`."
        message = f"{dotted(path)} {wrong}."
        problems.add("bad-expectation", message, document.origin(path), pointer=json_pointer(path), hint=hint)
        return None
    if isinstance(text, str):
        try:
            pattern(text)
        except PatternError as error:
            where = (*path, "text_matches")
            message = f"{dotted(where)} can't be used: {error}."
            hint = f"Write a regular expression of at most {MAX_PATTERN} characters."
            problems.add("bad-pattern", message, document.origin(where), pointer=json_pointer(where), hint=hint)
    return ProbeExpectation(
        input=name,
        concept=concept if isinstance(concept, str) else None,
        at_least=low,
        at_most=high,
        text_matches=text if isinstance(text, str) else None,
        origin=document.origin(path),
    )


def _contradiction(*, concept: bool, has_bounds: bool, text: bool, is_empty: bool) -> str | None:
    """What is wrong with the keys of an expectation; None if they fit each other."""
    if text and (concept or has_bounds):
        return "expects a text and a concept at once"
    if concept and not has_bounds:
        return "says of the concept neither at_least nor at_most"
    if has_bounds and not concept:
        return "has at_least or at_most without a concept"
    if not text and not concept:
        return "expects nothing"
    return "can never be met: at_least is above at_most" if is_empty else None


def _is_empty(low: float | None, high: float | None) -> bool:
    return low is not None and high is not None and low > high


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
