"""Edge: the page and its API over HTTP. Every page has a JSON twin below /api/v1; what takes long becomes a job."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import jinja2
from anyio import to_thread
from fastapi import FastAPI, Form, Header
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request as HttpRequest

from penchant.errors import InputError, NotThereError, PenchantError

from . import charts, drawings, insights
from .access import Caller, caller_of, read_tokens
from .actions import ACTIONS, command_of
from .conditions import save_crowd
from .crowd_words import CrowdWords, own_crowds_now
from .guard import COOKIE, Guard, problem
from .jobs import Job, Jobs
from .live import MOST_LIVE_ROWS, live_scores, model_signals
from .names import CUSTOMERS_FILE
from .pages.asked import Request, masked
from .places import with_places
from .ready import Ready
from .settings import LANGUAGES, WebSettings, refuse_unguarded
from .views import VIEWS, PageView
from .words import Phrases, catalogue, language_of, number_in

HERE = Path(__file__).parent
VERSION = version("penchant")
DOWNLOADS = {"record": "assignments.parquet", "send_list": "send_list.csv"}
API = "/api/v1"
MOST_AT_ONCE = 16


class JobRequest(BaseModel):
    """What a program asks for."""

    kind: str = Field(description=", ".join(ACTIONS))
    fields: dict[str, str] = Field(default_factory=dict, description="what the command takes, such as goal and as_of")


class CrowdRequest(BaseModel):
    """A crowd that a program saves."""

    conditions: list[str] = Field(description="each column:comparison:value, such as stage:is:loyal", max_length=20)


class LiveRequest(BaseModel):
    """Rows of signals that a program wants scored."""

    rows: list[dict[str, float | str | bool | None]] = Field(
        description="signal -> value; what is absent is not known", min_length=1, max_length=MOST_LIVE_ROWS
    )
    reasons: bool = Field(True, description="whether each score comes with its reasons")


class BatchRequest(BaseModel):
    """Customers whose latest scores a program wants."""

    customer_ids: list[str] = Field(min_length=1, max_length=MOST_LIVE_ROWS)


class ShopSite:
    """One shop's page: what its routes share."""

    def __init__(self, settings: WebSettings) -> None:
        self.settings = settings
        self.ready, self.jobs, self.guard = Ready(settings), Jobs(settings.folder / "jobs"), Guard(settings)
        loader = jinja2.FileSystemLoader(HERE / "templates")
        self.templates = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
        self.templates.globals |= {
            "drawings": drawings,
            "charts": charts,
            "insights": insights,
            "plain": number_in,
            "views": VIEWS,
            "version": VERSION,
        }
        self.templates.globals |= {"shop": settings.config.shop.name, "languages": LANGUAGES, "plain": number_in}
        registry = CollectorRegistry()
        self.metrics = registry
        self.requests = Counter(
            "penchant_requests", "Requests by view and status", ("view", "status"), registry=registry
        )
        self.seconds = Histogram("penchant_request_seconds", "Seconds by view", ("view",), registry=registry)

    def asked(self, request: HttpRequest) -> Request:
        """Return what a view may know of a request."""
        query: dict[str, list[str]] = {}
        for name, value in request.query_params.multi_items():
            query.setdefault(name, []).append(value)
        return Request(self.settings, self.ready, self.jobs, request.state.caller, query)

    def words(self, request: HttpRequest) -> Phrases:
        """Return the language of a request."""
        chosen = request.query_params.get("lang") or request.cookies.get("lang")
        shop = self.settings.config.shop
        return Phrases(language_of(request.headers.get("accept-language", ""), chosen), shop.currency, shop.timezone)

    def html(self, request: HttpRequest, template: str, values: Mapping[str, Any], status: int = 200) -> HTMLResponse:
        """Render a template."""
        words = self.words(request)
        text = self.templates.get_template(f"{template}.html").render(
            page=template, v=values, t=words, path=request.url.path, query=request.query_params,
            reader=getattr(request.state, "caller", None), form_token=self.guard.form_token(request),
        )  # fmt: skip
        answer = HTMLResponse(text, status)
        if (lang := request.query_params.get("lang")) in LANGUAGES:
            answer.set_cookie("lang", lang, samesite="strict", httponly=True)
        return answer

    def start(self, caller: Caller, kind: str, fields: Mapping[str, str], key: str = "") -> Job:
        """Start a job for a caller, or say why not."""
        action = ACTIONS.get(kind)
        if action is None:
            raise InputError("job", f"one of {', '.join(ACTIONS)}", f"'{kind[:40]}'")
        _require(caller, action.scope)
        asked = dict(fields)
        arguments = command_of(self.settings, action, with_places(self.settings, self.ready, kind, fields))
        job = self.jobs.start(kind, arguments, caller.name, key and f"{caller.name}\0{key}", asked)
        self.guard.note(caller, f"job {kind}", job=job.id, fields=asked)
        return job

    def save_crowd(self, caller: Caller, name: str, conditions: list[str]) -> dict[str, str]:
        """Save a crowd beside penchant.toml for a caller, and return all that are saved."""
        _require(caller, "operate")
        customers = self.ready.folder / CUSTOMERS_FILE
        if not customers.is_file():
            raise NotThereError("crowd", "prepared customers", "none", "Refresh the pages first")
        words = CrowdWords.of(customers, own_crowds_now(self.settings.config, self.settings.shop_file))
        saved = save_crowd(self.settings.shop_file.parent, name, conditions, words)
        self.guard.note(caller, "crowd", name=name, conditions=conditions)
        return saved

    def cancel(self, caller: Caller, job_id: str) -> Job:
        """Stop a job for a caller, or say why not."""
        _require(caller, "operate")
        job = self.jobs.cancel(job_id)
        self.guard.note(caller, "cancel", job=job_id)
        return job


