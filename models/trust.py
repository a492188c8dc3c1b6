"""Whether models that are code of others may be read: ``--untrusted`` says no, for the whole run."""

from __future__ import annotations

from contextvars import ContextVar

may_run_code: ContextVar[bool] = ContextVar("may_run_code", default=True)
