"""What running the command gives back, for the tests that run it; the fixtures themselves are in conftest.py."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class CliResult:
    """The whole outcome of one command line."""

    exit_code: int
    stdout: str
    stderr: str

    def document(self) -> Any:
        """Standard output read as one JSON document."""
        return json.loads(self.stdout)


class RunCli(Protocol):
    """Runs `reconciler ARGS...`; `env` is added to the test's own environment, `stdin` is the text on standard input."""

    def __call__(
        self, *args: str | Path, env: Mapping[str, str] | None = None, stdin: str = "", cwd: Path | None = None
    ) -> CliResult:
        """Give the exit code and both outputs, whatever happens."""
        ...
