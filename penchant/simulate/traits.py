"""Who the customers are: traits that nobody in the shop can see.

Rates and lifetimes are spread widely, so that a few customers make most of the sales. What a contact does
depends on traits that leave traces: price preference, category, age, and how often the shop has written already.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from penchant.simulate.columns import ColumnBlock
from penchant.simulate.items import CATEGORIES, MOST_LINES, N_LEVELS, of_categories
from penchant.simulate.settings import CHANNELS, SimulationSettings
from penchant.simulate.streams import Float, Int, Streams

Flags = NDArray[np.bool_]

GENDERS = ("female", "male")
REGIONS = ("north", "east", "south", "west", "centre", "islands")
SOURCES = ("search", "ads", "social", "referral", "direct", "list")
HOME_CHANNELS = ("app", "web", "mobile_web")
STRANGER_SHARE = 0.12
OPENING_SHARE, OPENING_DAYS = 0.25, 60  # of the customers, and of the days they take to come
NOBODY = -1

_BY_GENDER = {0: {"cosmetics": 1.7, "fashion": 1.4, "baby": 1.5}, 1: {"electronics": 1.9, "sports": 1.6, "toys": 1.2}}


@dataclass(frozen=True)
class CustomerTraits(ColumnBlock):
    """The hidden traits of some customers, one entry each.

    Parameters
    ----------
    number
        The customer's number; the id is made of it.
    streams
        The customer's dice.
    arrives
        When the customer first appears, in days since the shop's first.
    is_stranger
        On a list, without a reason to come.
    main, second
        Favourite categories.
    visit_rate
        Visits per day while interested.
    conversion
        Chance of an order per visit, before season, need and what was just bought.
    interest_days, lifetime_days
        How long the interest lasts before, and after, the first paid order.
    ghost
        Factor on the visits once it is over.
    settle_days
        How long after an order little is needed.
    level
        Price level, 0 to 7.
    sensitivity
        To prices and promotions, in [0, 1].
    holiday_lift
        Factor on visits in holidays.
    more_lines
        Chance of one more line in a basket.
    bulk
        Factor on quantities: 1, or 6 for traders.
    eagerness
        Factor on favourites and carts.
    pays_at_once
        Chance that an order is paid at once.
    registers
        Chance to register in a visit without an order.
    response
        To each of ``CHANNELS``; about 1.
    taste
        For saving, for service and for attention; factors on the appeal of offers of these families.
    annoyance
        What each contact costs in goodwill.
    phase
        When the customer's needs change, in days.
    gender, birth_year, region, source, home
        Profile; -1 where the shop does not know it.
    consent
        To each of ``CHANNELS``.
    """

    number: Int
    streams: Streams
    arrives: Float
    is_stranger: Flags
    main: Int
    second: Int
    visit_rate: Float
    conversion: Float
    interest_days: Float
    lifetime_days: Float
    ghost: Float
    settle_days: Float
    level: Int
    sensitivity: Float
    holiday_lift: Float
    more_lines: Float
    bulk: Int
    eagerness: Float
    pays_at_once: Float
    registers: Float
    response: Float
    taste: Float
    annoyance: Float
    phase: Int
    gender: Int
    birth_year: Int
    region: Int
    source: Int
    home: Int
    consent: Flags

    def uniform(self, purpose: str, counter: int | Int = 0) -> Float:
        """Return one number in (0, 1) per customer for a purpose."""
        return self.streams.uniform(purpose, counter)

    @property
    def expected_lines(self) -> Float:
        """Expected number of lines of a basket."""
        more = self.more_lines
        return np.asarray(1 + more * (1 - more ** (MOST_LINES - 1)) / (1 - more))


def arrival(settings: SimulationSettings, numbers: Int, within: Float | float = 0.0) -> Float:
    """Return when customers appear, in days; ``within`` in [0, 1) is the place inside each one's own slot."""
    place = (numbers + within) / settings.n_customers
    opening = min(OPENING_DAYS, settings.pace_days / 4)
    later = opening + (place - OPENING_SHARE) / (1 - OPENING_SHARE) * (settings.pace_days - opening)
    return np.where(place < OPENING_SHARE, place / OPENING_SHARE * opening, later)


def n_appearing(settings: SimulationSettings) -> int:
    """Return how many customers appear before the shop's end."""
    most = int(settings.n_customers * (settings.n_days / settings.pace_days + 1)) + 1
    numbers = np.arange(most)
    within = Streams.of(settings.seed, numbers).uniform("arrives")
    return int(np.searchsorted(arrival(settings, numbers, within), settings.n_days))


