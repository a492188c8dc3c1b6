"""A shop at work: its configuration, the folder of its files, and where results go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from penchant.config import Config

from .intake.fingerprint import source_hashes

if TYPE_CHECKING:
    from .intake.accepted import AcceptedRows
    from .shop import Shop


@dataclass(frozen=True, eq=False)
class Workspace:
    """A shop's configuration and folders.

    Parameters
    ----------
    config
        The configuration.
    data_folder
        The folder of the shop's files.
    results
        The folder of the shop's results; None: ``out/SHOP``.
    rebuild
        Whether the shop's files are read anew, whatever was stored of them.
    """

    config: Config
    data_folder: Path
    results: Path | None = None
    rebuild: bool = False

    @contextmanager
    def shop(self) -> Iterator[Shop]:
        """Open the shop, checked, and close it afterwards."""
        shop = self.open_shop()
        try:
            yield shop
        finally:
            shop.close()

    def open_shop(self) -> Shop:
        """Return the shop, checked; rows that were accepted before are not checked again."""
        from .shop import open_shop  # Ibis takes half a second to import, and ready scores do without it

        return open_shop(self.config, self.data_folder, accepted=self.accepted)

    @property
    def accepted(self) -> AcceptedRows:
        """Where the shop's accepted rows are stored."""
        from .intake.accepted import AcceptedRows  # PyArrow's Parquet: ready scores do without

        folder = self.result_folder("accepted")
        return AcceptedRows.of(folder, self.config, self.data_folder, self.sources(), self.rebuild)

    @property
    def shop_folder(self) -> Path:
        """The folder of all results of the shop."""
        return self.results or Path("out") / self.config.shop.name

    def result_folder(self, step: str, as_of: datetime | None = None) -> Path:
        """Return where the result of a step goes by default.

        Parameters
        ----------
        step
            The step's name, such as "score".
        as_of
            The moment it looks at, UTC without a zone: a folder for each day of the shop.
        """
        folder = self.shop_folder / step
        if as_of is None:
            return folder
        local = as_of.replace(tzinfo=UTC).astimezone(ZoneInfo(self.config.shop.timezone))
        return folder / (f"{local:%Y-%m-%d}" if local.time() == time() else f"{as_of:%Y-%m-%dT%H%M%SZ}")

    def sources(self) -> dict[str, str]:
        """Return the SHA-256 of each file that the configuration names, and of what is no file its address."""
        return dict(self._hashes)

    @cached_property
    def _hashes(self) -> Mapping[str, str]:
        """The hashes, computed once: large files take seconds."""
        return source_hashes(self.config, self.data_folder)
