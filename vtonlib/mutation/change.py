"""A function of the library with one thing changed, for as long as a block lasts.

Book: sec-who-notices.
"""

from __future__ import annotations

import ast
import copy
import inspect
import itertools
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

OPERATORS: dict[type[Any], type[Any]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div,
    ast.Lt: ast.GtE, ast.LtE: ast.Lt, ast.Gt: ast.LtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.And: ast.Or, ast.Or: ast.And, ast.BitAnd: ast.BitOr,
}  # fmt: skip
"""What an operator is exchanged for."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A function with another body.

    Book: sec-who-notices.
    """

    name: str
    """What was changed, in words."""
    of: Callable[..., Any]
    """The function."""
    source: str
    """All of its text, changed."""

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within the block the function is the changed one, wherever it was imported to."""
        function = _plain(self.of)
        sound, function.__code__ = function.__code__, _compiled(function, self.source)
        try:
            yield
        finally:
            function.__code__ = sound


def edited(name: str, function: Callable[..., Any], old: str, new: str) -> Mutant:
    """``function`` with the text ``old`` replaced.

    Raises:
        ValueError: where ``old`` is not in its text exactly once.
    """
    text = _text(function)
    if text.count(old) != 1:
        raise ValueError(f"{function.__qualname__} holds {old!r} {text.count(old)} times: expected once")
    return Mutant(name, function, text.replace(old, new))


def mechanical(function: Callable[..., Any]) -> list[Mutant]:
    """Everything that one rule can change in one place of ``function``.

    Operators and their opposites, numbers one larger (or, of floats, twice as large), True and False, a method left
    out (``x.detach()`` becomes ``x``), a keyword left out, two neighbouring arguments exchanged, a statement left out.
    Checks of arguments that end in ``raise``, docstrings and f-strings stay as they are.
    """
    tree = ast.parse(_text(function))
    found = []
    for number, _ in enumerate(_places(tree)):
        for rule in range(_rules(list(_places(tree))[number])):
            changed = copy.deepcopy(tree)
            words = _change(changed, list(_places(changed))[number], rule)
            name = f"{function.__qualname__}: {words}"
            found.append(Mutant(name, function, ast.unparse(ast.fix_missing_locations(changed))))
    return found


def cuts(function: Callable[..., Any]) -> list[Mutant]:
    """Every way of cutting the gradient of one value of ``function`` that a statement names or returns.

    ``y = f(x)`` becomes ``y = f(x).detach()``. Values that are written as tuples, dictionaries or constants, or that
    are cut already, stay as they are; a value that is no tensor will raise.
    """
    tree = ast.parse(_text(function))
    found = []
    for number, place in enumerate(_values(tree)):
        changed = copy.deepcopy(tree)
        statement = _values(changed)[number]
        statement.value = ast.Call(ast.Attribute(statement.value, "detach", ast.Load()), [], [])
        name = f"{function.__qualname__}: {ast.unparse(place)} without a gradient"
        found.append(Mutant(name, function, ast.unparse(ast.fix_missing_locations(changed))))
    return found


def _values(tree: ast.Module) -> list[Any]:
    """The statements whose value has a gradient to cut, perhaps."""
    kinds = ast.Call | ast.BinOp | ast.Name | ast.Subscript
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Assign | ast.Return)]
    named = [n for n in found if isinstance(n, ast.Return) or isinstance(n.targets[0], ast.Name)]
    return [node for node in named if isinstance(node.value, kinds) and "detach" not in ast.unparse(node)]


def _plain(function: Callable[..., Any]) -> FunctionType:
    """The function under its decorators."""
    plain = inspect.unwrap(function)
    assert isinstance(plain, FunctionType)
    return plain


def _text(function: Callable[..., Any]) -> str:
    return textwrap.dedent(inspect.getsource(_plain(function)))


def _compiled(function: FunctionType, source: str) -> CodeType:
    """The code of the function that ``source`` defines."""
    head = "from __future__ import annotations\n"
    module = ast.parse(head + source)
    definition = module.body[1]
    assert isinstance(definition, ast.FunctionDef)
    definition.decorator_list = []
    made = compile(module, f"<a mutant of {function.__name__}>", "exec")
    code = next(c for c in made.co_consts if isinstance(c, CodeType) and c.co_name == definition.name)
    return code


def _places(tree: ast.Module) -> Iterator[ast.AST]:
    """The nodes of a function's body that a rule can change, always in the same order."""
    body = tree.body[0]
    assert isinstance(body, ast.FunctionDef)
    waiting: list[ast.AST] = [s for s in body.body if not _is_text(s)]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.If) and isinstance(node.body[-1], ast.Raise)):
            continue
        if _rules(node):
            yield node
        if not _is_negative(node):
            waiting = [*ast.iter_child_nodes(node), *waiting]


