"""Temporary folders hold customers' rows: they go with their owner, and after a kill with the next run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from penchant import temporary
from penchant.output import lock_of
from penchant.temporary import YOUNG, Scratch, remove_abandoned

KILLED = """
import os, signal, sys
from pathlib import Path
from penchant.temporary import Scratch
space = Scratch(Path(sys.argv[1]))
(space.folder / "rows.parquet").write_text("anna")
print(space.folder, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_run_left_goes_with_the_next_and_what_is_in_use_stays(tmp_path: Path) -> None:
    mine = Scratch(tmp_path)
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], capture_output=True, text=True, check=False)
    left = Path(done.stdout.strip())
    assert (left / "rows.parquet").is_file()
    with Scratch(tmp_path) as other:
        assert not left.exists()
        assert mine.folder.is_dir()
        assert other.is_dir()
    assert not other.exists()
    mine.remove()
    mine.remove()
    assert not list(tmp_path.iterdir())


def test_a_folder_without_a_lock_goes_once_it_is_old(tmp_path: Path) -> None:
    older, younger, foreign = (tmp_path / name for name in ("penchant-a", "penchant-b", "other"))
    for path in (older, younger, foreign):
        path.mkdir()
    past = older.stat().st_mtime - 2 * YOUNG
    for path in (older, foreign):
        os.utime(path, (past, past))
    assert remove_abandoned(tmp_path) == [older]
    assert younger.is_dir()
    assert foreign.is_dir()


def test_no_folder_is_seen_unlocked_while_it_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run looks for what was left at the worst moments: just before and after a lock is taken."""
    seen: list[list[Path]] = []

    def watched(path: Path) -> int | None:
        path.touch()
        monkeypatch.setattr(temporary, "lock_of", lock_of)
        seen.append(remove_abandoned(tmp_path))
        handle = lock_of(path)
        seen.append(remove_abandoned(tmp_path))
        return handle

    monkeypatch.setattr(temporary, "lock_of", watched)
    made = Scratch(tmp_path)
    assert made.folder.is_dir()
    assert seen == [[], []]
