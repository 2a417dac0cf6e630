"""A pytest plugin: the fixture `clarifai_emulator`, an emulated service for the tests of anybody's pipeline.

In: the marker `clarifai_emulator`, whose arguments are those of `Emulator`. Out: a running emulator for one test, to which
Clarifai's environment variables lead: the `clarifai` SDK, its command line and `reconciler` use it without another setting.
pytest finds the plugin by its entry point; the emulator is imported by tests that use it alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from reconciler.emulator.server import Emulator

TOKEN: Final = "emulator-token"
UNSET: Final = ("CLARIFAI_ROOT_CERTIFICATES_PATH", "CLARIFAI_SESSION_TOKEN", "CLARIFAI_UI")
"""Settings of the person who runs the tests that would lead elsewhere."""


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers",
        "clarifai_emulator(seed=…, switches=…, …): the arguments of the Emulator that the fixture of that name starts",
    )


@pytest.fixture
def clarifai_emulator(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """An emulated Clarifai service for one test; without a marker, with the sample app (user demo, app pets).

    Sets CLARIFAI_API_BASE and CLARIFAI_PAT, and CLARIFAI_USER_ID and CLARIFAI_APP_ID where the seed has one app. REST is
    served too (`rest_url`). `calls` has what reached the service, `snapshot()` what it holds, `switches` can be set.
    """
    from reconciler.emulator.sample import SAMPLE
    from reconciler.emulator.server import Emulator

    marker = request.node.get_closest_marker("clarifai_emulator")
    options = {"seed": SAMPLE, "pat": TOKEN, "rest_port": 0, **(marker.kwargs if marker is not None else {})}
    with Emulator(**options) as emulator:
        for name in UNSET:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("CLARIFAI_API_BASE", emulator.url)
        monkeypatch.setenv("CLARIFAI_PAT", options["pat"] or TOKEN)
        apps = emulator.snapshot()["apps"]
        if len(apps) == 1:
            monkeypatch.setenv("CLARIFAI_USER_ID", apps[0]["user_id"])
            monkeypatch.setenv("CLARIFAI_APP_ID", apps[0]["app_id"])
        yield emulator
