"""The page Data: what `penchant check` says, how fresh the data is, and what the mapping leaves open."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from penchant.errors import without_passwords

from .asked import Request

QUESTION = re.compile(r"#\s*(.*\bTODO\b.*)")
SECTION = re.compile(r"\s*\[+([^\]]+)\]")
MOST_QUESTIONS = 100


def data(asked: Request) -> dict[str, Any]:
    """What `penchant check` says: rows read, used, set aside and excluded, freshness, and open questions."""
    report, overview, path = asked.ready.check(), asked.ready.overview(), asked.settings.shop_file
    ends = max(str((report or {}).get("extract_end") or ""), str((overview or {}).get("as_of") or ""))
    age = (datetime.now(UTC).replace(tzinfo=None) - datetime.fromisoformat(ends)).days if ends else None
    questions = _questions(path, path.stat().st_mtime_ns) if path.is_file() else []
    return {"report": report, "ends_at": ends or None, "age_days": age, "questions": questions}


@lru_cache(maxsize=4)
def _questions(path: Path, _changed: int) -> list[dict[str, str]]:
    """Return what `penchant init` could not tell from the rows and asks the shop's people, by section."""
    found, section = [], ""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if is_section := SECTION.match(line):
            section = is_section[1]
        if asked := QUESTION.search(line):
            found.append({"section": section, "question": without_passwords(asked[1].strip())})
    return found[:MOST_QUESTIONS]
