"""Take the pictures under docs/images: mail and pages on three widths, by day and by night.

``python -m tests.browser.pictures FOLDER [PLACE]`` serves the last issue of a place (by default a
fresh one with the bundled invented day) and photographs what readers see, images off. Small: the
pictures are of text, so 64 colours do.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from newsletter.config import load
from newsletter.newsroom import open_newsroom
from newsletter.web.app import create_app
from tests.cli.conftest import run_newsletter
from tests.web.serving import served

WIDTHS = (390, 700, 1280)
SCHEMES = ("light", "dark")
TALLEST = 2_400


def main(folder: Path, place: Path) -> None:
    """Serve the place and photograph its pages."""
    folder.mkdir(parents=True, exist_ok=True)
    room = open_newsroom(load(place / "config.toml"))
    content = room.issues.revision(room.issues.find("latest")).content
    slug = content.stories[0].slug
    paths = {
        "front": "/",
        "issue": f"/issues/{content.day.isoformat()}",
        "story": f"/stories/{slug}",
        "archive": "/issues",
        "corrections": "/corrections",
        "method": "/method",
        "report": f"/stories/{slug}/report",
        "missing": "/stories/no-such-story",
    }
    only = os.environ.get("PICTURES", "").split()
    with served(create_app(room)) as client, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for name, path in paths.items():
            if not only or name in only:
                photograph(browser, f"http://127.0.0.1:{client.port}{path}", folder, name)
        browser.close()
    room.close()


def photograph(browser: Browser, url: str, folder: Path, name: str) -> None:
    """One page on every width, by day and by night, with no image loaded."""
    for scheme in SCHEMES:
        for width in WIDTHS:
            tab = browser.new_page(
                viewport={"width": width, "height": 800},
                color_scheme="dark" if scheme == "dark" else "light",
            )
            tab.route("**/*.{png,jpg,gif,webp}", lambda route: route.abort())
            tab.goto(url)
            wide = tab.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                sys.stdout.write(f"{name} at {width}: {wide - width} px wider than the screen\n")
            raw = tab.screenshot(full_page=True)
            tab.close()
            taken = Image.open(io.BytesIO(raw))
            image = taken.crop((0, 0, taken.width, min(taken.height, TALLEST))).convert("RGB")
            image.quantize(64, dither=Image.Dither.NONE).save(
                folder / f"{name}-{width}-{scheme}.png", optimize=True
            )


def invented() -> Path:
    """A fresh place with the bundled day, sent."""
    folder = Path(tempfile.mkdtemp()) / "place"
    run_newsletter("init", folder, cwd=folder.parent)
    said = run_newsletter(
        "today", "--sample", "--approve", "--send", "--by", "Ada Brook", cwd=folder
    )
    sys.stdout.write(said.out + said.err)
    return folder


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else invented())
