"""The manifests and the reconciler.yaml of another git revision: the base that a plan is compared with.

In: a revision, the paths of this run, and how settings are resolved. Out: a BaseState. What isn't in git is an error.
Problems of the revision's own files never are, because nobody can correct them there: such files are left out, and `notes`
name them.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from reconciler.config import Settings
from reconciler.config.file import NAME, ConfigFile, read_config
from reconciler.errors import Problem, ProblemsError, ReconcilerError, UsageError
from reconciler.loading.load import load
from reconciler.manifests.revision import WorkTree, work_tree, written_out
from reconciler.manifests.validate import desired_from_loaded
from reconciler.resources.desired import Desired, DesiredModel

_LISTED: Final = 3
"""Files that a note names."""

SettingsThen = Callable[[ConfigFile], Settings]
"""The settings as a run with another settings file would have them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseState:
    """What the manifests of a base revision want, and `owner`, whose manifests its reconciler.yaml says they are.

    `ref` is the revision as it was named, `commit` the commit that it named. `notes` say what of it can't be used. `gone` are
    its manifests that this run no longer has, once the two are compared.
    """

    ref: str
    commit: str
    desired: Desired
    owner: str | None = None
    notes: tuple[str, ...] = ()
    gone: tuple[DesiredModel, ...] = ()


def base_state(
    ref: str, paths: tuple[str, ...], *, settings: Settings, settings_then: SettingsThen, environ: Mapping[str, str]
) -> BaseState:
    """What the same paths state at a git revision, by the settings of that revision.

    `settings` are those of the run. Raises ReconcilerError for what isn't in git.
    """
    if "-" in paths:
        raise UsageError("--base can't compare standard input, which is in no revision. Give files or folders.")
    tree = work_tree(paths[0])
    names = [_name(tree, path) for path in paths]
    commit = tree.commit(ref)
    config = tree.inside(settings.config_path or NAME)
    needed = [*names, *([] if config is None else [config])]
    with written_out(tree, commit, needed) as written:
        folder = written.folder
        unread = tuple(map(_unread_note, written.unread))
        try:
            # A configuration outside of the repository has no revisions: the run's own holds for the base too.
            then = settings if config is None else settings_then(_config_then(folder, config))
            existing = tuple(str(folder / name) for name in names if os.path.lexists(folder / name))
            shown = partial(_as_given, folder=folder, given=tuple(zip(names, paths, strict=True)))
            desired, problems = _usable(existing, then, environ, shown) if existing else (Desired(models=()), ())
        except ReconcilerError as error:
            first = str(error.problems[0]) if isinstance(error, ProblemsError) else str(error)
            note = f"its manifests can't be used, so every change is attributed to this change: {_shown(first, folder)}"
            return BaseState(ref=ref, commit=commit, desired=Desired(models=()), notes=(*unread, note))
    return BaseState(
        ref=ref, commit=commit, desired=desired, owner=then.owner, notes=(*unread, *_notes(problems, folder))
    )


def _name(tree: WorkTree, path: str) -> str:
    name = tree.inside(path)
    if name is None:
        raise ReconcilerError(f"--base: {path} is outside of the git work tree at {tree.root}. Leave it out.")
    return name


def _config_then(folder: Path, config: str) -> ConfigFile:
    """The revision's own reconciler.yaml; without one, that of no file."""
    file = folder / config
    return read_config(str(file), cwd=folder) if file.is_file() else ConfigFile()


def _as_given(path: str, *, folder: Path, given: tuple[tuple[str, str], ...]) -> str:
    """A path of the written-out revision as this run would spell the file: `given` are names in the tree and PATHs."""
    name = Path(path).relative_to(folder).as_posix()
    for top, spelled in given:
        if name == top:
            return spelled
        if not top or name.startswith(f"{top}/"):
            return posixpath.normpath(posixpath.join(spelled, posixpath.relpath(name, top or ".")))
    return name


def _usable(
    paths: tuple[str, ...], settings: Settings, environ: Mapping[str, str], shown: Callable[[str], str]
) -> tuple[Desired, tuple[Problem, ...]]:
    """What the files without problems state, and the problems of the others. `shown` gives the path to show of a file."""
    loaded = load(paths)
    loaded = replace(
        loaded,
        documents=tuple(document.with_path(shown(document.path)) for document in loaded.documents),
        problems=tuple(
            replace(problem, origin=problem.origin._replace(path=shown(problem.origin.path)))
            for problem in loaded.problems
        ),
    )
    try:
        return desired_from_loaded(loaded, settings, environ=environ).desired, ()
    except ProblemsError as error:
        problems = error.problems
    unusable = {problem.origin.path for problem in problems}
    kept = tuple(document for document in loaded.documents if document.path not in unusable)
    usable = replace(loaded, documents=kept, problems=())
    return desired_from_loaded(usable, settings, environ=environ).desired, problems


def _unread_note(submodule: tuple[str, str]) -> str:
    name, reason = submodule
    return (
        f"the submodule {name} can't be read as it was in the base, because {reason}; changes to its models are attributed to this "
        "change. `git submodule update --init` clones it, and `git fetch` in it fetches its commits."
    )


def _notes(problems: tuple[Problem, ...], folder: Path) -> tuple[str, ...]:
    files = sorted({problem.origin.path for problem in problems})
    if not files:
        return ()
    listed = [_shown(file, folder) for file in files[:_LISTED]]
    more = f" and {len(files) - _LISTED} more" if len(files) > _LISTED else ""
    why = "can't be used as they are there, so changes to their models are attributed to this change"
    return (f"{', '.join(listed)}{more} {why}: {_shown(str(problems[0]), folder)}",)


def _shown(text: str, folder: Path) -> str:
    """A text about the revision's files, with their paths as they are in the repository."""
    return text.replace(f"{folder}{os.sep}", "")
