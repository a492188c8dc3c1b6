"""penchant.toml as frozen, checked values.

One class per section; every key has a default or says why it cannot have one. ``load_config`` reads a file;
``Config.resolved()`` gives all values back, defaults included, as they are logged with each run.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt, PrivateAttr, ValidationError, field_serializer, model_validator

from penchant.config_serving import NightlySection, ProtectionSection, RetentionSection, SceneSection, ScoreSection
from penchant.crowds_file import with_saved_crowds
from penchant.errors import ConfigError, NotThereError, without_passwords
from penchant.section import LONGEST_WINDOW, Cuts, Days, Section, TimeZone, faults_told, read_toml

MAY_HOLD_PASSWORDS = ("address", "query", "remote")
Severity = Literal["refuse", "set aside", "warn", "ignore"]


class ShopSection(Section):
    """The shop as a whole."""

    name: str = Field("shop", pattern=r"^[a-z0-9][a-z0-9_-]*$", description="prefixes models and experiments")
    currency: str = Field("EUR", description="the currency of all amounts, as people write it")
    decimals: int = Field(2, ge=0, le=4, description="decimal places of the currency's minor unit")
    timezone: TimeZone = Field("UTC", description="where the shop's calendar days begin and end")
    extract_end: datetime | None = Field(
        None, description="the instant up to which the data is complete; default: the latest time in it"
    )
    untimed_refunds: Literal["never count", "count"] = Field(
        "never count", description="orders of status 'refunded' without a time of it: as purchases"
    )
    data: Path | None = Field(
        None, description="the folder of the shop's files, seen from this file's; default: this file's own"
    )


class EngineSection(Section):
    """Where features are computed."""

    kind: Literal["duckdb", "spark"] = Field("duckdb", description="DuckDB in this process, or Spark")
    memory_limit: str = Field(
        "4GB", pattern=r"^\d+(\.\d+)?\s*(MB|GB|TB|MiB|GiB|TiB)$", description="beyond it the engine spills to disk"
    )
    threads: PositiveInt | None = Field(None, description="default: all cores")
    temp_directory: Path | None = Field(None, description="where the engine may spill; default: the system's")
    remote: str | None = Field(None, description="Spark Connect address, sc://host:port")
    master: str = Field("local[2]", description="Spark master where no remote is given")
    shared_directory: Path | None = Field(
        None,
        description="a folder of the same name on this machine and on all of Spark's: rows go there as Parquet files;"
        " default: through the session, unless the master is local",
    )
    settings: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="further settings of Spark, such as 'spark.executor.memory' = \"16g\""
    )


class Reading(Section):
    """How cells are read; in a source it goes before what its table says."""

    timezone: TimeZone | None = Field(None, description="zone of times that carry none; default: UTC")
    time_format: str | tuple[str, ...] | None = Field(
        None,
        description="strptime format or formats, 'epoch_s', 'epoch_ms', 'epoch_us' or 'epoch_ns' (since 1970),"
        " 'excel_days' (as workbooks count them); default: ISO 8601",
    )
    decimal: Literal[".", ","] | None = Field(None, description="decimal sign of numbers in text; default: '.'")
    nulls: tuple[str, ...] | None = Field(
        None, description="texts that stand for no value; default: NULL, null, NaN, nan, None, \\N"
    )
    amounts_in: Literal["major", "minor"] | None = Field(
        None, description="unit of money in the files; default: major, such as pounds or euros"
    )


class Source(Reading):
    """One place that a table's rows come from, and how its columns are called there."""

    path: str | None = Field(None, description="a file or pattern, relative to --data or the configuration")
    address: str | None = Field(None, description="an address that Ibis connects to, such as postgres://...")
    query: str | None = Field(None, description="SQL over files: select ... from 'a.csv' join 'b.csv' using (id)")
    password_env: str | None = Field(None, description="the environment variable that holds the address's password")
    table: str | None = Field(None, description="the table at the address or in the DuckDB file")
    sheet: str | None = Field(None, description="an Excel sheet, or '*' for all; default: the first")
    separator: str | None = Field(None, min_length=1, max_length=4, description="default: found by looking")
    encoding: str | None = Field(None, description="default: UTF-8 or by its mark, else Windows-1252")
    quote: str = Field('"', max_length=1, description="the sign around cells of text; '' for none")
    header: bool = Field(True, description="whether the first line names the columns")
    skip_lines: int | None = Field(
        None, ge=0, description="lines of a text file, or rows of a sheet, above the header; default: found by looking"
    )
    names: tuple[str, ...] = Field((), description="column names where the file has no header")
    columns: dict[str, str] = Field({}, description="canonical column -> the shop's column or an expression")
    exclude: dict[str, str] | str = Field(
        {}, description="rows to leave out: a condition, or named conditions that are counted apart"
    )

    @model_validator(mode="after")
    def _one_place(self) -> Source:
        if sum(place is not None for place in (self.path, self.address, self.query)) != 1:
            raise ValueError("a source needs one of path, address or query")
        if self.address is not None and self.table is None:
            raise ValueError("an address needs the name of a table there")
        return self

    @property
    def exclusions(self) -> dict[str, str]:
        """The conditions of rows to leave out, by name."""
        return {"excluded": self.exclude} if isinstance(self.exclude, str) else self.exclude

    @property
    def place(self) -> str:
        """Where the rows come from, as messages name it."""
        return self.path or self.address or "query"


