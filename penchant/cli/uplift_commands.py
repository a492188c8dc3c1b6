"""Training an uplift: what `penchant train uplift` does."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.work import Work
from penchant.errors import CheckFailedError, InputError, did_you_mean, quoted

if TYPE_CHECKING:
    from rich.table import Table

    from penchant.config import Config
    from penchant.models.store.registry import Registered
    from penchant.training.train_uplift import Asked, TrainedUplift
    from penchant.training.uplift_dataset import Collected
    from penchant.training.uplift_matrix import Roles

Goal = Annotated[
    str | None, typer.Option("--goal", help="For 'uplift': the goal whose past campaigns teach, such as second.")
]
Matrix = Annotated[
    Path | None,
    typer.Option(
        "--matrix",
        help="For 'uplift': a Parquet or CSV file instead of campaigns, one row for each customer, with the columns "
        "treatment, outcome and, if known, p_treatment and customer; all others are features.",
    ),
]
ColumnNames = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="PART=NAME",
        help="For --matrix: how the file calls treatment, outcome, p_treatment or customer, such as "
        "treatment=segment; repeat for more.",
    ),
]
Without = Annotated[
    list[str] | None,
    typer.Option(
        "--without",
        metavar="NAME",
        help="For --matrix: a column that is no feature, such as another outcome, or whatever became known after the "
        "contact; repeat for more.",
    ),
]
Control = Annotated[
    str | None,
    typer.Option(
        "--control",
        help="For --matrix: the treatment's value for customers who were not contacted. Default: control, 0 or False.",
    ),
]
Campaigns = Annotated[
    list[str] | None, typer.Option("--campaign", help="For 'uplift': learn from this campaign; repeat for more.")
]


@dataclass(frozen=True)
class MatrixOptions:
    """What the options about a matrix say; None: not given."""

    path: Path | None
    columns: Sequence[str] | None = None
    without: Sequence[str] | None = None
    control: str | None = None

    def roles(self) -> Roles:
        """Return what the file's columns stand for."""
        from penchant.training.uplift_matrix import ROLES, Roles

        names: dict[str, str] = {}
        for given in self.columns or ():
            role, sign, name = given.partition("=")
            if not (sign and name):
                raise InputError("option --column", "PART=NAME, such as treatment=segment", f"'{given}'")
            if role not in ROLES or role in names:
                hint = "is given twice" if role in names else did_you_mean(role, ROLES)
                raise InputError("option --column", f"one of {quoted(ROLES)}, once", f"'{role}'", hint)
            names[role] = name
        return Roles(names, self.control, tuple(self.without or ()))

    def refuse_alone(self) -> None:
        """Refuse options about a matrix where there is none."""
        given = {"--column": self.columns, "--without": self.without, "--control": self.control}
        alone = [option for option, value in given.items() if value]
        if alone and self.path is None:
            raise InputError(f"option {alone[0]}", "--matrix with the file that it speaks of", "no --matrix")


@dataclass(frozen=True)
class Request:
    """What the options of ``penchant train uplift`` say; None: not given."""

    goal: str | None
    from_matrix: MatrixOptions
    campaigns: tuple[str, ...]
    horizon: int | None
    seed: int | None

    @property
    def matrix(self) -> Path | None:
        """The file instead of campaigns."""
        return self.from_matrix.path

    @property
    def name(self) -> str:
        """What the model is called after its shop: the goal, or "matrix"."""
        if self.goal is None and self.matrix is None:
            raise InputError(
                "penchant train uplift",
                "--goal with the goal of past campaigns, or --matrix with a file",
                "neither",
                "Such as: penchant train uplift --goal second",
            )
        self.from_matrix.refuse_alone()
        name = self.goal or "matrix"
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
            raise InputError("option --goal", "letters, digits, '_' and '-'", f"'{name}'")
        return name


def train_uplift_model(work: Work, request: Request, out: Path | None, store: Path) -> None:
    """Learn what a contact changes from past campaigns, judge it, and register it.

    Parameters
    ----------
    work
        The run.
    request
        What is asked.
    out, store
        Where the result goes (None: below out/), and MLflow's store.
    """
    from penchant.models.store.registry import Registry
    from penchant.output import replaced_folder
    from penchant.training.train_uplift import train_uplift
    from penchant.training.uplift_record import write_uplift

    name = request.name
    config = _config(work, request)
    folder = out or Path("out") / config.shop.name / "train" / "uplift" / name
    manifest: dict[str, Any] = {"step": "train", "config": config.resolved()}
    with replaced_folder(folder, manifest) as place:
        with _source(work, config, request) as (collected, asked, sources):
            trained = train_uplift(collected, asked, config.gate, config.seed, work.step)
        with work.step("writing the report and the model"):
            record = write_uplift(trained, config, place, sources)
        with work.step(f"recording in {store}"):
            version = Registry(store).log(record)
        manifest |= {"sources": sources, "training": trained.facts(), "data": record.tags["data"]}
    work.show(*(leaderboard_table(trained, number) for number in range(len(trained.boards))))
    work.show(_account(trained, version, folder))
    facts = {"model": version.name, "version": version.version, "aliases": list(version.aliases)}
    registered = {**facts, "run_id": version.run_id, "out": str(folder), "store": str(store)}
    work.finish({**trained.as_dict(), **registered})
    _refuse_lost_customers(trained)