def _require(caller: Caller, scope: str) -> None:
    if not caller.may(scope):
        raise HTTPException(403, f"The scope '{scope}' is needed; yours is '{caller.scope}'.")


def create_app(settings: WebSettings) -> FastAPI:
    """Return the page of a shop as an ASGI application.

    Raises
    ------
    InputError
        If it would listen to a network without knowing who asks.
    """
    refuse_unguarded(settings, len(read_tokens(settings.folder)))
    site = ShopSite(settings)
    app = FastAPI(
        title="penchant", version=VERSION, docs_url=None, redoc_url=None, openapi_url=f"{API}/openapi.json",
        lifespan=_few_threads,
    )  # fmt: skip
    app.state.site = site
    app.middleware("http")(site.guard)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    _add_forms(app)
    for view in VIEWS:
        _add_view(app, site, view)
    _add_crowds(app, site)
    _add_scores(app, site)
    _add_jobs(app, site)
    _add_login(app, site)
    _add_downloads(app, site)
    _add_health(app, site)
    _add_faults(app, site)
    return app


def prepare_if_bare(app: FastAPI) -> bool:
    """Start the first preparation of the pages where nothing is prepared yet, and say whether it was started."""
    site: ShopSite = app.state.site
    if site.ready.overview() is not None:
        return False
    site.start(Caller("start", "operate"), "prepare", {})
    return True


@asynccontextmanager
async def _few_threads(_app: FastAPI) -> AsyncIterator[None]:
    """Answer so many requests at once as bring anything on a few cores: each holds rows in memory."""
    to_thread.current_default_thread_limiter().total_tokens = MOST_AT_ONCE
    yield


def _add_view(app: FastAPI, site: ShopSite, view: PageView) -> None:
    def answered(request: HttpRequest) -> dict[str, Any]:
        started = time.perf_counter()
        values = view.answer(site.asked(request), **request.path_params)
        site.seconds.labels(view.name).observe(time.perf_counter() - started)
        site.requests.labels(view.name, "200").inc()
        return values

    def page(request: HttpRequest) -> Response:
        return site.html(request, view.name, answered(request))

    def twin(request: HttpRequest) -> Response:
        mark = f'"{site.ready.stamp}-{request.state.caller.scope}"'  # what is shown depends on who asks
        is_live = view.name in ("home", "jobs", "job")
        known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
        if not is_live and mark in known:
            return Response(status_code=304, headers={"ETag": mark})
        return JSONResponse(answered(request), headers={} if is_live else {"ETag": mark})

    app.add_api_route(view.path, page, methods=["GET"], include_in_schema=False, name=view.name)
    address = API + (view.path if view.path != "/" else "/home")
    summary = (view.answer.__doc__ or "").strip().split("\n")[0]
    more = {"parameters": view.parameters}
    app.add_api_route(address, twin, methods=["GET"], name=f"api_{view.name}", summary=summary, openapi_extra=more)