class TableSection(Reading):
    """One canonical table: its sources, and what they share."""

    sources: tuple[Source, ...] = Field(
        min_length=1, description="where the rows come from; the keys of a single one may stand in the table itself"
    )
    columns: dict[str, str] = Field({}, description="as in a source, for all of them")
    exclude: dict[str, str] | str = Field({}, description="as in a source, for all of them")
    codes: dict[str, dict[str, str]] = Field({}, description="column -> {the shop's code -> the canonical code}")

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, values: Any) -> Any:
        """Let a table with one source name it without a list of sources."""
        if not isinstance(values, dict) or "sources" in values:
            return values
        rest = {key: value for key, value in values.items() if key in cls.model_fields}
        source = {key: value for key, value in values.items() if key not in cls.model_fields}
        return {**rest, "sources": [source]} if source else values

    def mapping(self, source: Source) -> dict[str, str]:
        """Return canonical column -> expression for one source, its own entries first."""
        return {**self.columns, **source.columns}

    def exclusions(self, source: Source) -> dict[str, str]:
        """Return the named conditions of rows to leave out of one source."""
        shared = {"excluded": self.exclude} if isinstance(self.exclude, str) else self.exclude
        return {**shared, **source.exclusions}

    def reading(self, source: Source) -> Reading:
        """Return how cells of one source are read: its own word, else the table's."""
        own = {name: getattr(source, name) for name in Reading.model_fields}
        return Reading(**{name: getattr(self, name) if value is None else value for name, value in own.items()})


class IdsSection(Section):
    """What makes two ids one, in all tables, spines and frames."""

    merge: tuple[str, ...] = Field(
        (), description="columns in which ids that differ by case or Unicode form alone are one: 'customer_id', ..."
    )


class FeaturesSection(Section):
    """Which signals are built, and over which windows."""

    groups: tuple[str, ...] | None = Field(None, description="default: every group the shop can have")
    windows: tuple[Days, ...] = Field((7, 30, 90, 180, 365), min_length=1, description="days")


class RfmSection(Section):
    """How recency, frequency and monetary value become scores from 1 to 5."""

    days: Days = Field(720, description="of frequency and monetary: as far back as recency tells customers apart")
    recency: Cuts | None = Field(None, description="four rising cuts in days; default: quintiles of all buyers")
    frequency: Cuts | None = Field(None, description="four rising cuts in purchases; default: quintiles")
    monetary: Cuts | None = Field(None, description="four rising cuts in the currency; default: quintiles")

    @property
    def cuts(self) -> dict[str, Cuts]:
        """The fixed cuts, by score."""
        given = {"recency": self.recency, "frequency": self.frequency, "monetary": self.monetary}
        return {name: cuts for name, cuts in given.items() if cuts is not None}


class StageSection(Section):
    """Who is stranger, prospect, lead, new, loyal; the stages of the overdue come from the purchase cycle."""

    look_back_days: Days = Field(
        90, description="what strangers, prospects and leads, and open favourites and carts, are judged by"
    )
    new_days: Days = Field(180, description="so long after the one purchase a customer is new")
    new_span_days: Days = Field(720, description="within which there is exactly that one purchase")
    loyal_orders: PositiveInt = Field(4, description="so many purchases make a regular loyal")
    loyal_days: Days = Field(365, description="within so many days")
    deep_views: PositiveInt = Field(10, description="so many views within the look-back are strong interest")
    visit_days: Days = Field(
        30, description="a visit within so many days lifts silent to semi_active and churned to silent"
    )


