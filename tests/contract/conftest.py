"""The two targets of the contract tests: the emulator always, the real service when its credentials are there.

    CLARIFAI_PAT           a personal access token
    CLARIFAI_TEST_USER     whose app it is ("me" will do)
    CLARIFAI_TEST_APP      an app that is there for tests; it is only read
    CLARIFAI_TEST_MODEL    a model of that app that may be changed and is worth nothing; without it nothing is written
    CLARIFAI_API_BASE      another endpoint than the public one

What a probe finds out about an open question is shown by `pytest -rA` and in the properties of a --junit-xml report.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
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
    """How the emulator behaves; a test that is about one reading parametrizes this."""
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
def found_out(record_property: Callable[[str, object], None]) -> Callable[[str, str], None]:
    """Tell the answer to an open question."""

    def tell(question: str, answer: str) -> None:
        record_property(question, answer)
        print(f"{question}: {answer}")  # noqa: T201

    return tell
