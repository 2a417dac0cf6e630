"""The steps of a release, by hand and in CI: `python scripts/release.py cut VERSION | check TAG | notes TAG | dist`.

    cut VERSION         set the version, and move the changelog's unreleased entries to a section with today's date
    check TAG           check that tag, version and changelog agree; with --on REF, that the commit is part of that branch
    notes TAG           print the changelog's section for the tag
    dist                build both distributions into dist/ and test them, for publishing; with --draft, only to test them

Nothing is published under a placeholder: `check` and `dist` fail while pyproject.toml names OWNER as the repository's account.
`dist` builds the source distribution twice, and the wheel from the checkout and from the source distribution. Both pairs must
be identical, so the build is reproducible and the source distribution is complete. It then installs the wheel with the locked
packages into a new environment, and makes a plan with it. The exit code is 0, or 1 with a line for each problem.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

_VERSION = re.compile(r'^__version__ = "(.*)"$', re.MULTILINE)
_HEADING = re.compile(r"^## \[(?P<name>[^]\n]+)\](?: - (?P<date>\S+))?$", re.MULTILINE)
_REPOSITORY = re.compile(r'^repository = "(.*)"$', re.MULTILINE)
_PLACEHOLDER = "OWNER"
_UNRELEASED = "Unreleased"
_CANONICAL = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}((a|b|rc)(0|[1-9]\d*))?")
"""MAJOR.MINOR.PATCH with an optional pre-release: a version of Semantic Versioning in the syntax of PEP 440."""


class ReleaseError(Exception):
    """The release can't be made. The message has one reason per line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The changelog's section of one version: its date as it is written, and the text below the heading."""

    date: str
    text: str


# --- version and changelog ------------------------------------------------------------------------------------------


def version(root: Path = ROOT) -> str:
    """Return the version of the package."""
    found = _VERSION.search((root / "reconciler" / "__init__.py").read_text(encoding="utf-8"))
    if found is None:
        raise ReleaseError("reconciler/__init__.py has no __version__.")
    return found[1]


def require_address(root: Path = ROOT) -> None:
    """Raise ReleaseError if the repository's address is still the placeholder."""
    found = _REPOSITORY.search((root / "pyproject.toml").read_text(encoding="utf-8"))
    if found is None or found[1].partition("/")[0] in {"", _PLACEHOLDER}:
        raise ReleaseError(
            f"pyproject.toml names no repository but the placeholder {_PLACEHOLDER}: set `repository` to the account and name under "
            "which this is published. Use --draft to only build and test the distributions."
        )


def sections(root: Path = ROOT) -> dict[str, Section]:
    """Return the changelog's sections by name, in the order of the file."""
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = list(_HEADING.finditer(text))
    ends = [*(heading.start() for heading in headings[1:]), len(text)]
    return {
        heading["name"]: Section(date=heading["date"] or "", text=text[heading.end() : end].strip())
        for heading, end in zip(headings, ends, strict=True)
    }


def problems(tag: str, root: Path = ROOT) -> Iterator[str]:
    """Yield what prevents a release of `tag`, each as a sentence."""
    stated = version(root)
    if tag != f"v{stated}":
        yield f"The tag is {tag}, but the version in reconciler/__init__.py is {stated}: the tag must be v{stated}."
    if not is_canonical(stated):
        yield f"The version {stated} is not of the form 1.2.0 or 1.2.0rc1."
    found = sections(root)
    names = list(found)
    if names[:1] != [_UNRELEASED]:
        yield f"CHANGELOG.md doesn't begin with a section [{_UNRELEASED}]."
    elif found[_UNRELEASED].text:
        yield f"CHANGELOG.md still has entries under [{_UNRELEASED}]: run `python scripts/release.py cut {stated}`."
    if stated not in found:
        yield f"CHANGELOG.md has no section [{stated}]."
        return
    if set(names[: names.index(stated)]) - {_UNRELEASED}:
        yield f"CHANGELOG.md has sections above [{stated}]: the newest must come first."
    if not found[stated].text:
        yield f"CHANGELOG.md has no entries under [{stated}]."
    if not is_date(found[stated].date):
        yield f"CHANGELOG.md has no date of the form 2026-11-23 for [{stated}]."


