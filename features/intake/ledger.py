"""What is known of how a table was read, as values: enough to take in new files alone and report as of all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from .crosschecks import Overlaps
from .fingerprint import file_name
from .join_losses import JoinLoss
from .mapping import TablePlan
from .parts import Part
from .raw import BrokenLine
from .staging import Group

OTHER_ROWS = " over ("  # in the SQL of expressions that look at other rows than their own


class ReadAnewError(Exception):
    """A table's new files cannot be taken in alone; the text says why, and the table is read as a whole."""


@dataclass(frozen=True)
class PartRecord:
    """How one raw relation of a table was read.

    Parameters
    ----------
    source
        The number of its source in penchant.toml.
    shape
        What its files have in common.
    paths
        The names of the files it was read from, in the order of reading.
    files
        Each file, or sheet or table in it, to what messages call it.
    how
        What it was read as, as a phrase.
    types
        The shop's columns and their types on the engine.
    columns
        Canonical column to what it is made of.
    exclusions
        The names of its exclusions.
    broken, is_guess, repeated, losses
        As in `Raw`.
    is_separable
        Whether each file's rows are the same whichever files are read with them.
    """

    source: int
    shape: str
    paths: tuple[str, ...]
    files: dict[str, str]
    how: str
    types: dict[str, str]
    columns: dict[str, str]
    exclusions: tuple[str, ...] = ()
    broken: tuple[BrokenLine, ...] = ()
    is_guess: bool = False
    repeated: tuple[str, ...] = ()
    losses: tuple[JoinLoss, ...] = ()
    is_separable: bool = True


@dataclass(frozen=True)
class TableRecord:
    """How a table was read.

    Parameters
    ----------
    parts
        Its raw relations, in order.
    names
        Its canonical columns.
    """

    parts: tuple[PartRecord, ...]
    names: tuple[str, ...]

    @property
    def files(self) -> dict[str, str]:
        """Each file to what messages call it, in the order of reading."""
        return {file: label for part in self.parts for file, label in part.files.items()}

    @property
    def exclusions(self) -> tuple[str, ...]:
        """The names of all exclusions, each once."""
        return tuple(dict.fromkeys(name for part in self.parts for name in part.exclusions))

    @property
    def broken(self) -> list[BrokenLine]:
        """The lines of text files that are no rows."""
        return [line for part in self.parts for line in part.broken]


@dataclass(frozen=True)
class Ledger:
    """What is known of a table's accepted rows.

    Parameters
    ----------
    record
        How they were read.
    hashes
        The names of the table's files and their SHA-256.
    numbers
        Each file to what stands for it in the column ``_source`` of stored rows.
    faults
        Rule and column of each bit of a row's faults.
    groups
        How many rows of each file are excluded by the same conditions and break the same rules.
    overlaps
        What files have in common with earlier ones.
    orphan_ids
        Column to the ids of the examples of references without a row in their own table.
    """

    record: TableRecord
    hashes: dict[str, str]
    numbers: dict[str, int]
    faults: tuple[tuple[str, str], ...]
    groups: tuple[Group, ...]
    overlaps: Overlaps = field(default_factory=Overlaps)
    orphan_ids: dict[str, tuple[str | None, ...]] = field(default_factory=dict)


def table_record(plan: TablePlan, data: Path) -> TableRecord:
    """Return how a table is read."""
    places = plan.places or (0,) * len(plan.parts)
    parts = (_part_record(part, place, data) for part, place in zip(plan.parts, places, strict=True))
    return TableRecord(tuple(parts), plan.names)


def _part_record(part: Part, place: int, data: Path) -> PartRecord:
    raw, names = part.raw, file_names(part, data)
    asked = [*part.exclusions.values(), *(origin.meaning.sql for origin in part.origins.values())]
    return PartRecord(
        place,
        raw.shape,
        tuple(file_name(path, data) for path in raw.paths),
        {names[file]: label for file, label in raw.files.items()},
        raw.how,
        dict(raw.types),
        {name: part.mapping[name] for name in part.origins},
        tuple(part.exclusions),
        raw.broken,
        raw.is_guess,
        raw.repeated,
        raw.losses,
        not raw.is_apart and not any(OTHER_ROWS in sql for sql in asked),
    )