def _add_forms(app: FastAPI) -> None:
    @app.get("/customers/find", include_in_schema=False)
    def find(customer_id: str) -> Response:
        return RedirectResponse(f"/customers/{quote(customer_id, safe='')}", 303)

    @app.get("/crowd/add", include_in_schema=False)
    def add(request: HttpRequest, column: str, comparison: str, value: str) -> Response:
        conditions = [*request.query_params.getlist("c"), f"{column}:{comparison}:{value}"]
        return RedirectResponse(f"/crowd?{urlencode([('c', one) for one in conditions])}", 303)


def _add_crowds(app: FastAPI, site: ShopSite) -> None:
    @app.post("/crowds", include_in_schema=False)
    async def save(request: HttpRequest) -> Response:
        form = await request.form()
        if not site.guard.is_own_form(request, str(form.get("form_token", ""))):
            raise HTTPException(403, "The form is not this page's. Load the page again.")
        name, conditions = str(form.get("name", "")), [str(one) for one in form.getlist("c")]
        site.save_crowd(request.state.caller, name, conditions)
        return RedirectResponse(f"/crowd?{urlencode([('c', one) for one in conditions])}", 303)

    @app.put(f"{API}/crowds/{{name}}", summary="Save a crowd by its conditions; none: remove it.")
    def save_json(request: HttpRequest, name: str, wanted: CrowdRequest) -> dict[str, str]:
        return site.save_crowd(request.state.caller, name, wanted.conditions)


def _add_scores(app: FastAPI, site: ShopSite) -> None:
    @app.get(f"{API}/score/{{model}}", summary="The signals that a model in use reads.")
    def signals(model: str) -> dict[str, Any]:
        return model_signals(site.settings, model)

    @app.post(f"{API}/score/{{model}}", summary="Score rows of signals by a model in use.")
    def live(model: str, wanted: LiveRequest) -> dict[str, Any]:
        return live_scores(site.settings, model, wanted.rows, with_reasons=wanted.reasons)

    @app.post(f"{API}/scores", summary="The latest scores and reasons of a batch of customers.")
    def batch(request: HttpRequest, wanted: BatchRequest) -> dict[str, Any]:
        latest, asked = site.ready.scores(), site.asked(request)
        found = {one: site.ready.scores_of(one) for one in dict.fromkeys(wanted.customer_ids)}
        shown = {one: {name: masked(asked, row) for name, row in rows.items()} for one, rows in found.items()}
        return {"as_of": latest and latest[1].get("as_of"), "customers": shown}


def _add_jobs(app: FastAPI, site: ShopSite) -> None:
    @app.post("/jobs", include_in_schema=False)
    async def ask(request: HttpRequest) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        if not site.guard.is_own_form(request, form.pop("form_token", "")):
            raise HTTPException(403, "The form is not this page's, or older than its last start. Load the page again.")
        job = site.start(request.state.caller, form.pop("kind", ""), form)
        return RedirectResponse(f"/jobs/{job.id}", 303)

    @app.post(f"{API}/jobs", status_code=202, summary="Start a job; the same Idempotency-Key gives the same job.")
    def ask_json(
        request: HttpRequest, wanted: JobRequest, idempotency_key: str = Header("", max_length=128)
    ) -> JSONResponse:
        job = site.start(request.state.caller, wanted.kind, wanted.fields, idempotency_key)
        return JSONResponse({"id": job.id, "state": job.state}, 202, {"Location": f"{API}/jobs/{job.id}"})

    @app.post("/jobs/{job_id}/cancel", include_in_schema=False)
    def cancel(request: HttpRequest, job_id: str, form_token: str = Form("")) -> Response:
        if not site.guard.is_own_form(request, form_token):
            raise HTTPException(403, "The form is not this page's. Load the page again.")
        site.cancel(request.state.caller, job_id)
        return RedirectResponse(f"/jobs/{job_id}", 303)

    @app.delete(f"{API}/jobs/{{job_id}}", summary="Stop a job that waits or runs.")
    def cancel_json(request: HttpRequest, job_id: str) -> dict[str, str]:
        return {"id": job_id, "state": site.cancel(request.state.caller, job_id).state}


