#!/usr/bin/env python
"""Take the pictures of docs/mlflow.md: open a study in MLflow's interface with Chromium and photograph it.

Usage: scripts/mlflow_screenshots.py [tracking URI] [study] [folder]
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from embexp.config import TrackingConfig
from embexp.tracking.address import resolve_address
from embexp.tracking.serve import open_server, study_address

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
FLAGS += ["--disable-background-networking", "--disable-component-update"]
SIZE = {"width": 1300, "height": 860}
SETTLE = 3000  # milliseconds that Plotly needs after its first line is there


def main() -> None:
    """Take all pictures."""
    uri, study, target = [*sys.argv[1:], None, None, None][:3]
    folder = Path(target or "docs/images")
    folder.mkdir(parents=True, exist_ok=True)
    with open_server(resolve_address(TrackingConfig(uri=uri))) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport=SIZE)
        address = study_address(server, study)
        curve = ".js-plotly-plot .scatterlayer .trace"
        photograph(page, address, curve, folder / "mlflow-learning-curves.png")
        photograph(page, address.replace("-curves", "-grouped"), curve, folder / "mlflow-cells.png")
        parallel = address.replace("-curves", "-parallel")
        photograph(page, parallel, "svg text:has-text('train_size')", folder / "mlflow-parallel.png")
        page.goto(address)
        page.get_by_role("link", name="study ").first.click()
        page.get_by_text("Show more").first.click()
        take(page, folder / "mlflow-study.png")


def photograph(page: Any, address: str, awaited: str, path: Path) -> None:
    """Open an address, wait for an element, and take a picture."""
    page.goto("about:blank")  # the address differs behind the # only, which loads nothing anew
    page.goto(address)
    page.locator(awaited).first.wait_for(state="attached", timeout=60_000)
    take(page, path)


def take(page: Any, path: Path) -> None:
    """Take a picture in few colours, which keeps it small."""
    page.wait_for_timeout(SETTLE)
    while page.locator("[aria-label=Close]").count():
        page.locator("[aria-label=Close]").first.click()
        page.wait_for_timeout(SETTLE)
    picture = Image.open(io.BytesIO(page.screenshot()))
    picture.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size // 1024} kB")


if __name__ == "__main__":
    main()