def _config(work: Work, request: Request) -> Config:
    """Return the shop's configuration with the seed that was asked for; a bare matrix does without a file."""
    from penchant.config import Config

    is_bare = request.matrix is not None and not work.config_file.is_file()
    config = Config() if is_bare else work.config
    return config if request.seed is None else config.model_copy(update={"seed": request.seed})


@contextmanager
def _source(work: Work, config: Config, request: Request) -> Iterator[tuple[Collected, Asked, dict[str, str]]]:
    """Give the rows, what is asked of them, and what identifies the files they came from."""
    from penchant.output import file_facts
    from penchant.training.train_uplift import Asked
    from penchant.training.uplift_dataset import Question, collect
    from penchant.training.uplift_matrix import OUTCOME, read_matrix

    name, matrix = request.name, request.matrix
    if matrix is not None:
        with work.step(f"reading {matrix}"):
            roles = request.from_matrix.roles()
            collected = read_matrix(matrix, roles)
        asked = Asked(name, roles.names.get(OUTCOME, OUTCOME), request.horizon, f"Learned from {matrix.name}.")
        yield collected, asked, {matrix.name: file_facts(matrix)["sha256"]}
        return
    goal = _goal(config, name)
    horizon = request.horizon or goal.horizon_days
    with work.shop() as shop:
        with work.step(f"building signals and outcomes of past '{name}' campaigns, as of each assignment"):
            collected = collect(shop, Question(name, goal.outcome, horizon, request.campaigns))
        n_waves = len(set(collected.rows.wave)) if collected.rows.wave is not None else 0
        source = f"Learned from {n_waves} waves of past campaigns of the goal '{name}' ({goal.moves})."
        yield collected, Asked(name, goal.outcome.replace("_", " "), horizon, source), work.sources()


def _goal(config: Config, name: str) -> Any:
    """Return a goal by its name: one of the shop's own modules, or of the catalogue."""
    from penchant.features.catalogue import own
    from penchant.serving.goals.catalogue import Goal as GoalValue
    from penchant.serving.goals.catalogue import goal_named

    return goal_named(name, own(config, "GOALS", GoalValue))


def leaderboard_table(trained: TrainedUplift, number: int) -> Table:
    """Return one treatment's stack beside its baselines, for a terminal."""
    from rich.table import Table

    from penchant.training.uplift_evaluate import MAIN, STACK
    from penchant.training.uplift_report import NAMES

    board = trained.boards[number]
    shown = (MAIN, "policy_value")
    grid = Table(box=None, pad_edge=False, header_style="bold", title=f"{board.arm}, per 1,000 customers")
    grid.add_column("", no_wrap=True)
    for title in ("Qini", "best 30 %"):
        grid.add_column(title, justify="right", no_wrap=True)
    grid.add_column("stack against it")
    for score, numbers in board.metrics.items():
        cells = (f"{numbers[m].value:,.1f} [dim]{numbers[m].low:,.1f}..{numbers[m].high:,.1f}[/]" for m in shown)
        found = board.against.get(score)
        verdict = f"{found.verdict} ({found.difference.value:+,.1f})" if found else ""
        grid.add_row("[bold]uplift stack[/]" if score == STACK else NAMES[score], *cells, verdict)
    return grid


def _account(trained: TrainedUplift, version: Registered, folder: Path) -> str:
    told = [f"[bold]{board.arm}[/]: {board.verdict}" for board in trained.boards]
    told += [f"[yellow]issue[/] {check.title}: no. {check.explanation}" for check in trained.checks if check.is_issue]
    told += [f"not used: {sentence}" for sentence in trained.collected.not_used]
    use = "in use (champion)" if "champion" in version.aliases else "on trial (challenger)"
    return "\n".join(
        (
            "",
            *told,
            trained.split.words,
            f"Registered as {version}, {use}.",
            f"Report: {folder / 'artifacts' / 'report.html'}",
        )
    )


def _refuse_lost_customers(trained: TrainedUplift) -> None:
    """End with exit code 3 where the arms do not have the planned sizes: everything is written, and open to doubt."""
    lost = [check for check in trained.checks if check.is_issue and check.code == "sample-ratio"]
    if lost:
        raise CheckFailedError(
            f"uplift of '{trained.asked.goal}'", lost[0].title[0].lower() + lost[0].title[1:], lost[0].explanation
        )
