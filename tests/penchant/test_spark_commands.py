"""Commands on Spark: the same files and answers as on DuckDB, on one small simulated shop."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.spark import AT, CAMPAIGN, ENGINES, LATER, compared, make_shop

pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("spark")]
FEW_SIGNALS = 'groups = ["recency", "frequency"]\n'
COMMANDS = (  # each reads what those before it have left
    f"insight flow --from {AT} --to {LATER}",
    "insight funnel",
    "insight crowds --crowd carts:category:toys",
    "insight profile --crowd loyal",
    "insight products",
    "insight demand",
    "insight winning",
    f"tags --as-of {AT}",
    "train churn",
    f"score --as-of {AT}",
    f"audience retain --as-of {AT} --budget 100",
    f"export out/shop/audience/retain-{AT} --to crm.toml",
    f"measure {CAMPAIGN} --by tier",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("spark")
    make_shop(made, 600)
    for engine in ENGINES:
        path = made / engine / "penchant.toml"
        path.write_text(path.read_text().replace("[features]\n", f"[features]\n{FEW_SIGNALS}"))
    return made


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_leaves_the_same_results(folder: Path, command: str) -> None:
    ran, faults = compared(folder, command)
    assert ran["duckdb"].code in (0, 3), ran["duckdb"].err
    assert not faults