def file_names(part: Part, data: Path) -> dict[str, str]:
    """Return what stands in ``_file`` to the name of the file that does not depend on where the data folder is."""
    names = {str(path): file_name(path, data) for path in part.raw.paths}
    return {file: names.get(file, file) for file in part.raw.files}


def names_of_files(plan: TablePlan, data: Path) -> dict[str, str]:
    """Return what stands in ``_file`` to the name of the file, for all of a table."""
    return {file: name for part in plan.parts for file, name in file_names(part, data).items()}


@dataclass(frozen=True)
class Merged:
    """Two records as one, as if all files had been read at once.

    Parameters
    ----------
    record
        All parts.
    old, new
        The numbers of the parts of each in it.
    """

    record: TableRecord
    old: tuple[int, ...]
    new: tuple[int, ...]


def merged_records(old: TableRecord, new: TableRecord, order: Mapping[int, Sequence[str]]) -> Merged:
    """Return two records as one.

    Parameters
    ----------
    old, new
        How the files were read that are known, and those that are new.
    order
        Each source's number to the names of all its files, in the order of reading.

    Raises
    ------
    ReadAnewError
        If the new files are read in another way, or would come between the others' parts.
    """
    keys: dict[tuple[int, str], tuple[list[int], list[int]]] = {}
    at = {number: {name: place for place, name in enumerate(names)} for number, names in order.items()}

    def place_of(part: PartRecord) -> tuple[int, int]:
        return part.source, min((at[part.source].get(name, 0) for name in part.paths), default=0)

    both = [(part, kind, number) for kind, one in enumerate((old, new)) for number, part in enumerate(one.parts)]
    listed = sorted(both, key=lambda item: place_of(item[0]))
    for part, kind, number in listed:
        keys.setdefault((part.source, part.shape), ([], []))[kind].append(number)
    parts: list[PartRecord] = []
    places: tuple[dict[int, int], dict[int, int]] = ({}, {})
    for ours, theirs in keys.values():
        if ours and theirs:
            places[0][ours[0]] = places[1][theirs[0]] = len(parts)
            ours_and_theirs = [old.parts[number] for number in ours], [new.parts[number] for number in theirs]
            parts.append(_joined(*ours_and_theirs, at[ours_and_theirs[0][0].source]))
            continue
        for number in ours or theirs:
            places[0 if ours else 1][number] = len(parts)
            parts.append((old if ours else new).parts[number])
    olds = tuple(places[0][number] for number in range(len(old.parts)))
    if list(olds) != sorted(olds):
        raise ReadAnewError("a new file comes before others that are written in another way")
    record = TableRecord(tuple(parts), old.names)
    if len(set(record.files.values())) < sum(len(part.files) for part in parts):
        raise ReadAnewError("files in different folders have one name")
    return Merged(record, olds, tuple(places[1][number] for number in range(len(new.parts))))


def _joined(ours: list[PartRecord], theirs: list[PartRecord], at: Mapping[str, int]) -> PartRecord:
    """Return the record of files of one shape, of which some are known and some are new."""
    (old, *more), (new, *further) = ours, theirs
    alike = all(getattr(old, name) == getattr(new, name) for name in ("how", "types", "columns", "exclusions"))
    if more or further or not alike:
        raise ReadAnewError("a new file is written in another way")
    files = {**old.files, **new.files}
    ordered = dict(sorted(files.items(), key=lambda item: at[item[0]]))
    paths = tuple(sorted((*old.paths, *new.paths), key=lambda name: at[name]))
    broken = tuple(sorted((*old.broken, *new.broken), key=lambda line: (line.file, line.line)))
    return replace(old, paths=paths, files=ordered, broken=broken)
