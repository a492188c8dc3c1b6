"""Small faults of the kind that runs through and is wrong: where they fit in a source, and the source with one of them.

A fault is a replaced expression: a comparison that includes its bound, a sum for a difference, a condition that is
left out, one element of a list less. Names and texts stay as they are: a wrong one is an error, not a silent fault.
"""

from __future__ import annotations

import ast
import copy
import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Alternatives = Iterator[ast.AST]

COMPARED: dict[type, type] = {
    **{ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq},
    **{ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In},
}
COMPUTED: dict[type, type] = {
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult},
    **{ast.Mod: ast.Div, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd},
}
PAIRS = (
    *(("min", "max"), ("any", "all"), ("first", "last"), ("floor", "ceil"), ("head", "tail"), ("asc", "desc")),
    *(("least", "greatest"), ("minimum", "maximum"), ("argmin", "argmax"), ("notnull", "isnull"), ("lag", "lead")),
    *(("semi_join", "anti_join"), ("left_join", "inner_join"), ("sum", "mean"), ("cummin", "cummax")),
    *(("logical_and", "logical_or"), ("isin", "notin"), ("std", "var"), ("log1p", "log"), ("intersection", "union")),
)
SWAPPED = {a: b for pair in PAIRS for a, b in (pair, pair[::-1])}
LEFT_OUT = (  # calls of which what they are called on stays
    *("filter", "fill_null", "fillna", "abs", "round", "distinct", "clip", "nullif", "drop_nulls", "dropna", "where"),
    *("within", "cast", "sort_values", "unique", "cumsum", "desc", "ceil", "floor", "until"),
)
FIRST_STAYS = ("abs", "round", "sorted", "clip", "ceil", "floor", "unique", "sqrt")  # functions of which x stays
SYMMETRIC = {
    "min",
    "max",
    "least",
    "greatest",
    "minimum",
    "maximum",
    "isinstance",
    "logical_and",
    "logical_or",
    "earlier",
}
NO_MEANING = ("name", "strict", "validate", "dont_inherit", "stacklevel")  # keywords that change no result
TOLERANCE = 1e-6  # smaller numbers are what rounding may differ by
TYPES = ("Callable", "dict", "Literal", "Mapping", "tuple", "list")
GROUPED = (ast.BinOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.UnaryOp, ast.Lambda)


@dataclass(frozen=True)
class Mutant:
    """A source with one fault: the number of its line, the lines before and after."""

    number: int
    before: str
    after: str
    source: str


def mutants_of(source: str) -> list[Mutant]:
    """Return all mutants of a source that compile, in the order of the source."""
    found = {}
    for node in _places(ast.parse(source)):
        for alternative in _alternatives(node):
            text = ast.unparse(alternative)
            text = f"({text})" if isinstance(alternative, GROUPED) else text
            mutated = _replaced(source, node, text)
            mutant = _mutant(source, mutated)
            if mutant is not None and _compiles(mutated):
                found.setdefault(mutated, mutant)
    return sorted(found.values(), key=lambda mutant: mutant.number)


def _mutant(source: str, mutated: str) -> Mutant | None:
    old, new = source.splitlines(), mutated.splitlines()
    changed = [c for c in difflib.SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes() if c[0] != "equal"]
    if not changed:
        return None
    from_, to = (" ".join(" ".join(lines).split()) for lines in _lines(old, new, changed))
    return Mutant(changed[0][1] + 1, from_, to, mutated)


def _lines(old: list[str], new: list[str], changed: list[Any]) -> tuple[list[str], list[str]]:
    return (
        [line for _tag, i, j, _k, _l in changed for line in old[i:j]],
        [line for _tag, _i, _j, k, to in changed for line in new[k:to]],
    )


def _compiles(source: str) -> bool:
    try:
        compile(source, "mutant", "exec")
    except SyntaxError:
        return False
    return True


def _replaced(source: str, node: Any, text: str) -> str:
    """Return the source with another text at a node's place; ast counts columns in bytes."""
    lines = source.encode().splitlines(keepends=True)
    start = sum(map(len, lines[: node.lineno - 1])) + node.col_offset
    end = sum(map(len, lines[: node.end_lineno - 1])) + node.end_col_offset
    whole = source.encode()
    return (whole[:start] + text.encode() + whole[end:]).decode()


def _places(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that may be replaced: no annotations, decorators, texts of errors nor what only types read."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_comment", "exc", "cause"):
            continue
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, ast.Raise | ast.Assert | ast.Import):
                continue
            if isinstance(child, ast.keyword) and (isinstance(node, ast.ClassDef) or child.arg in NO_MEANING):
                continue
            if hasattr(child, "lineno") and isinstance(child, ast.expr | ast.AugAssign):
                yield child
            if not isinstance(child, ast.JoinedStr) and not _is_annotation(child):
                yield from _places(child)


def _is_annotation(node: ast.AST) -> bool:
    """Say whether a subscript is a type's, as in ``Callable[[int], str]`` on the right of an alias."""
    return isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id in TYPES


