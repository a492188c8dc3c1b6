"""What an owner knows by heart of a shop, from what `init` proposes for its files and `check` accepts of them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from penchant.config import Config, read_config
from penchant.features.intake.check import check
from penchant.features.proposal.configuration import propose
from penchant.features.shop import open_shop


@dataclass(frozen=True)
class Understood:
    """A shop as it was understood: the proposal, the report of its check, and its tables."""

    text: str
    config: Config
    warned: str
    tables: dict[str, pd.DataFrame]
    decimals: int

    @property
    def said(self) -> str:
        """All that a reader is warned of: the comments of the proposal, and what the check found."""
        lines = self.text.replace("\n#   ", " ").splitlines()
        return "\n".join([*(line for line in lines if "#" in line), self.warned])

    @property
    def doubts(self) -> str:
        """The lines that are marked with TODO."""
        return "\n".join(line for line in self.said.splitlines() if "TODO" in line)

    @property
    def paid(self) -> pd.DataFrame:
        """The lines of orders that count as paid for good."""
        orders = self.tables["orders"]
        return orders[orders["status"] == "paid"] if "status" in orders else orders

    @property
    def facts(self) -> dict[str, Any]:
        """Orders, lines, customers and revenue of what was paid, and its first and last day."""
        paid = self.paid
        key = ["order_id"] if "order_id" in paid else ["customer_id", "ordered_at"]
        revenue = paid["amount"].sum() / 10**self.decimals if "amount" in paid else None
        return {
            "orders": len(paid[key].drop_duplicates()),
            "lines": len(paid),
            "buyers": paid["customer_id"].nunique(),
            "revenue": None if revenue is None else round(float(revenue), 2),
            "first": str(paid["ordered_at"].min())[:10],
            "last": str(paid["ordered_at"].max())[:10],
        }


def understood(folder: Path) -> Understood:
    """Return a folder as `init`, `check` and every later command understand it."""
    text = propose(folder)
    config = read_config(tomllib.loads(text))
    report = check(config, folder)
    assert not report.failed, [finding for table in report.tables.values() for finding in table.refusals]
    findings = [
        f"{table.name}.{finding.column}: {finding.rule} {finding.n_rows} {finding.detail}"
        for table in report.tables.values()
        for finding in table.findings
    ]
    with open_shop(config, folder) as shop:
        tables = {name: table.execute() for name, table in shop.tables.items()}
    return Understood(text, config, "\n".join([*findings, *report.notes]), tables, config.shop.decimals)
