"""Pictures of each page of `penchant serve`, light, dark, on a phone: python -m benchmarks.screenshots [--out FOLDER].

Wants the demo's results (make demo) and chromium. What is drawn is looked at by people; nothing is compared.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from playwright.sync_api import sync_playwright

PAGES = {
    "today": "/", "customers": "/customers", "crowd": "/crowd?c=stage:is:regular&c=amount_365d:at_least:100&add=stage",
    "goals": "/audience?goal=second", "plan": "/plan", "campaigns": "/campaigns", "campaign": "/campaigns/welcome-1",
    "lists": "/lists", "models": "/models", "data": "/data", "jobs": "/jobs",
}  # fmt: skip
WORK = {  # what a person asks for -> what the picture of its result is called
    "audience": {"goal": "second", "dry_run": "yes", "size": "500"},
    "allocation": {"file": "new_year.toml"},
}
LOOKS = {
    "light": (1200, "light", "en"),
    "dark": (1200, "dark", "en"),
    "phone": (390, "light", "en"),
    "zh": (1200, "light", "zh"),
}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
PORT = 8799
ADDRESS = f"http://127.0.0.1:{PORT}"


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
        draw(given.out, {**PAGES, **results_of_work(), **first_customer()})
    finally:
        server.terminate()
        server.wait()


def wait_until_it_answers() -> None:
    for _ in range(200):
        try:
            urlopen(f"{ADDRESS}/health").close()
        except URLError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit("the page did not start")


def results_of_work() -> dict[str, str]:
    """Have an audience and a plan tried, and return where the results are shown."""
    found = {}
    for name, fields in WORK.items():
        kind = "plan" if "file" in fields else "audience"
        moments = told("audience")["moments"]
        asked = fields if kind == "plan" else {**fields, "as_of": moments[0][:10]}
        request = Request(f"{ADDRESS}/api/v1/jobs", json.dumps({"kind": kind, "fields": asked}).encode())
        request.add_header("Content-Type", "application/json")
        try:
            job = json.load(urlopen(request))["id"]
        except HTTPError as fault:
            print(f"{name}: {fault.read().decode()}", file=sys.stderr)
            continue
        for _ in range(300):
            if told(f"jobs/{job}")["state"] not in ("queued", "running"):
                break
            time.sleep(0.5)
        found[name] = f"/jobs/{job}"
    return found


def first_customer() -> dict[str, str]:
    rows = told("lists?limit=1")["rows"]
    return {"customer": f"/customers/{rows[0]['customer_id']}"} if rows else {}


def told(page: str) -> Any:
    with urlopen(f"{ADDRESS}/api/v1/{page}") as answer:
        return json.load(answer)


def draw(out: Path, pages: Mapping[str, str]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for look, (width, scheme, locale) in LOOKS.items():
            viewport = {"width": width, "height": 900}
            page = browser.new_context(viewport=viewport, color_scheme=scheme, locale=locale).new_page()
            for name, path in pages.items():
                page.goto(f"{ADDRESS}{path}")
                page.screenshot(path=out / f"{name}-{look}.png", full_page=True)
                print(out / f"{name}-{look}.png")
        browser.close()


if __name__ == "__main__":
    main()
