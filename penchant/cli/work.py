"""What every command shares: the shop it works on, how it reports progress, and how it ends."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from penchant.errors import InputError, PenchantError, quoted

if TYPE_CHECKING:
    from rich.console import Console

    from penchant.config import Config
    from penchant.features.matrix import FeatureMatrix
    from penchant.features.shop import Shop

NO_FILE = "not a file"  # what stands for the content of a table in a database


@dataclass
class Work:
    """One run of one command.

    Steps and progress go to the standard error stream, results to standard output: with ``--json`` one object.
    """

    shop_file: Path | None
    data: Path | None
    as_json: bool
    is_part: bool = False
    started: float = field(default_factory=monotonic)

    @cached_property
    def notes(self) -> Console:
        """Where steps are told to a person."""
        from rich.console import Console

        return Console(stderr=True, highlight=False, soft_wrap=True)

    @cached_property
    def console(self) -> Console:
        """Where results are shown to a person."""
        from rich.console import Console

        return Console(highlight=False, soft_wrap=not sys.stdout.isatty(), width=None)

    @cached_property
    def config(self) -> Config:
        """The configuration of the shop."""
        from penchant.config import load_config

        return load_config(self.config_file)

    @property
    def config_file(self) -> Path:
        """The file that the configuration comes from."""
        return self.shop_file or Path("penchant.toml")

    @property
    def data_folder(self) -> Path:
        """The folder of the shop's files."""
        return self.data or self.config.data_folder

    @contextmanager
    def shop(self) -> Iterator[Shop]:
        """Open the shop, checked, and close it afterwards."""
        from penchant.cli.clean import known_clean, remember, state_of
        from penchant.features.shop import open_shop

        with self.step(f"reading {self.data_folder}"):
            state = state_of(self)
            known = known_clean(self, state)
            shop = open_shop(self.config, self.data_folder, known_clean=known)
            if dict(shop.clean) != known:
                remember(self, state, shop.clean)
        _doubt_the_end(shop)
        try:
            yield shop
        finally:
            shop.close()

    def result_folder(self, step: str, as_of: datetime | None = None) -> Path:
        """Return where a step's result goes unless --out says otherwise: below out/ in the working directory."""
        folder = Path("out") / self.config.shop.name / step
        if as_of is None:
            return folder
        local = as_of.replace(tzinfo=UTC).astimezone(ZoneInfo(self.config.shop.timezone))
        return folder / (f"{local:%Y-%m-%d}" if local.time() == time() else f"{as_of:%Y-%m-%dT%H%M%SZ}")

    def sources(self) -> dict[str, str]:
        """Return the SHA-256 of each file that the configuration names, and of what is no file its address."""
        return dict(self._hashed)

    @cached_property
    def _hashed(self) -> Mapping[str, str]:
        """What `sources` tells, read once in a run: large files take seconds."""
        from penchant.output import file_facts

        found: dict[str, str] = {}
        for table in self.config.tables.values():
            for source in table.sources:
                patterns = re.findall(r"'([^']+)'", source.query) if source.query else [source.path]
                paths = {path for pattern in patterns if pattern for path in self._files(pattern)}
                found |= {self._source_name(path): file_facts(path)["sha256"] for path in sorted(paths)}
                if source.address:
                    found[str(source.table)] = NO_FILE
        return found

    def _source_name(self, path: Path) -> str:
        """Return what a file is called in manifests: its place in the data folder, which tells partitions apart."""
        if path.is_relative_to(self.data_folder):
            return path.relative_to(self.data_folder).as_posix()
        place = sha256(path.parent.as_posix().encode()).hexdigest()[:8]  # no manifest holds an absolute path
        return f"{place}/{path.name}"

    def _files(self, pattern: str) -> list[Path]:
        """Return the files of the data folder that a path or pattern names."""
        if Path(pattern).is_absolute():
            return [path for path in [Path(pattern)] if path.is_file()]
        return [path for path in self.data_folder.glob(pattern) if path.is_file()]

    def write_matrix(self, matrix: FeatureMatrix, folder: Path) -> int:
        """Write a feature matrix with its manifest, and return its number of rows."""
        from penchant.output import replaced_folder

        manifest = {"step": "features", "config": self.config.resolved(), **matrix.facts()}
        with replaced_folder(folder, manifest) as place, self.step(f"writing {folder}"):
            return matrix.write(place)

    @staticmethod
    def left_out(reasons: Mapping[str, str]) -> list[str]:
        """Return one line for each reason why something was left out, with the names it concerns."""
        by_reason: dict[str, list[str]] = {}
        for name, reason in reasons.items():
            by_reason.setdefault(reason, []).append(name)
        return [f"left out, because {reason}: {quoted(names, most=6)}" for reason, names in sorted(by_reason.items())]

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Show a long step while it runs, and how long it took."""
        started = monotonic()
        if self.notes.is_terminal and not self.as_json:
            with self.notes.status(f"{what} ..."):
                yield
        else:
            yield
        if not self.as_json:
            self.notes.print(f"[green]✓[/] {what} [dim]{monotonic() - started:.1f} s[/]")

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
        """End the command: the JSON object with ``--json``, else how long it took; a part of another says nothing."""
        if self.is_part:
            return
        seconds = round(monotonic() - self.started, 2)
        if self.as_json:
            print_json({**result, "seconds": seconds})
        else:
            self.notes.print(f"[dim]done in {seconds:.1f} s[/]")


def folder_name(name: str) -> str:
    r"""Return a name as that of one folder, right where it is looked for: what would lead elsewhere is written as %XX.

    Examples
    --------
    >>> folder_name("spring 2025"), folder_name("2025/spring"), folder_name("..")
    ('spring 2025', '2025%2Fspring', '%2E.')
    """
    return re.sub(r'^\.|[%/\\:*?"<>|\x00-\x1f]', lambda found: f"%{ord(found[0]):02X}", name)


def _doubt_the_end(shop: Shop) -> None:
    """Say where a few late events decide what is taken for the data's end: everything is counted back from it."""
    from penchant.features.intake.rules import RULES

    for table in shop.report.tables.values():
        for found in table.findings:
            if found.rule == "lonely_end":
                told = f"{found.title} ({found.detail}). {RULES[found.rule].explanation}"
                sys.stderr.write(f"note: {table.name}: {told}\n")


def print_json(values: Mapping[str, Any]) -> None:
    """Print one JSON object; what JSON does not know is written as text, and NaN as null."""
    text = json.dumps(plain(values), ensure_ascii=False, default=str, allow_nan=False)
    sys.stdout.write(text + "\n")


def plain(value: Any) -> Any:
    """Return a value as JSON takes it: what has ``as_dict`` by name, numbers as Python's, NaN as None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    if hasattr(value, "as_dict"):
        return plain(value.as_dict())
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value


def fail(fault: Exception, *, as_json: bool) -> int:
    """Report an error and return the exit code: our own in one message, anything else as the bug it is."""
    if not isinstance(fault, PenchantError):
        raise fault
    if as_json:
        facts = {"type": type(fault).__name__, "message": str(fault), "where": fault.where}
        print_json({"error": {**facts, "expected": fault.expected, "got": fault.got, "do": fault.do}})
    sys.stderr.write(f"penchant: {fault}\n")
    return fault.exit_code


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
    return local.astimezone(ZoneInfo("UTC")).replace(tzinfo=None)
