"""Text files with separators: find out how they are written, and give all cells as text.

Every cell is read as text first. What a cell means is decided later, cell by cell, so that one bad cell is one
counted row and not a failed file. Lines that do not have the header's number of cells are kept apart.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import shutil
import statistics
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

from penchant.config import Source
from penchant.errors import ContractError

from .titles import rows_above

SEPARATORS = (",", ";", "\t", "|")
BLANKS = " "  # any run of blanks and tabs
MARKS = (  # the longer mark first: UTF-32's begins with UTF-16's
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
UNREADABLE = (OSError, EOFError, zlib.error, zipfile.BadZipFile, LookupError, UnicodeError)
SAMPLE_ROWS = 200
SAMPLE_BYTES = 400
MANY_SIGNS = 20  # beyond ASCII, that pairs of them are no accident
PAIRED = 0.9  # of the runs of such signs, at least, in Chinese
BLOCK = 1 << 22
RESERVED = ("_file", "_row", "__path", "file_row_number")  # columns by which the engine says where a row was read
APART = "_2"  # behind a shop's column of such a name
_NOTHING = ' \t\r\n,;|"\ufeff'  # what a line without a cell is made of
_QUOTED_FORMULA = re.compile(r'"=""([^"\n]*)"""')
_FORMULA = re.compile(r'="([^"\n]*)"')


@dataclass(frozen=True)
class TextForm:
    """How a text file is written.

    Parameters
    ----------
    encoding
        Python's name of the encoding.
    is_guess
        Whether the encoding was assumed because the file is not UTF-8 and carries no mark.
    separator
        The sign between cells.
    quote
        The sign around cells; empty for none.
    header
        Whether the first line names the columns.
    names
        The columns' names on the engine, unique and not blank.
    skip
        Lines above the header.
    has_formulas
        Whether cells are written as ``="..."``, so that spreadsheets take them for text.
    own
        The columns' names as mappings call them.
    repeated
        The names that several columns have.
    """

    encoding: str
    is_guess: bool
    separator: str
    quote: str
    header: bool
    names: tuple[str, ...]
    skip: int = 0
    has_formulas: bool = False
    own: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()


def text_form(path: Path, source: Source) -> TextForm:
    """Return how a text file is written: as its source says, and by looking where it says nothing.

    Raises
    ------
    ContractError
        If the file has no cells, cannot be decoded, or has no names for its columns.
    """
    try:
        encoding, is_guess = (source.encoding, False) if source.encoding else found_encoding(path)
    except UNREADABLE as fault:
        raise ContractError(f"file '{path.name}'", "a file that can be read to its end", str(fault)) from None
    every = _first_lines(path, encoding)
    has_formulas = any('="' in line for line in every)
    every = list(map(without_formulas, every)) if has_formulas else every
    skip = lines_above(every, source)
    lines = [line for line in every[skip:] if line.strip()]
    if not lines:
        raise ContractError(f"file '{path.name}'", "a text file with a header and rows", "an empty file")
    if any(ord(sign) < ord(" ") and sign not in "\t\r\n" for sign in lines[0]):
        raise ContractError(
            f"file '{path.name}'", "a text file", "control signs in its first line, as binary files have"
        )
    separator = source.separator or found_separator(lines, source.quote)
    rows = split_lines(lines, separator, source.quote)
    width = _usual_width(rows[1:] or rows)
    given = list(source.names) if source.names else rows[0] if source.header else []
    if not given:
        given = [f"column{number}" for number in range(1, width + 1)]
    given = [*given, *[""] * (width - len(given))]
    cells = (separator, source.quote, source.header, unique_names(given), skip, has_formulas, own_names(given))
    repeated = tuple(repeated_names(given))
    return TextForm(encoding, is_guess, *cells, repeated)


def lines_above(lines: list[str], source: Source) -> int:
    """Return how many lines stand above the header: those that a source names, then titles and blanks.

    Where a source names some, blank lines alone follow them; a file without a header has none.
    """
    start = source.skip_lines or 0
    filled = [number for number, line in enumerate(lines) if number >= start and line.strip(_NOTHING)]
    if not filled or not source.header:
        return start
    if source.skip_lines is not None:
        return filled[0]
    separator = source.separator or found_separator([lines[number] for number in filled], source.quote)
    rows = [split_lines([lines[number]], separator, source.quote)[0] for number in filled]
    return filled[rows_above(rows)]


