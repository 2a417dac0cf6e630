"""A release: the script that cuts, checks and builds it, and the workflow that publishes it, run with stand-ins for docker, gh and make."""

from __future__ import annotations

import gzip
import io
import re
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.release import (
    ReleaseError,
    check,
    cut,
    main,
    notes,
    require_address,
    require_same,
    require_tracked,
    sections,
    unpack,
    version,
)
from tests.ci.actions_runner import ROOT, Runner, parsed
from tests.ci.repositories import Repository

WORKFLOW = ROOT / ".github" / "workflows" / "release.yml"
JOBS = parsed(WORKFLOW)["jobs"]
DAY = "2026-11-23"
DIGEST = "sha256:" + "5" * 64


@pytest.fixture
def project(tmp_path: Path) -> Repository:
    """A repository with this project's version, script and changelog, where something is unreleased, on its branch main."""
    repository = Repository(tmp_path / "project")
    for name in ("reconciler/__init__.py", "scripts/release.py"):
        repository.write(name, (ROOT / name).read_text(encoding="utf-8"))
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    repository.write(
        "CHANGELOG.md", text.replace("## [Unreleased]\n", "## [Unreleased]\n\n### Fixed\n\n- A test.\n", 1)
    )
    repository.write("pyproject.toml", 'repository = "acme/tool"\n')
    repository.commit({})
    repository.git("update-ref", "refs/remotes/origin/main", "HEAD")
    return repository


def next_version() -> str:
    major, minor, _ = version(ROOT).split(".")
    return f"{major}.{int(minor) + 1}.0"


def release(project: Repository) -> str:
    """Cut the next version, commit it and give its tag."""
    cut(next_version(), day=DAY, root=project.root)
    project.commit({})
    project.git("update-ref", "refs/remotes/origin/main", "HEAD")
    return f"v{next_version()}"


# --- the script -----------------------------------------------------------------------------------------------------


def test_what_was_cut_passes_the_check_and_its_notes_are_what_was_unreleased(project: Repository) -> None:
    unreleased = sections(project.root)["Unreleased"].text
    before = (project.root / "CHANGELOG.md").read_text(encoding="utf-8")
    tag = release(project)
    check(tag, branch="origin/main", root=project.root)
    assert notes(tag, project.root) == unreleased + "\n"
    after = (project.root / "CHANGELOG.md").read_text(encoding="utf-8")
    assert after.replace(f"\n\n## [{next_version()}] - {DAY}", "", 1) == before, "nothing else changed"
    assert version(project.root) == next_version()


