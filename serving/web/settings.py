"""What the page is started with, as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from penchant.config import Config
from penchant.errors import InputError

from ...models.store.address import Store

LOOPBACK = ("127.0.0.1", "::1", "localhost")
LANGUAGES = ("en", "zh")


@dataclass(frozen=True)
class WebSettings:
    """What the page is started with.

    Parameters
    ----------
    config
        The shop's configuration.
    shop_file, data
        penchant.toml and the folder of the shop's files, as jobs hand them to the command line.
    out
        The folder of the shop's results, ``out/SHOP``.
    store
        MLflow's store.
    host, port
        Where the page listens.
    user_header
        The header in which a reverse proxy names who has logged in; empty: there is none.
    hosts
        Further names under which browsers reach the page.
    requests_per_minute
        Of one client; more are answered with 429.
    """

    config: Config
    shop_file: Path
    data: Path
    out: Path
    store: Store | Path
    host: str = "127.0.0.1"
    port: int = 8765
    user_header: str = ""
    hosts: tuple[str, ...] = ()
    requests_per_minute: int = 600

    @property
    def folder(self) -> Path:
        """Where the page keeps what is its own: ready tables, jobs, tokens, crowds, the audit log."""
        return self.out / "web"

    @property
    def is_local(self) -> bool:
        """Whether nobody but this machine can reach the page."""
        return self.host in LOOPBACK

    @property
    def allowed_hosts(self) -> tuple[str, ...]:
        """Names that the Host header may hold: a page of another name must not speak for ours."""
        return (*LOOPBACK, "[::1]", self.host, *self.hosts)


def refuse_unguarded(settings: WebSettings, n_tokens: int) -> None:
    """Refuse to listen to a network without knowing who asks.

    Raises
    ------
    InputError
        If the host is not this machine alone, and there are neither tokens nor a reverse proxy that names its users.
    """
    if not (settings.is_local or n_tokens or settings.user_header):
        raise InputError(
            f"--host {settings.host}",
            "tokens, or a reverse proxy that says who has logged in, before others can reach the page",
            "neither",
            "Make one with 'penchant token add NAME --scope read', or name the proxy's header with --user-header",
        )
