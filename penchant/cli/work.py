"""What every command shares: the shop it works on, how it reports progress, and how it ends."""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from penchant.config import Config, MlflowSection, load_config
from penchant.errors import InputError, quoted
from penchant.features.intake.rules import RULES
from penchant.features.intake.trust import refuse_untrusted
from penchant.features.workspace import Workspace
from penchant.models.store.address import Store, store_of
from penchant.models.trust import may_run_code
from penchant.progress import Done, watching

from .log import JsonLog
from .results import print_json
from .styled import StyledConsole, with_brackets

if TYPE_CHECKING:
    from penchant.features.shop import Shop


@dataclass
class Work:
    """One run of one command.

    Steps and progress go to the standard error stream, results to standard output: with ``--json`` one object. With a
    log, steps are its lines. Into the folder ``left`` a part puts its matrix for those that follow.
    """

    shop_file: Path | None
    data: Path | None
    as_json: bool
    is_part: bool = False
    started: float = field(default_factory=monotonic)
    log: JsonLog | None = None
    result: Mapping[str, Any] = field(default_factory=dict)
    untrusted: bool = False
    results: Path | None = None
    left: Path | None = None

    @cached_property
    def notes(self) -> StyledConsole:
        """Where steps are shown to a person."""
        return StyledConsole(stderr=True, highlight=False, soft_wrap=True)

    @cached_property
    def console(self) -> StyledConsole:
        """Where results are shown to a person."""
        return StyledConsole(highlight=False, soft_wrap=not sys.stdout.isatty(), width=None)

    @cached_property
    def workspace(self) -> Workspace:
        """The shop's configuration and folders."""
        config = load_config(self.config_file)
        folder = self.data or config.data_folder
        if self.untrusted:
            refuse_untrusted(config, folder)
            may_run_code.set(False)
        return Workspace(config, folder, self.results)

    @property
    def config(self) -> Config:
        """The configuration of the shop."""
        return self.workspace.config

    def configure(self, config: Config) -> None:
        """Replace the configuration, before anything is read."""
        self.workspace = replace(self.workspace, config=config)

    def part(self) -> Work:
        """Return a run of another command as a part of this one: of the same shop, its result not printed."""
        part = Work(
            self.shop_file, self.data, self.as_json or self.log is not None, is_part=True, log=self.log, left=self.left
        )
        part.workspace = self.workspace
        return part

    @property
    def config_file(self) -> Path:
        """The file that the configuration comes from."""
        return self.shop_file or Path("penchant.toml")

    @property
    def data_folder(self) -> Path:
        """The folder of the shop's files."""
        return self.workspace.data_folder

    @contextmanager
    def shop(self) -> Iterator[Shop]:
        """Open the shop, checked, and close it afterwards."""
        with self.step(f"reading {self.data_folder}"):
            shop = self.workspace.open_shop()
        _doubt_the_end(shop)
        try:
            yield shop
        finally:
            shop.close()

    def store(self, option: str | None) -> Store:
        """Return where runs and models are kept, as --store, penchant.toml or MLflow's variables say."""
        section = self.config.mlflow if self.config_file.is_file() else MlflowSection()
        return store_of(option, section, os.environ)

    def result_folder(self, step: str, as_of: datetime | None = None) -> Path:
        """Return where a step's result goes unless --out says otherwise: below out/ in the working directory."""
        return self.workspace.result_folder(step, as_of)

    def sources(self) -> dict[str, str]:
        """Return the SHA-256 of each file that the configuration names, and of what is no file its address."""
        return self.workspace.sources()

    def instant(self, text: str, option: str = "--as-of") -> datetime:
        """Return the instant that an option names, UTC without a zone: a date is its midnight in the shop's zone."""
        return read_instant(text, self.config.shop.timezone, option)

    def instant_or_none(self, text: str | None, option: str = "--as-of") -> datetime | None:
        """Return the instant that an option names; None where it was not given."""
        return None if text is None else self.instant(text, option)

    def day(self, text: str | None) -> datetime:
        """Return the instant that --as-of names; where it was not given, the end of the data's last complete day."""
        if text is not None:
            return self.instant(text)
        from penchant.features.moments import last_complete_day  # as the shop: Ibis

        with self.shop() as shop:
            return last_complete_day(shop.extract_end, shop.timezone)

    def moment(self, shop: Shop, text: str | None, option: str = "--as-of") -> datetime | None:
        """Return the same of a shop that is open, refused where the shop had seen nothing yet."""
        moment = self.instant_or_none(text, option)
        if moment is not None:
            from penchant.features.moments import refuse_before_data  # as the shop: Ibis

            refuse_before_data(shop, moment, option)
        return moment

    @staticmethod
    def left_out(reasons: Mapping[str, str]) -> list[str]:
        """Return one line for each reason why something was left out, with the names it concerns."""
        by_reason: dict[str, list[str]] = {}
        for name, reason in reasons.items():
            by_reason.setdefault(reason.removeprefix(f"{name}: "), []).append(name)
        return [f"left out {quoted(names, most=6)}: {reason}" for reason, names in sorted(by_reason.items())]

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Show a long step while it runs, and how long it took."""
        started = monotonic()
        if self.notes.is_terminal and not self.as_json:
            with (
                self.notes.status(f"{with_brackets(what)} ...") as status,
                watching(_statements_told(with_brackets(what), status.update)),
            ):
                yield
        else:
            yield
        self._show_done(what, started)

    @contextmanager
    def progress(self, what: str) -> Iterator[Done]:
        """Show how far a long step is, in rows, and how long it took."""
        started = monotonic()
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        is_shown = self.notes.is_terminal and not self.as_json
        with Progress(*columns, console=self.notes, transient=True, disable=not is_shown) as bar:
            shown = bar.add_task(f"{what}: building signals", total=None)

            def done(n_rows: int, n_all: int) -> None:
                bar.update(shown, description=what, completed=n_rows, total=n_all)
                if self.log:
                    self.log.write("info", what, rows=n_rows, rows_in_all=n_all)

            with watching(lambda n_done, n_all: bar.update(shown, completed=n_done, total=n_all)):
                yield done
        self._show_done(what, started)

    def _show_done(self, what: str, started: float) -> None:
        if self.log:
            self.log.write("info", what, seconds=round(monotonic() - started, 2))
        elif not self.as_json:
            self.notes.print(f"[green]✓[/] {what} [dim]{monotonic() - started:.1f} s[/]")

    def note(self, text: str) -> None:
        """Print something worth knowing, for a person."""
        self.show(f"[dim]{text}[/]")

    def show(self, *results: Any) -> None:
        """Print results for a person; nothing with ``--json``."""
        if not self.as_json:
            for result in results:
                self.console.print(result)

    def show_wide(self, *results: Any, width: int = 160) -> None:
        """Print results for a person; a file or pipe takes a table as wide as it is, up to so many characters."""
        if not self.console.is_terminal:
            self.console.width = width
        self.show(*results)

    def finish(self, result: Mapping[str, Any]) -> None:
        """End the command: the JSON object with ``--json``, else how long it took; a part of another prints nothing."""
        self.result = result
        if self.is_part:
            return
        seconds = round(monotonic() - self.started, 2)
        if self.as_json:
            print_json({**result, "seconds": seconds})
        else:
            self.notes.print(f"[dim]done in {seconds:.1f} s[/]")


def _statements_told(what: str, show: Callable[[str], None]) -> Done:
    """Return what shows how far a step is, in statements of the engine."""
    return lambda n_done, n_all: show(f"{what} ... {n_done} of {n_all}")


def folder_name(name: str) -> str:
    r"""Return a name as that of one folder, right where it is looked for: what would lead elsewhere is written as %XX.

    Examples
    --------
    >>> folder_name("spring 2025"), folder_name("2025/spring"), folder_name("..")
    ('spring 2025', '2025%2Fspring', '%2E.')
    """
    return re.sub(r'^\.|[%/\\:*?"<>|\x00-\x1f]', lambda sign: f"%{ord(sign[0]):02X}", name)


def _doubt_the_end(shop: Shop) -> None:
    """Say where a few late events decide what is taken for the data's end: everything is counted back from it."""
    for table in shop.report.tables.values():
        for finding in table.findings:
            if finding.rule == "lonely_end":
                text = f"{finding.title} ({finding.detail}). {RULES[finding.rule].explanation}"
                warnings.warn(f"{table.name}: {text}", stacklevel=2)


def read_instant(text: str, timezone: str, option: str = "--as-of") -> datetime:
    """Return an instant in UTC, without a zone: a date is its midnight in the shop's zone.

    Examples
    --------
    >>> read_instant("2011-09-10", "Europe/London")
    datetime.datetime(2011, 9, 9, 23, 0)
    >>> read_instant("2011-09-10T12:00Z", "Europe/London")
    datetime.datetime(2011, 9, 10, 12, 0)
    """
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InputError(
            f"option {option}", "a date such as 2011-09-10 or an instant such as 2011-09-10T12:00", f"'{text}'"
        ) from None
    local = instant if instant.tzinfo else instant.replace(tzinfo=ZoneInfo(timezone))
    read = local.astimezone(UTC).replace(tzinfo=None)
    if local.utcoffset() != local.replace(fold=1).utcoffset():
        back = read.replace(tzinfo=UTC).astimezone(local.tzinfo)
        is_there = back.replace(tzinfo=None) == local.replace(tzinfo=None)
        why = "is there twice, because the clocks go back" if is_there else "is skipped, because the clocks go forward"
        warnings.warn(f"{option} {text} {why} in {timezone}: read as {read:%Y-%m-%d %H:%M} UTC", stacklevel=2)
    return read
