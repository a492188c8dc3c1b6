"""The main job in one go, on a simulated shop: check, train, score, and an account of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from penchant.cli.work import Work

SHOP_TOML = """\
# A simulated shop: its files are in the contract's own form, so nothing needs to be renamed.
[shop]
name = "demo"
currency = "EUR"

"""
TABLES = ("orders", "interactions", "customers", "items", "campaigns", "assignments", "calendar")
HORIZON_DAYS = 90


def demo(
    context: typer.Context,
    customers: Annotated[
        int, typer.Option(help="How many customers appear in two years.", min=5_000)
    ] = 20_000,
    out: Annotated[Path, typer.Option("--out", help="The folder for the shop and all results.")] = Path(
        "out/demo"
    ),
    seed: Annotated[int, typer.Option(help="Same seed, same shop.", min=0)] = 0,
) -> None:
    """Run the main job on a simulated shop: check its files, train a churn model, list who is likely to leave.

    The same commands, one by one, do it for your own shop: init, check, train churn, score.
    """
    from penchant.cli.model_commands import train
    from penchant.cli.score_commands import score
    from penchant.cli.shop_commands import check, simulate

    first: Work = context.obj
    shop = out / "shop"
    context.obj = Work(None, None, first.as_json, is_part=True)
    simulate(context, shop, customers, seed)
    config = out / "penchant.toml"
    write_config(config)
    context.obj = Work(config, shop, first.as_json, is_part=True)
    store = out / "mlruns"
    results = {"check": out / "check", "train": out / "train", "score": out / "score"}
    check(context, results["check"])
    train(context, "churn", results["train"], store)
    score(context, as_of_of(context.obj), None, results["score"], store)
    first.show(account(out, store))
    first.finish(
        {"out": str(out), **{name: str(folder) for name, folder in results.items()}, "store": str(store)}
    )


def write_config(path: Path) -> None:
    """Write the configuration of a simulated shop."""
    from penchant.output import write_text

    tables = [f'[tables.{name}]\npath = "{name}.parquet"\n' for name in TABLES]
    write_text(path, SHOP_TOML + "\n".join(tables))


def as_of_of(work: Work) -> str:
    """Return the end of the shop's data, as --as-of takes it."""
    with work.shop() as shop:
        return f"{shop.extract_end.isoformat()}Z"


def account(out: Path, store: Path) -> str:
    """Return where everything is, and what to do next."""
    return f"""
[bold]What happened[/]
  A shop was simulated, its files were checked against the contract, a churn model was trained on snapshots of the
  past and judged on a later one, and everyone who may leave was listed, riskiest first.

[bold]Where it is[/]
  the shop's files      {out / "shop"}   (what no shop can know is in the folder truth)
  the configuration     {out / "penchant.toml"}
  what check found      {out / "check"}
  the model, its report {out / "train" / "artifacts" / "report.html"}
  the list              {out / "score" / "churn.csv"}
  runs and models       mlflow ui --backend-store-uri sqlite:///{store / "mlflow.db"}

[bold]Next, with your own files[/]
  penchant init FOLDER, then: penchant --data FOLDER check | train churn | score --as-of DATE"""


COMMANDS = (demo,)
