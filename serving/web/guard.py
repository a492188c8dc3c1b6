"""What stands before every request: who asks, how often, how much, from which page; and what every answer carries."""

from __future__ import annotations

import hmac
import json
import logging
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, RedirectResponse, Response

from .access import Caller, caller_of, read_tokens
from .settings import WebSettings

COOKIE = "penchant_token"
MOST_BYTES = 1_000_000
MOST_CLIENTS = 10_000
OPEN_PATHS = ("/login", "/static/", "/health", "/ready")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
LOG = logging.getLogger("penchant.web")
Next = Callable[[HttpRequest], Awaitable[Response]]


class Guard:
    """Decides whether a request is answered, and by which rights.

    Parameters
    ----------
    settings
        Of the page.
    """

    def __init__(self, settings: WebSettings) -> None:
        self.settings = settings
        self._key = secrets.token_bytes(32)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def __call__(self, request: HttpRequest, call_next: Next) -> Response:
        """Answer a request, or refuse it; log it either way."""
        started, number = monotonic(), secrets.token_hex(8)
        request.state.request_id = number
        answer = self._refusal(request) or await call_next(request)
        for name, value in {**HEADERS, "X-Request-ID": number}.items():
            answer.headers.setdefault(name, value)
        if not request.url.path.startswith("/static/"):
            answer.headers.setdefault("Cache-Control", "no-cache, private")
        took = round(1000 * (monotonic() - started), 1)
        told = {"request_id": number, "method": request.method, "path": request.url.path, "status": answer.status_code}
        LOG.info(json.dumps({**told, "ms": took}))
        return answer

    def _refusal(self, request: HttpRequest) -> Response | None:
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
        if host not in {name.strip("[]") for name in self.settings.allowed_hosts} | {"testserver"}:
            return problem(request, 421, "unknown host", "Name it with --host-name to allow it.")
        length = request.headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MOST_BYTES or "transfer-encoding" in request.headers:
            return problem(request, 413, "too large", f"A request holds at most {MOST_BYTES:,} bytes.")
        user = request.headers.get(self.settings.user_header, "") if self.settings.user_header else ""
        if not self._has_tokens_left(user or (request.client.host if request.client else "")):
            return problem(request, 429, "too many requests", "Wait a minute.")
        caller = self._caller(request)
        request.state.caller = caller
        if caller is None and not request.url.path.startswith(OPEN_PATHS):
            if request.url.path.startswith("/api/") or request.method != "GET":
                return problem(request, 401, "not logged in", "Send a token: Authorization: Bearer pnc_...")
            return RedirectResponse("/login", 303)
        return None

    def _caller(self, request: HttpRequest) -> Caller | None:
        if self.settings.user_header:
            user = request.headers.get(self.settings.user_header, "")
            return Caller(user, "operate") if user else None
        tokens = read_tokens(self.settings.folder)
        if not tokens:
            return Caller("local", "promote") if self.settings.is_local else None
        kind, _space, secret = request.headers.get("authorization", "").partition(" ")
        given = secret if kind.lower() == "bearer" else request.cookies.get(COOKIE, "")
        return caller_of(tokens, given) if given else None

    def _has_tokens_left(self, client: str) -> bool:
        """Say whether a client may ask once more: so many requests a minute, evenly filled up."""
        most, now = float(self.settings.requests_per_minute), monotonic()
        left, before = self._buckets.pop(client, (most, now))
        left = min(most, left + (now - before) * most / 60.0)
        self._buckets[client] = (max(0.0, left - 1.0), now)
        while len(self._buckets) > MOST_CLIENTS:
            self._buckets.popitem(last=False)
        return left >= 1.0

    def form_token(self, request: HttpRequest) -> str:
        """Return what a form must send back, so that no other page can send it for the reader."""
        who = request.cookies.get(COOKIE, "local")
        return hmac.new(self._key, who.encode(), sha256).hexdigest()

    def is_own_form(self, request: HttpRequest, given: str) -> bool:
        """Say whether a form came from our own page."""
        origin = request.headers.get("origin")
        is_same = origin is None or urlsplit(origin).netloc == request.headers.get("host")
        return is_same and hmac.compare_digest(self.form_token(request), given)

    def note(self, caller: Caller, what: str, **facts: Any) -> None:
        """Write one line of the audit log: who did what, when."""
        path: Path = self.settings.folder / "audit.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        told = {"at": datetime.now(UTC).isoformat(), "who": caller.name, "scope": caller.scope, "what": what, **facts}
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(told, ensure_ascii=False) + "\n")


def problem(request: HttpRequest, status: int, title: str, detail: str) -> JSONResponse:
    """Return a refusal as RFC 9457 has it."""
    told = {"type": "about:blank", "title": title, "status": status, "detail": detail, "instance": request.url.path}
    return JSONResponse(told, status, media_type="application/problem+json")
