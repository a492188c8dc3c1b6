"""Configurations of any content: taken, or refused in words; one that is taken builds a shop, or says why not."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import pandas as pd
from hypothesis import strategies as st

from penchant.config import Config, load_config
from penchant.errors import PenchantError
from penchant.features.matrix import build
from penchant.features.shop import open_shop
from penchant.features.spine import Spine
from penchant.section import Section
from penchant.serving.plan.file import Plan, read_plan

from .effort import try_out

ODD = (
    *(
        0,
        -1,
        1,
        2**31,
        2**63,
        10**30,
        1e308,
        -0.0,
        0.5,
        float("nan"),
        float("inf"),
        True,
        "",
        " ",
        "x",
        "../../etc",
        "\x00",
    ),
    *(
        "😀",
        "'; drop table orders; --",
        "7d",
        "0d",
        "2024-02-30",
        "Europe/Nowhere",
        "%Q",
        "a" * 5_000,
        [],
        [[]],
        [""],
        {},
    ),
    *({"a": 1}, date(2024, 2, 29), datetime(9999, 12, 31), datetime(1, 1, 1)),
)
ODD_VALUES = st.sampled_from(ODD)
LEFT_ALONE = ("tables", "modules", "mlflow", "engine")  # what reads, runs and connects
ROWS = pd.DataFrame(
    {
        "customer_id": [f"c{number % 9}" for number in range(90)],
        "ordered_at": pd.date_range("2023-01-01", periods=90, freq="97h"),
        "amount": [float(number % 17) for number in range(90)],
    }
)


def valid_or_odd(annotation: Any) -> st.SearchStrategy[Any]:
    """Return values of an annotation as far as they are easily made, and now and then one that is none."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if hasattr(annotation, "__metadata__"):
        return valid_or_odd(arguments[0])
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return section(annotation)
    if origin in (Union, UnionType):
        return st.one_of(*[valid_or_odd(one) for one in arguments if one is not type(None)])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        return st.lists(valid_or_odd(arguments[0]), max_size=4)
    if origin is dict:
        return st.dictionaries(st.sampled_from(["a", "churn", "vip", "x y"]), valid_or_odd(arguments[1]), max_size=2)
    if annotation is int:
        return st.one_of(st.integers(0, 400), ODD_VALUES)
    if annotation is float:
        return st.one_of(st.floats(0, 1), ODD_VALUES)
    return st.booleans() if annotation is bool else ODD_VALUES


def section(model: type[Section]) -> st.SearchStrategy[dict[str, Any]]:
    """Return some keys of a section with some value."""
    values = {name: valid_or_odd(field.annotation) for name, field in model.model_fields.items()}
    return st.fixed_dictionaries({}, optional=values)


def configurations() -> st.SearchStrategy[dict[str, Any]]:
    fields = {name: field for name, field in Config.model_fields.items() if name not in LEFT_ALONE}
    return st.dictionaries(st.sampled_from(sorted(fields)), st.just(None), min_size=1, max_size=3).flatmap(
        lambda some: st.fixed_dictionaries({name: valid_or_odd(fields[name].annotation) for name in some})
    )


def test_any_values_are_taken_or_refused_in_words() -> None:
    def check(values: dict[str, Any]) -> None:
        with TemporaryDirectory() as place:
            ROWS.to_parquet(Path(place) / "orders.parquet")
            values = {**values, "tables": {"orders": {"path": "orders.parquet"}}}
            try:
                config = Config.model_validate(values)
            except ValueError:
                return
            try:
                with open_shop(config, Path(place)) as shop:
                    frame = build(shop, Spine.at(shop, datetime(2023, 9, 1))).frame
            except PenchantError:
                return
            before = ROWS[ROWS["ordered_at"] < "2023-09-01"]
            assert len(frame) == before["customer_id"].nunique()
            if "amount_total" in frame:
                decimals = config.shop.decimals
                assert round(frame["amount_total"].sum(), decimals) == before["amount"].sum()

    try_out(check, 6, values=configurations())


def test_any_plan_is_taken_or_refused_in_words() -> None:
    def check(values: dict[str, Any]) -> None:
        with suppress(PenchantError):
            read_plan(values)

    try_out(check, 60, values=section(Plan))


def test_any_text_is_a_configuration_or_is_refused_in_words(tmp_path: Path) -> None:
    example = Path(__file__).resolve().parents[2] / "examples" / "online_retail.toml"
    text, path = example.read_text(encoding="utf-8"), tmp_path / "penchant.toml"
    pieces = st.one_of(st.sampled_from(TOML), st.binary(max_size=6))

    def check(place: int, length: int, piece: bytes) -> None:
        raw = text.encode()
        path.write_bytes(raw[: place % len(raw)] + piece + raw[place % len(raw) + length :])
        try:
            load_config(path)
        except (PenchantError, RecursionError):  # the command line says in words what nests too deep
            return

    try_out(check, 150, place=st.integers(0, 100_000), length=st.integers(0, 40), piece=pieces)


TOML = (
    b"\n[a.b.c]\n", b"\n[[tables.orders]]\n", b"\nseed = 99999999999999999999\n", b"\nseed = 0x" + b"f" * 300 + b"\n",
    b"\nx = " + b"9" * 5_000 + b"\n", b"\nx = " + b"[" * 100_000, b"\nx = " + b"{a=" * 3_000,
    b"\n" + b"a." * 3_000 + b"a = 1\n",
    b"\xff\xfe", b"\x00", b"\n[shop]\n", b"1979-05-27T07:32:00Z", b"'''", b'"""', b"\r", b"=", b"\nx = nan\n",
    b"\nx = 24:61:00\n", b"\nx = 0000-00-00\n", "\nname = '😀'\n".encode(),
)  # fmt: skip
