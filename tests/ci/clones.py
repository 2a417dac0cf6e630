"""A clone with manifests and a command line, and the snippets of the documentation that run in it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from reconciler.emulator.server import Emulator
from tests.ci.actions_runner import ROOT
from tests.ci.repositories import Repository

TEXT = "".join((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("ci.md", "ci-others.md"))
CONFIG = "apiVersion: reconciler/v1\nkind: Config\nuser_id: demo\napp_id: pets\n"
MANIFEST = "apiVersion: reconciler/v1\nkind: Model\nmetadata: {{id: petsID}}\nspec: {}\n"


def snippet(name: str) -> str:
    """The code block behind a comment with this name."""
    found = re.search(rf"<!-- {name} -->\n```\w+\n(.*?)```", TEXT, re.DOTALL)
    assert found is not None
    return found[1]


GIT = """if [[ "$1 $2" == "clone --quiet" && "$3" == https://github.com/* ]]; then
  mkdir -p "$4/scripts" && cp TOOLS/install.sh "$4/scripts" && touch "$4/.stub" && exit
fi
if [[ "$1" == -C && -e "$2/.stub" ]]; then [[ "$3 $4 $5" == "checkout --quiet COMMIT" ]]; exit; fi
exec REAL "$@\""""

INSTALL = """mkdir -p "$1/bin"
printf '#!/bin/bash\\nRUN\\n' > "$1/reconciler"
printf '#!/bin/bash\\nexec PYTHON "$@"\\n' > "$1/bin/python"
chmod +x "$1/reconciler" "$1/bin/python\""""


class Place:
    """A clone with manifests, and on the PATH `reconciler` and a git whose clone of this project installs the one under test."""

    def __init__(self, emulator: Emulator, folder: Path) -> None:
        self.emulator, self.folder = emulator, folder
        self.origin = origin = Repository(folder / "origin")
        self.base = origin.commit({"reconciler.yaml": CONFIG, "models/pets.yaml": MANIFEST.format("{}")})
        origin.commit({"models/pets.yaml": MANIFEST.format("{name: new}")})
        self.root = folder / "clone"
        origin.git("clone", "--quiet", str(origin.root), str(self.root))
        subprocess.run(["git", "update-ref", "refs/remotes/origin/main", self.base], cwd=self.root, check=True)
        self.bin = folder / "bin"
        self.bin.mkdir()
        run = f'exec {sys.executable} -m reconciler "$@"'
        self.command("reconciler", run)
        self.command("git", GIT.replace("REAL", str(shutil.which("git"))).replace("TOOLS", str(folder / "tools")))
        self.command("install.sh", INSTALL.replace("RUN", run).replace("PYTHON", sys.executable), folder / "tools")

    def command(self, name: str, text: str, folder: Path | None = None) -> None:
        """Put a script on the PATH, or into a folder."""
        path = (folder or self.bin) / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(0o755)

    def environ(self, **more: str) -> dict[str, str]:
        return {
            **os.environ,
            "CLARIFAI_API_BASE": self.emulator.url,
            "PYTHONPATH": str(ROOT),
            "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
            **more,
        }

    def run(self, command: list[str], environ: Mapping[str, str], cwd: Path | None = None) -> int:
        return self.printed(command, environ, cwd)[0]

    def printed(self, command: list[str], environ: Mapping[str, str], cwd: Path | None = None) -> tuple[int, str]:
        """The exit code, and all that was printed."""
        ran = subprocess.run(
            command, cwd=cwd or self.root, env=environ, capture_output=True, text=True, check=False, timeout=60
        )
        assert "Traceback" not in ran.stderr
        return ran.returncode, ran.stdout + ran.stderr


def checked(schema: str, text: str, folder: Path) -> None:
    """Hold a text against one of check-jsonschema's vendored schemas."""
    file = folder / "snippet.yml"
    file.write_text(text)
    options = ["--regex-variant", "nonunicode"] if schema == "vendor.azure-pipelines" else []
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *options, str(file)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
