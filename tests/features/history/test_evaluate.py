"""SQL is compiled once for questions, columns and configuration; rows, moments and spines are put in its place."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from penchant.config import Config
from penchant.features import shop as shop_module
from penchant.features.catalogue import groups_of
from penchant.features.engine import program
from penchant.features.engine.identity import identity
from penchant.features.engine.temporary import Keep
from penchant.features.history import evaluate, questions
from penchant.features.history.evaluate import evaluated
from penchant.features.matrix import build
from penchant.features.shop import Shop, shop_from_tables
from penchant.features.spine import Spine

Tables = dict[str, pd.DataFrame]
GROUPS = ["recency"]
MOMENT = datetime(2023, 10, 15, 13, 37, 11)


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "_REMEMBERED", program.OrderedDict())


@pytest.fixture
def n_compiled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list with an entry for each time that SQL was compiled."""
    compiled: list[int] = []
    compile_ = evaluate._compiled
    monkeypatch.setattr(evaluate, "_compiled", lambda *given: compiled.append(1) or compile_(*given))
    return compiled


@pytest.fixture(scope="module")
def other_tables(world: ModuleType, world_tables: Tables) -> Tables:
    """Return tables of the same columns and calendar, and of other rows."""
    return {**world.tables(seed=5, n_customers=25), "calendar": world_tables["calendar"]}


@pytest.fixture(scope="module")
def other_shop(other_tables: Tables) -> Iterator[Shop]:
    with shop_from_tables(other_tables) as shop:
        yield shop


def frame_of(shop: Shop, *moments: datetime, groups: list[str] = GROUPS) -> pd.DataFrame:
    return build(shop, Spine.at(shop, moments or (MOMENT,)), groups).frame


def test_other_moments_and_another_shops_rows_need_no_new_sql(
    world: ModuleType, world_shop: Shop, other_tables: Tables, n_compiled: list[int]
) -> None:
    with shop_from_tables(other_tables) as fresh:
        expected = dict(iter(frame_of(fresh, *world.MOMENTS).groupby("as_of")))
    program._REMEMBERED.clear()
    n_compiled.clear()
    frame_of(world_shop)
    with shop_from_tables(other_tables) as shop:
        for moment in world.MOMENTS:
            found = frame_of(shop, moment)
            pd.testing.assert_frame_equal(found, expected[pd.Timestamp(moment)].reset_index(drop=True))
    assert len(n_compiled) == 1


def test_sql_of_every_signal_depends_on_no_row(world_shop: Shop, other_shop: Shop) -> None:
    compiled = []
    for shop in (world_shop, other_shop):
        asked = {one.column.name: one.value for group in groups_of(shop) for one in group.signals((30, 365))}
        compiled.append(evaluate._compiled(shop, Spine.at(shop, MOMENT), asked, (30, 365)))
    (one, serves_again), (other, _also) = compiled
    assert one == other
    assert serves_again


def test_another_calendar_column_or_setting_is_compiled_anew(world_tables: Tables, n_compiled: list[int]) -> None:
    calendar = world_tables["calendar"].assign(starts_at=lambda rows: rows["starts_at"] - pd.Timedelta(days=9))
    changed = [
        (world_tables, Config()),
        ({**world_tables, "calendar": calendar}, Config()),
        ({name: rows for name, rows in world_tables.items() if name != "items"}, Config()),
        (world_tables, Config.model_validate({"shop": {"timezone": "Asia/Shanghai"}})),
    ]
    frames = []
    for tables, config in changed:
        with shop_from_tables(tables, config) as shop:
            frames.append(frame_of(shop, groups=["holiday"]))
    assert len(n_compiled) == len(changed)
    assert not frames[0].equals(frames[1])


def test_rows_with_moments_of_their_own_share_sql(
    world_shop: Shop, n_compiled: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "MOST_AT_ONCE", 0)
    days = pd.date_range("2023-08-01", periods=14, freq="31h")
    rows = pd.DataFrame({"customer_id": [f"c{number:03}" for number in range(10, 24)], "as_of": days})
    found = build(world_shop, Spine.of(world_shop, rows), GROUPS).frame
    build(world_shop, Spine.of(world_shop, rows.assign(as_of=days[::-1])), GROUPS)
    assert len(n_compiled) == 1
    at_once = build(world_shop, Spine.of(world_shop, rows.head(3)), GROUPS).frame
    assert len(n_compiled) == 2  # few moments are served one by one
    both = found.merge(at_once[["customer_id", "as_of"]])
    pd.testing.assert_frame_equal(both, at_once, check_dtype=False)


