"""What can be asked for: each action is a command line, made of fields that were checked one by one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from penchant.errors import InputError, did_you_mean, quoted

from ...models.store.address import Store
from ..goals.catalogue import goal_named
from ..goals.own import own_goals
from .settings import WebSettings

CAMPAIGN = re.compile(r"\w[\w .-]{0,63}")
MODEL = re.compile(r"\w[\w.-]{0,63}")
CROWD_NAME = re.compile(r"\w[\w:.-]{0,63}")
MOST_NAME = 64
CHANNELS = ("email", "sms", "push", "phone")


@dataclass(frozen=True)
class Action:
    """Something that takes long.

    Parameters
    ----------
    kind
        Its name, and its key in the catalogue of texts.
    scope
        Who may ask for it.
    arguments
        Fields of a form -> arguments of the command line.
    takes_store
        Whether the command reads models.
    """

    kind: str
    scope: str
    arguments: Callable[[WebSettings, Mapping[str, str]], list[str]]
    takes_store: bool = False


def command_of(settings: WebSettings, action: Action, fields: Mapping[str, str]) -> list[str]:
    """Return the whole command line of an action.

    Raises
    ------
    InputError
        If a field is not as it should be.
    """
    shared = ["--shop", str(settings.shop_file), "--data", str(settings.data), "--results", str(settings.out)]
    folder = Store.of(settings.store).folder  # an address may hold a password: the configuration tells it to the job
    store = ["--store", str(folder)] if action.takes_store and folder is not None else []
    return [*shared, "--json", "--log-format", "json", *action.arguments(settings, fields), *store]


def _audience(settings: WebSettings, fields: Mapping[str, str]) -> list[str]:
    goal = goal_named(fields.get("goal", "")[:MOST_NAME], own_goals(settings.config))
    arguments = ["audience", goal.name, "--as-of", _day(fields, "as_of")]
    for name, flag, write in (
        ("budget", "--budget", _number),
        ("size", "--size", _whole),
        ("holdout", "--holdout", _share),
        ("channel", "--channel", _channel),
        ("campaign", "--campaign", _campaign),
        ("crowd", "--only-if", _crowd),
        ("without", "--unless", _crowd),
    ):
        if fields.get(name):
            arguments += [flag, write(fields, name)]
    if arm := fields.get("arm", ""):
        known = [each.name for each in goal.arms]
        if arm not in known:
            raise InputError("field 'arm'", f"one of {', '.join(known)}", quoted(arm[:40]), did_you_mean(arm, known))
        arguments += ["--arm", arm]
    for name, flag in (("assume_consent", "--assume-consent"), ("dry_run", "--dry-run")):
        arguments += [flag] if fields.get(name) == "yes" else []
    return arguments


def _crowd(fields: Mapping[str, str], name: str) -> str:
    if not CROWD_NAME.fullmatch(fields[name]):
        raise InputError(f"field '{name}'", "the name of a crowd", quoted(fields[name][:40]))
    return fields[name]


def _share(fields: Mapping[str, str], name: str) -> str:
    try:
        per_cent = float(fields[name].removesuffix("%"))
    except ValueError:
        per_cent = -1.0
    if not 0.0 <= per_cent < 100.0:
        raise InputError(f"field '{name}'", "a share in per cent, from 0 to below 100", quoted(fields[name][:40]))
    return f"{per_cent / 100:g}"


def _day(fields: Mapping[str, str], name: str) -> str:
    try:
        return date.fromisoformat(fields.get(name, "")[:10]).isoformat()
    except ValueError:
        raise InputError(f"field '{name}'", "a date such as 2025-11-01", quoted(fields.get(name, "")[:40])) from None


def _number(fields: Mapping[str, str], name: str) -> str:
    try:
        value = float(fields[name])
    except ValueError:
        value = -1.0
    if not 0.0 <= value < 1e12:
        raise InputError(f"field '{name}'", "an amount of 0 or more", quoted(fields[name][:40]))
    return f"{value:g}" if value == int(value) else f"{value:.2f}"


def _whole(fields: Mapping[str, str], name: str) -> str:
    if not (fields[name].isascii() and fields[name].isdigit()) or len(fields[name]) > 10:
        raise InputError(f"field '{name}'", "a whole number of customers", quoted(fields[name][:40]))
    return fields[name]


def _channel(fields: Mapping[str, str], name: str) -> str:
    if fields[name] not in CHANNELS:
        hint = did_you_mean(fields[name], CHANNELS)
        raise InputError(f"field '{name}'", f"one of {', '.join(CHANNELS)}", quoted(fields[name][:40]), hint)
    return fields[name]


def _campaign(fields: Mapping[str, str], name: str) -> str:
    if not CAMPAIGN.fullmatch(fields[name]) or ".." in fields[name]:
        raise InputError(
            f"field '{name}'", "a name of letters, digits, blanks, '.', '_' and '-'", quoted(fields[name][:40])
        )
    return fields[name]


def _score(_settings: WebSettings, fields: Mapping[str, str]) -> list[str]:
    return ["score", *(["--as-of", _day(fields, "as_of")] if fields.get("as_of") else [])]


def _measure(_settings: WebSettings, fields: Mapping[str, str]) -> list[str]:
    return ["measure", _campaign(fields, "campaign")]


def _plan(_settings: WebSettings, fields: Mapping[str, str]) -> list[str]:
    """A plan is named as the page lists it; the page has replaced the name by the file's whole path."""
    moment = ["--as-of", _day(fields, "as_of")] if fields.get("as_of") else []
    return ["plan", fields["path"], *moment, *([] if fields.get("dry_run") == "no" else ["--dry-run"])]


