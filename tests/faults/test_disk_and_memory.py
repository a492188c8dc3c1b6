"""A full disk, and memory that does not suffice: said in words, nothing half-written, well again afterwards."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..trained_shop import run
from .conftest import leftovers, results_in

WRITING = (
    ("features", "--as-of", "2024-07-01"),
    ("score", "--as-of", "2024-07-01"),
    ("audience", "second", "--as-of", "2024-08-01"),
    ("tags", "--as-of", "2024-07-01"),
    ("train", "repurchase", "--horizon", "30"),
    ("prepare",),
)
NAMES = [command[0] for command in WRITING]


@pytest.fixture
def small_disk(shop: Path) -> Iterator[Path]:
    """Return the shop on a disk of its own, of 64 MB."""
    disk = shop.parent / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a disk cannot be mounted here; the limit on files is tried all the same")
    try:
        yield shutil.copytree(shop, disk / "shop")
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def fill(disk: Path, leave: int) -> Path:
    """Fill a disk up to so many bytes, and return the file that does."""
    filler = disk / "filler"
    free = shutil.disk_usage(disk).free
    with filler.open("wb") as file:
        file.write(bytes(max(free - leave, 0)))
    return filler


@pytest.mark.parametrize("command", WRITING, ids=NAMES)
def test_a_full_disk_is_called_that_and_what_was_there_stays(small_disk: Path, command: tuple[str, ...]) -> None:
    shop, before = small_disk, results_in(small_disk / "out")
    filler = fill(shop.parent, 8_192)
    done = run(shop, *command)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "space" in done.stderr or "full" in done.stderr, done.stderr
    assert results_in(shop / "out") == before
    filler.unlink()
    assert run(shop, *command).returncode == 0
    assert [path for path in leftovers(shop) if "/tmp/" not in path] == []


@pytest.mark.parametrize("size", [2_048, 60_000])
@pytest.mark.parametrize("command", [WRITING[1], WRITING[4], WRITING[5]], ids=["score", "train", "prepare"])
def test_files_that_may_not_grow_are_said_to_be_too_large(shop: Path, command: tuple[str, ...], size: int) -> None:
    before = results_in(shop / "out")
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}  # Python itself would leave half a file of bytecode
    limited = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)), "env": environment}
    done = run(shop, *command, **limited)
    if done.returncode == 0:  # a small shop's scores are small
        assert size > 2_048
        return
    assert done.returncode == 2, done.stdout + done.stderr
    assert "penchant: " in done.stderr
    assert results_in(shop / "out") == before
    assert run(shop, *command).returncode == 0


@pytest.mark.parametrize("command", [WRITING[0], WRITING[1], WRITING[4]], ids=["features", "score", "train"])
def test_memory_that_does_not_suffice_is_called_that(shop: Path, command: tuple[str, ...]) -> None:
    page, before = shop / "penchant.toml", results_in(shop / "out")
    text = page.read_text()
    page.write_text(text + '[engine]\nmemory_limit = "1MB"\n')
    done = run(shop, *command)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "memory" in done.stderr
    assert results_in(shop / "out") == before
    page.write_text(text)
    assert run(shop, *command).returncode == 0
    assert leftovers(shop) == []