def found_encoding(path: Path) -> tuple[str, bool]:
    """Return a text file's encoding, and whether it is no more than a guess (Windows-1252, or Chinese)."""
    with opened(path) as stream:
        start = stream.read(BLOCK)
    if marked := marked_encoding(start):
        return marked, False
    return ("utf-8", False) if _is_utf8(path) else (other_encoding(start), True)


def marked_encoding(start: bytes) -> str | None:
    """Return the encoding that a file's first bytes tell: by a mark, or by the zeros of UTF-16."""
    for mark, encoding in MARKS:
        if start.startswith(mark):
            return encoding
    pair = start[:SAMPLE_BYTES]
    odd, even = pair[1::2].count(0), pair[::2].count(0)
    if max(odd, even) >= 0.4 * len(pair) > 8 and min(odd, even) == 0:
        return "utf-16-le" if odd else "utf-16-be"
    return None


def other_encoding(content: bytes) -> str:
    """Return what text that is not UTF-8 is likely to be: Chinese where signs beyond ASCII come in its pairs.

    Of Chinese signs a few rare ones end in a byte of ASCII; of European letters nearly all stand alone.
    """
    whole = content[: content.rfind(b"\n") + 1 or None]
    runs = re.findall(rb"[\x80-\xff]+", whole)
    n_paired = sum(len(run) % 2 == 0 for run in runs)
    if sum(map(len, runs)) < MANY_SIGNS or n_paired < PAIRED * len(runs):
        return "cp1252"
    try:
        whole.decode("gb18030")
    except UnicodeDecodeError:
        return "cp1252"
    return "gb18030"


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with opened(path) as stream:
            while block := stream.read(BLOCK):
                decoder.decode(block)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def opened(path: Path) -> IO[bytes]:
    """Open a file for reading bytes, unpacked where its name ends in .gz or .zip.

    Raises
    ------
    OSError
        If the archive is damaged or does not hold one file.
    """
    suffix = path.suffix.lower()
    if suffix == ".zip":
        return _only_member(path)
    return gzip.open(path, "rb") if suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


def _only_member(path: Path) -> IO[bytes]:
    try:
        archive = zipfile.ZipFile(path)
        names = [info.filename for info in archive.infolist() if not info.is_dir()]
        names = [name for name in names if not name.startswith("__MACOSX")]
        if len(names) == 1:
            return archive.open(names[0])
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as fault:
        raise OSError(str(fault)) from None
    raise OSError(f"an archive of {len(names)} files: unpack it")


def without_formulas(line: str) -> str:
    """Return a line whose cells are not written as formulas.

    Examples
    --------
    >>> without_formulas('="0123",a,="x"')
    '"0123",a,"x"'
    """
    return _FORMULA.sub(r'"\1"', _QUOTED_FORMULA.sub(r'"\1"', line))


def _first_lines(path: Path, encoding: str) -> list[str]:
    try:
        with opened(path) as stream:
            reader = io.TextIOWrapper(stream, encoding=encoding, errors="replace", newline="")
            return list(islice(reader, SAMPLE_ROWS))
    except UNREADABLE as fault:
        raise ContractError(f"file '{path.name}'", f"text in '{encoding}'", str(fault)) from None


def split_lines(lines: list[str], separator: str, quote: str) -> list[list[str]]:
    """Return the cells of lines; cells may hold line ends inside quotes."""
    csv.field_size_limit(1 << 30)
    if separator == BLANKS:
        return [line.split() for line in lines]
    if len(separator) > 1:
        return [line.rstrip("\r\n").split(separator) for line in lines]
    if quote:
        rows = csv.reader(lines, delimiter=separator, quotechar=quote)
    else:
        rows = csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE)
    return [row for row in _lenient(rows) if row] or [[]]


