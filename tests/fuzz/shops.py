"""Shops of which everything is known, written as shops write them: in any form, with rows that are none among them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import strategies as st

HEADERS = {
    "customer_id": ("customer_id", "Customer ID", "user_id", "Kundennummer", "client_id"),
    "ordered_at": ("ordered_at", "Order Date", "created_at", "Bestelldatum", "order_time"),
    "amount": ("amount", "Total", "Betrag", "price_paid", "Line Total"),
    "order_id": ("order_id", "Order No", "Bestellnummer", "invoice"),
}
IDS: dict[str, Callable[[int], str]] = {
    "numbers": lambda n: str(10_000 + n),
    "letters": lambda n: f"c{n}",
    "mail": lambda n: f"kim.{n}@example.org",
    "padded": lambda n: f"{n:08}",
    "accents": lambda n: f"Zoë Müller {n}",
    "chinese": lambda n: f"顾客{n}",
    "formula": lambda n: f"=cmd|{n}",
    "quoted": lambda n: f'it\'s "{n}"',
    "long": lambda n: f"{10**17 + n}",
    "sql": lambda n: f"x'); drop table orders;--{n}",
}
TIMES = {
    "iso": "%Y-%m-%d %H:%M:%S",
    "t": "%Y-%m-%dT%H:%M:%SZ",
    "german": "%d.%m.%Y %H:%M",
    "american": "%m/%d/%Y %H:%M",
    "day": "%Y-%m-%d",
    "compact": "%Y%m%d",
}
MONEY: dict[str, Callable[[int], str]] = {
    "point": lambda cents: f"{cents / 100:.2f}",
    "comma": lambda cents: f"{cents / 100:.2f}".replace(".", ","),
    "thousands": lambda cents: f"{cents / 100:,.2f}",
    "euro": lambda cents: f"{cents / 100:.2f} €",
    "dollar": lambda cents: f"${cents / 100:,.2f}",
}
BAD_TIMES = ("", "n/a", "00.00.0000", "soon", "2024-13-45", "NULL")
MORE = {
    "note": ("", "😀", "a;b,c\td", 'say "hi"', "line\nbreak", "=1+1", "null"),
    "status_text": ("ok", "open", ""),
    "Unnamed: 7": ("", "0"),
}


@dataclass(frozen=True)
class KnownShop:
    """A shop's orders as they are, and how they are written.

    Parameters
    ----------
    rows
        customer_id, ordered_at, cents, order_id: one good row for each order.
    n_bad
        How many rows beside them have no customer or no time; they are worth nothing.
    written
        What each column is called and how its values, the file and its signs are written.
    """

    rows: pd.DataFrame = field(repr=False)
    n_bad: int
    seed: int
    written: dict[str, str]

    def write(self, folder: Path) -> None:
        """Write the file of orders."""
        frame = self._as_written()
        how, name = self.written["file"], "orders"
        if how == "parquet":
            frame.to_parquet(folder / f"{name}.parquet")
        elif how == "json":
            lines = [json.dumps(row, ensure_ascii=False) for row in frame.to_dict("records")]
            (folder / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
        else:
            text = frame.to_csv(index=False, sep=self.written["separator"], lineterminator=self.written["line"])
            (folder / f"{name}.csv").write_bytes(text.encode(self.written["encoding"], errors="replace"))

    def _as_written(self) -> pd.DataFrame:
        rng, rows = np.random.default_rng(self.seed), self.rows
        columns = {
            "order_id": list(rows["order_id"]),
            "customer_id": list(rows["customer_id"]),
            "ordered_at": list(rows["ordered_at"].dt.strftime(TIMES[self.written["time"]])),
            "amount": [MONEY[self.written["money"]](cents) for cents in rows["cents"]],
        }
        for number in range(self.n_bad):
            has_time = bool(rng.integers(2))
            columns["order_id"].append(f"bad{number}")
            columns["customer_id"].append("" if has_time else columns["customer_id"][0])
            columns["ordered_at"].append(columns["ordered_at"][0] if has_time else str(rng.choice(BAD_TIMES)))
            columns["amount"].append(MONEY[self.written["money"]](0))
        if self.written["orders"] == "no":
            del columns["order_id"]
        frame = pd.DataFrame({self.written[f"column {name}"]: values for name, values in columns.items()})
        if self.written["more"] == "yes":
            for name, values in MORE.items():
                frame[name] = rng.choice(values, len(frame))
        return frame.sample(frac=1, random_state=self.seed).reset_index(drop=True)


@st.composite
def known_shops(draw: st.DrawFn) -> KnownShop:
    """Return a shop of some hundred orders, whoever wrote it down."""
    seed = draw(st.integers(0, 2**20))
    rng, n_orders = np.random.default_rng(seed), draw(st.integers(60, 400))
    n_customers = draw(st.integers(5, n_orders // 3))
    name_of = IDS[draw(st.sampled_from(sorted(IDS)))]
    written = {
        "file": draw(st.sampled_from(["csv", "csv", "csv", "json", "parquet"])),
        "separator": draw(st.sampled_from([",", ";", "\t", "|"])),
        "line": draw(st.sampled_from(["\n", "\r\n"])),
        "encoding": draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])),
        "time": draw(st.sampled_from(sorted(TIMES))),
        "money": draw(st.sampled_from(sorted(MONEY))),
        "orders": draw(st.sampled_from(["yes", "no"])),
        "more": draw(st.sampled_from(["yes", "no"])),
        **{f"column {name}": draw(st.sampled_from(names)) for name, names in HEADERS.items()},
    }
    minutes = rng.choice(900 * 24 * 60, n_orders, replace=False)
    at = pd.Timestamp("2023-01-01") + pd.to_timedelta(np.sort(minutes), unit="min")
    rows = pd.DataFrame(
        {
            "customer_id": [name_of(n) for n in rng.integers(0, n_customers, n_orders)],
            "ordered_at": at.floor("D") if written["time"] in ("day", "compact") else at,
            "cents": rng.gamma(1.5, 4_000, n_orders).astype(int) + 1,
            "order_id": [f"o{number}" for number in range(n_orders)],
        }
    )
    return KnownShop(rows, draw(st.integers(0, n_orders // 10)), seed, written)