def draw_traits(settings: SimulationSettings, numbers: Int) -> CustomerTraits:
    """Return the traits of the customers with these numbers."""
    dice = Streams.of(settings.seed, numbers)
    profile = _profile(dice)
    main = _favourite(dice, profile.gender, "main category")
    cycle = of_categories("cycle_days")[main]
    is_stranger = dice.uniform("stranger") < STRANGER_SHARE
    sensitivity = np.clip(0.45 + 0.25 * dice.normal("sensitivity") + 0.12 * (profile.source == 1), 0.02, 0.98)
    level = _price_level(dice, sensitivity)
    by_app = np.exp(settings.app_lift * (profile.home == HOME_CHANNELS.index("app")))
    return CustomerTraits(
        number=numbers,
        streams=dice,
        arrives=arrival(settings, numbers, dice.uniform("arrives")),
        is_stranger=is_stranger,
        main=main,
        second=_favourite(dice, profile.gender, "second category"),
        visit_rate=np.minimum(0.075 * (45 / cycle) ** 0.6 * np.exp(0.85 * dice.normal("visit rate")), 1.5),
        conversion=np.minimum(_conversion(dice, cycle) * by_app, 0.9),
        interest_days=45 * dice.exponential("interest"),
        lifetime_days=_lifetimes(dice, profile.source) * by_app,
        ghost=np.where(is_stranger, 0.002, 0.05 * np.exp(0.5 * dice.normal("ghost"))),
        settle_days=np.clip(0.5 * cycle, 5, 60),
        level=level,
        sensitivity=sensitivity,
        holiday_lift=np.array([0.8, 1.25, 2.8])[np.searchsorted([0.25, 0.75], dice.uniform("holiday"))],
        more_lines=0.08 + 0.5 * dice.uniform("more lines") ** 1.5,
        bulk=np.where(dice.uniform("bulk") < 0.015, 6, 1),
        eagerness=np.exp(0.5 * dice.normal("eagerness")),
        pays_at_once=np.where(sensitivity > 0.6, 0.84, 0.92),
        registers=np.where(is_stranger, 0.1, 0.45),
        response=_responses(dice, profile.birth_year),
        taste=_tastes(dice),
        annoyance=_annoyances(dice, level, sensitivity),
        phase=np.floor(10 * dice.uniform("phase")).astype(np.int64),
        gender=profile.gender,
        birth_year=profile.birth_year,
        region=profile.region,
        source=np.where(is_stranger, SOURCES.index("list"), profile.source),
        home=profile.home,
        consent=_consent(dice, is_stranger),
    )


def _conversion(dice: Streams, cycle: Float) -> Float:
    browses = dice.uniform("browser") < 0.25
    chance = np.minimum(0.13 * (45 / cycle) ** 0.3 * np.exp(0.75 * dice.normal("conversion")), 0.6)
    return chance * np.where(browses, 0.06, 1)


def _price_level(dice: Streams, sensitivity: Float) -> Int:
    level = (0.5 + 0.24 * dice.normal("level") - 0.25 * (sensitivity - 0.45)) * N_LEVELS
    return np.clip(np.floor(level), 0, N_LEVELS - 1).astype(np.int64)


@dataclass(frozen=True)
class _Profile:
    gender: Int
    birth_year: Int
    region: Int
    source: Int
    home: Int


def _profile(dice: Streams) -> _Profile:
    gender = np.where(dice.uniform("gender") < 0.57, 0, 1)
    born = np.clip(np.rint(1988 + 12 * dice.normal("birth year")), 1940, 2006).astype(np.int64)
    return _Profile(
        gender=gender,
        birth_year=born,
        region=np.searchsorted(np.cumsum([0.22, 0.27, 0.19, 0.14, 0.15]), dice.uniform("region")),
        source=np.searchsorted(np.cumsum([0.34, 0.24, 0.20, 0.10]), dice.uniform("source")),
        home=np.searchsorted([0.48, 0.80], dice.uniform("home channel")),
    )


def _favourite(dice: Streams, gender: Int, purpose: str) -> Int:
    """Return a favourite category; what is bought often has more friends among women or men."""
    shares = np.tile(of_categories("share"), (len(GENDERS), 1))
    names = [category.name for category in CATEGORIES]
    for row, factors in _BY_GENDER.items():
        for name, factor in factors.items():
            shares[row, names.index(name)] *= factor
    ends = (shares / shares.sum(axis=1, keepdims=True)).cumsum(axis=1)
    ends[:, -1] = 1.0
    return np.asarray((dice.uniform(purpose)[:, None] > ends[gender]).sum(axis=1))


def _lifetimes(dice: Streams, source: Int) -> Float:
    """Return the days after the first order: short for most, long for the rest, longest for the referred."""
    stays = dice.uniform("stays") < np.array([0.33, 0.21, 0.29, 0.45, 0.39, 0.31])[source]
    return np.where(stays, 420, 14) * dice.exponential("lifetime")


def _responses(dice: Streams, born: Int) -> Float:
    """Return the response to each channel: the young look at their phone, the others at their mail."""
    older = np.clip((1988 - born) / 24, -1, 1)
    leaning = np.stack([0.35 * older, 0.05 * older, -0.45 * older], axis=1)  # email, sms, push
    noise = np.stack([dice.normal(f"response {channel}") for channel in CHANNELS], axis=1)
    return np.exp(leaning + 0.25 * noise)


def _tastes(dice: Streams) -> Float:
    noise = [dice.normal(f"taste {family}") for family in ("saving", "service", "attention")]
    return np.exp(0.2 * np.stack(noise, axis=1))


def _annoyances(dice: Streams, level: Int, sensitivity: Float) -> Float:
    """Return what a contact costs in goodwill: most with those who gladly pay high prices."""
    pays_full = (level >= 6) & (sensitivity < 0.5)
    return 0.09 * np.exp(0.6 * dice.normal("annoyance")) * np.where(pays_full, 5.0, 1.0)


def _consent(dice: Streams, is_stranger: Flags) -> Flags:
    shares = np.where(is_stranger[:, None], [0.75, 0.30, 0.0], [0.82, 0.62, 0.55])
    drawn = np.stack([dice.uniform(f"consent {channel}") for channel in CHANNELS], axis=1)
    return np.asarray(drawn < shares)
