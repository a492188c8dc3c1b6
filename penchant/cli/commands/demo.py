"""The main job in one go, on a simulated shop: check, train, score, the loop of a campaign, and what it came to."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from penchant.cli.demo.beside import beside
from penchant.cli.demo.configuration import write_config
from penchant.cli.demo.earned import show_earned
from penchant.cli.demo.example_plan import FILE as PLAN_FILE
from penchant.cli.demo.example_plan import write_plan_example
from penchant.cli.demo.loop import FIRST_AT, SECOND_AT, demo_settings, first_wave, second_wave
from penchant.cli.options.models import ScoreOptions, TrainOptions
from penchant.cli.options.shop import CheckOptions, DemoOptions
from penchant.cli.work import Work
from penchant.simulate import simulate

from .check import run_check
from .score import run_score
from .train import run_train

OTHERS = ("repurchase", "engagement", "conversion")  # what the other goals are ranked by, the longest first
RESULTS = ("check", "train", "score", "audience", "measure")


def run_demo(work: Work, options: DemoOptions) -> None:
    """Run the main job on a simulated shop."""
    out, store, config, shop = options.out, options.out / "mlruns", options.out / "penchant.toml", options.out / "shop"
    settings = demo_settings(options.customers, options.seed)
    with work.step(f"simulating {options.customers:,} customers"):
        simulate(settings, shop)
    write_config(config, FIRST_AT, shop.name)
    part = Work(config, None, work.as_json, is_part=True)
    run_check(part, CheckOptions(out / "check"))
    with beside(work, config, [_training("second_purchase", out, store)]):
        run_train(part, TrainOptions("churn", out / "train", str(store)))
    run_score(part, ScoreOptions(FIRST_AT.isoformat(), None, out / "score", str(store)))
    given = first_wave(part, out, store)
    result = second_wave(part, settings, given, out, store)
    last = Work(config, None, work.as_json, is_part=True)  # the shop has grown since
    first, *others = OTHERS
    with beside(work, config, [_training(task, out, store) for task in others]):
        run_train(last, TrainOptions(first, out / f"train-{first}", str(store)))
    write_plan_example(out)
    with beside(work, config, [["prepare", "--out", str(out), "--store", str(store)]]):
        pass  # in a process of its own: it reads the store that others have written to beside this one
    show_earned(work, result)
    work.show(closing_words(out, store, SECOND_AT.date()))
    folders = {name: str(out / name) for name in RESULTS}
    work.finish({"out": str(out), **folders, "store": str(store), "earned": result.as_dict()})


def _training(task: str, out: Path, store: Path) -> list[str]:
    """Return the arguments of a training."""
    return ["train", task, "--out", str(out / f"train-{task}"), "--store", str(store)]


def closing_words(out: Path, store: Path, day: date) -> str:
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
  a plan for what next  {out / PLAN_FILE}
  runs and models       mlflow ui --backend-store-uri sqlite:///{store / "mlflow.db"}

[bold]Next, in this shop[/] (cd {out})
  penchant audience retain --as-of {day} --budget 5000
  or another goal: acquire, activate, harvest, collect, second, reactivate, seed; winback once its uplift is measured

[bold]Next, with your own files[/]
  penchant init FOLDER, then: penchant --data FOLDER check | train churn | score --as-of DATE | audience GOAL

[bold]See it in a browser[/]
  penchant --shop {out / "penchant.toml"} serve --out {out} --store {store}   then open http://127.0.0.1:8765"""
