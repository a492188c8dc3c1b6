"""Options of the commands about models: train, tune, compare, promote, score, monitor."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from .shared import AsOfOrEnd, AsOfOrLastDay, Group, Horizon, Out, Seed, Store, Test, Threads

TaskName = Annotated[str, typer.Argument(help="The task: churn, repurchase, value, ...")]


@dataclass(frozen=True)
class TrainOptions:
    """Train a model on past snapshots, test it on a later one against baselines, and register it.

    The first model of a task becomes the champion at once, unless its checks forbid it; later ones become challengers.
    Tasks: visit, engagement, conversion, payment, repurchase, second_purchase, churn, value, margin, and those of your
    own modules. Uplift, what a contact changes: `penchant train uplift --goal second` learns from past campaigns with a
    holdout, and refuses campaigns that were not randomised; --matrix learns from the file of any randomised trial.
    """

    task: Annotated[str, typer.Argument(help="The task, such as churn or repurchase; or uplift.")]
    out: Out = None
    store: Store = None
    params: Annotated[
        Path | None, typer.Option(help="JSON file of LightGBM parameters, such as the params.json of `tune`.")
    ] = None
    horizon: Horizon = None
    test: Test = None
    seed: Seed = None
    threads: Threads = None
    estimator: Annotated[
        str | None,
        typer.Option(
            "--estimator",
            metavar="NAME",
            help="Train this in the place of our model: one of your own ESTIMATORS, or a baseline such as logistic or "
            "bg_nbd. It is registered, promoted and scored like any other. Default: our model.",
        ),
    ] = None
    group: Group = None
    goal: Annotated[
        str | None, typer.Option("--goal", help="For uplift: learn from past campaigns of this goal, such as second.")
    ] = None
    matrix: Annotated[
        Path | None,
        typer.Option(
            "--matrix",
            help="For uplift: a Parquet or CSV file instead of campaigns, one row per customer, with the columns "
            "treatment, outcome and, if known, p_treatment and customer; all others are features.",
        ),
    ] = None
    campaign: Annotated[
        list[str] | None, typer.Option("--campaign", help="For uplift: learn from this campaign only; may be repeated.")
    ] = None
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            metavar="PART=NAME",
            help="For --matrix: the file's name for treatment, outcome, p_treatment or customer, such as "
            "treatment=segment; may be repeated.",
        ),
    ] = None
    without: Annotated[
        list[str] | None,
        typer.Option(
            "--without",
            metavar="NAME",
            help="A signal or feature group not to learn from, or a pattern such as 'rfm_*'; may be repeated. For "
            "--matrix: a column that is no feature, such as another outcome or what is known only after the contact.",
        ),
    ] = None
    control: Annotated[
        str | None,
        typer.Option(
            "--control",
            help="For --matrix: the treatment's value for customers who were not contacted. Default: the value whose "
            "name says so (control, none, No E-Mail), else 0 or False.",
        ),
    ] = None


@dataclass(frozen=True)
class TuneOptions:
    """Search for better parameters, compare the best with the defaults on the untouched test, and register the model.

    Each trial learns from earlier snapshots and is scored on a later one, over up to three folds in time, by log loss
    (amounts: Tweedie deviance). The first trial uses the defaults, and trials that fall behind are stopped early. All
    are stored beside MLflow's database: after a stop or a kill, the same command resumes. A tuned model that does worse
    than the defaults on the test is registered, but not promoted.
    """

    task: TaskName
    trials: Annotated[int, typer.Option(help="Number of trials, including those of a run that was stopped.", min=1)] = (
        50
    )
    timeout: Annotated[float | None, typer.Option(help="Start no new trial after this many seconds.", min=0.0)] = None
    metric: Annotated[
        str | None,
        typer.Option(
            help="What the folds are scored by: log_loss, brier, auc or average_precision; of amounts deviance, rmse "
            "or mae. Default: log_loss, deviance.",
            show_default=False,
        ),
    ] = None
    space: Annotated[
        Path | None, typer.Option("--space", help="TOML file of the search space, in the form of --print-space.")
    ] = None
    print_space: Annotated[bool, typer.Option("--print-space", help="Print the search space as TOML and stop.")] = False
    out: Out = None
    store: Store = None
    horizon: Horizon = None
    test: Test = None
    seed: Seed = None
    threads: Threads = None


@dataclass(frozen=True)
class CompareOptions:
    """Compare all versions of a task's model, and the baselines, on one common test.

    The test rows are built now and are the same for all. A version is ranked only if the outcomes it learned from were
    complete before the test date; for a model that was refitted later, the version kept from before is tested. Each is
    compared with the champion on the same customers: better, worse, or not separable, with the smallest difference that
    the test could have detected.
    """

    task: TaskName
    out: Out = None
    store: Store = None
    horizon: Horizon = None
    test: Test = None
    seed: Seed = None
    scores: Annotated[
        list[str] | None,
        typer.Option(
            "--scores",
            metavar="NAME=FILE",
            help="Scores made elsewhere from the rows of `penchant dataset`, as Parquet or CSV with customer_id, score "
            "and, of several snapshots, as_of: judged beside the versions; may be repeated.",
        ),
    ] = None


@dataclass(frozen=True)
class RunsOptions:
    """List the trainings of a task, or of all tasks, with their versions, results and intervals.

    Each result is that of the run's own test. To judge all versions on one common test: penchant compare TASK.
    """

    task: Annotated[str | None, typer.Argument(help="The task. Default: all.", show_default=False)] = None
    filter: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            metavar="NAME=VALUE",
            help="Only runs whose status, parameter or tag (tag.NAME) has this value; may be repeated.",
        ),
    ] = None
    store: Store = None


@dataclass(frozen=True)
class DatasetOptions:
    """Write the rows of a task with outcome, signals and split, so that a notebook starts from the same ones.

    The splits are those of a training: train, test, and refit (snapshots in between, used by the model in use alone).
    """

    task: TaskName
    out: Out = None
    horizon: Horizon = None
    test: Test = None
    seed: Seed = None
    group: Group = None
    without: Annotated[
        list[str] | None,
        typer.Option(
            "--without", metavar="NAME", help="A signal or feature group to leave out, or a pattern; may be repeated."
        ),
    ] = None


@dataclass(frozen=True)
class PromoteOptions:
    """Promote the challenger if it passes the gates; else nothing changes, and the exit code is 3.

    The gates: its training checks allow it to be used; on one common test it is no worse than the champion and the best
    baseline; if it was tuned, it is no worse than the default parameters.
    """

    task: TaskName
    version: Annotated[
        int | None, typer.Option("--version", help="Version to promote. Default: the challenger.", min=1)
    ] = None
    force: Annotated[bool, typer.Option("--force", help="Promote it even if it fails a gate; this is recorded.")] = (
        False
    )
    store: Store = None
    test: Test = None


@dataclass(frozen=True)
class ScoreOptions:
    """Score every eligible customer with all champions, one file per model, and say when each buyer orders next.

    The churn list is meant to be read: riskiest first, with the amount at risk and three reasons in words, also as CSV.
    next_order.parquet tells of each buyer the expected date of the next order, the chances of one within 30, 60, 90
    days, and orders, amount and margin of the next 12 months, with intervals (docs/audiences.md).
    A run that was killed resumes where it stopped; a result of the same data and models is left as it is.
    """

    as_of: AsOfOrLastDay = None
    task: Annotated[
        list[str] | None,
        typer.Option(
            "--task", help="Score with the champion of this task only; may be repeated. Default: every champion."
        ),
    ] = None
    out: Out = None
    store: Store = None
    again: Annotated[bool, typer.Option("--again", help="Score again even if the same result exists already.")] = False
    reasons: Annotated[
        bool, typer.Option(help="Add the reasons in words; this takes several times as long as scoring.")
    ] = True


@dataclass(frozen=True)
class MonitorOptions:
    """Show how far signals, scores and stages have drifted since training, and whether earlier scores came true.

    Exit code 3: something is past its threshold. Scores: PSI above 0.25. Signals: more than 5 % unseen categories, or a
    share of missing values that changed by 20 points; their PSI counts only with --limit signal_stability, because
    signals move with the season. Predictions: off by more than 10 %, and outside their interval.
    """

    as_of: AsOfOrEnd = None
    task: Annotated[
        list[str] | None,
        typer.Option(
            "--task", help="Look at the champion and scores of this task only; may be repeated. Default: all."
        ),
    ] = None
    scores: Annotated[
        list[Path] | None,
        typer.Option(
            "--scores",
            help="Folder written by `penchant score`, or a folder of several; may be repeated. Default: below out/.",
        ),
    ] = None
    limit: Annotated[
        list[str] | None,
        typer.Option(
            "--limit",
            help="Threshold, such as score_stability=0.2; may be repeated. Others: signal_stability, unseen, missing, "
            "promise.",
        ),
    ] = None
    out: Out = None
    store: Store = None
