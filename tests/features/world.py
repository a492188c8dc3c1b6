"""A small shop with every table and every oddity: ties, same-day orders, states that change later, missing values."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

START, END = pd.Timestamp("2023-01-01"), pd.Timestamp("2024-03-01")
MOMENTS = (datetime(2023, 7, 1), datetime(2023, 10, 15, 13, 37, 11), datetime(2024, 1, 31))
KINDS = (
    "login", "content", "search", "view", "view", "view", "favorite", "cart", "order", "pay", "coupon_claim",
    "coupon_redeem", "register",
)  # fmt: skip
Tables = dict[str, pd.DataFrame]


def tables(seed: int = 0, n_customers: int = 60) -> Tables:
    """Return canonical tables of a shop whose customers range from none to many rows."""
    rng = np.random.default_rng(seed)
    people = np.array([f"c{number:03}" for number in range(n_customers)])
    weight = rng.pareto(1.0, n_customers) + 0.05
    weight[:5] = 0  # nothing is known of them but their registration
    items = _items(rng)
    return {
        "items": items,
        "orders": _orders(rng, people, weight / weight.sum(), items),
        "interactions": _interactions(rng, people, weight / weight.sum(), items),
        "customers": _customers(rng, people),
        "calendar": _calendar(),
        "campaigns": pd.DataFrame({"campaign_id": ["k1", "k2"], "channel": ["email", "sms"]}),
        "assignments": _assignments(rng, people),
        **_programmes(np.random.default_rng(seed + 1), people),
    }


def _programmes(rng: np.random.Generator, people: np.ndarray) -> Tables:
    said = pd.DataFrame({"customer_id": rng.choice(people, 200), "at": times(rng, 200)})
    said["kind"] = rng.choice(["review", "complaint", "complaint", "chat", "return"], 200)
    said["rating"] = np.where(said["kind"] == "review", rng.integers(1, 6, 200).astype(float), np.nan)
    said["closed_at"] = _later(rng, said["at"], 30, 0.6)
    members = pd.DataFrame({"customer_id": rng.choice(people, 80), "starts_at": times(rng, 80)})
    members["level"] = rng.choice(["silver", "gold"], 80)
    members["ends_at"] = _later(rng, members["starts_at"], 200, 0.5)
    points = pd.DataFrame({"customer_id": rng.choice(people, 400), "at": times(rng, 400)})
    points["points"] = rng.integers(-50, 100, 400).astype(float)
    referred = pd.DataFrame({"customer_id": rng.choice(people, 40), "at": times(rng, 40)})
    referred["referred_id"] = rng.choice(people, 40)
    return {"feedback": said, "memberships": members, "points": points, "referrals": referred}


def times(rng: np.random.Generator, n: int, whole_days: float = 0.2) -> pd.Series:
    """Return random instants; some at midnight exactly, as many systems write them."""
    at = START + pd.to_timedelta(rng.integers(0, int((END - START).total_seconds() * 1e6), n), unit="us")
    return pd.Series(np.where(rng.random(n) < whole_days, at.floor("D"), at)).astype("datetime64[us]")


def _later(rng: np.random.Generator, at: pd.Series, days: float, share: float) -> pd.Series:
    late = at + pd.to_timedelta((rng.exponential(days, len(at)) * 86_400e6).astype("int64"), unit="us")
    return late.where(rng.random(len(at)) < share).astype("datetime64[us]")


def _items(rng: np.random.Generator) -> pd.DataFrame:
    n = 40
    return pd.DataFrame(
        {
            "item_id": [f"i{number:02}" for number in range(n)],
            "category_id": rng.choice(["tea", "cups", "books", None], n, p=[0.5, 0.25, 0.2, 0.05]),
            "list_price": rng.integers(200, 9_000, n),
            "unit_cost": rng.integers(100, 5_000, n),
        }
    )


def _orders(rng: np.random.Generator, people: np.ndarray, weight: np.ndarray, items: pd.DataFrame) -> pd.DataFrame:
    n_orders = 700
    orders = pd.DataFrame({"customer_id": rng.choice(people, n_orders, p=weight), "ordered_at": times(rng, n_orders)})
    orders["order_id"] = [f"o{number}" for number in range(n_orders)]
    orders["paid_at"] = _later(rng, orders["ordered_at"], 2, 0.85)
    orders["cancelled_at"] = _later(rng, orders["ordered_at"], 20, 0.07)
    orders["refunded_at"] = _later(rng, orders["ordered_at"], 40, 0.07)
    lines = orders.loc[orders.index.repeat(rng.integers(1, 4, n_orders))].reset_index(drop=True)
    chosen = items.iloc[rng.integers(0, len(items), len(lines))].reset_index(drop=True)
    lines["item_id"] = chosen["item_id"]
    lines["quantity"] = rng.integers(1, 4, len(lines)).astype(float)
    lines["list_amount"] = (chosen["list_price"] * lines["quantity"]).astype("int64")
    lines["discount"] = (lines["list_amount"] * rng.choice([0, 0, 0.1, 0.3], len(lines))).astype("int64")
    lines["amount"] = lines["list_amount"] - lines["discount"]
    lines["freight"] = rng.choice([0, 0, 490], len(lines))
    lines["coupon_id"] = rng.choice(["q", None], len(lines), p=[0.2, 0.8])
    return lines


def _interactions(
    rng: np.random.Generator, people: np.ndarray, weight: np.ndarray, items: pd.DataFrame
) -> pd.DataFrame:
    n = 4_000
    chosen = items.iloc[rng.integers(0, len(items), n)].reset_index(drop=True)
    return pd.DataFrame(
        {
            "customer_id": rng.choice(people, n, p=weight),
            "occurred_at": times(rng, n),
            "kind": rng.choice(KINDS, n),
            "item_id": chosen["item_id"].where(rng.random(n) < 0.8),
            "price": chosen["list_price"].where(rng.random(n) < 0.9).astype("Int64"),
            "channel": rng.choice(["web", "app", None], n),
            "dwell_seconds": np.where(rng.random(n) < 0.3, np.nan, rng.exponential(40, n).round(1)),
        }
    )


def _customers(rng: np.random.Generator, people: np.ndarray) -> pd.DataFrame:
    n = len(people)
    return pd.DataFrame(
        {
            "customer_id": people,
            "registered_at": times(rng, n).where(rng.random(n) < 0.9),
            "gender": rng.choice(["f", "m", None], n),
            "birth_year": pd.array(np.where(rng.random(n) < 0.1, 0, rng.integers(1940, 2005, n)), dtype="Int64"),
            "region": rng.choice(["north", "south", None], n),
            "acquisition_channel": rng.choice(["ads", "friends"], n),
            "consent_email": rng.random(n) < 0.7,
            "shoe_size": rng.integers(35, 48, n),
        }
    )


def _calendar() -> pd.DataFrame:
    rows = [
        ("spring sale", "2023-03-10", "2023-03-20", "promotion"),
        ("week of spring sale", "2023-03-15", "2023-03-25", "promotion"),
        ("new year", "2024-01-01", "2024-01-02", "holiday"),
        ("midsummer", "2023-06-23 04:00", "2023-06-25", "holiday"),
        ("autumn sale", "2023-10-10", "2023-10-30", "promotion"),
        ("summer sale", "2024-06-10", "2024-06-30", "promotion"),
    ]
    calendar = pd.DataFrame(rows, columns=["name", "starts_at", "ends_at", "kind"])
    for column in ("starts_at", "ends_at"):
        calendar[column] = pd.to_datetime(calendar[column], format="ISO8601").astype("datetime64[us]")
    return calendar


def _assignments(rng: np.random.Generator, people: np.ndarray) -> pd.DataFrame:
    frames = []
    for wave, (campaign, day) in enumerate([("k1", "2023-05-01"), ("k2", "2023-08-10"), ("k1", "2023-10-10")], 1):
        at = pd.Series(pd.Timestamp(day), index=range(len(people))).astype("datetime64[us]")
        contacted = _later(rng, at, 0.5, 0.6)
        frames.append(
            pd.DataFrame(
                {
                    "campaign_id": campaign,
                    "customer_id": people,
                    "arm": np.where(contacted.notna(), "coupon", "control"),
                    "assigned_at": at,
                    "wave": wave,
                    "contacted_at": contacted,
                    "opened_at": _later(rng, contacted, 3, 0.5),
                    "clicked_at": _later(rng, contacted, 6, 0.3),
                    "redeemed_at": _later(rng, contacted, 20, 0.2),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)
