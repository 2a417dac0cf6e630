"""`--webhook-env`: one POST that a receiver can read, within a time limit, whose address nobody sees."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from reconciler.ci.webhook import deliver
from reconciler.emulator.server import Emulator
from tests.command_line import CliResult, RunCli

SECRET = "T000-planted-secret-path"
HEAD = "apiVersion: reconciler/v1\nkind: Model\nmetadata: {id: petsID, user_id: demo, app_id: pets}\n"
EVIL = "<!channel> @everyone <https://evil.example|x>"


class Receiver:
    """What arrived, and how it answers."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 200
        self.location = ""
        self.wait = 0.0
        self.got: list[tuple[str, Any]] = []


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    state = Receiver()
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name is the base class's
            """Say nothing."""

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            state.got.append((self.path, body))
            self.wfile.write(f"HTTP/1.1 {state.status} Status\r\n".encode())
            for _ in range(int(state.wait / 0.05)):  # a header that never ends, a letter at a time
                try:
                    self.wfile.write(b"x")
                except OSError:
                    return
                if ended.wait(0.05):
                    return
            location = f"Location: {state.location}\r\n" if state.location else ""
            self.wfile.write(f"{location}Content-Length: 0\r\n\r\n".encode())

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_address[1]}/{SECRET}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield state
        ended.set()
        server.shutdown()
        thread.join()


class Place:
    """A manifest, and a run that notifies."""

    def __init__(self, cli: RunCli, emulator: Emulator, receiver: Receiver, folder: Path) -> None:
        self.cli, self.emulator, self.receiver, self.folder = cli, emulator, receiver, folder

    def run(self, command: str, spec: str = "{name: new}", *args: str, **env: str) -> CliResult:
        (self.folder / "pets.yaml").write_text(f"{HEAD}spec: {spec}\n")
        given = {"CLARIFAI_PAT": "pat-of-the-test", "HOOK": self.receiver.url, **env}
        result = self.cli(
            *(command, "pets.yaml", "--endpoint", self.emulator.url, "--webhook-env", "HOOK", *args),
            env=given,
            cwd=self.folder,
        )
        assert SECRET not in result.stdout + result.stderr
        return result


@pytest.fixture
def place(cli: RunCli, emulator: Emulator, receiver: Receiver, tmp_path: Path) -> Place:
    return Place(cli, emulator, receiver, tmp_path)


@pytest.mark.parametrize(("command", "code"), [("plan", 0), ("drift", 2)])
def test_one_message_with_text_counts_and_a_link(place: Place, receiver: Receiver, command: str, code: int) -> None:
    run = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_REPOSITORY": "acme/models",
        "GITHUB_RUN_ID": "5",
    }
    result = place.run(command, f"{{name: {json.dumps(EVIL)}}}", "--ci", "none", **run)
    assert (result.exit_code, "warning" in result.stderr) == (code, False)
    ((path, body),) = receiver.got
    assert path == f"/{SECRET}"
    link = "https://github.example/acme/models/actions/runs/5"
    summary = body["summary"]
    assert body == {
        "@context": "https://schema.org/extensions",
        "@type": "MessageCard",
        "summary": summary,
        "text": f"{summary} {link}",
        "command": command,
        "exit_code": code,
        "counts": {"update": 1, "delete": 0, "unchanged": 0, "refused": 0, "unmet": 0},
        "link": link,
    }
    assert "1 model to update" in summary
    assert EVIL not in json.dumps(body)


def test_a_run_that_fails_is_reported_too(place: Place, receiver: Receiver) -> None:
    assert place.run("drift", "{nmae: x}").exit_code == 1
    ((_, body),) = receiver.got
    assert (body["text"], body["counts"]) == ("reconciler drift failed with exit code 1.", None)


@pytest.mark.parametrize("status", [301, 400, 404, 500])
def test_a_receiver_that_refuses_is_a_warning_and_is_not_asked_twice(
    place: Place, receiver: Receiver, status: int
) -> None:
    receiver.status, receiver.location = status, "http://127.0.0.1:9/elsewhere"
    result = place.run("plan")
    assert result.exit_code == 0
    assert f"warning: the webhook of HOOK was not notified: it answered HTTP {status}.\n" in result.stderr
    assert len(receiver.got) == 1


@pytest.mark.parametrize(
    "address",
    [
        "",
        f"http://example.com/{SECRET}",
        f"http://127.0.0.1.example.com/{SECRET}",
        f"ftp://127.0.0.1/{SECRET}",
        f"https://[::1/{SECRET}",
        f"https://example.com:port/{SECRET}",
        SECRET,
        f"http://127.0.0.1:9/{SECRET}",
        f"https://127.0.0.1:9/\x00{SECRET}",
    ],
)
def test_an_address_that_cannot_be_used_is_a_warning_that_does_not_show_it(
    place: Place, receiver: Receiver, address: str
) -> None:
    if "\x00" in address:  # no environment can hold it
        problem = deliver(address, {})
        assert problem is not None
        assert SECRET not in problem
        return
    result = place.run("drift", HOOK=address)
    assert (result.exit_code, receiver.got) == (2, [])
    assert "warning: the webhook of HOOK was not notified" in result.stderr


def test_a_receiver_that_answers_a_letter_at_a_time_is_given_up(receiver: Receiver) -> None:
    receiver.wait = 30
    started = time.monotonic()
    assert deliver(receiver.url, {"text": "x"}, patience=0.4) == "there was no response within 0.4 s"
    assert time.monotonic() - started < 5


def test_a_manifest_cannot_read_the_address(place: Place, receiver: Receiver) -> None:
    result = place.run("plan", '{notes: "${env:HOOK}"}')
    assert result.exit_code == 1
    assert "HOOK" in result.stderr


@pytest.mark.parametrize("name", ["CLARIFAI_PAT", ""])
def test_a_setting_of_the_tool_is_no_webhook(place: Place, receiver: Receiver, name: str) -> None:
    result = place.cli("plan", "pets.yaml", "--webhook-env", name, env={"CLARIFAI_PAT": "x"})
    assert (result.exit_code, receiver.got) == (64, [])
