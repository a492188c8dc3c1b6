"""The page docs/errors.md: every error that is raised on purpose, its exit code, and how a message is read."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from penchant import errors

PREFACE = """\
# Errors and exit codes

Generated from the errors by `make docs`. A message says where, what was expected, what came, and what to do. It goes to
the standard error stream without a traceback; in Python the four parts are attributes (`where`, `expected`, `got`,
`do`) of the error, which survives pickling. Each inherits `PenchantError` and the built-in error that a caller would
expect.

| exit code | means |
|---|---|
| 0 | done |
| 1 | a bug: please report it with the traceback |
| 2 | the input or the request is at fault; nothing was half-written |
| 3 | done, but a check failed: a gate, drift, a sample-ratio mismatch |

```python
from penchant import PenchantError, load_config, open_shop

try:
    shop = open_shop(load_config(path))
except PenchantError as error:
    print(error.where, error.do)
```

| error | also a | raised where | exit code |
|---|---|---|---|
"""


def errors_page() -> str:
    """Return the page of all errors, as Markdown."""
    return PREFACE + "\n".join(_rows()) + "\n"


def _rows() -> Iterator[str]:
    for name, kind in vars(errors).items():
        if inspect.isclass(kind) and issubclass(kind, errors.PenchantError) and kind is not errors.PenchantError:
            builtin = next(base.__name__ for base in kind.__mro__ if base.__module__ == "builtins")
            summary = (inspect.getdoc(kind) or "").split("\n")[0].rstrip(".")
            yield f"| `{name}` | `{builtin}` | {summary[:1].lower() + summary[1:]} | {kind.exit_code} |"