def test_the_command_line_says_what_the_functions_say(project: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", f"v{version(ROOT)}"], root=project.root) == 1
    assert "CHANGELOG.md still has entries under [Unreleased]" in capsys.readouterr().err
    assert main(["cut", next_version()], root=project.root) == 0
    assert main(["check", f"v{next_version()}", "--on", "origin/main"], root=project.root) == 0
    assert main(["notes", f"v{next_version()}"], root=project.root) == 0
    assert capsys.readouterr().out.startswith("### ")


def set_changelog(text: str) -> Callable[[Repository], object]:
    return lambda project: project.write("CHANGELOG.md", f"# Changelog\n\n{text}")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (set_changelog("## [1.0.0] - 2026-11-23\n\n- x\n"), ["doesn't begin with a section [Unreleased]"]),
        (set_changelog("## [Unreleased]\n"), ["has no section [1.0.0]"]),
        (set_changelog("## [Unreleased]\n\n- y\n\n## [1.0.0] - 2026-11-23\n\n- x\n"), ["still has entries"]),
        (set_changelog("## [Unreleased]\n\n## [1.0.0] - 2026-11-23\n"), ["has no entries under [1.0.0]"]),
        (set_changelog("## [Unreleased]\n\n## [1.0.0]\n\n- x\n"), ["has no date of the form 2026-11-23 for [1.0.0]"]),
        (
            set_changelog("## [Unreleased]\n\n## [1.0.0] - 23.11.2026\n\n- x\n"),
            ["has no date of the form 2026-11-23 for [1.0.0]"],
        ),
        (
            set_changelog("## [Unreleased]\n\n## [2.0.0] - 2026-11-24\n\n- z\n\n## [1.0.0] - 2026-11-23\n\n- x\n"),
            ["has sections above [1.0.0]"],
        ),
        (lambda project: project.write("reconciler/__init__.py", '__version__ = "1.1.0"\n'), ["1.1.0", "no section"]),
        (
            lambda project: project.write("reconciler/__init__.py", '__version__ = "1.0"\n'),
            ["v1.0", "form", "no section"],
        ),
        (lambda project: project.commit({"later": ""}), ["is not part of origin/main"]),
    ],
)
def test_a_release_that_does_not_agree_is_refused_with_every_reason(
    project: Repository, change: Callable[[Repository], object], expected: list[str]
) -> None:
    project.write("reconciler/__init__.py", '__version__ = "1.0.0"\n')
    set_changelog("## [Unreleased]\n\n## [1.0.0] - 2026-11-23\n\n- x\n")(project)
    check("v1.0.0", branch="origin/main", root=project.root)
    change(project)
    with pytest.raises(ReleaseError) as raised:
        check("v1.0.0", branch="origin/main", root=project.root)
    lines = str(raised.value).splitlines()
    assert [part in line for part, line in zip(expected, lines, strict=True)] == [True] * len(expected), lines