class OwnCrowdSection(Section):
    """A crowd of the shop's own."""

    who: str = Field(
        min_length=1, description="a condition on crowds, tags and signals: amount_365d >= 500 and stage = 'loyal'"
    )
    meaning: str = Field("", description="who they are, as a phrase; default: the condition")


class CrowdSection(Section):
    """Who is in the focus crowds; a table below it, such as ``[crowds.vip]``, is a crowd of the shop's own."""

    own: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]*$")], OwnCrowdSection] = Field(
        {}, description="name -> who is in it; [crowds.NAME] is short for [crowds.own.NAME]"
    )

    interest_least_days: int = Field(3, ge=0, le=LONGEST_WINDOW, description="since the cart or favourite")
    interest_most_days: Days = Field(10, description="since the cart or favourite")
    coupon_days: Days = Field(15, description="how long a claimed coupon is taken to be valid")
    due_from: float = Field(0.25, gt=0, lt=1, description="share of a category's gaps at which its window opens")
    due_until: float = Field(0.9, gt=0, lt=1, description="share of a category's gaps at which its window closes")

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, values: Any) -> Any:
        """Let crowds of one's own stand directly below the section."""
        if not isinstance(values, dict):
            return values
        own = {key: value for key, value in values.items() if isinstance(value, dict) and key not in cls.model_fields}
        rest = {key: value for key, value in values.items() if key not in own}
        return {**rest, "own": {**rest.get("own", {}), **own}} if own else values

    @model_validator(mode="after")
    def _in_order(self) -> CrowdSection:
        if self.interest_least_days >= self.interest_most_days or self.due_from >= self.due_until:
            raise ValueError("what a window begins with must be less than what it ends with")
        return self


class CycleSection(Section):
    """The purchase cycle, and what it says about stages."""

    min_days: PositiveInt = Field(30, description="the shortest churn horizon")
    max_days: PositiveInt = Field(365, description="the longest churn horizon")
    semi_active_quantile: float = Field(0.75, gt=0, lt=1, description="of the gaps: overdue from here on")
    churn_quantile: float = Field(0.90, gt=0, lt=1, description="of the gaps: silent from here on, the churn horizon")
    churned_multiple: float = Field(2.0, gt=1, description="churned after so many churn horizons")
    shrinkage: float = Field(5.0, ge=0, description="the category's cycle counts as this many own gaps")
    fixed_days: PositiveInt | None = Field(None, description="one churn horizon for all instead of the cycle")
    fixed_days_of: dict[str, PositiveInt] = Field(
        {}, description="category -> the days that stand for its cycle; the mean of the lines that a customer bought"
    )
    fixed_days_by: dict[str, dict[str, PositiveInt]] = Field(
        {}, description="attribute of customers -> its value -> the days that stand for the cycle; the first that fits"
    )


class TaskSection(Section):
    """What one model predicts, and on which snapshots it learns."""

    gap_days: int = Field(0, ge=0, description="days between as_of and the horizon: time to act")
    horizon_days: PositiveInt | None = Field(None, description="default: the task's own")
    n_snapshots: PositiveInt = Field(6, description="training snapshots before the test's")
    every_days: PositiveInt = Field(30, description="days between snapshots")
    test_as_of: datetime | None = Field(None, description="default: the latest with a finished horizon")
    max_customers: PositiveInt | None = Field(
        None, description="learn from, and judge on, about so many customers, drawn by hash and seed; default: all"
    )


class GateSection(Section):
    """The least data that a model may be trained on."""

    min_buyers: int = Field(500, ge=0, description="customers to learn from")
    min_positives: int = Field(100, ge=0, description="customers with the outcome in the test")
    min_negatives: int = Field(100, ge=0, description="customers without it in the test")
    min_horizons: float = Field(2.0, ge=0, description="history before the test, in horizons")