def test_moments_at_once_are_those_one_by_one(
    world: ModuleType, world_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small shops are served by joining rows to moments, large ones moment by moment: population values too."""
    spine = Spine.at(world_shop, world.MOMENTS)
    asked = {one.column.name: one.value for group in groups_of(world_shop) for one in group.signals((30,))}
    chosen = {name: asked[name] for name in ("n_purchases_30d", "rfm_monetary", "stage", "price_tier")}
    found = []
    for most in (0, evaluate.MOST_AT_ONCE):
        monkeypatch.setattr(evaluate, "MOST_AT_ONCE", most)
        with Keep(world_shop.backend) as keep:
            n_tables = len(evaluate.evaluated_whole(world_shop, spine, chosen, keep, (30,)))
            parts = evaluated(world_shop, spine, chosen, keep, (30,))
            found.append((n_tables, [part.order_by("customer_id").to_pandas() for part in parts]))
    (n_one_by_one, one_by_one), (n_at_once, at_once) = found
    assert (n_one_by_one, n_at_once) == (len(world.MOMENTS), 1)
    for one, other in zip(one_by_one, at_once, strict=True):
        pd.testing.assert_frame_equal(one, other[one.columns])


def test_files_of_sql_are_read_by_the_next_process(world_tables: Tables, tmp_path: Path, n_compiled: list[int]) -> None:
    folder = tmp_path / "sql"
    frames = []
    for _process in range(2):
        with shop_from_tables(world_tables) as shop:
            object.__setattr__(shop, "sql_folder", folder)
            frames.append(frame_of(shop))
        program._REMEMBERED.clear()
    assert len(n_compiled) == 1
    pd.testing.assert_frame_equal(*frames)
    [file] = [path for path in folder.iterdir() if "-- step: once table penchant_lines" in path.read_text()]
    assert "create or replace temp table" in file.read_text()
    file.write_text(file.read_text().replace("purchases", "purchased", 1))  # is not what it says it is any more
    with shop_from_tables(world_tables) as shop:
        object.__setattr__(shop, "sql_folder", folder)
        pd.testing.assert_frame_equal(frame_of(shop), frames[0])
    assert len(n_compiled) == 2


def test_a_section_of_the_configuration_is_what_it_says() -> None:
    one, same, other = (identity(Config(cycle={"fixed_days": days}).cycle) for days in (30, 30, 31))
    assert one == same != other
    assert one[1]  # ours


def test_what_only_this_process_can_tell_apart_is_in_no_file(
    world_tables: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shops and questions that nothing is known of are numbered, and each process begins with the same number."""

    def within(days: Any) -> Any:
        return lambda past: past.purchases.within(days()).count()

    class Days:  # neither plain nor a function: what it is cannot be told
        def __init__(self, n: int) -> None:
            self.n = n

        def __call__(self) -> int:
            return self.n

    sums = []
    for days in (30, 365):
        monkeypatch.setattr(questions, "_SERVES_ONCE", count())
        monkeypatch.setattr(shop_module, "_NUMBERS", count())
        with shop_from_tables(world_tables) as shop, Keep(shop.backend) as keep:
            object.__setattr__(shop, "sql_folder", tmp_path)
            [table] = evaluated(shop, Spine.at(shop, MOMENT), {"n": within(Days(days))}, keep)
            sums.append(int(table.n.sum().execute()))
        program._REMEMBERED.clear()
    assert sums[0] < sums[1]
    assert not [path for path in tmp_path.iterdir() if "-- step: " in path.read_text()]  # of whom is asked, it may be


def test_steps_hide_no_table_of_the_shop(world_shop: Shop) -> None:
    """A temporary table goes before another of the same name: a step named ``interactions`` would hide the shop's."""
    group = next(group for group in groups_of(world_shop) if group.name == "funnel")
    asked = {one.column.name: one.value for one in group.signals((30,))}
    compiled, _serves_again = evaluate._compiled(world_shop, Spine.at(world_shop, MOMENT), asked, (30,))
    steps = {one.name for one in (*compiled.once, *compiled.each)}
    assert "penchant_interactions" in steps
    assert all(name.startswith("penchant_") for name in steps)


def test_what_a_shops_own_question_reads_is_its_own(world_shop: Shop, other_shop: Shop, n_compiled: list[int]) -> None:
    """It may write rows into the SQL, or join a table of the engine by its name."""

    def n_items(past: Any) -> Any:
        return past.purchases.count() * 0 + int(past.history.shop.tables["items"].count().execute())

    def n_rows(past: Any) -> Any:
        return past.purchases.count() * 0 + past.history.shop.tables["items"].count().as_scalar()

    for shop in (world_shop, other_shop, world_shop):
        with Keep(shop.backend) as keep:
            [table] = evaluated(shop, Spine.at(shop, MOMENT), {"n": n_items, "m": n_rows}, keep)
            found = table.execute()
        n = int(shop.tables["items"].count().execute())
        assert set(found["n"]) == set(found["m"]) == {n}
    assert len(n_compiled) == 3  # a table by its name: nothing is remembered


def test_a_question_is_what_it_encloses(world_shop: Shop, n_compiled: list[int]) -> None:
    def bought_within(days: int) -> Any:
        return lambda past: past.purchases.within(days).count()

    found = []
    for days in (30, 30, 365):
        with Keep(world_shop.backend) as keep:
            [table] = evaluated(world_shop, Spine.at(world_shop, MOMENT), {"n": bought_within(days)}, keep)
            found.append(int(table.n.sum().execute()))
    assert found[0] == found[1] < found[2]
    assert len(n_compiled) == 2