@pytest.mark.parametrize("line", ['repository = "OWNER/clarifai-reconciler"', 'repository = "/x"', ""])
def test_nothing_is_published_under_a_placeholder(
    project: Repository, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    project.write("pyproject.toml", f"{line}\n")
    tag = release(project)
    for command in (["check", tag], ["dist"]):
        assert main(command, root=project.root) == 1
        assert "names no repository but the placeholder OWNER" in capsys.readouterr().err
    assert not (project.root / "dist").exists()


def test_this_project_has_no_address_yet() -> None:
    with pytest.raises(ReleaseError, match="placeholder"):
        require_address(ROOT)


@pytest.mark.parametrize("wrong", ["1.0", "v1.0.0", "1.0.0-rc1", "01.0.0", "1.0.0.dev1", ""])
def test_a_version_of_another_form_is_not_cut(project: Repository, wrong: str) -> None:
    with pytest.raises(ReleaseError, match=r"is not a version of the form"):
        cut(wrong, day=DAY, root=project.root)


def test_nothing_is_cut_twice_or_out_of_nothing(project: Repository) -> None:
    tag = release(project)
    before = (project.root / "CHANGELOG.md").read_bytes()
    for again in (tag[1:], "99.0.0"):
        with pytest.raises(ReleaseError):
            cut(again, day=DAY, root=project.root)
    assert ((project.root / "CHANGELOG.md").read_bytes(), version(project.root)) == (before, tag[1:])


def archive(path: Path, *names: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.GzipFile(path, "wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as made:
        for name in names:
            made.addfile(tarfile.TarInfo(name), io.BytesIO(b""))
    return path


def test_a_source_distribution_holds_only_what_git_holds_and_builds_the_same_twice(project: Repository) -> None:
    whole = archive(project.root / "dist" / "x-1.tar.gz", "x-1/PKG-INFO", "x-1/CHANGELOG.md")
    require_tracked(whole, project.root)
    assert unpack(whole, project.root / "unpacked").joinpath("CHANGELOG.md").exists()
    more = archive(project.root / "again" / "x-1.tar.gz", "x-1/PKG-INFO", "x-1/CHANGELOG.md", "x-1/secrets.txt")
    with pytest.raises(ReleaseError, match=r"files that git doesn't track: secrets\.txt"):
        require_tracked(more, project.root)
    with pytest.raises(ReleaseError, match="not reproducible"):
        require_same(whole, more, "Another")
    leading_out = archive(project.root / "out" / "x-1.tar.gz", "x-1/../../out.txt")
    with pytest.raises(tarfile.TarError):
        unpack(leading_out, project.root / "elsewhere")


# --- the workflow ---------------------------------------------------------------------------------------------------

STAND_IN = """#!/bin/bash
# Notes how it was called, and does what the next step looks for.
{ printf '%s' "$(basename "$0")"; printf ' %q' "$@"; echo; } >> "$RUNNER_TEMP/called"
case "$(basename "$0") $*" in
  "make dist") mkdir -p dist && touch dist/x-1.tar.gz dist/x-1-py3-none-any.whl ;;
  docker\\ login*) [[ "$(cat)" == token-of-the-run ]] ;;
  docker\\ run*--version) echo "reconciler ${SAYS:-${GITHUB_REF_NAME#v}}" ;;
  docker\\ save*) touch image.tar ;;
  docker\\ inspect*) echo "ghcr.io/acme/tool@DIGEST" ;;
esac
""".replace("DIGEST", DIGEST)


@pytest.fixture
def runner(project: Repository, tmp_path: Path) -> Runner:
    """A runner with a release's commit checked out."""
    tag = release(project)
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("docker", "gh", "make"):
        (tools / name).write_text(STAND_IN)
        (tools / name).chmod(0o755)
    made = Runner(
        workspace=project.root,
        temp=tmp_path / "temp",
        context={"github.token": "token-of-the-run"},
        environ={
            "GITHUB_ACTOR": "someone",
            "GITHUB_REF_NAME": tag,
            "GITHUB_REPOSITORY": "Acme/Tool",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_SHA": project.git("rev-parse", "HEAD"),
        },
    )
    made.path = [str(tools), str(Path(sys.executable).parent)]
    return made


def called(runner: Runner) -> list[str]:
    return (runner.temp / "called").read_text(encoding="utf-8").splitlines()


def test_a_tag_is_checked_built_attested_and_published_in_this_order(runner: Runner) -> None:
    done = runner.jobs(WORKFLOW)
    assert {ran.code for ran in runner.ran} == {0}, runner.ran
    assert sorted(done) == sorted(JOBS.keys() - {"test"})
    assert done[-3:] == ["attest", "publish", "release"]
    assert runner.given["actions/attest-build-provenance"] == [
        {"subject-path": "dist/*"},
        {"subject-name": "ghcr.io/acme/tool", "subject-digest": DIGEST},
    ]
    assert runner.given["pypa/gh-action-pypi-publish"] == [{"packages-dir": "dist"}]
    assert (runner.workspace / "notes.md").read_text(encoding="utf-8") == notes(f"v{next_version()}", runner.workspace)
    pushed = f"docker push ghcr.io/acme/tool:{next_version()}"
    assert called(runner).index(pushed) > called(runner).index("make dist")
    assert called(runner)[-1] == (
        f"gh release create v{next_version()} --repo Acme/Tool --verify-tag --title {next_version()} "
        "--notes-file notes.md dist/x-1-py3-none-any.whl dist/x-1.tar.gz"
    )
    assert "token-of-the-run" not in "".join([*called(runner), *(ran.log for ran in runner.ran)])


def test_a_candidate_is_a_prerelease(runner: Runner) -> None:
    runner.environ["GITHUB_REF_NAME"] = "v1.0.0rc1"
    runner.artifacts = {"dist": runner.workspace / "scripts", "notes": runner.workspace / "CHANGELOG.md"}
    runner.job(WORKFLOW, "release")
    assert "--prerelease" in called(runner)[-1]


def test_a_tag_that_does_not_fit_ends_the_release_before_anything_is_built(runner: Runner) -> None:
    runner.environ["GITHUB_REF_NAME"] = "v99.0.0"
    assert runner.jobs(WORKFLOW) == ["check"]
    assert "The tag is v99.0.0" in runner.ran[-1].log
    assert not (runner.temp / "called").exists()


def test_an_image_that_says_another_version_is_not_pushed(runner: Runner) -> None:
    runner.environ["SAYS"] = "0.0.1"
    runner.job(WORKFLOW, "image")
    assert runner.ran[-1].code != 0
    assert not [line for line in called(runner) if line.startswith(("docker push", "docker login"))]


def test_what_may_write_runs_nothing_of_the_repository() -> None:
    writing = {name for name, job in JOBS.items() if "write" in job.get("permissions", {}).values()}
    assert writing == {"push", "attest", "publish", "release"}
    for name in writing:
        assert [step for step in JOBS[name]["steps"] if "checkout" in step.get("uses", "")] == [], name
        if JOBS[name]["permissions"].get("id-token") == "write":
            assert [step for step in JOBS[name]["steps"] if "run" in step] == [], name


def triggers(workflow: Path) -> Any:
    """What a workflow runs on; YAML 1.1 reads the key `on` as true."""
    return {str(key): value for key, value in parsed(workflow).items()}["True"]


def test_everything_that_may_fail_comes_before_pypi() -> None:
    def before(name: str) -> set[str]:
        needs = JOBS[name].get("needs", [])
        direct = {needs} if isinstance(needs, str) else set(needs)
        return direct.union(*map(before, direct))

    assert before("publish") == JOBS.keys() - {"publish", "release"}
    assert JOBS["publish"]["environment"] == "pypi"
    assert triggers(WORKFLOW) == {"push": {"tags": ["v*"]}}
    assert JOBS["test"] == {"name": "Tests", "uses": "./.github/workflows/ci.yml"}
    assert "workflow_call" in triggers(ROOT / ".github" / "workflows" / "ci.yml")


# --- the image ------------------------------------------------------------------------------------------------------

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions: name and rest, continued lines joined, remarks left out."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE).replace("\\\n", "")
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in text.splitlines() if line.strip()]


def copied() -> list[str]:
    """What is copied out of the checkout."""
    rests = [rest.split() for name, rest in instructions() if name == "COPY" and "--from=" not in rest]
    return [source for *sources, _ in rests for source in sources]


def test_the_image_is_from_one_pinned_base_and_runs_as_nobody() -> None:
    kinds = [name for name, _ in instructions()]
    bases = [rest.split()[0] for name, rest in instructions() if name == "FROM"]
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.\d+-slim@sha256:[0-9a-f]{64}", bases[0])
    assert set(kinds) <= {"FROM", "ARG", "WORKDIR", "ENV", "COPY", "RUN", "USER", "ENTRYPOINT"}
    last = dict(instructions()[kinds.index("FROM", 1) :])
    assert "RUN" not in last
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", last["USER"])
    assert last["ENTRYPOINT"] == '["reconciler"]'


def test_the_image_takes_locked_wheels_and_compiles_nothing() -> None:
    commands = [part.strip() for name, rest in instructions() if name == "RUN" for part in rest.split("&&")]
    installs = [command for command in commands if "pip install" in command]
    assert len(installs) == 3
    for command in installs:
        assert "--require-hashes --only-binary :all:" in command or "--no-deps --no-index" in command, command
    assert [command for command in commands if re.search(r"apt-get|curl|wget|gcc|https?://", command)] == []


def test_the_image_copies_files_that_exist_and_the_context_holds_just_those() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert lines[1] == "*", "nothing is sent but what is named"
    assert sorted(line[1:] for line in lines if line.startswith("!")) == sorted(copied())
    assert [name for name in copied() if not (ROOT / name).exists()] == []
    mentioned = re.findall(r"--requirement (\S+)", DOCKERFILE)
    assert set(mentioned) <= set(copied())
