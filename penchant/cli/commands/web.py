"""The commands serve, prepare and token: the shop in a browser."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from penchant.cli.options.web import (
    McpOptions,
    PrepareOptions,
    ServeOptions,
    TokenAddOptions,
    TokenListOptions,
    TokenRemoveOptions,
)
from penchant.cli.terminal import bare_table
from penchant.cli.work import Work
from penchant.errors import NotThereError
from penchant.serving.web.access import add_token, read_tokens, remove_token
from penchant.serving.web.names import READY
from penchant.serving.web.settings import WebSettings


@contextmanager
def _extra(name: str, what: str) -> Iterator[None]:
    """Raise NotThereError where what a command of an extra imports is not installed."""
    try:
        yield
    except ModuleNotFoundError as fault:
        got, do = f"no '{fault.name}'", f"pip install 'penchant[{name}]'"
        raise NotThereError(f"penchant {name}", what, got, do) from fault


def run_serve(work: Work, options: ServeOptions) -> None:
    """Serve the page until it is stopped."""
    with _extra("serve", "the packages of the page"):
        import uvicorn

        from penchant.serving.web.app import create_app, prepare_if_bare  # an extra
    settings = replace(
        _settings(work, options),
        host=options.host,
        port=options.port,
        user_header=options.user_header,
        requests_per_minute=options.requests_per_minute,
        hosts=tuple(options.host_name or ()),
    )
    app = create_app(settings)
    if prepare_if_bare(app):
        work.note("The pages are being made ready; they show the shop as soon as that job is done.")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    work.note(f"http://{options.host}:{options.port}/  (Ctrl+C ends it)")
    uvicorn.run(app, host=options.host, port=options.port, log_level="warning", access_log=False, server_header=False)


def run_prepare(work: Work, options: PrepareOptions) -> None:
    """Make ready what the pages show."""
    from penchant.serving.audience.past import audience_folders  # asks the shop: the page starts without it
    from penchant.serving.web.prepare import prepare  # as above

    folder = _results(work, options.out) / "web" / READY
    with work.shop() as shop:
        moment = work.instant_or_none(options.as_of)
        with work.step("preparing the pages"):
            manifest = {"step": "prepare", "sources": work.sources()}
            told = prepare(shop, folder, manifest, moment, work.store(options.store), audience_folders(work.workspace))
    work.show(f"{told['n_customers']:,} customers as of {told['as_of']}: {folder}")
    work.show(*work.left_out(told["left_out"]))
    work.finish({**told, "out": str(folder)})


def run_token_add(work: Work, options: TokenAddOptions) -> None:
    """Make a token and show it once."""
    secret = add_token(_results(work, options.out) / "web", options.name, options.scope)
    work.show(secret)
    work.note("Keep it now: it is not shown again.")
    work.finish({"name": options.name, "scope": options.scope, "token": secret})


def run_token_remove(work: Work, options: TokenRemoveOptions) -> None:
    """Remove a token."""
    remove_token(_results(work, options.out) / "web", options.name)
    work.finish({"removed": options.name})


def run_token_list(work: Work, options: TokenListOptions) -> None:
    """List the tokens."""
    tokens = read_tokens(_results(work, options.out) / "web")
    table = bare_table(("name", "scope"))
    for token in tokens.values():
        table.add_row(token.name, token.scope)
    work.show(table)
    work.finish({"tokens": [{"name": token.name, "scope": token.scope} for token in tokens.values()]})


def run_mcp(work: Work, options: McpOptions) -> None:
    """Answer language models until the input ends."""
    with _extra("mcp", "the package of the protocol"):
        from penchant.serving.web.mcp import create_server  # an extra
    create_server(_settings(work, options), options.scope).run(transport="stdio")


def _settings(work: Work, options: ServeOptions | McpOptions) -> WebSettings:
    return WebSettings(
        config=work.config,
        shop_file=work.config_file.absolute(),
        data=work.data_folder.absolute(),
        out=_results(work, options.out).absolute(),
        store=work.store(options.store),
    )


def _results(work: Work, given: Path | None) -> Path:
    return given or work.result_folder("web").parent
