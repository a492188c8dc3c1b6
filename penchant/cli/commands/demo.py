"""The main job in one go, on a simulated shop: check, train, score, the loop of a campaign, and what it came to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

from penchant.cli.demo.beside import Helper, helper
from penchant.cli.demo.configuration import write_config
from penchant.cli.demo.earned import Earned, earned_in_words, show_earned
from penchant.cli.demo.example_plan import FILE as PLAN_FILE
from penchant.cli.demo.example_plan import write_plan_example
from penchant.cli.demo.loop import FIRST_AT, SECOND_AT, demo_settings, first_wave, respond, second_wave
from penchant.cli.options.models import ScoreOptions, TrainOptions
from penchant.cli.options.shop import CheckOptions, DemoOptions
from penchant.cli.work import Work
from penchant.simulate import simulate
from penchant.simulate.settings import SimulationSettings

from .check import run_check
from .score import run_score
from .train import run_train

SIZES = {"small": 8_000, "medium": 20_000, "large": 60_000}
CHAPTERS = (
    "a shop is simulated, and its files are held against the contract",
    "models learn from snapshots of the past, and are judged on a later one",
    "everyone who may leave is listed, riskiest first, with reasons in words",
    "one-time buyers get a coupon; half of them are held out, by lot",
    "40 days later: what the coupon changed, against those held out",
    "an uplift is learned from it; the next list is drawn by whom a contact changes",
    "models of the other goals, and what the page shows",
)
BESIDE, LAST = ("repurchase", "engagement"), "conversion"  # what other goals are ranked by; the longest take a core
SECONDS_AT_LEAST, SECONDS_PER_CUSTOMER = 50.0, 0.004  # on two free cores
RESULTS = ("check", "train", "score", "audience", "measure")


def run_demo(work: Work, options: DemoOptions) -> None:
    """Run the main job on a simulated shop."""
    out, store, n_customers = options.out, options.out / "mlruns", options.customers or SIZES[options.size]
    work.show(opening_words(n_customers))
    with helper(work) as beside:
        result = _all_chapters(work, demo_settings(n_customers, options.seed), out, beside)
    work.show(closing_words(out, store, SECOND_AT.date()))
    show_earned(work, result)
    work.show(earned_in_words(result), page_words(out, store))
    folders = {name: str(out / name) for name in RESULTS}
    work.finish({"out": str(out), **folders, "store": str(store), "earned": result.as_dict()})


def _all_chapters(work: Work, settings: SimulationSettings, out: Path, beside: Helper) -> Earned:
    """Run the chapters, trainings beside each other, and return what the last list is truly worth."""
    store, config, shop, tell = out / "mlruns", out / "penchant.toml", out / "shop", chapters(work)
    tell()
    with work.step(f"simulating {settings.n_customers:,} customers"):
        simulate(settings, shop)
    write_config(config, FIRST_AT, shop.name)
    part = Work(config, None, work.as_json, is_part=True)
    run_check(part, CheckOptions(out / "check"))
    tell()
    with beside.running(config, [_training("second_purchase", out, store)]):
        run_train(part, TrainOptions("churn", out / "train", str(store)))
    tell()
    run_score(part, ScoreOptions(FIRST_AT.isoformat(), None, out / "score", str(store)))
    tell()
    given = first_wave(part, out, store)
    tell()
    grown = respond(part, settings, given, out)
    with beside.running(config, [_training(task, out, store) for task in BESIDE]):
        tell()
        result = second_wave(grown, settings, given, out, store)
        tell()
        run_train(grown, TrainOptions(LAST, out / f"train-{LAST}", str(store)))
    write_plan_example(out)
    with beside.running(config, [["prepare", "--out", str(out), "--store", str(store)]]):
        pass  # by the other process: it has opened this shop, and all models are in the store now
    return result


def opening_words(n_customers: int) -> str:
    """Return what is going to happen, and about how long it takes."""
    minutes = (SECONDS_AT_LEAST + n_customers * SECONDS_PER_CUSTOMER) / 60
    told = "about a minute" if minutes < 1.5 else f"about {minutes:.0f} minutes"
    return (
        f"[bold]A shop of {n_customers:,} customers, from its files to a campaign that taught the next one.[/]\n"
        f"{len(CHAPTERS)} chapters, {told} on two free cores. All of it stays on this machine, below --out."
    )


def chapters(work: Work) -> Callable[[], None]:
    """Return what shows the next chapter's title, each time it is called."""
    titles = iter(enumerate(CHAPTERS, start=1))

    def tell() -> None:
        number, title = next(titles)
        work.show(f"\n[bold cyan]{number} of {len(CHAPTERS)}[/] [bold]{title}[/]")

    return tell


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
"""


def page_words(out: Path, store: Path) -> str:
    """Return how to see all of it in a browser."""
    return f"""
[bold]See it in a browser[/]: http://127.0.0.1:8765 once this runs
  penchant --shop {out / "penchant.toml"} serve --out {out} --store {store}"""
