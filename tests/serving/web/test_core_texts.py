"""What the core says in English stands in the reader's language on the pages, and no translation is left over."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from penchant.features.catalogue import GROUPS, TASKS
from penchant.features.intake.rules import RULES
from penchant.serving.goals.catalogue import GOALS
from penchant.serving.web.core_texts import PLACE, core_catalogue
from penchant.serving.web.settings import LANGUAGES
from penchant.serving.web.words import catalogue, core_texts, signal_words

from .test_pages import PATHS

ROOT = Path(__file__).resolve().parents[3]
CHINESE = core_texts("zh").translated
SENTENCE = re.compile(r"[A-Za-z][A-Za-z'-]*(?:[ ,:;]+[A-Za-z][A-Za-z'-]*){3,}")
SAID = {  # file of the core -> the functions and constants whose texts reach a page; None: all of them
    "features/intake/ingest.py": ("_received",),
    "models/evaluation/checks.py": None,
    "models/evaluation/trial_checks.py": None,
    "models/uplift/randomisation.py": None,
    "serving/measure/checks.py": None,
    "serving/measure/verdict.py": ("verdict_on", "_how_many", "_paid"),
    "serving/monitor/drift.py": ("faults",),
    "serving/plan/result.py": ("plan_notes", "_of_test", "CHEAPEST"),
    "serving/audience/draw.py": ("_notes",),
    "serving/audience/holdout_sight.py": ("words",),
    "serving/audience/programme.py": ("_when",),
    "training/card.py": ("NOT_FOR", "NOT_UPLIFT", "NOT_SINGLE", "_for_whom"),
    "training/checks.py": ("KEPT_OUT",),
    "training/versions/promote.py": None,
}
REFUSALS = ("refuse_too_little",)


class Prose(HTMLParser):
    """Collects what people read on a page, code and names of files aside."""

    def __init__(self) -> None:
        super().__init__()
        self.depth, self.texts = 0, list[str]()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.depth += tag in ("code", "pre", "style")

    def handle_endtag(self, tag: str) -> None:
        self.depth -= tag in ("code", "pre", "style")

    def handle_data(self, data: str) -> None:
        if not self.depth:
            self.texts.append(data.strip())


def texts_of(tree: ast.AST) -> Iterator[str]:
    """Yield the texts that code makes, with {} for what is put in; not those of docstrings."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Raise) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            continue
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        yield from texts_of(node)


def fragments(text: str, between: str = r"{[^{}]*}|[.;:] |\.$", least: int = 3) -> list[str]:
    parts = re.split(between, text)
    return [one for part in parts if len((one := part.strip(" .,;:()'")).split()) >= least]


def parts_named(path: Path, names: tuple[str, ...] | None) -> list[ast.AST]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if names is None:
        return [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name not in REFUSALS]
    found: list[ast.AST] = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name in names]
    targets = [(n, ast.unparse(n.targets[0])) for n in tree.body if isinstance(n, ast.Assign)]
    return found + [node for node, target in targets if set(re.findall(r"\w+", target)) & set(names)]


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_every_reason_is_translated(group: object) -> None:
    columns = [one.column for one in group.signals((7, 30, 365))]  # type: ignore[attr-defined]
    for column in columns:
        values = ["some_thing"] if column.dtype == "string" else [0.0, 1.0, 12.3]
        for value in [*values, None] if column.dtype != "int64" else values:
            for is_high in (True, False):
                said = column.told(value, is_high=is_high)
                assert not SENTENCE.findall(CHINESE(said)), said
                assert CHINESE(said) != said or said == "some thing", said


@pytest.mark.parametrize("path", SAID)
def test_every_sentence_of_the_core_is_translated(path: str) -> None:
    known = "\n".join(PLACE.sub("{}", source) for source in core_catalogue("zh"))
    said = [text for part in parts_named(ROOT / path, SAID[path]) for text in texts_of(part)]
    assert [one for text in said for one in fragments(text) if one not in known] == []


def said_by_catalogues() -> list[str]:
    said = [rule.title for rule in RULES.values()] + [task.meaning for task in TASKS]
    said += [goal.prior.words for goal in GOALS.values() if goal.prior is not None]
    return said + [one.words for goal in GOALS.values() for one in (*goal.eligible.all_of, *goal.eligible.any_of)]


