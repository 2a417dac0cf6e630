"""The two targets of the contract tests: the emulator always, the real service when its credentials are there.

    CLARIFAI_PAT           a personal access token
    CLARIFAI_TEST_USER     whose app it is ("me" will do)
    CLARIFAI_TEST_APP      an app that is there for tests; it is only read
    CLARIFAI_TEST_MODEL    a model of that app that may be changed and is worth nothing; without it nothing is written
    CLARIFAI_API_BASE      another endpoint than the public one

What the probes find out about open questions is printed at the end as a table, with the command line of an emulator that
answers them alike. `pytest tests/contract -m live` runs them on the real service; a --junit-xml report has them as properties.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pytest

from reconciler.config import Token
from reconciler.config.endpoint import DEFAULT_ENDPOINT, Endpoint, parse_endpoint
from reconciler.emulator.sample import SAMPLE
from reconciler.emulator.server import Emulator
from reconciler.emulator.switches import Switches
from reconciler.remote.caller import Caller, Timing
from reconciler.remote.clarifai import ClarifaiRemote
from reconciler.remote.scrub import Scrubber
from reconciler.resources.keys import Key, Scope

_NEEDED: Final = ("CLARIFAI_PAT", "CLARIFAI_TEST_USER", "CLARIFAI_TEST_APP")
_MISSING: Final = [name for name in _NEEDED if not os.environ.get(name)]

EMULATOR: Final = pytest.param("emulator", id="emulator")
LIVE: Final = pytest.param(
    "live",
    id="live",
    marks=[
        pytest.mark.live,
        pytest.mark.skipif(bool(_MISSING), reason=f"the real service needs {', '.join(_MISSING)}"),
    ],
)


ANSWERS: Final = pytest.StashKey[list[tuple[str, str, str]]]()
"""What was found out on the real service: the question, the answer, and the switch that makes the emulator answer alike."""


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker that says which switch belongs to an answer."""
    config.stash[ANSWERS] = []
    config.addinivalue_line("markers", "answers(switches): the switch of the emulator for each answer of a probe")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what was found out on the real service."""
    rows = config.stash[ANSWERS]
    if not rows:
        return
    terminalreporter.section("open questions, answered by the service")
    for line in table(("question", "answer", "switch"), rows):
        terminalreporter.write_line(line)
    chosen = dict.fromkeys(switch for _, _, switch in rows if switch)
    terminalreporter.write_line("")
    terminalreporter.write_line(" ".join(["reconciler emulator", *chosen]))


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows as a Markdown table whose columns are aligned."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [head, tuple("-" * width for width in widths), *rows]
    return [f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |" for line in lines]


@dataclass(frozen=True, kw_only=True)
class Target:
    """A service to ask. `caller` makes calls that `remote` would refuse; `scratch` is a model that may be changed."""

    endpoint: Endpoint
    remote: ClarifaiRemote
    caller: Caller
    scope: Scope
    scratch: Key | None

    @property
    def app(self) -> dict[str, Any]:
        """The beginning of a request's body."""
        return {"user_app_id": {"user_id": self.scope.user_id, "app_id": self.scope.app_id}}


def _target(endpoint: Endpoint, token: Token | None, scope: Scope, scratch_id: str, timing: Timing) -> Iterator[Target]:
    scratch = Key(user_id=scope.user_id, app_id=scope.app_id, model_id=scratch_id) if scratch_id else None
    caller = Caller(endpoint, token=token, root_certificates=None, timing=timing, scrubber=Scrubber())
    with ClarifaiRemote(endpoint, token=token, timing=timing) as remote:
        yield Target(endpoint=endpoint, remote=remote, caller=caller, scope=scope, scratch=scratch)
    caller.close()


@pytest.fixture
def switches() -> Switches:
    """How the emulator behaves; a test that is about one semantics variant parametrizes this."""
    return Switches()


@pytest.fixture(params=[EMULATOR, LIVE])
def target(request: pytest.FixtureRequest, switches: Switches) -> Iterator[Target]:
    """The service under test, connected."""
    if request.param == "live":
        endpoint = parse_endpoint(os.environ.get("CLARIFAI_API_BASE") or DEFAULT_ENDPOINT)
        scope = Scope(os.environ["CLARIFAI_TEST_USER"], os.environ["CLARIFAI_TEST_APP"])
        token = Token(os.environ["CLARIFAI_PAT"], source="CLARIFAI_PAT")
        yield from _target(endpoint, token, scope, os.environ.get("CLARIFAI_TEST_MODEL", ""), Timing(rate=5))
        return
    with Emulator(seed=SAMPLE, switches=switches, pat="contract-pat") as emulator:
        endpoint, token = parse_endpoint(emulator.url), Token("contract-pat")
        yield from _target(endpoint, token, Scope("me", "pets"), "petsID", Timing(rate=10_000))


@pytest.fixture
def scratch(target: Target) -> Key:
    """A model that may be changed."""
    if target.scratch is None:
        pytest.skip("writing to the real service needs CLARIFAI_TEST_MODEL, a model that is worth nothing")
    return target.scratch


@pytest.fixture
def found_out(
    request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> Callable[[str, str], None]:
    """Report the answer to an open question; what stands in brackets after it is detail."""

    def report(question: str, answer: str) -> None:
        record_property(question, answer)
        if request.node.get_closest_marker("live") is not None:
            marker = request.node.get_closest_marker("answers")
            switch = marker.args[0].get(answer.partition(" (")[0], "") if marker is not None else ""
            request.config.stash[ANSWERS].append((question, answer, switch))

    return report