def _add_login(app: FastAPI, site: ShopSite) -> None:
    @app.get("/login", include_in_schema=False)
    def login(request: HttpRequest) -> Response:
        return site.html(request, "login", {"is_wrong": False})

    @app.post("/login", include_in_schema=False)
    def enter(request: HttpRequest, token: str = Form("", max_length=200), form_token: str = Form("")) -> Response:
        caller = caller_of(read_tokens(site.settings.folder), token)
        if caller is None or not site.guard.is_own_form(request, form_token):
            site.guard.note(
                Caller("nobody", "read"), "login refused", client=request.client.host if request.client else ""
            )
            return site.html(request, "login", {"is_wrong": True}, 401)
        site.guard.note(caller, "login")
        answer = RedirectResponse("/", 303)
        is_secure = request.url.scheme == "https"
        answer.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=is_secure, max_age=12 * 3600)
        return answer

    @app.post("/logout", include_in_schema=False)
    def leave(request: HttpRequest, form_token: str = Form("")) -> Response:
        answer = RedirectResponse("/login", 303)
        if site.guard.is_own_form(request, form_token):
            answer.delete_cookie(COOKIE)
        return answer


def _add_downloads(app: FastAPI, site: ShopSite) -> None:
    @app.get("/download/{campaign}/{wave}/{what}", summary="A wave's record (Parquet) or send list (CSV).")
    def download(request: HttpRequest, campaign: str, wave: str, what: str) -> Response:
        caller: Caller = request.state.caller
        _require(caller, "operate")
        if what not in DOWNLOADS:
            raise NotThereError("download", f"one of {', '.join(DOWNLOADS)}", f"'{what[:40]}'")
        path = site.ready.audience_folder(campaign, wave) / DOWNLOADS[what]
        if not path.is_file():
            raise NotThereError("download", f"'{path.name}' of this wave", "none")
        site.guard.note(caller, "download", campaign=campaign, wave=wave, file=path.name)
        return FileResponse(path, filename=f"{campaign}-{wave}-{path.name}")

    @app.get("/pictures/{model}/{version}/{name}", include_in_schema=False)
    def picture(model: str, version: int, name: str) -> Response:
        return FileResponse(site.ready.picture(model, version, name), media_type="image/png")


def _add_health(app: FastAPI, site: ShopSite) -> None:
    @app.get("/health", summary="The process answers.")
    def health() -> dict[str, str]:
        return {"status": "ok", "version": VERSION}

    @app.get("/ready", summary="There is something to show.")
    def ready() -> JSONResponse:
        is_ready = site.ready.overview() is not None
        return JSONResponse({"status": "ok" if is_ready else "nothing prepared yet"}, 200 if is_ready else 503)

    @app.get("/metrics", summary="Counters as Prometheus reads them.")
    def metrics() -> Response:
        return PlainTextResponse(generate_latest(site.metrics).decode(), media_type="text/plain; version=0.0.4")

    @app.get(f"{API}/words/{{language}}", summary="All text of the page in one language.")
    def texts(language: str) -> dict[str, str]:
        if language not in LANGUAGES:
            raise NotThereError("language", f"one of {', '.join(LANGUAGES)}", f"'{language[:10]}'")
        return dict(catalogue(language))


def _add_faults(app: FastAPI, site: ShopSite) -> None:
    def answered(request: HttpRequest, status: int, title: str, detail: str) -> Response:
        site.requests.labels("fault", str(status)).inc()
        if request.url.path.startswith("/api/") or request.method not in ("GET", "POST"):
            return problem(request, status, title, detail)
        return site.html(request, "fault", {"status": status, "title": title, "detail": detail}, status)

    @app.exception_handler(PenchantError)
    def ours(request: HttpRequest, fault: PenchantError) -> Response:
        status = 404 if isinstance(fault, NotThereError) else 400
        return answered(request, status, "not found" if status == 404 else "bad request", str(fault))

    @app.exception_handler(HTTPException)
    def theirs(request: HttpRequest, fault: HTTPException) -> Response:
        return answered(
            request, fault.status_code, "refused" if fault.status_code == 403 else "error", str(fault.detail)
        )

    @app.exception_handler(Exception)
    def bug(request: HttpRequest, _fault: Exception) -> Response:
        number = getattr(request.state, "request_id", "")
        return answered(request, 500, "error", f"Something is wrong here; the log has more. Request {number}")

    @app.exception_handler(RequestValidationError)
    def misfit(request: HttpRequest, fault: RequestValidationError) -> Response:
        told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in fault.errors()[:5])
        return answered(request, 422, "unprocessable", told)
