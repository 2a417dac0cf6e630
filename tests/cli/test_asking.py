"""Commands that ask, on a real terminal: what they print before and after the answer, and the exit code of each answer."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.live_side import Service, manifest
from tests.wording import Wording

OnTerminal = Callable[..., tuple[int, str]]


@pytest.fixture
def on_terminal(service: Service) -> OnTerminal:
    """`reconciler ARGS` on a terminal where `answer` is typed: the exit code, and what stood on the screen."""

    def run(*args: str, answer: str, stdout: Path | None = None) -> tuple[int, str]:
        ours, theirs = pty.openpty()
        environ = {**os.environ, "CLARIFAI_PAT": "pat", "CLARIFAI_API_BASE": service.emulator.url, "NO_COLOR": "1"}
        # With the terminal as its controlling one, so that Ctrl-C interrupts it. Where the tests themselves run in the background, SIGINT
        # is ignored, and would be in the command too.
        start = ["setsid", "--ctty", "env", "--default-signal=INT"]
        command = [*start, sys.executable, "-m", "reconciler", *args, "--rate", "1000"]
        with (stdout or Path(os.devnull)).open("wb") as file:
            output = file if stdout else theirs
            process = subprocess.Popen(
                command,
                cwd=service.folder,
                env=environ,
                stdin=theirs,
                stdout=output,
                stderr=theirs,
            )
        os.close(theirs)
        shown, is_answered, end = b"", False, time.monotonic() + 120
        while time.monotonic() < end:
            if not select.select([ours], [], [], 15)[0]:
                # A key that is typed while the terminal changes its mode can be lost. A person types it again.
                if is_answered:
                    os.write(ours, answer.encode())
                continue
            try:
                part = os.read(ours, 4096)
            except OSError:  # Linux: the other side was closed
                part = b""
            if not part:
                break
            shown += part
            if b"[y/N]" in shown and not is_answered:
                time.sleep(
                    0.5
                )  # Python loses a Ctrl-C that arrives between the prompt and the read (it waits for a key then)
                os.write(ours, answer.encode())
                is_answered = True
        else:
            process.kill()
            process.wait()
            pytest.fail(f"the command did not end, but showed {shown.decode()!r}")
        os.close(ours)
        # The line that a terminal keeps up to date is no part of what stays on it.
        lines = [line.rpartition("\r")[2] for line in shown.decode().replace("\r\n", "\n").split("\n")]
        return process.wait(), "\n".join(line.replace("\x1b[K", "").replace("\x1b[?25h", "") for line in lines)

    return run


def after_question(shown: str) -> str:
    """The question, the answer, and what stands below."""
    line = next(line for line in shown.splitlines() if "[y/N]" in line)
    return shown[shown.index(line) :]


@pytest.fixture
def renamed(service: Service) -> Service:
    service.write("m.yaml", manifest("petsID", "{name: one, metadata: {draft: no}}"))
    return service


def test_after_yes_apply_prints_what_came_of_it_and_not_the_plan_again(
    renamed: Service, on_terminal: OnTerminal, wording: Wording
) -> None:
    code, shown = on_terminal("apply", "m.yaml", answer="y\n")
    (run,) = (path.name for path in (renamed.folder / ".reconciler/runs").iterdir())
    assert (code, renamed.model()["name"]) == (0, "one")
    wording(after_question(shown).replace(run, "RUN"))


def test_a_file_gets_the_whole_report_after_yes(renamed: Service, on_terminal: OnTerminal) -> None:
    path = renamed.folder / "report.txt"
    code, _ = on_terminal("apply", "m.yaml", answer="y\n", stdout=path)
    assert (code, '"one"' in path.read_text(encoding="utf-8")) == (0, True)


@pytest.mark.parametrize(
    ("answer", "code"),
    [("n\n", 1), ("\n", 1), ("\x04", 130), ("\x03", 130)],
    ids=["no", "enter", "end of input", "ctrl-c"],
)
def test_any_answer_but_yes_writes_nothing_and_is_no_success(
    renamed: Service, on_terminal: OnTerminal, wording: Wording, answer: str, code: int
) -> None:
    found, shown = on_terminal("apply", "m.yaml", answer=answer)
    assert (found, renamed.writes()) == (code, [])
    wording(after_question(shown))


def test_an_undo_and_a_purge_that_are_declined_exit_with_1_too(
    renamed: Service, on_terminal: OnTerminal, wording: Wording
) -> None:
    assert renamed.run("apply", "m.yaml", "--yes").exit_code == 0
    renamed.calls()
    undone = on_terminal("undo", "latest", answer="n\n")
    purged = on_terminal("purge", "demo/pets", "--confirm", "demo/pets", answer="n\n")
    assert (undone[0], purged[0], renamed.writes()) == (1, 1, [])
    wording(after_question(undone[1]), after_question(purged[1]))


def test_after_yes_undo_prints_what_came_of_it(renamed: Service, on_terminal: OnTerminal) -> None:
    assert renamed.run("apply", "m.yaml", "--yes").exit_code == 0
    code, shown = on_terminal("undo", "latest", answer="y\n")
    assert (code, shown.count('"one" → "pets"')) == (0, 1)
