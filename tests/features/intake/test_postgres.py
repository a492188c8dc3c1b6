"""A shop whose tables lie in PostgreSQL, on a real server: the same rows and types as from its files."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from penchant.config import read_config
from penchant.errors import ContractError
from penchant.features.intake.accepted import state_of
from penchant.features.matrix import build
from penchant.features.shop import open_shop
from penchant.features.spine import Spine
from penchant.features.workspace import Workspace

TABLES = """
create schema shop;
create table shop.lines (
    id bigint, who varchar(20), at timestamptz, sum numeric(12, 2), pieces integer, paid boolean, note text
);
insert into shop.lines values
    (1, 'ann', '2024-03-01 10:00:00.123456+02', 12.50, 2, true, 'Grüße'),
    (2, 'ann', '2024-03-05 23:59:59+00', 0.10, 1, true, null),
    (3, 'bob', '2024-03-07 00:00:00+00', 1234567.89, 3, true, ''),
    (4, null, '2024-03-07 00:00:00+00', 1, 1, true, null);
create table shop.people (who varchar(20), since date, town text);
insert into shop.people values ('ann', '2024-01-01', 'Łódź'), ('bob', null, null);
create view shop.kept as select * from shop.lines where sum > 1;
"""
LINES = {"order_id": "id", "customer_id": "who", "ordered_at": "at", "amount": "sum", "quantity": "pieces"}
PEOPLE = {"customer_id": "who", "registered_at": "since", "region": "town"}
MOMENT = date(2024, 3, 8)


@pytest.fixture(scope="module")
def address(postgres: Any) -> Any:
    postgres.run(TABLES)
    yield postgres.address
    postgres.run("drop schema shop cascade")


def config_of(address: str, lines: str = "shop.lines") -> Any:
    return read_config(
        {
            "tables": {
                "orders": {"address": address, "table": lines, "columns": LINES},
                "customers": {"address": address, "table": "shop.people", "columns": PEOPLE},
            }
        }
    )


def test_rows_of_a_server_are_those_of_a_file(postgres: Any, address: str, tmp_path: Path) -> None:
    for name, columns in (("lines", "id, who, at, sum, pieces"), ("people", "who, since, town")):
        rows = pd.DataFrame(postgres.query(f"select {columns} from shop.{name} order by 1"))
        rows.columns = columns.split(", ")
        rows.to_csv(tmp_path / f"{name}.csv", index=False)
    files = {"orders": {"path": "lines.csv", "columns": LINES}, "customers": {"path": "people.csv", "columns": PEOPLE}}
    frames, matrices = [], []
    for config in (config_of(address), read_config({"tables": files})):
        with open_shop(config, tmp_path) as shop:
            assert shop.report.tables["orders"].set_aside == {"null_id": 1}
            frames.append({name: rows.order_by(list(rows.columns)).to_pandas() for name, rows in shop.tables.items()})
            matrices.append(build(shop, Spine.at(shop, MOMENT), ["recency", "monetary"]).frame)
    for name, frame in frames[0].items():
        pd.testing.assert_frame_equal(frame, frames[1][name])
    pd.testing.assert_frame_equal(*matrices)
    assert frames[0]["orders"]["amount"].tolist() == [1250, 10, 123456789]
    assert frames[0]["orders"]["ordered_at"].iloc[0] == pd.Timestamp("2024-03-01 08:00:00.123456")


def test_a_view_is_a_table_and_a_mistyped_name_is_told(address: str, tmp_path: Path) -> None:
    with open_shop(config_of(address, "shop.kept"), tmp_path) as shop:
        assert int(shop.tables["orders"].count().execute()) == 2
    with pytest.raises(ContractError, match=r"shop\.line"):
        open_shop(config_of(address, "shop.line"), tmp_path)


def test_what_a_server_gives_is_never_stored(address: str, tmp_path: Path) -> None:
    """Its rows may be others a second later: a consent that was withdrawn must be seen."""
    work = Workspace(config_of(address), tmp_path, tmp_path / "out")
    assert state_of(work.config, work.sources()) is None
    work.open_shop().close()
    assert not list((tmp_path / "out").glob("*/accepted/*"))
