"""Takes the pictures in docs/images from a real run against the built-in emulator.

    python scripts/screenshots.py

plan.svg is the terminal's text as `plan` prints it there, report.png the HTML page in Debian's Chromium (skipped, and said,
where there is none). Wants the development tools (`make lint` installs them).
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
COLUMNS = 100

sys.path.insert(0, str(ROOT))


def planned(folder: Path, *options: str) -> str:
    """What `plan` prints for the examples, in a fresh folder with a fresh emulator."""
    command = [sys.executable, "-m", "reconciler", "plan", "examples/manifests", "--endpoint", "embedded", *options]
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("CLARIFAI_", "GITHUB_", "NO_COLOR"))
    }
    done = subprocess.run(
        command, cwd=folder, env={**environ, "COLUMNS": str(COLUMNS)}, capture_output=True, encoding="utf-8", check=True
    )
    return done.stdout


def terminal_picture(text: str, path: Path) -> None:
    """Write coloured text as an SVG picture of a terminal."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True)
        console.print(Text.from_ansi("$ reconciler plan examples/manifests\n" + text.rstrip("\n")))
    bare = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)  # no font from elsewhere
    svg = console.export_svg(title="reconciler plan", code_format=bare, unique_id="plan")
    path.write_text(svg.replace("\u00a0", "&#160;") + "\n", encoding="utf-8")


def page_picture(page: str, path: Path) -> None:
    """Write an HTML page as a browser shows it."""
    from tests.browser.chromium import browser, missing

    if reason := missing():
        print(f"{path.name} is left as it is: {reason}", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "report.html"
        file.write_text(page, encoding="utf-8")
        with browser(Path(scratch) / "profile", width=1100, height=900) as driver:
            driver.get(file.as_uri())
            height = driver.execute_script("return document.documentElement.scrollHeight")
            clip = {"x": 0, "y": 0, "width": 1100, "height": min(height, 900), "scale": 1}
            taken = driver.execute_cdp_cmd("Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True})
        path.write_bytes(base64.b64decode(taken["data"]))


def main() -> int:
    """Take both pictures."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        shutil.copytree(ROOT / "examples", folder / "examples")
        terminal_picture(planned(folder, "--color", "always"), IMAGES / "plan.svg")
        page_picture(planned(folder, "--format", "html"), IMAGES / "report.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
