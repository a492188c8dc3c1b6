"""Output folders: whole or not at all, the same bytes again, one writer at a time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from penchant.cli.work import folder_name
from penchant.errors import InputError, NotThereError, OutputError
from penchant.output import read_json, read_rows, replaced_file, replaced_folder, write_text


def write(folder: Path, text: str) -> None:
    with replaced_folder(folder, {"step": "test"}) as place:
        (place / "list.csv").write_text(text)


def test_a_result_replaces_the_former_one_as_a_whole(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "out"
    with replaced_folder(folder, {}) as place:
        (place / "old.csv").write_text("old")
    write(folder, "new")
    assert sorted(path.name for path in folder.iterdir()) == ["list.csv", "manifest.json"]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert [file["name"] for file in manifest["files"]] == ["list.csv"]
    assert str(tmp_path) not in json.dumps(manifest)


@pytest.mark.parametrize(
    "replaced", [replaced_file, lambda path: replaced_folder(path, {}), lambda path: nullcontext(write_text(path, "x"))]
)
def test_a_device_or_pipe_is_refused_and_stays(replaced: Any, tmp_path: Path) -> None:
    """Whoever writes to /dev/null would else take it away from the whole machine."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match="a device or pipe"), replaced(tmp_path / "pipe"):
        pass
    assert (tmp_path / "pipe").is_fifo()


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        write(tmp_path / name, "x")
    assert (tmp_path / "a" / "manifest.json").read_bytes() == (tmp_path / "b" / "manifest.json").read_bytes()


def test_a_fault_leaves_the_former_result_and_no_rest(tmp_path: Path) -> None:
    write(tmp_path / "out", "first")

    def fail() -> None:
        with replaced_folder(tmp_path / "out", {}) as place:
            (place / "list.csv").write_text("half")
            raise KeyError("planted")

    with pytest.raises(KeyError, match="planted"):
        fail()
    assert (tmp_path / "out" / "list.csv").read_text() == "first"
    assert not (tmp_path / ".out.new").exists()


KILLED = """
import os, signal, sys
from pathlib import Path
from penchant.output import replaced_folder
with replaced_folder(Path(sys.argv[1]), {}) as place:
    (place / "list.csv").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_run_leaves_the_former_result_and_the_next_one_completes(tmp_path: Path) -> None:
    write(tmp_path / "out", "first")
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "out")], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert (tmp_path / "out" / "list.csv").read_text() == "first"
    write(tmp_path / "out", "second")
    assert (tmp_path / "out" / "list.csv").read_text() == "second"


def test_two_runs_for_one_folder_exclude_each_other(tmp_path: Path) -> None:
    with replaced_folder(tmp_path / "out", {}), pytest.raises(OutputError, match="another run"):
        write(tmp_path / "out", "other")


def test_a_folder_with_other_things_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("mine")
    with pytest.raises(OutputError, match="replaced as a whole"):
        write(tmp_path, "x")
    assert (tmp_path / "diary.txt").read_text() == "mine"


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(OutputError, match="Got a file"):
        write(tmp_path / "out", "x")
    with pytest.raises(OutputError, match="above it is a file"):
        write(tmp_path / "out" / "below", "x")


@pytest.mark.skipif(not Path("/dev/full").exists() or os.name != "posix", reason="needs /dev/full")
def test_a_full_disk_is_named_and_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path / "out", "first")

    def fill() -> None:
        with replaced_folder(tmp_path / "out", {}), Path("/dev/full").open("w") as file:
            file.write("x" * 100_000)

    with pytest.raises(OutputError, match="no space left"):
        fill()
    assert (tmp_path / "out" / "list.csv").read_text() == "first"


def test_results_are_read_back_or_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pd.DataFrame({"a": [1], "b": ["x"]}).to_parquet(path)
    assert read_rows(path, ["b"]).column_names == ["b"]
    with pytest.raises(InputError, match="the columns 'c'"):
        read_rows(path, needs=["a", "c"])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match="as penchant wrote it"):
        read_rows(path)
    with pytest.raises(NotThereError, match="nothing there"):
        read_rows(tmp_path / "other.parquet")
    for text in ("{", "[1]", "\xff"):
        (tmp_path / "told.json").write_text(text)
        with pytest.raises(InputError, match="as penchant wrote it"):
            read_json(tmp_path / "told.json")


@pytest.mark.parametrize("name", ["a/b", "/etc/passwd", "..", ".", "a\\b", "%2F", "c:d"])
def test_whatever_a_campaign_is_called_it_gets_one_folder_of_its_own(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "measure" / folder_name(name)
    assert folder.resolve().parent == (tmp_path / "measure").resolve()
    write(folder, "x")
    assert (folder / "list.csv").is_file()


@pytest.mark.parametrize("place", ["result", ".result.new", ".result.old", ".result.lock"])
def test_links_among_the_results_lead_nowhere(tmp_path: Path, place: str) -> None:
    other, out = tmp_path / "other", tmp_path / "out"
    other.mkdir()
    out.mkdir()
    (other / "manifest.json").write_text("{}")
    (out / place).symlink_to(other if place != ".result.lock" else other / "manifest.json")
    for text in ("one", "two"):
        with replaced_folder(out / "result", {}) as folder:
            (folder / "a.txt").write_text(text)
        assert (out / "result" / "a.txt").read_text() == text
    assert [path.name for path in out.iterdir() if not path.is_symlink()] == ["result"]
    assert {path.name: path.read_text() for path in other.iterdir()} == {"manifest.json": "{}"}


def test_a_name_that_is_too_long_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="name too long"):
        write(tmp_path / ("a" * 300), "x")


def write_file(path: Path, text: str) -> None:
    with replaced_file(path) as staging:
        staging.write_text(text)


@pytest.mark.parametrize("written", [write_text, write_file])
def test_a_link_at_a_temporary_name_is_not_written_through(
    tmp_path: Path, written: Callable[[Path, str], None]
) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / ".file.new").symlink_to(tmp_path / "precious")
    written(tmp_path / "file", "text")
    assert ((tmp_path / "file").read_text(), (tmp_path / "precious").read_text()) == ("text", "precious")
    assert not (tmp_path / "file").is_symlink()
