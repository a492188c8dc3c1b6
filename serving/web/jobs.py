"""Long work in the background: each job is a command of penchant in a process of its own, one at a time.

A job is a folder: what it is to do, how far it got, what came out. The page only reads it, so that a job goes on
while the page is restarted, and its progress is there again after a reload.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from threading import Lock, Thread
from types import MappingProxyType
from typing import Any

from penchant.errors import InputError, NotThereError, quoted
from penchant.output import locked, write_text

JOB_FILE, LOG_FILE, RESULT_FILE = "job.json", "progress.log", "result.json"
RUNNING = ("queued", "running")
MOST_LOG = 20_000  # characters of progress that a page shows
MOST_JOBS = 200  # older ones are removed when a new one comes
LONGEST_WAIT = 24 * 3600.0  # seconds that a job waits for those before it
START = "from penchant.cli import main; main()"


@dataclass(frozen=True)
class Job:
    """A job as it stands.

    Parameters
    ----------
    id
        Its name, made of what it does and when it was asked for.
    kind
        What is done, in the words of the catalogue: refresh, audience, score, ...
    arguments
        Of the command line.
    asked_by, asked_at
        Who wanted it, and when (UTC, ISO 8601).
    state
        queued, running, done, failed, cancelled or lost.
    pid
        Of the process that runs it; 0 before there is one.
    exit_code
        Of the command: 0 done, 2 the request is at fault, 3 done but a check failed; None while it runs.
    fields
        What was asked for, as the form had it.
    """

    id: str
    kind: str
    arguments: tuple[str, ...]
    asked_by: str
    asked_at: str
    state: str = "queued"
    pid: int = 0
    exit_code: int | None = None
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """Whether it waits or runs."""
        return self.state in RUNNING


class Jobs:
    """The jobs of one shop.

    Parameters
    ----------
    folder
        Where they are kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._starts = Lock()

    def start(
        self,
        kind: str,
        arguments: Sequence[str],
        asked_by: str,
        key: str = "",
        fields: Mapping[str, str] = MappingProxyType({}),
    ) -> Job:
        """Start a job, or return the one that does the same already.

        Parameters
        ----------
        key
            The caller's own name for the request: the same key gives the same job, also when it is over.
        fields
            What was asked for, as the form had it.

        Raises
        ------
        InputError
            If the key was used for another request.
        """
        with self._starts:
            return self._started(Job("", kind, tuple(arguments), asked_by, "", fields=dict(fields)), key)

    def _started(self, wanted: Job, key: str) -> Job:
        kind, arguments = wanted.kind, wanted.arguments
        for job in self.all():
            is_same = job.kind == kind and job.arguments == arguments
            if key and job.id.endswith(_hashed(key)) and not is_same:
                raise InputError("Idempotency-Key", "a key that was not used for another request", quoted(key[-40:]))
            if (key and job.id.endswith(_hashed(key))) or (not key and job.is_open and is_same):
                return job
        now = datetime.now(UTC)
        ending = _hashed(key) if key else _hashed("\0".join((kind, *arguments, now.isoformat())))
        job = replace(wanted, id=f"{now:%Y%m%d%H%M%S%f}-{kind}-{ending}", asked_at=now.isoformat())
        self._forget_old()
        place = self.folder / job.id
        place.mkdir(parents=True)
        _write(place, job)
        process = subprocess.Popen(
            [sys.executable, "-m", "penchant.serving.web.jobs", str(place)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        Thread(target=process.wait, daemon=True).start()  # whoever started a process is told when it ends
        return job

    def all(self) -> list[Job]:
        """Return the jobs, latest first."""
        if not self.folder.is_dir():
            return []
        found = (self._read(place) for place in sorted(self.folder.iterdir(), reverse=True) if place.is_dir())
        return [job for job in found if job is not None]

    def get(self, name: str) -> Job:
        """Return a job.

        Raises
        ------
        NotThereError
            If there is none of that name.
        """
        found = next((job for job in self.all() if job.id == name), None)
        if found is None:
            raise NotThereError("job", "one of those there are", quoted(name), "See /jobs")
        return found

    def progress(self, name: str) -> str:
        """Return what a job has said so far."""
        path = self.folder / self.get(name).id / LOG_FILE
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        return "\n".join(_line(line) for line in text.splitlines())[-MOST_LOG:]

    def result(self, name: str) -> Mapping[str, Any] | None:
        """Return the JSON object that a job's command printed; None while there is none."""
        path = self.folder / self.get(name).id / RESULT_FILE
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return told if isinstance(told, dict) else None

    def cancel(self, name: str) -> Job:
        """Stop a job; what it had written before stays whole, as when a command is killed.

        Raises
        ------
        InputError
            If it is over.
        """
        job = self.get(name)
        if not job.is_open:
            raise InputError("job", "one that waits or runs", f"one that is {job.state}", "Nothing was done.")
        _write(self.folder / job.id, replace(job, state="cancelled"))
        if job.pid:
            with suppress(ProcessLookupError):
                os.killpg(job.pid, signal.SIGTERM)
        return self.get(name)

    def _read(self, place: Path) -> Job | None:
        try:
            job = _read(place)
        except (OSError, ValueError):
            return None
        return replace(job, state="lost") if job.is_open and job.pid and not _is_alive(job.pid) else job

    def _forget_old(self) -> None:
        for job in [job for job in self.all() if not job.is_open][MOST_JOBS:]:
            rmtree(self.folder / job.id, ignore_errors=True)


def run_job(place: Path) -> None:
    """Run the job of a folder, once the jobs before it are over; called in a process of its own."""
    job = replace(_read(place), pid=os.getpid())
    if job.state == "cancelled":
        return
    _write(place, job)
    with locked(place.parent / "one-at-a-time", wait=LONGEST_WAIT):
        _write(place, replace(job, state="running"))
        with (place / LOG_FILE).open("wb") as log, (place / RESULT_FILE).open("wb") as result:
            command = [sys.executable, "-c", START, *job.arguments]
            code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=result, stderr=log, check=False).returncode
    _write(place, replace(job, state="done" if code in (0, 3) else "failed", exit_code=code))


def _line(text: str) -> str:
    """Return a line of the log as a person reads it; one that is no JSON as it is."""
    try:
        told = json.loads(text)
        at, facts = str(told["at"])[11:19], ""
        if "rows" in told:
            facts = f" {told['rows']:,} / {told['rows_in_all']:,}"
        elif "seconds" in told:
            facts = f" {told['seconds']:,.1f} s"
        level = "" if told["level"] == "info" else f"{told['level']}: "
        return f"{at}  {level}{told['message']}{facts}"
    except (ValueError, KeyError, TypeError):
        return text


def _read(place: Path) -> Job:
    values = json.loads((place / JOB_FILE).read_text(encoding="utf-8"))
    return Job(**{**values, "arguments": tuple(values["arguments"])})


def _hashed(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rsplit(")", 1)[-1].split()[0]
    except OSError:
        return True
    return state != "Z"


def _write(place: Path, job: Job) -> None:
    write_text(place / JOB_FILE, json.dumps(asdict(job), indent=2))


if __name__ == "__main__":
    run_job(Path(sys.argv[1]))
