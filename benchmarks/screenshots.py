"""Pictures of each page of `penchant serve`, light, dark, on a phone: python -m benchmarks.screenshots [--out FOLDER].

Wants the demo's results (make demo) and chromium. What is drawn is looked at by people; nothing is compared.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from playwright.sync_api import sync_playwright

PAGES = {
    "today": "/", "customers": "/customers", "crowd": "/crowd?c=stage:is:regular&c=amount_365d:at_least:100",
    "audience": "/audience", "plan": "/plan", "campaigns": "/campaigns", "campaign": "/campaigns/welcome-1",
    "lists": "/lists", "models": "/models", "data": "/data", "jobs": "/jobs",
}  # fmt: skip
LOOKS = {
    "light": (1200, "light", "en"),
    "dark": (1200, "dark", "en"),
    "phone": (390, "light", "en"),
    "zh": (1200, "light", "zh"),
}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
PORT = 8799


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--demo", type=Path, default=Path("out/demo"), help="the demo's folder")
    arguments.add_argument("--out", type=Path, default=Path("out/pictures"), help="where the pictures go")
    given = arguments.parse_args()
    command = [
        sys.executable,
        "-c",
        "from penchant.cli import main; main()",
        "--shop",
        str(given.demo / "penchant.toml"),
    ]
    command += ["serve", "--out", str(given.demo), "--store", str(given.demo / "mlruns"), "--port", str(PORT)]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        wait_until_it_answers()
        draw(given.out)
    finally:
        server.terminate()
        server.wait()


def wait_until_it_answers() -> None:
    for _ in range(200):
        try:
            urlopen(f"http://127.0.0.1:{PORT}/health").close()
        except URLError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit("the page did not start")


def draw(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for look, (width, scheme, locale) in LOOKS.items():
            viewport = {"width": width, "height": 900}
            page = browser.new_context(viewport=viewport, color_scheme=scheme, locale=locale).new_page()
            for name, path in PAGES.items():
                page.goto(f"http://127.0.0.1:{PORT}{path}")
                page.screenshot(path=out / f"{name}-{look}.png", full_page=True)
                print(out / f"{name}-{look}.png")
        browser.close()


if __name__ == "__main__":
    main()
