"""`--base REF`: what the manifests, and reconciler.yaml, of a git revision want."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import click

from reconciler.cli.options import CommonOptions
from reconciler.cli.run import flags_from
from reconciler.config import Settings, settings
from reconciler.config.file import NAME
from reconciler.errors import Problem, ProblemsError, ReconcilerError
from reconciler.manifests.revision import WorkTree, work_tree, written_out
from reconciler.plan.attribution import BaseState
from reconciler.plan.plan import AttributionBase
from reconciler.plan.planning import Inputs
from reconciler.resources.desired import Desired
from reconciler.session import Session

_SHOWN = 3


def base_state(ref: str, paths: tuple[str, ...], common: CommonOptions, session: Session) -> BaseState:
    """What the same paths want at a git revision, by the settings of that revision.

    Raises ReconcilerError for what isn't in git; never for what the revision holds: `notes` tell that.
    """
    if "-" in paths:
        raise click.UsageError("--base can't compare standard input: it is in no revision. Give files or folders.")
    tree = work_tree(paths[0])
    names = [_name(tree, path) for path in paths]
    revision = AttributionBase(ref=ref, commit=tree.commit(ref))
    given = session.settings.config_path or common.config or NAME
    config = tree.inside(given)
    wanted = [*names, *([] if config is None else [config])]
    with written_out(tree, revision.commit, wanted) as folder:
        try:
            then = session.settings if config is None else _settings_then(folder, config, common)
            there = tuple(str(folder / name) for name in names if os.path.lexists(folder / name))
            inputs = Inputs(paths=there)
            desired, problems = replace(session, settings=then).readable(inputs) if there else (Desired(models=()), ())
        except ReconcilerError as error:
            note = f"its manifests can't be used, so every change counts as this change's: {_first(error, folder)}"
            return BaseState(revision=revision, desired=Desired(models=()), notes=(note,))
    return BaseState(revision=revision, desired=desired, owner=then.owner, notes=_notes(problems, folder))


def _name(tree: WorkTree, path: str) -> str:
    name = tree.inside(path)
    if name is None:
        raise ReconcilerError(f"--base: {path} lies outside of the git work tree at {tree.root}. Leave it out.")
    return name


def _settings_then(folder: Path, config: str, common: CommonOptions) -> Settings:
    """The settings by the revision's own reconciler.yaml; without one, as with none."""
    has_one = (folder / config).is_file()
    flags = replace(flags_from(common), config=str(folder / config) if has_one else None)
    return settings(flags=flags, environ=os.environ, cwd=folder / ".git", home=Path.home())


def _notes(problems: tuple[Problem, ...], folder: Path) -> tuple[str, ...]:
    files = sorted({problem.origin.path for problem in problems})
    if not files:
        return ()
    shown = [_shown(file, folder) for file in files[:_SHOWN]]
    more = f" and {len(files) - _SHOWN} more" if len(files) > _SHOWN else ""
    why = "can't be used as they are there, so changes to their models count as this change's"
    return (f"{', '.join(shown)}{more} {why}: {_shown(str(problems[0]), folder)}",)


def _first(error: ReconcilerError, folder: Path) -> str:
    text = str(error.problems[0]) if isinstance(error, ProblemsError) else str(error)
    return _shown(text, folder)


def _shown(text: str, folder: Path) -> str:
    """A text about the revision's files, with their paths as they are in the repository."""
    return text.replace(f"{folder}{os.sep}", "")
