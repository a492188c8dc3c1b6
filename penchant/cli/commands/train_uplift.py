"""What `penchant train uplift` does: learn what a contact changes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from penchant.cli.options.models import TrainOptions
from penchant.cli.terminal import interval_text
from penchant.cli.work import Work
from penchant.config import Config
from penchant.errors import CheckFailedError, InputError, did_you_mean, quoted
from penchant.models.store.registry import Registered, Registry
from penchant.output import file_facts, replaced_folder
from penchant.serving.goals.catalogue import Goal, goal_named
from penchant.serving.goals.own import own_goals
from penchant.training.dataset import UpliftRows
from penchant.training.record import write_training
from penchant.training.report.uplift import NAMES
from penchant.training.uplift.dataset import CampaignQuestion, collect
from penchant.training.uplift.evaluate import MAIN, STACK
from penchant.training.uplift.matrix import OUTCOME, ROLES, Roles, read_matrix
from penchant.training.uplift.train import TrainedUplift, TrialQuestion, train_uplift


def train_uplift_model(work: Work, options: TrainOptions) -> None:
    """Learn what a contact changes from past campaigns or a matrix, judge it, and register it."""
    name, store = _name(options), work.store(options.store)
    config = _config(work, options)
    folder = options.out or Path("out") / config.shop.name / "train" / "uplift" / name
    manifest: dict[str, Any] = {"step": "train", "config": config.resolved()}
    with replaced_folder(folder, manifest) as place:
        with _source(work, config, name, options) as source:
            trained = train_uplift(source.rows, source.asked, config.gate, config.seed, work.step)
        with work.step("writing the report and the model"):
            record = write_training(trained, config, place, source.hashes)
        with work.step(f"recording in {store}"):
            version = Registry(store).log(record)
        manifest |= {"sources": source.hashes, "training": trained.facts(), "data": record.tags["data"]}
    work.show(*(uplift_leaderboard(trained, number) for number in range(len(trained.boards))))
    work.show(_account(trained, version, folder))
    facts = {"model": version.name, "version": version.version, "aliases": list(version.aliases)}
    registered = {**facts, "run_id": version.run_id, "out": str(folder), "store": str(store)}
    work.finish({**trained.as_dict(), **registered})
    _refuse_lost_customers(trained)


@dataclass(frozen=True, eq=False)
class UpliftSource:
    """The rows, what they are to teach, and what identifies the files that they came from."""

    rows: UpliftRows
    asked: TrialQuestion
    hashes: dict[str, str]


def _name(options: TrainOptions) -> str:
    """Return what the model is called after its shop: the goal, or the name of the matrix's file."""
    if options.goal is None and options.matrix is None:
        raise InputError(
            "penchant train uplift",
            "--goal with the goal of past campaigns, or --matrix with a file",
            "neither",
            "Such as: penchant train uplift --goal second",
        )
    given = {"--column": options.column, "--without": options.without, "--control": options.control}
    alone = [option for option, value in given.items() if value]
    if alone and options.matrix is None:
        raise InputError(f"option {alone[0]}", "--matrix with the file that it speaks of", "no --matrix")
    name = options.goal or re.sub(r"[^A-Za-z0-9]+", "_", options.matrix.stem if options.matrix else "").strip("_")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise InputError("option --goal", "letters, digits, '_' and '-'", f"'{name}'")
    return name


def _config(work: Work, options: TrainOptions) -> Config:
    """Return the shop's configuration with the seed of the options; a bare matrix does without a file."""
    is_bare = options.matrix is not None and not work.config_file.is_file()
    config = Config() if is_bare else work.config
    return config if options.seed is None else config.model_copy(update={"seed": options.seed})


@contextmanager
def _source(work: Work, config: Config, name: str, options: TrainOptions) -> Iterator[UpliftSource]:
    """Give what is learned from; the shop stays open meanwhile."""
    matrix = options.matrix
    if matrix is not None:
        with work.step(f"reading {matrix}"):
            roles = _roles(options.column or (), options.control, options.without or ())
            rows = read_matrix(matrix, roles)
        asked = TrialQuestion(name, roles.names.get(OUTCOME, OUTCOME), options.horizon, f"Learned from {matrix.name}.")
        yield UpliftSource(rows, asked, {matrix.name: file_facts(matrix)["sha256"]})
        return
    goal: Goal = goal_named(name, own_goals(config))
    horizon = options.horizon or goal.horizon_days
    with work.shop() as shop:
        with work.step(f"building signals and outcomes of past '{name}' campaigns, as of each assignment"):
            rows = collect(shop, CampaignQuestion(name, goal.outcome, horizon, tuple(options.campaign or ())))
        n_waves = len(set(rows.wave)) if rows.wave is not None else 0
        text = f"Learned from {n_waves} waves of past campaigns of the goal '{name}' ({goal.moves})."
        asked = TrialQuestion(name, goal.outcome.replace("_", " "), horizon, text, shop.timezone)
        yield UpliftSource(rows, asked, work.sources())


def _roles(columns: Sequence[str], control: str | None, without: Sequence[str]) -> Roles:
    """Return what a matrix's columns stand for."""
    names: dict[str, str] = {}
    for given in columns:
        role, sign, name = given.partition("=")
        if not (sign and name):
            raise InputError("option --column", "PART=NAME, such as treatment=segment", f"'{given}'")
        if role not in ROLES or role in names:
            hint = "is given twice" if role in names else did_you_mean(role, ROLES)
            raise InputError("option --column", f"one of {quoted(ROLES)}, once", f"'{role}'", hint)
        names[role] = name
    return Roles(names, control, tuple(without))


def uplift_leaderboard(trained: TrainedUplift, number: int) -> Table:
    """Return one treatment's stack beside its baselines, for a terminal."""
    board = trained.boards[number]
    shown = (MAIN, "policy_value")
    table = Table(box=None, pad_edge=False, header_style="bold", title=f"{board.arm}, per 1,000 customers")
    table.add_column("", no_wrap=True)
    for title in ("Qini", "best 30 %"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("stack against it")
    for score, numbers in board.by_name(STACK).items():
        cells = (interval_text(numbers[metric], 1) for metric in shown)
        comparison = board.comparisons[score][MAIN] if score != STACK else None
        verdict = f"{comparison.verdict} ({comparison.difference.value:+,.1f})" if comparison else ""
        table.add_row("[bold]uplift stack[/]" if score == STACK else NAMES[score], *cells, verdict)
    return table


def _account(trained: TrainedUplift, version: Registered, folder: Path) -> str:
    lines = [f"[bold]{board.arm}[/]: {board.verdict}" for board in trained.boards]
    lines += [f"[yellow]issue[/] {check.title}: no. {check.explanation}" for check in trained.checks if check.is_issue]
    lines += [f"not used: {sentence}" for sentence in trained.rows.not_used]
    use = "in use (champion)" if "champion" in version.aliases else "on trial (challenger)"
    report = folder / "artifacts" / "report.html"
    return "\n".join(("", *lines, trained.split.words, f"Registered as {version}, {use}.", f"Report: {report}"))


def _refuse_lost_customers(trained: TrainedUplift) -> None:
    """End with exit code 3 where the arms do not have the planned sizes: everything is written, and open to doubt."""
    lost = [check for check in trained.checks if check.is_issue and check.code == "sample-ratio"]
    if lost:
        raise CheckFailedError(
            f"uplift of '{trained.asked.goal}'", lost[0].title[0].lower() + lost[0].title[1:], lost[0].explanation
        )