def _is_negative(node: ast.AST) -> bool:
    """Whether it is a number with its sign, such as -1."""
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _rules(node: ast.AST) -> int:
    """How many changes there are at a place."""
    match node:
        case ast.BinOp(op=op) if type(op) in OPERATORS:
            return 1
        case ast.BoolOp() | ast.UnaryOp(op=ast.USub() | ast.Not()):
            return 1
        case ast.Compare(ops=[op]) if type(op) in OPERATORS:
            return 1
        case ast.Constant(value=bool() | int() | float()):
            return 1
        case ast.Expr(value=ast.Call()):
            return 1
        case ast.Call():
            return len(_calls(node))
    return 0


def _calls(node: ast.Call) -> list[str]:
    """The ways of changing a call: ``method``, ``keyword 0``, ``swap 0``, ..."""
    of_module = isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) in ("torch", "F", "math", "self")
    ways = ["method"] if isinstance(node.func, ast.Attribute) and not of_module else []
    ways += [f"keyword {k}" for k, word in enumerate(node.keywords) if word.arg]
    words = [ast.unparse(a) for a in node.args]
    pairs = [] if any(isinstance(a, ast.Starred) for a in node.args) else list(itertools.pairwise(words))
    return ways + [f"swap {k}" for k, (one, other) in enumerate(pairs) if one != other]


def _change(tree: ast.Module, node: Any, rule: int) -> str:
    """Change ``node`` within ``tree``; what was done, in words."""
    before = ast.unparse(node)
    match node:  # by kind only: mypy knows less of what may be assigned than `_rules` has made sure of
        case ast.BinOp() | ast.BoolOp():
            node.op = OPERATORS[type(node.op)]()
        case ast.Compare():
            node.ops = [OPERATORS[type(node.ops[0])]()]
        case ast.UnaryOp(operand=ast.Constant(value=int() | float() as number) as literal):
            literal.value = _another(number)
        case ast.UnaryOp():
            _replace(tree, node, node.operand)
            return f"{before} becomes {ast.unparse(node.operand)}"
        case ast.Constant(value=bool() | int() | float() as number):
            node.value = _another(number)
        case ast.Expr():
            _replace(tree, node, ast.Pass())
            return f"{before} is left out"
        case ast.Call():
            return f"{before} becomes {_change_call(tree, node, _calls(node)[rule])}"
    return f"{before} becomes {ast.unparse(node)}"


def _change_call(tree: ast.Module, node: ast.Call, way: str) -> str:
    kind, _, place = way.partition(" ")
    if kind == "method":
        assert isinstance(node.func, ast.Attribute)
        _replace(tree, node, node.func.value)
        return ast.unparse(node.func.value)
    k = int(place)
    if kind == "keyword":
        del node.keywords[k]
    else:
        node.args[k], node.args[k + 1] = node.args[k + 1], node.args[k]
    return ast.unparse(node)


def _another(value: bool | int | float) -> bool | int | float:
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) or not value else 2 * value


def _replace(tree: ast.Module, old: ast.AST, new: ast.AST) -> None:
    """Put ``new`` where ``old`` stood."""
    for node in ast.walk(tree):
        for name, value in ast.iter_fields(node):
            if value is old:
                setattr(node, name, new)
            elif isinstance(value, list):
                setattr(node, name, [new if item is old else item for item in value])
