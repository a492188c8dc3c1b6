"""Categories and items: prices, roles, and which item a customer of some price level picks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from penchant.simulate.streams import Float, Int, Streams


@dataclass(frozen=True)
class Category:
    """One category: how often it is needed, what it costs, and how its buyers react to offers."""

    name: str
    share: float
    cycle_days: float
    median_price: float
    price_spread: float
    margin: float
    refund_share: float
    more_pieces: float
    response: float


CATEGORIES = (
    Category("grocery", 0.16, 18, 9, 0.5, 0.22, 0.01, 0.45, 0.9),
    Category("baby", 0.08, 25, 22, 0.5, 0.28, 0.03, 0.35, 1.1),
    Category("cosmetics", 0.12, 40, 28, 0.6, 0.45, 0.04, 0.15, 1.4),
    Category("fashion", 0.18, 45, 45, 0.6, 0.42, 0.14, 0.10, 1.5),
    Category("shoes", 0.07, 70, 65, 0.45, 0.40, 0.15, 0.05, 1.2),
    Category("home", 0.11, 70, 35, 0.8, 0.38, 0.06, 0.20, 1.0),
    Category("electronics", 0.08, 150, 240, 0.8, 0.14, 0.06, 0.05, 0.4),
    Category("appliances", 0.04, 200, 320, 0.6, 0.16, 0.05, 0.02, 0.35),
    Category("books", 0.06, 50, 16, 0.4, 0.25, 0.02, 0.25, 0.7),
    Category("toys", 0.05, 60, 25, 0.5, 0.35, 0.04, 0.20, 1.0),
    Category("sports", 0.05, 80, 50, 0.7, 0.33, 0.07, 0.10, 0.9),
)
ROLES = ("ordinary", "traffic", "profit", "potential", "marginal")
PER_CATEGORY = 50
N_LEVELS = 8
EPOCH_DAYS = 91  # the assortment changes with the quarter
MOST_LINES = 15
MOST_PIECES = 30
FROM_MAIN, FROM_SECOND = 0.60, 0.25  # shares of a customer's lines; the rest is from anywhere
_ROLE_ENDS = (0.33, 0.46, 0.66, 0.76)
_ROLE_POPULARITY = np.array([1.0, 3.5, 0.9, 0.5, 0.08])
_ROLE_PRICE = np.array([1.0, 0.75, 1.25, 1.0, 1.0])
_ROLE_MARGIN = np.array([1.0, 0.6, 1.35, 1.0, 0.9])
_TRAFFIC, _POTENTIAL = ROLES.index("traffic"), ROLES.index("potential")


def of_categories(name: str) -> Float:
    """Return one number of each category as an array."""
    return np.array([getattr(category, name) for category in CATEGORIES], float)


@dataclass(frozen=True)
class Items:
    """All items, by category and price within it; prices and costs in cents."""

    category: Int
    price: Int
    cost: Int
    role: Int
    popularity: Float
    listed_epoch: Int
    stock: Int


@dataclass(frozen=True)
class Catalogue:
    """The items, and who picks which.

    Parameters
    ----------
    items
        What is sold.
    shelves
        Cumulative chances of the items, one shelf after the other: (epoch, first order or not, category, level).
        The number of the shelf is added, so that one sorted search serves all of them.
    shape
        Numbers of epochs, 2, categories and levels.
    line_value, line_cost
        Expected list price and cost of one line (all its pieces), in major units, by shelf.
    """

    items: Items
    shelves: Float
    shape: tuple[int, int, int, int]
    line_value: Float
    line_cost: Float

    @classmethod
    def of(cls, seed: int, n_days: int) -> Catalogue:
        """Return the catalogue for a number of days; a longer one begins like a shorter one."""
        items = _items(seed)
        n_epochs = n_days // EPOCH_DAYS + 1
        chances = _chances(items, n_epochs)
        shape = chances.shape[:4]
        cumulative = chances.cumsum(axis=-1)
        cumulative[..., -1] = 1.0
        shelves: Float = cumulative.reshape(-1, PER_CATEGORY) + np.arange(np.prod(shape))[:, None]
        pieces = expected_pieces()[None, None, :, None]
        by_category = (len(CATEGORIES), 1, PER_CATEGORY)
        value = (chances * items.price.reshape(by_category) / 100).sum(axis=-1) * pieces
        cost = (chances * items.cost.reshape(by_category) / 100).sum(axis=-1) * pieces
        return cls(items, shelves.ravel(), (*shape,), value, cost)

    def pick(self, epoch: Int, is_first: NDArray[np.bool_], category: Int, level: Int, chance: Float) -> Int:
        """Return the number of the item that each line gets, from one number in (0, 1) per line."""
        shelf = np.ravel_multi_index((epoch, is_first.astype(np.int64), category, level), self.shape)
        place = np.searchsorted(self.shelves, shelf + chance, side="right") - shelf * PER_CATEGORY
        return category * PER_CATEGORY + np.clip(place, 0, PER_CATEGORY - 1)


def expected_pieces() -> Float:
    """Return the expected quantity of a line, by category (before a bulk buyer's factor)."""
    more = of_categories("more_pieces")
    return 1 + more * (1 - more ** (MOST_PIECES - 1)) / (1 - more)


def anywhere(chance: Float) -> Int:
    """Return a category by its share in the shop, from numbers in (0, 1)."""
    ends = of_categories("share").cumsum()
    return np.minimum(np.searchsorted(ends / ends[-1], chance), len(CATEGORIES) - 1)


def _items(seed: int) -> Items:
    numbers = np.arange(len(CATEGORIES) * PER_CATEGORY)
    dice = Streams.of(seed, numbers)
    category = numbers // PER_CATEGORY
    role = np.searchsorted(_ROLE_ENDS, dice.uniform("item role"))
    spread = of_categories("price_spread")[category] * dice.normal("item price")
    price = of_categories("median_price")[category] * np.exp(spread) * _ROLE_PRICE[role]
    price = np.maximum(np.floor(price) + 0.9, 1.9)
    margin = of_categories("margin")[category] * _ROLE_MARGIN[role] * (0.85 + 0.3 * dice.uniform("item margin"))
    listed = np.where(role == _POTENTIAL, np.floor(5 * dice.uniform("item listed")), 0).astype(np.int64)
    by_price = np.lexsort((price, category))  # items are numbered by price, so that levels are places
    return Items(
        category=category,
        price=np.rint(price * 100).astype(np.int64)[by_price],
        cost=np.rint(price * (1 - margin) * 100).astype(np.int64)[by_price],
        role=role[by_price],
        popularity=(_ROLE_POPULARITY[role] * np.exp(0.9 * dice.normal("item popularity")))[by_price],
        listed_epoch=listed[by_price],
        stock=np.floor(400 * dice.uniform("item stock") ** 2).astype(np.int64),
    )


def _chances(items: Items, n_epochs: int) -> Float:
    """Return the chance of each item: (epoch, first order or not, category, level, item)."""
    age = np.arange(n_epochs)[:, None] - items.listed_epoch
    growth = np.where(items.role == _POTENTIAL, np.minimum(1.5 ** np.maximum(age, 0), 8.0), 1.0)
    popular = items.popularity * growth * (age >= 0)
    for_first = np.stack([np.ones(len(items.role)), np.where(items.role == _TRAFFIC, 3.0, 1.0)])
    weights = (popular[:, None] * for_first).reshape(n_epochs, 2, len(CATEGORIES), 1, PER_CATEGORY)
    place = (np.arange(PER_CATEGORY) + 0.5) / PER_CATEGORY
    level = (np.arange(N_LEVELS)[:, None] + 0.5) / N_LEVELS
    weights = weights * np.exp(-0.5 * ((place - level) / 0.2) ** 2)
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))