def _export(_settings: WebSettings, fields: Mapping[str, str]) -> list[str]:
    """A wave and a destination are named as the page lists them; the page has put their places beside the names."""
    return ["export", fields["folder"], "--to", fields["destination"]]


def _insight(name: str, field: str) -> Callable[[WebSettings, Mapping[str, str]], list[str]]:
    """Return what asks for an insight of one campaign or item; an item's name may hold anything but a leading dash."""

    def arguments(_settings: WebSettings, fields: Mapping[str, str]) -> list[str]:
        value = _campaign({field: fields.get(field, "")}, field) if field == "campaign" else _item(fields)
        prices = [part for one in fields.get("prices", "").split() for part in ("--price", _price(one))]
        answer = ["--elasticity", _elasticity(fields["elasticity"])] if fields.get("elasticity") else []
        return ["insight", name, *prices, *answer, "--", value]

    return arguments


def _item(fields: Mapping[str, str]) -> str:
    item = fields.get("item", "").strip()
    if not item or len(item) > MOST_NAME or not item.isprintable():
        raise InputError("field 'item'", "the id of an item", quoted(item[:40]))
    return item


def _price(text: str) -> str:
    return _number({"prices": text.strip(",;")}, "prices")


def _elasticity(text: str) -> str:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not -100.0 <= value <= 0.0:
        raise InputError("field 'elasticity'", "a number of 0 or less, such as -2", quoted(text[:40]))
    return f"{value:g}"


def _promote(_settings: WebSettings, fields: Mapping[str, str]) -> list[str]:
    task = fields.get("task", "")
    if not MODEL.fullmatch(task):
        raise InputError("field 'task'", "the name of a task", quoted(task[:40]))
    if fields.get("confirmed") != "yes":
        raise InputError("field 'confirmed'", "yes, because everybody's scores will come from another model", "nothing")
    return ["promote", task]


ACTIONS: Mapping[str, Action] = {
    action.kind: action
    for action in (
        Action("prepare", "operate", lambda _settings, _fields: ["prepare"], True),
        Action("check", "operate", lambda _settings, _fields: ["check"]),
        Action("score", "operate", _score, True),
        Action("audience", "operate", _audience, True),
        Action("plan", "operate", _plan, True),
        Action("export", "operate", _export),
        Action("measure", "operate", _measure),
        Action("returned", "operate", _insight("returned", "campaign")),
        Action("elasticity", "operate", _insight("elasticity", "campaign")),
        Action("joint_price", "operate", _insight("joint-price", "item")),
        Action("monitor", "operate", lambda _settings, _fields: ["monitor"], True),
        Action("promote", "promote", _promote, True),
    )
}
