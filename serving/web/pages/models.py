"""The page Models: champions and challengers with their metrics, charts, checks, cards and drift."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....models.store.address import Store
from ....models.store.in_use import models_in_use
from .asked import Request
from .drifted import drift_alarms

MAIN = ("auc", "qini", "rmse", "log_loss", "bias_percent", "lift_top_tenth", "uplift_at_30", "mae", "average_effect")
MOST_SIGNALS = 5


def models(asked: Request) -> dict[str, Any]:
    """Models in use and on trial: metrics with intervals, calibration, gates, drift, and what they are not for."""
    in_use = {name: model.version.version for name, model in (models_in_use(asked.settings.store) or {}).items()}
    prefix = f"{asked.settings.config.shop.name}."
    prepared = asked.ready.models()
    found = [_model(one, in_use) for one in prepared if _role(one, in_use)]
    told = {(one["name"], one["version"]) for one in found}
    missing = [
        {"name": name, "version": version}
        for name, version in sorted(in_use.items())
        if name.startswith(prefix) and (name, version) not in told
    ]
    places = {"mlflow": _address(asked), "mlflow_command": _command(asked)}
    return {"models": found, "not_prepared": missing, "drift": _drift(asked.ready.monitor()), **places}


def _role(one: Mapping[str, Any], in_use: Mapping[str, int]) -> str:
    if in_use.get(one["name"]) == one["version"]:
        return "champion"
    return "challenger" if "challenger" in one["aliases"] else ""


def _model(one: Mapping[str, Any], in_use: Mapping[str, int]) -> dict[str, Any]:
    card = one["card"] or {}
    quality = card.get("quality", {})
    task = one["name"].split(".", 1)[1]
    return {
        **{name: one[name] for name in ("name", "version", "tags", "pictures")},
        "task": task,
        "role": _role(one, in_use),
        "can_be_promoted": _role(one, in_use) == "challenger" and not task.startswith("uplift."),
        "metrics": {name: quality[name] for name in MAIN if name in quality},
        "card": {name: value for name, value in card.items() if name not in ("quality", "checks", "model", "later")},
        "checks": card.get("checks", []),
        "n_issues": sum(check["outcome"] == "issue" for check in card.get("checks", [])),
    }


def _drift(monitor: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if monitor is None:
        return None
    scores = monitor.get("scores", [])
    moved = {one["task"]: monitor.get(f"signals_{one['task']}", [])[:MOST_SIGNALS] for one in scores}
    facts = {name: monitor.get(name) for name in ("as_of", "failed", "faults")}
    facts["drifted"] = drift_alarms(monitor) if monitor.get("failed") else []
    return {**facts, "scores": scores, "signals": moved, "promises": monitor.get("promises", [])}


def _address(asked: Request) -> str | None:
    """Return the address of a tracking server's page; None where the store is a folder or a database."""
    tracking = Store.of(asked.settings.store).tracking
    return tracking if tracking.startswith(("http://", "https://")) and "@" not in tracking else None


def _command(asked: Request) -> str | None:
    """Return what starts MLflow's page where the store is a folder, for whoever may know where it is."""
    database = Store.of(asked.settings.store).database
    return f"mlflow ui --backend-store-uri sqlite:///{database}" if database and asked.caller.may("operate") else None