def _alternatives(node: ast.AST) -> Alternatives:
    """Yield what may stand in a node's place."""
    make = MAKERS.get(type(node))
    return make(node) if make else iter(())


def _with(node: Any, **fields: Any) -> Any:
    made = copy.copy(node)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def _compare(node: ast.Compare) -> Alternatives:
    for i, operator in enumerate(node.ops):
        other = COMPARED[type(operator)]()
        yield _with(node, ops=[*node.ops[:i], other, *node.ops[i + 1 :]])


def _compute(node: ast.BinOp | ast.AugAssign) -> Alternatives:
    is_type = isinstance(node, ast.BinOp) and isinstance(node.right, ast.Constant) and node.right.value is None
    if type(node.op) in COMPUTED and not is_type:
        yield _with(node, op=COMPUTED[type(node.op)]())
    if isinstance(node.op, ast.BitAnd | ast.BitOr) and isinstance(node, ast.BinOp):
        yield node.left


def _both(node: ast.BoolOp) -> Alternatives:
    yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    yield from _fewer(node, "values")


def _unary(node: ast.UnaryOp) -> Alternatives:
    yield node.operand


def _constant(node: ast.Constant) -> Alternatives:
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, int):
        yield ast.Constant(node.value + 1)
    elif isinstance(node.value, float) and (not node.value or abs(node.value) > TOLERANCE):
        yield ast.Constant(node.value * 2 if node.value else 1.0)


def _choice(node: ast.IfExp) -> Alternatives:
    yield node.body
    yield node.orelse


def _fewer(node: Any, field: str) -> Alternatives:
    """Yield a node with one element less."""
    elements = getattr(node, field)
    for i in range(len(elements)):
        if len(elements) > 1:
            rest = [*elements[:i], *elements[i + 1 :]]
            yield rest[0] if isinstance(node, ast.BoolOp) and len(rest) == 1 else _with(node, **{field: rest})


def _elements(node: ast.Tuple | ast.List | ast.Set) -> Alternatives:
    if not isinstance(getattr(node, "ctx", None), ast.Store) and not any(isinstance(e, ast.Slice) for e in node.elts):
        yield from _fewer(node, "elts")


def _entries(node: ast.Dict) -> Alternatives:
    for i in range(len(node.keys)):
        if len(node.keys) > 1:
            keys, values = node.keys, node.values
            yield _with(node, keys=[*keys[:i], *keys[i + 1 :]], values=[*values[:i], *values[i + 1 :]])


def _comprehension(node: Any) -> Alternatives:
    for i, generator in enumerate(node.generators):
        for _condition in generator.ifs[:1]:
            kept = _with(generator, ifs=generator.ifs[1:])
            yield _with(node, generators=[*node.generators[:i], kept, *node.generators[i + 1 :]])


def _call(node: ast.Call) -> Alternatives:
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    if name in SWAPPED and isinstance(node.func, ast.Attribute | ast.Name):
        yield _with(node, func=_with(node.func, **{"attr" if hasattr(node.func, "attr") else "id": SWAPPED[name]}))
    is_module = isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") in ("np", "ibis", "pd")
    if isinstance(node.func, ast.Attribute) and name in LEFT_OUT and not is_module:
        yield node.func.value
    if (is_module or isinstance(node.func, ast.Name)) and name in FIRST_STAYS and node.args:
        yield node.args[0]
    for keyword in node.keywords:
        if keyword.arg and keyword.arg not in NO_MEANING:
            yield _with(node, keywords=[one for one in node.keywords if one is not keyword])
    if len(node.args) >= 2 and name not in SYMMETRIC:
        first, second, *rest = node.args
        if isinstance(first, ast.Name | ast.Attribute) and isinstance(second, ast.Name | ast.Attribute):
            yield _with(node, args=[second, first, *rest])


def _text(node: ast.JoinedStr) -> Alternatives:
    """Yield a key with one value less; a text with spaces is for people."""
    values = [i for i, part in enumerate(node.values) if isinstance(part, ast.FormattedValue)]
    is_key = not any(isinstance(part, ast.Constant) and " " in part.value for part in node.values)
    for i in values if is_key and len(values) > 1 else ():
        yield _with(node, values=[*node.values[:i], *node.values[i + 1 :]])


def _test(node: ast.expr) -> Alternatives:
    yield ast.UnaryOp(ast.Not(), node)


MAKERS: dict[type, Callable[[Any], Alternatives]] = {
    **{ast.Compare: _compare, ast.BinOp: _compute, ast.AugAssign: _compute, ast.BoolOp: _both, ast.UnaryOp: _unary},
    **{ast.Constant: _constant, ast.IfExp: _choice, ast.Tuple: _elements, ast.List: _elements, ast.Set: _elements},
    **{ast.Dict: _entries, ast.ListComp: _comprehension, ast.SetComp: _comprehension, ast.DictComp: _comprehension},
    **{ast.GeneratorExp: _comprehension, ast.Call: _call, ast.JoinedStr: _text},
}
