"""The page under load: python -m benchmarks.web [--json] [--customers 1000000] [--clients 50] [--seconds 20].

Results of a made-up shop are written as `penchant prepare` and `penchant score` write them, the page is started as
a process of its own, and clients ask for single customers and pages at once, for a bounded time. The floor of the
same run is the page's own /health under the same load: what HTTP costs here without any work.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from http.client import HTTPConnection
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

PORT = 8798
PAGES = ("/", "/customers", "/lists", "/campaigns", "/crowd?c=stage:is:loyal")
STAGES = ("stranger", "prospect", "lead", "new", "regular", "loyal", "semi_active", "silent", "churned")
PEAK = "VmHWM"


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--json", action="store_true")
    asked.add_argument("--customers", type=int, default=1_000_000)
    asked.add_argument("--clients", type=int, default=50)
    asked.add_argument("--seconds", type=float, default=20.0)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measured(Path(folder), given.customers, given.clients, given.seconds)
    aims = [
        aim("one customer, p95 ms", found["customer_p95_ms"], 20.0),
        aim("pages, p95 ms", found["page_p95_ms"], 300.0),
        aim("start, s", found["start_s"], 3.0),
        aim("peak memory, MB", found["peak_mb"], 600.0),
    ]
    if given.json:
        print(json.dumps({**found, "aims": aims}))
        return
    for name, value in found.items():
        print(f"{name:20s} {value:,.1f}")
    for one in aims:
        print(f"{'met   ' if one['met'] else 'MISSED'} {one['name']}: {one['value']:,.1f} (aim {one['aim']:,.0f})")


def aim(name: str, value: float, most: float) -> dict[str, object]:
    return {"name": name, "value": value, "aim": most, "met": value <= most}


def measured(folder: Path, n: int, clients: int, seconds: float) -> dict[str, float]:
    write_results(folder, n)
    started = time.perf_counter()
    command = [sys.executable, "-c", "from penchant.cli import main; main()", "--shop", str(folder / "penchant.toml")]
    command += ["--data", str(folder), "serve", "--out", str(folder / "out"), "--port", str(PORT)]
    command += ["--requests-per-minute", "10000000"]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=folder)
    try:
        while not is_up():
            time.sleep(0.05)
        start = time.perf_counter() - started
        ids = [f"c{number:08d}" for number in np.random.default_rng(0).integers(0, n, 2000)]
        alone = load([f"/api/v1/customers/{one}" for one in ids], 1, seconds / 4, pause=0.0)
        floor = load(["/health"], clients, seconds / 4)
        customers = load([f"/api/v1/customers/{one}" for one in ids], clients, seconds / 4)
        pages = load(PAGES, clients, seconds / 4)
        peak = peak_mb(server.pid)
    finally:
        server.terminate()
        server.wait()
    return {
        "customers": float(n), "clients": float(clients), "start_s": start, "peak_mb": peak,
        "customer_alone_p95_ms": p95(alone), "customer_p95_ms": p95(customers), "page_p95_ms": p95(pages),
        "floor_p95_ms": p95(floor), "asked": float(len(customers)),
    }  # fmt: skip


def write_results(folder: Path, n: int) -> None:
    dice = np.random.default_rng(0)
    ready, score = folder / "out" / "web" / "ready", folder / "out" / "score"
    ready.mkdir(parents=True)
    score.mkdir(parents=True)
    ids = pa.array([f"c{number:08d}" for number in range(n)])
    stage = pa.array(np.array(STAGES)[dice.integers(0, len(STAGES), n)]).dictionary_encode().cast(pa.string())
    amount = dice.gamma(2.0, 50.0, n).round(2)
    signals = {
        "days_since_last_purchase": dice.integers(0, 700, n),
        "n_purchases": dice.integers(0, 20, n),
        "amount_365d": amount,
    }
    rows = pa.table({"customer_id": ids, "stage": stage, **signals, "in_interest": dice.integers(0, 2, n)})
    pq.write_table(rows, ready / "customers.parquet", row_group_size=2_048)
    times = pa.array(np.datetime64("2025-01-01", "us") + dice.integers(0, 10**12, n))
    events = {"at": times, "what": pa.array(["order"] * n), "name": ids, "amount": amount}
    pq.write_table(pa.table({"customer_id": ids, **events}), ready / "timeline.parquet", row_group_size=2_048)
    risk = {"churn_probability": dice.random(n), "band": pa.array(["high"] * n), "expected_value_at_risk": amount}
    risk |= {f"reason_{number}": pa.array(["has not bought for long"] * n) for number in (1, 2, 3)}
    pq.write_table(pa.table({"customer_id": ids, **risk}), score / "churn.parquet", row_group_size=2_048)
    told = {"n_customers": n, "bands": {"high": n}, "horizon_days": 90}
    manifest = {"as_of": "2025-11-01T00:00:00", "tasks": {"churn": told}, "files": []}
    (score / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    month = {"n_orders": 10, "n_buyers": 9, "revenue": 100.0, "is_unfinished": False}
    months = [{"month": f"2025-{number:02d}", **month} for number in range(1, 11)]
    overview = {"as_of": manifest["as_of"], "n_customers": n, "left_out": {}, "months": months}
    (ready / "overview.json").write_text(json.dumps(overview), encoding="utf-8")
    traits = {"stage": {name: int((stage.to_numpy(False) == name).sum()) for name in STAGES}}
    (ready / "traits.json").write_text(json.dumps(traits), encoding="utf-8")
    counts = [{"stage": name, "n_customers": n // 9, "share": 1 / 9} for name in STAGES]
    stages = {"as_of": manifest["as_of"], "n_customers": n, "stages": [*counts, {"stage": "all", "n_customers": n}]}
    (ready / "stages.json").write_text(json.dumps(stages), encoding="utf-8")
    (ready / "manifest.json").write_text("{}", encoding="utf-8")
    (folder / "penchant.toml").write_text('[shop]\nname = "large"\n', encoding="utf-8")


def is_up() -> bool:
    try:
        return ask(HTTPConnection("127.0.0.1", PORT, timeout=5), "/health") > 0
    except OSError:
        return False


def load(paths: Sequence[str], clients: int, seconds: float, pause: float = 1.0) -> list[float]:
    """Return the milliseconds of each answer to clients that ask, read what came for a second, and ask again."""
    until, found = time.perf_counter() + seconds, []

    def client(number: int) -> None:
        connection = HTTPConnection("127.0.0.1", PORT, timeout=30)
        turn = number * 37
        time.sleep(pause * number / max(clients, 1))
        while time.perf_counter() < until:
            found.append(ask(connection, paths[turn % len(paths)]))
            turn += 1
            time.sleep(pause)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def ask(connection: HTTPConnection, path: str) -> float:
    started = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status}")
    return 1000 * (time.perf_counter() - started)


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1] if len(values) > 1 else float("nan")


def peak_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(PEAK))


if __name__ == "__main__":
    main()