class MlflowSection(Section):
    """Where runs and models are kept; `--store` goes before it, MLflow's own variables after it."""

    tracking_uri: str | None = Field(
        None, description="a folder, sqlite:///..., postgresql://..., http(s)://... or databricks; default: mlruns"
    )
    registry_uri: str | None = Field(None, description="where models are registered; default: as tracking_uri")
    artifact_uri: str | None = Field(
        None, description="where the files of a database's runs are kept, a folder or address; default: mlruns"
    )

    @field_serializer("tracking_uri", "registry_uri")
    def _without_password(self, address: str | None) -> str | None:
        return address and re.sub(r"(?<=://)[^@]*@", "", address)


class Config(Section):
    """All of penchant.toml."""

    shop: ShopSection = ShopSection()
    engine: EngineSection = EngineSection()
    tables: dict[str, TableSection] = Field({})
    ids: IdsSection = IdsSection()
    rules: dict[str, Severity] = Field({}, description="rule of `penchant check` -> severity")
    features: FeaturesSection = FeaturesSection()
    rfm: RfmSection = RfmSection()
    stages: StageSection = StageSection()
    crowds: CrowdSection = CrowdSection()
    cycle: CycleSection = CycleSection()
    tasks: dict[str, TaskSection] = Field({})
    gate: GateSection = GateSection()
    score: ScoreSection = ScoreSection()
    protection: ProtectionSection = ProtectionSection()
    keep: RetentionSection = RetentionSection()
    nightly: NightlySection = NightlySection()
    mlflow: MlflowSection = MlflowSection()
    scenes: dict[str, SceneSection] = Field({}, description="name -> what it shows and whom it is for")
    modules: tuple[str, ...] = Field(
        (),
        description="your own modules of groups and tasks: names that Python can import, or .py files beside this one",
    )
    seed: int = Field(0, ge=0, lt=2**31, description="of everything random: folds, draws, holdouts")
    _folder: Path = PrivateAttr(Path())

    @property
    def data_folder(self) -> Path:
        """The folder of the shop's files."""
        return self._folder / (self.shop.data or "")

    def module_file(self, name: str) -> Path:
        """Return the file of a module that is named by its path: a relative one starts where penchant.toml is."""
        return (self._folder / name).resolve()

    def task(self, name: str) -> TaskSection:
        """Return the section of a task, or its defaults."""
        return self.tasks.get(name, TaskSection())

    def with_task(self, name: str, **changes: Any) -> Config:
        """Return the configuration with some keys of a task's section replaced."""
        section = TaskSection.model_validate({**self.task(name).model_dump(), **changes})
        return self.model_copy(update={"tasks": {**self.tasks, name: section}})

    def resolved(self) -> dict[str, Any]:
        """Return every value, defaults included, in types that JSON knows; passwords of addresses are left out."""
        values: dict[str, Any] = _without_passwords(self.model_dump(mode="json"))
        return values


def _without_passwords(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        hidden = {name for name in value if key == "settings" and re.search(r"(?i)secret|password|token|key", name)}
        return {name: "***" if name in hidden else _without_passwords(part, name) for name, part in value.items()}
    if isinstance(value, list):
        return [_without_passwords(part, key) for part in value]
    return without_passwords(value) if isinstance(value, str) and key in MAY_HOLD_PASSWORDS else value


def load_config(path: Path) -> Config:
    """Return the configuration in a TOML file, with the crowds saved in ``saved_crowds.toml`` beside it.

    Raises
    ------
    NotThereError
        If there is no such file.
    ConfigError
        If it is not TOML, or a key or value is not one of ours; all faults at once.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "penchant.toml"
    >>> _ = path.write_text("[shop]\\nname = 'tea'")
    >>> load_config(path).shop.name
    'tea'
    """
    if not path.is_file():
        raise NotThereError(
            f"configuration '{path}'",
            "a penchant.toml file",
            "a folder" if path.is_dir() else "nothing there",
            "Run 'penchant init FOLDER' to have one proposed, or name one with --shop",
        )
    config = read_config(with_saved_crowds(read_toml(path, "configuration"), path.parent), str(path))
    config._folder = path.parent.absolute()  # a private attribute: of no interest to whoever logs the values
    return config


def read_config(values: dict[str, Any], where: str = "penchant.toml") -> Config:
    """Return the configuration in a mapping, or raise ConfigError with all faults at once."""
    try:
        return Config.model_validate(values)
    except ValidationError as fault:
        raise ConfigError(where, "keys and values of penchant.toml", faults_told(fault, Config)) from None