def _lenient(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """Yield rows up to the first that Python's reader refuses, such as one with a NUL."""
    try:
        yield from rows
    except csv.Error:
        return


def found_separator(lines: list[str], quote: str = '"') -> str:
    """Return the separator that splits lines most evenly into the most cells.

    Examples
    --------
    >>> found_separator(["id|tags", "1|a,b", "2|c,d,e"])
    '|'
    >>> found_separator(["00001 19970101  1   11.77", "00002 19970112 12   77.00"])
    ' '
    """

    def evenness(separator: str) -> tuple[float, int]:
        widths = [len(row) for row in split_lines(lines, separator, quote)]
        usual = statistics.mode(widths)
        return (usual > 1) * sum(width == usual for width in widths) / len(widths), usual

    scores = {separator: evenness(separator) for separator in SEPARATORS}
    even = [separator for separator in SEPARATORS if scores[separator][0] >= 0.9]
    if even:
        return max(even, key=lambda separator: scores[separator][1])
    if evenness(BLANKS)[0] == 1:
        return BLANKS
    return max(SEPARATORS, key=lambda separator: scores[separator])


def _usual_width(rows: list[list[str]]) -> int:
    return statistics.mode(len(row) for row in rows)


def unique_names(given: Sequence[str]) -> tuple[str, ...]:
    """Return column names for the engine: without blanks around them, none empty, reserved or twice in any case.

    Examples
    --------
    >>> unique_names([" id", "", "ID", "id", "_file"])
    ('id', 'column2', 'ID_2', 'id_3', '_file_2')
    """
    return _unique(given, {name.lower() for name in RESERVED}, str.lower)


def own_names(given: Sequence[str]) -> tuple[str, ...]:
    """Return column names as mappings call them: those that differ by case alone are as they are.

    Examples
    --------
    >>> own_names([" id", "", "ID", "id", "_file"])
    ('id', 'column2', 'ID', 'id_2', '_file')
    """
    return _unique(given, set(), str)


def repeated_names(given: Sequence[str]) -> list[str]:
    """Return the names that several columns have."""
    names = [name.strip() for name in given if name.strip()]
    return [name for name in dict.fromkeys(names) if names.count(name) > 1]


def _unique(given: Sequence[str], seen: set[str], alike: Callable[[str], str]) -> tuple[str, ...]:
    names: list[str] = []
    for number, name in enumerate(given, start=1):
        base = name.strip().strip("\ufeff").replace("\x00", "") or f"column{number}"
        candidate, copy = base, 1
        while alike(candidate) in seen:
            copy += 1
            candidate = f"{base}_{copy}"
        seen.add(alike(candidate))
        names.append(candidate)
    return tuple(names)


def plain_copy(path: Path, form: TextForm, folder: Path, number: int) -> Path:
    """Return a copy of a text file in UTF-8, or the file itself where it is UTF-8 already.

    Signs that cannot be decoded become replacement signs; runs of blanks that separate cells become tabs.

    Raises
    ------
    ContractError
        If the encoding is not known or the file cannot be read to its end.
    """
    is_utf8 = codecs_name(form.encoding) in ("utf-8", "utf-8-sig", "ascii")
    is_plain = is_utf8 and form.separator != BLANKS and not form.skip and not form.has_formulas
    if is_plain and path.suffix.lower() != ".zip":
        return path
    copy = folder / f"text{number}.csv"
    try:
        with (
            opened(path) as stream,
            io.TextIOWrapper(stream, form.encoding, errors="replace", newline="") as reader,
            copy.open("w", encoding="utf-8", newline="") as writer,
        ):
            if form.skip:
                deque(islice(reader, form.skip), maxlen=0)
            if form.has_formulas:
                writer.writelines(map(without_formulas, reader))
            elif form.separator == BLANKS:
                writer.writelines("\t".join(line.split()) + "\n" for line in reader if line.strip())
            else:
                shutil.copyfileobj(reader, writer, BLOCK)
    except UNREADABLE as fault:
        raise ContractError(f"file '{path.name}'", f"text in '{form.encoding}'", str(fault)) from None
    return copy


def codecs_name(encoding: str) -> str:
    """Return an encoding's standard name, or the given one where Python does not know it."""
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        return encoding