def is_canonical(text: str) -> bool:
    """Return whether a version is in the form that this project and packaging tools use."""
    return _CANONICAL.fullmatch(text) is not None


def is_date(text: str) -> bool:
    """Return whether a text is a date in ISO 8601 form."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def check(tag: str, *, branch: str = "", root: Path = ROOT) -> None:
    """Raise ReleaseError with everything that prevents a release of `tag` from this commit."""
    found = list(problems(tag, root))
    try:
        require_address(root)
    except ReleaseError as error:
        found.append(str(error))
    if (
        branch
        and subprocess.run(["git", "merge-base", "--is-ancestor", "HEAD", branch], cwd=root, check=False).returncode
    ):
        found.append(f"The commit is not part of {branch}.")
    if found:
        raise ReleaseError("\n".join(found))


def notes(tag: str, root: Path = ROOT) -> str:
    """Return the changelog's entries of a tag. Raises ReleaseError if there are none."""
    section = sections(root).get(tag.removeprefix("v"))
    if section is None or not section.text:
        raise ReleaseError(f"CHANGELOG.md has no entries for {tag}.")
    return section.text + "\n"


def cut(new: str, *, day: str, root: Path = ROOT) -> None:
    """Set the version, and move the unreleased entries to its section.

    Raises ReleaseError, without having written anything, if the version or the changelog doesn't allow it.
    """
    found = sections(root)
    if not is_canonical(new):
        raise ReleaseError(f"{new} is not a version of the form 1.2.0 or 1.2.0rc1.")
    if new in found:
        raise ReleaseError(f"CHANGELOG.md already has a section [{new}].")
    if _UNRELEASED not in found or not found[_UNRELEASED].text:
        raise ReleaseError(f"CHANGELOG.md has no entries under [{_UNRELEASED}].")
    package, changelog = root / "reconciler" / "__init__.py", root / "CHANGELOG.md"
    stated = package.read_text(encoding="utf-8")
    package.write_text(_VERSION.sub(f'__version__ = "{new}"', stated), encoding="utf-8")
    heading = f"## [{_UNRELEASED}]"
    text = changelog.read_text(encoding="utf-8")
    changelog.write_text(text.replace(heading, f"{heading}\n\n## [{new}] - {day}", 1), encoding="utf-8")


# --- the distributions ----------------------------------------------------------------------------------------------


def dist(root: Path = ROOT, *, is_draft: bool = False) -> None:
    """Build the distributions into dist/ and test them. Raises ReleaseError, also for a placeholder that a draft may have."""
    if not is_draft:
        require_address(root)
    target = root / "dist"
    shutil.rmtree(target, ignore_errors=True)
    moment = epoch(root)
    with tempfile.TemporaryDirectory(prefix="reconciler-dist-") as folder:
        work = Path(folder)
        source, wheel = build(root, target, moment)
        require_tracked(source, root)
        require_same(source, build(root, work / "twice", moment)[0], "A second source distribution")
        require_same(wheel, build(unpack(source, work), work / "again", moment)[1], "The source distribution's wheel")
        require_metadata(wheel, version(root))
        try_installed(wheel, root, work)
    for path in (source, wheel):
        print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(root)}")


def epoch(root: Path) -> str:
    """Return the timestamp for the built files: SOURCE_DATE_EPOCH, or else the time of the commit."""
    return os.environ.get("SOURCE_DATE_EPOCH") or _run(["git", "log", "-1", "--format=%ct"], cwd=root).strip()


def build(root: Path, target: Path, moment: str) -> tuple[Path, Path]:
    """Build the source distribution and the wheel of a folder with a timestamp. Returns the two files."""
    command: list[str | Path] = [sys.executable, "-m", "hatchling", "build", "--directory", target]
    _run(command, cwd=root, env={"SOURCE_DATE_EPOCH": moment})
    (source,), (wheel,) = target.glob("*.tar.gz"), target.glob("*.whl")
    return source, wheel


def unpack(source: Path, folder: Path) -> Path:
    """Unpack a source distribution into `folder`. Returns the folder of its files."""
    with tarfile.open(source) as archive:
        archive.extractall(folder, filter="data")
    return folder / source.name.removesuffix(".tar.gz")


