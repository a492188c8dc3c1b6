"""Options of the commands about models: train, tune, compare, promote, score, monitor."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from .shared import STORE, AsOf, AsOfOrEnd, Horizon, Out, Seed, Store, Test, Threads

TaskName = Annotated[str, typer.Argument(help="Whose models: churn, repurchase, value, ...")]


@dataclass(frozen=True)
class TrainOptions:
    """Train a model on snapshots in the past, judge it on a later one beside baselines, and register it.

    The first model of a task is put in use at once (alias champion); later ones wait as challenger.
    What can be predicted: visit, engagement, conversion, payment, repurchase, second_purchase, churn, value, margin,
    and the tasks of your own modules. And what a contact changes: `penchant train uplift --goal second` learns from
    past campaigns with a held-out control, and refuses where they were not drawn by lot; with --matrix it learns from
    any file of a trial.
    """

    task: Annotated[str, typer.Argument(help="What to predict, such as churn or repurchase.")]
    out: Out = None
    store: Store = STORE
    params: Annotated[
        Path | None, typer.Option(help="A JSON file of LightGBM parameters, such as the params.json of `tune`.")
    ] = None
    horizon: Horizon = None
    test: Test = None
    seed: Seed = None
    threads: Threads = None
    goal: Annotated[
        str | None, typer.Option("--goal", help="For 'uplift': the goal whose past campaigns teach, such as second.")
    ] = None
    matrix: Annotated[
        Path | None,
        typer.Option(
            "--matrix",
            help="For 'uplift': a Parquet or CSV file instead of campaigns, one row for each customer, with the "
            "columns treatment, outcome and, if known, p_treatment and customer; all others are features.",
        ),
    ] = None
    campaign: Annotated[
        list[str] | None, typer.Option("--campaign", help="For 'uplift': learn from this campaign; repeat for more.")
    ] = None
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            metavar="PART=NAME",
            help="For --matrix: how the file calls treatment, outcome, p_treatment or customer, such as "
            "treatment=segment; repeat for more.",
        ),
    ] = None
    without: Annotated[
        list[str] | None,
        typer.Option(
            "--without",
            metavar="NAME",
            help="For --matrix: a column that is no feature, such as another outcome, or whatever became known after "
            "the contact; repeat for more.",
        ),
    ] = None
    control: Annotated[
        str | None,
        typer.Option(
            "--control",
            help="For --matrix: the treatment's value for customers who were not contacted. Default: control, 0 or "
            "False.",
        ),
    ] = None


@dataclass(frozen=True)
class TuneOptions:
    """Search for better parameters, judge what is found beside the defaults on the untouched test, and register it.

    A trial learns from earlier snapshots and is judged on a later one, on up to three folds in time, by log loss (of
    amounts: Tweedie deviance); the first trial is that of the defaults, and trials that fall behind are given up
    early. Each is kept in a journal beside MLflow's database: stopped or killed, the same command goes on.
    A tuned model that turns out worse than the defaults on the test is registered, but not promoted.
    """

    task: Annotated[str, typer.Argument(help="Whose parameters: churn, repurchase, value, ...")]
    trials: Annotated[
        int, typer.Option(help="How many trials in all, those of a run that was stopped included.", min=1)
    ] = 50
    timeout: Annotated[float | None, typer.Option(help="Begin no further trial after so many seconds.", min=0.0)] = None
    out: Out = None
    store: Store = STORE
    horizon: Horizon = None
    test: Test = None
    seed: Seed = None
    threads: Threads = None


@dataclass(frozen=True)
class CompareOptions:
    """Judge all versions of a task's model, and the baselines, on one common test.

    The test's rows are built now and are the same for all. A version is ranked only if the labels that it learned
    from were over when the test looked; for a model that was refitted since, the one kept from before is judged.
    Each line is compared with the champion on the same customers: better, worse, or not separable, with the smallest
    difference that the test would have seen.
    """

    task: TaskName
    out: Out = None
    store: Store = STORE
    horizon: Horizon = None
    test: Test = None
    seed: Seed = None


@dataclass(frozen=True)
class PromoteOptions:
    """Promote the challenger if it passes the gates; else nothing changes, and the exit code is 3.

    The gates: the checks of its training allow its use; on one common test it is not worse than the champion, nor than
    the best baseline; if it was tuned, it was not worse than the default parameters.
    """

    task: TaskName
    version: Annotated[int | None, typer.Option("--version", help="Which version. Default: the challenger.", min=1)] = (
        None
    )
    force: Annotated[
        bool, typer.Option("--force", help="Promote it even if it fails a gate; this is recorded with it.")
    ] = False
    store: Store = STORE
    test: Test = None


@dataclass(frozen=True)
class ScoreOptions:
    """Apply all champions to everyone eligible at as_of, a file for each of them.

    The churn list is for people: riskiest first, with what is at stake and three reasons in words, as CSV too. A run
    that was killed goes on where it was; a result of the same data and models is left as it is.
    """

    as_of: AsOf
    task: Annotated[
        list[str] | None,
        typer.Option("--task", help="Whose champion scores; may be repeated. Default: every champion."),
    ] = None
    out: Out = None
    store: Store = STORE
    again: Annotated[bool, typer.Option("--again", help="Score anew even where the same result is there already.")] = (
        False
    )
    reasons: Annotated[bool, typer.Option(help="Say why, in words; it takes several times as long as to score.")] = True


@dataclass(frozen=True)
class MonitorOptions:
    """Tell how far signals, scores and stages moved since training, and what earlier scores promised against what came.

    Exit code 3: something is past its threshold. Scores: PSI above 0.25. Signals: more than 5 % unseen categories, or a
    share of missing values that changed by 20 points; by their own PSI only with --limit signal_stability, for they
    move with the season too. Promises: missed by more than 10 %, beyond their interval.
    """

    as_of: AsOfOrEnd = None
    task: Annotated[
        list[str] | None, typer.Option("--task", help="Whose champion and scores; may be repeated. Default: all.")
    ] = None
    scores: Annotated[
        list[Path] | None,
        typer.Option(
            "--scores", help="Folders of `penchant score`, or of several of them; may be repeated. Default: below out/."
        ),
    ] = None
    limit: Annotated[
        list[str] | None,
        typer.Option(
            "--limit",
            help="A threshold, such as score_stability=0.2; may be repeated. Others: signal_stability, unseen, "
            "missing, promise.",
        ),
    ] = None
    out: Out = None
    store: Store = STORE
