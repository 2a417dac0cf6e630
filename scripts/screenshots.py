"""Creates the images in docs/images from a run against the built-in emulator: `python scripts/screenshots.py`.

plan.svg shows what `plan` prints on a terminal. report.png shows the HTML report in Debian's Chromium; without Chromium it is
skipped with a note. Requires the development tools, which `make lint` installs.
"""

from __future__ import annotations

import base64
import html
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
COLUMNS = 100
LETTER, LINE, MARGIN = 8.4, 20, 16
STYLES = {
    "1": "font-weight: bold",
    "2": "fill: #8b8b8b",
    "31": "fill: #f48771",
    "32": "fill: #89d185",
    "33": "fill: #e2c08d",
}
"""The CSS for the codes that report/text.py writes (ECMA-48, "Select Graphic Rendition")."""

sys.path.insert(0, str(ROOT))


def planned(folder: Path, *options: str) -> str:
    """Return what `plan` prints for the examples in `folder`, with a new emulator."""
    command = [sys.executable, "-m", "reconciler", "plan", "examples/manifests", "--endpoint", "embedded", *options]
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("CLARIFAI_", "GITHUB_", "NO_COLOR"))
    }
    done = subprocess.run(
        command, cwd=folder, env={**environ, "COLUMNS": str(COLUMNS)}, capture_output=True, encoding="utf-8", check=True
    )
    return done.stdout


def terminal_picture(text: str, path: Path) -> None:
    """Write colored text as an SVG image of a terminal."""
    lines = ["$ reconciler plan examples/manifests", *text.rstrip("\n").split("\n")]
    width, height = COLUMNS * LETTER + 2 * MARGIN, len(lines) * LINE + 2 * MARGIN
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="reconciler plan">',
        f'<style>text {{ font: {LINE * 0.7:g}px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #d4d4d4; white-space: pre }}',
        *(f".s{code} {{ {style} }}" for code, style in STYLES.items()),
        "</style>",
        f'<rect width="{width:g}" height="{height:g}" rx="8" fill="#1e1e1e"/>',
    ]
    for number, line in enumerate(lines, 1):
        column = 0
        for code, piece in pieces(line):
            # Each piece has its own position, because browsers differ in the width of a character.
            where = f'x="{MARGIN + column * LETTER:g}" y="{MARGIN + number * LINE - LINE / 4:g}"'
            length = f'textLength="{len(piece) * LETTER:g}"'
            written = html.escape(piece).replace(" ", "&#160;")
            drawn.append(f'<text {where} {length} class="s{code}">{written}</text>')
            column += len(piece)
    path.write_text("\n".join([*drawn, "</svg>"]) + "\n", encoding="utf-8")


def pieces(line: str) -> Iterator[tuple[str, str]]:
    """Yield the parts of a line that have the same style, each with the code of its style ("0" for none)."""
    code = "0"
    for index, piece in enumerate(re.split(r"\x1b\[(\d+)m", line)):
        if index % 2:
            code = piece
        elif piece:
            yield code, piece


def page_picture(page: str, path: Path) -> None:
    """Write an image of an HTML page in a browser."""
    from tests.browser.chromium import browser, missing

    if reason := missing():
        print(f"{path.name} was not updated: {reason}", file=sys.stderr)
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
    """Create both images."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        shutil.copytree(ROOT / "examples", folder / "examples")
        terminal_picture(planned(folder, "--color", "always"), IMAGES / "plan.svg")
        page_picture(planned(folder, "--format", "html"), IMAGES / "report.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