def require_same(first: Path, second: Path, what: str) -> None:
    """Raise ReleaseError if two files differ."""
    if first.name != second.name or first.read_bytes() != second.read_bytes():
        raise ReleaseError(f"{what} differs from {first.name}: the build is not reproducible.")


def require_tracked(source: Path, root: Path) -> None:
    """Raise ReleaseError if the source distribution contains a file that git doesn't track."""
    with tarfile.open(source) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    strays = held - {"PKG-INFO"} - set(_run(["git", "ls-files"], cwd=root).splitlines())
    if strays:
        raise ReleaseError(f"{source.name} contains files that git doesn't track: {', '.join(sorted(strays))}.")


def require_metadata(wheel: Path, stated: str) -> None:
    """Raise ReleaseError if PyPI would reject the wheel's metadata or couldn't show the README."""
    from packaging.metadata import Metadata

    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Metadata.from_email(archive.read(name), validate=True)
    if str(metadata.version) != stated:
        raise ReleaseError(f"{wheel.name} is version {metadata.version}, not {stated}.")
    if metadata.description_content_type != "text/markdown" or not (metadata.description or "").strip():
        raise ReleaseError(f"{wheel.name} contains no README in Markdown.")


def try_installed(wheel: Path, root: Path, work: Path) -> None:
    """Install the wheel and the locked packages into a new environment, and use it. Raises ReleaseError."""
    venv = work / "venv"
    _run([sys.executable, "-m", "venv", venv], cwd=work)
    pip: list[str | Path] = [venv / "bin" / "python", "-m", "pip", "--quiet", "--disable-pip-version-check"]
    lock = root / "requirements" / "runtime.txt"
    try:
        _run([*pip, "install", "--require-hashes", "--requirement", lock], cwd=work)
        _run([*pip, "install", "--no-deps", wheel], cwd=work)
    except ReleaseError:
        if os.environ.get("LOCKED"):
            raise
        print("dist: the locked packages can't be installed; installing what the wheel allows", file=sys.stderr)
        _run([*pip, "install", wheel], cwd=work)
    _run([*pip, "check"], cwd=work)
    command = venv / "bin" / "reconciler"
    said = _run([command, "--version"], cwd=work)
    if said != f"reconciler {version(root)}\n":
        raise ReleaseError(f"The installed command prints {said.strip()!r} for --version.")
    examples = work / "examples"
    shutil.copytree(root / "examples", examples)
    plan: list[str | Path] = [command, "plan", examples / "manifests", "--endpoint", "embedded", "--detailed-exitcode"]
    _run(plan, cwd=work, code=2)


def _run(command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str] | None = None, code: int = 0) -> str:
    """Run a process and return its standard output. Raises ReleaseError if its exit code isn't `code`."""
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ended = subprocess.run(command, cwd=cwd, env={**bare, **(env or {})}, capture_output=True, text=True, check=False)
    if ended.returncode != code:
        raise ReleaseError(
            f"{' '.join(map(str, command))}: exit code {ended.returncode}\n{ended.stdout}{ended.stderr}".strip()
        )
    return ended.stdout


# --- the command line -----------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None, *, root: Path = ROOT) -> int:
    """Run a command of the command line. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="release.py", description=(__doc__ or "").partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("cut", help="set the version and date the changelog").add_argument("version")
    checking = commands.add_parser("check", help="check that tag, version and changelog agree")
    checking.add_argument("tag")
    checking.add_argument("--on", default="", metavar="REF", help="the branch that must contain the commit")
    commands.add_parser("notes", help="print the changelog's section for a tag").add_argument("tag")
    building = commands.add_parser("dist", help="build the distributions into dist/ and test them")
    building.add_argument(
        "--draft", action="store_true", help="not for publishing: a placeholder as the address is allowed"
    )
    given = parser.parse_args(arguments)
    try:
        if given.command == "cut":
            cut(given.version, day=datetime.now(timezone.utc).date().isoformat(), root=root)
        elif given.command == "check":
            check(given.tag, branch=given.on, root=root)
        elif given.command == "notes":
            print(notes(given.tag, root), end="")
        else:
            dist(root, is_draft=given.draft)
    except ReleaseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