def test_what_the_catalogues_of_the_core_say_is_translated() -> None:
    said = said_by_catalogues()
    assert [text for text in said if SENTENCE.search(CHINESE(text)) or CHINESE(text) == text] == []


def source_of_the_core() -> str:
    """Return the code of all rooms, as it is and with texts of several lines joined and what is put in as {}."""
    files = [path for room in ("features", "models", "training", "serving") for path in (ROOT / room).rglob("*.py")]
    source = "\n".join(path.read_text("utf-8") for path in (*files, ROOT / "penchant" / "errors.py"))
    return source + re.sub(r"{+[^{}\n]*}+", "{}", re.sub(r"""["']\s*\n\s*f?["']""", "", source)).replace("_", " ")


def test_no_translation_of_the_core_is_left_over() -> None:
    columns = [one.column for group in GROUPS for one in group.signals((7, 30))]
    said = [one.told(value, is_high=value) for one in columns for value in (True, False, None)] + said_by_catalogues()
    known = source_of_the_core() + "\n".join(said).replace("_", " ")
    own = ("event.", "attribute.", "field.")  # words of the catalogue itself
    parts = {
        source: fragments(source, r"{\w+}|[.,;:()] ", 2)
        for source in core_catalogue("zh")
        if not source.startswith(own)
    }
    left = [
        source
        for source, found in parts.items()
        if found and not any(part.replace("_", " ") in known for part in found)
    ]
    assert left == []


@pytest.mark.parametrize(
    ("said", "chinese"),
    [
        ("no visit for 60 days", "已 60 天没有访问"),
        ("no purchases in 30 days", "30 天内购买 0 次"),
        ("1 search in 7 days", "7 天内搜索 1 次"),
        ("stage new or semi active", "所处阶段：新客或半活跃"),
        ("AUC 0.811 is below 0.97.", "AUC 0.811 低于 0.97。"),
        (
            "It paid: +1,234 (+200 to +2,268) EUR of incremental profit.",
            "活动盈利：增量利润 +1,234 (+200 至 +2,268) EUR。",
        ),
        ("a shop's own words", "a shop's own words"),
    ],
)
def test_a_sentence_is_found_by_its_template(said: str, chinese: str) -> None:
    assert CHINESE(said) == chinese
    if not said.startswith("stage"):
        assert core_texts("en").translated(said) == said


def test_who_is_eligible_is_told_without_names_of_columns() -> None:
    english = core_texts("en").translated
    said = [one.words for goal in GOALS.values() for one in (*goal.eligible.all_of, *goal.eligible.any_of)]
    assert [text for text in said if "_" in english(text)] == []
    assert english("stage new or semi active") == "stage: New or Semi-active"
    assert english("is_registered and n_orders at most 0") == "registered and no order yet"
    assert set(core_catalogue("en")) - {"n_orders 1"} <= set(core_catalogue("zh"))


@pytest.mark.parametrize("path", PATHS)
def test_no_page_says_an_english_sentence_to_a_chinese_reader(client: TestClient, path: str) -> None:
    page = Prose()
    page.feed(client.get(path, headers={"Accept-Language": "zh"}).text)
    assert [text for text in page.texts if SENTENCE.search(text)] == []


@pytest.mark.parametrize(
    "path",
    [
        "/customers/nobody",
        "/crowd?c=stag:is:loyal",
        "/crowd?c=n_purchases:at_least:many",
        "/lists?limit=0",
        "/campaigns/none-of-that-name",
    ],
)
def test_a_refusal_is_in_chinese_too(client: TestClient, path: str) -> None:
    answer = client.get(path, headers={"Accept-Language": "zh"})
    assert answer.status_code in (400, 404)
    page = Prose()
    page.feed(answer.text)
    assert [text for text in page.texts if SENTENCE.search(text)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_signal_has_a_name_in_words(language: str) -> None:
    texts = catalogue(language)
    names = [one.column.name for group in GROUPS for one in group.signals((30, 365))]
    assert [name for name in names if signal_words(texts, name) == name.replace("_", " ")] == []
