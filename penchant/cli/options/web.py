"""Options of the commands about the page: serve, prepare, token."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from .shared import AsOfOrEnd, Store

Results = Annotated[
    Path | None, typer.Option("--out", help="The folder of the shop's results. Default: out/SHOP.", show_default=False)
]


@dataclass(frozen=True)
class ServeOptions:
    """Show the shop in a browser, with an API for programs: stages, crowds, lists, audiences, campaigns, models.

    Reads what other commands have written; what takes long runs as a job, the first preparation of the pages at once.
    Every page is JSON below /api/v1 too, described in /api/v1/openapi.json. To let others reach it, make tokens first
    (penchant token add), or name the header in which a reverse proxy says who has logged in.
    """

    host: Annotated[str, typer.Option(help="Where to listen. The default is this machine alone.")] = "127.0.0.1"
    port: Annotated[int, typer.Option(help="The port.", min=1, max=65535)] = 8765
    host_name: Annotated[
        list[str] | None, typer.Option("--host-name", help="A name under which browsers reach it; may be repeated.")
    ] = None
    user_header: Annotated[
        str, typer.Option("--user-header", help="The reverse proxy's header with the user, such as X-Forwarded-User.")
    ] = ""
    requests_per_minute: Annotated[int, typer.Option(help="Of one client; more are told to wait.", min=1)] = 600
    out: Results = None
    store: Store = None


@dataclass(frozen=True)
class PrepareOptions:
    """Make ready what the pages show: stages, flow, funnel, crowds, cohorts, models, a row for each customer."""

    as_of: AsOfOrEnd = None
    out: Results = None
    store: Store = None


@dataclass(frozen=True)
class TokenAddOptions:
    """Make a token for the page and its API. It is shown once; only its hash is kept."""

    name: Annotated[str, typer.Argument(help="Whose it is; the audit log names it.")]
    scope: Annotated[str, typer.Option(help="read, operate (draw, score, download) or promote (models too).")] = "read"
    out: Results = None


@dataclass(frozen=True)
class TokenRemoveOptions:
    """Remove a token: whoever has it is refused from now on."""

    name: Annotated[str, typer.Argument(help="Whose it is.")]
    out: Results = None


@dataclass(frozen=True)
class TokenListOptions:
    """List the tokens there are, with their scopes."""

    out: Results = None


@dataclass(frozen=True)
class McpOptions:
    """Answer language models over the Model Context Protocol, on standard input and output: the views, read-only."""

    scope: Annotated[str, typer.Option(help="read leaves personal columns out; operate shows them.")] = "read"
    out: Results = None
    store: Store = None
