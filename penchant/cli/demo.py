"""The main job in one go, on a simulated shop: check, train, score, the loop of a campaign, and an account of it."""

from __future__ import annotations

from datetime import date, datetime
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
TASKS_TOML = """\
# Fewer windows and snapshots than usual, so that all of it is done in minutes.
[features]
windows = [90, 365]

[tasks.churn]
n_snapshots = 3

[tasks.second_purchase]
n_snapshots = 1
horizon_days = 60

[tasks.engagement]
n_snapshots = 1

[tasks.conversion]
n_snapshots = 2

[tasks.repurchase]
n_snapshots = 2

[gate]  # lower than usual: the shop is small
min_buyers = 300
min_positives = 40
min_negatives = 40

"""
OTHERS = ("engagement", "conversion", "repurchase")  # what the other goals are ranked by
RESULTS = ("check", "train", "score", "audience", "measure")


def demo(
    context: typer.Context,
    customers: Annotated[int, typer.Option(help="How many customers appear in a year and a half.", min=8_000)] = 20_000,
    out: Annotated[Path, typer.Option("--out", help="The folder for the shop and all results.")] = Path("out/demo"),
    seed: Annotated[int, typer.Option(help="Same seed, same shop.", min=0)] = 0,
) -> None:
    """Run the main job on a simulated shop: check its files, list who may leave, and let one campaign teach the next.

    A campaign goes to one-time buyers with half of them held out, is measured, and teaches whom a contact changes; the
    next list is compared on the simulator's truth with one by propensity and one by lot. The same commands do it
    for your own shop: init, check, train, score, audience, measure, train uplift.
    """
    from penchant.cli.demo_loop import FIRST_AT, SECOND_AT, first_wave, second_wave, settings_of, show_earned
    from penchant.cli.model_commands import train
    from penchant.cli.score_commands import score
    from penchant.cli.shop_commands import check
    from penchant.simulate import simulate

    first: Work = context.obj
    settings, shop, config, store = (settings_of(customers, seed), out / "shop", out / "penchant.toml", out / "mlruns")
    with first.step(f"simulating {customers:,} customers"):
        simulate(settings, shop)
    write_config(config, FIRST_AT, shop.name)
    context.obj = Work(config, None, first.as_json, is_part=True)
    check(context, out / "check")
    train(context, "churn", out / "train", store)
    train(context, "second_purchase", out / "train-second_purchase", store)
    score(context, f"{FIRST_AT.isoformat()}", None, out / "score", store)
    given = first_wave(context, out, store)
    earned = second_wave(context, settings, given, out, store)
    for task in OTHERS:
        train(context, task, out / f"train-{task}", store)
    show_earned(first, earned)
    first.show(account(out, store, SECOND_AT.date()))
    folders = {name: str(out / name) for name in RESULTS}
    first.finish({"out": str(out), **folders, "store": str(store), "earned": earned.as_dict()})


def write_config(path: Path, ends_at: datetime | None = None, data: str = "") -> None:
    """Write the configuration of a simulated shop: the end of its data and their folder, where they are known."""
    from penchant.output import write_text

    end = "" if ends_at is None else f"extract_end = {ends_at.isoformat()}\n"
    place = f'data = "{data}"\n' if data else ""
    tables = [f'[tables.{name}]\npath = "{name}.parquet"\n' for name in TABLES]
    write_text(path, SHOP_TOML + end + place + "\n" + TASKS_TOML + "\n".join(tables))


def account(out: Path, store: Path, day: date) -> str:
    """Return where everything is, and what to do next."""
    return f"""
[bold]What happened[/]
  A shop was simulated, its files were checked against the contract, models were trained on snapshots of the past and
  judged on later ones, and everyone who may leave was listed, riskiest first. One-time buyers were then contacted,
  ranked by propensity and half of them held out; 40 days later the campaign was measured, an uplift was learned
  from it, and the next list was drawn by whom a contact changes. Models for the other goals were trained last.

[bold]Where it is[/]
  the shop's files      {out / "shop"}   (what no shop can know is in the folder truth)
  the configuration     {out / "penchant.toml"}
  what check found      {out / "check"}
  the model, its report {out / "train" / "artifacts" / "report.html"}
  the list              {out / "score" / "churn.csv"}
  the campaign measured {out / "measure" / "report.html"}
  the uplift, its report {out / "train-uplift" / "artifacts" / "report.html"}
  the two audiences     {out / "audience"}
  runs and models       mlflow ui --backend-store-uri sqlite:///{store / "mlflow.db"}

[bold]Next, in this shop[/] (cd {out})
  penchant audience retain --as-of {day} --budget 5000
  or another goal: acquire, activate, harvest, collect, second, reactivate, seed; winback once its uplift is measured

[bold]Next, with your own files[/]
  penchant init FOLDER, then: penchant --data FOLDER check | train churn | score --as-of DATE | audience GOAL"""


COMMANDS = (demo,)
