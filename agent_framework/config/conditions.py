"""The condition language of selection rules: parsed once, compiled to closures, never `eval`.

Grammar: numbers, quoted strings, ``true/false/null``, lists, dotted paths that start at ``input``, ``results``,
``prev_step`` or ``job``; ``== != < <= > >= in``, ``not in``, ``and or not``, parentheses, ``always``,
``exists(path)``, ``len(path)``.

Semantics: nothing is coerced; comparing values of unlike types is false; a missing path makes any comparison false,
also ``!=`` (ask with ``exists()``); a bare path holds only where its value is ``true``.
"""

import ast
import io
import math
import re
import tokenize
import unicodedata
import warnings
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NoReturn

from agent_framework.config.comparisons import COMPARISONS, MISSING, Context, Test, Value, with_literal
from agent_framework.errors import ConfigError

ROOTS = ("input", "results", "prev_step", "job")
MAX_LENGTH = 1000
MAX_DEPTH = 20
_ALLOWED = (
    "allowed are numbers, quoted strings, true/false/null, lists, paths such as input.field, "
    "== != < <= > >= in, not in, and, or, not, parentheses, always, exists(path) and len(path)"
)
_NUMBER = re.compile(r"[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?|\.[0-9]+([eE][-+]?[0-9]+)?")
_CONSTANTS: dict[str, Any] = {
    "true": True,
    "True": True,
    "false": False,
    "False": False,
    "null": None,
    "Null": None,
    "None": None,
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a condition came to, and the value of each path it names (``missing`` lists those that led nowhere)."""

    holds: bool
    values: dict[str, Any] = field(default_factory=dict[str, Any])
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition. Call it (or its plain function ``holds``) for the bare truth, `explain` what it read."""

    source: str
    paths: tuple[str, ...]
    holds: Test = field(repr=False, compare=False)
    _readers: tuple[tuple[str, Value], ...] = field(repr=False, compare=False)

    def __call__(self, context: Context) -> bool:
        return self.holds(context)

    def explain(self, context: Context) -> Verdict:
        """Evaluate and tell which values were there to be read."""
        read = {path: reader(context) for path, reader in self._readers}
        return Verdict(
            holds=self.holds(context),
            values={path: value for path, value in read.items() if value is not MISSING},
            missing=tuple(path for path, value in read.items() if value is MISSING),
        )


@lru_cache(maxsize=4096)
def parse_condition(source: str) -> Condition:
    """Compile ``source``.

    Raises:
        ConfigError: it is not of the language; the message names the column (from 1) and what is allowed.
    """
    if len(source) > MAX_LENGTH:
        raise ConfigError(f"condition is {len(source)} characters long; the limit is {MAX_LENGTH}")
    compiler = _Compiler(source)
    tree = _parse_python(source)
    _check_tokens(source)
    test = compiler.test(tree, 1)
    readers = tuple((path, _path_reader(path)) for path in compiler.paths)
    return Condition(source, tuple(compiler.paths), test, readers)


def _parse_python(source: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source.strip(), mode="eval").body
    except SyntaxError as exc:
        column = (exc.offset or 1) + _indent(source)
        raise ConfigError(
            f"condition {source!r}, column {column}: {_syntax_hint(source, str(exc.msg))}; {_ALLOWED}"
        ) from exc
    except (ValueError, RecursionError, MemoryError) as exc:
        raise ConfigError(f"condition {source!r} cannot be read ({exc}); {_ALLOWED}") from exc


def _indent(source: str) -> int:
    return len(source) - len(source.lstrip())


def _check_tokens(source: str) -> None:
    """Refuse what Python spells and this language does not: comments, prefixes, look-alike letters, joined strings."""
    previous = tokenize.ENCODING
    for token in tokenize.generate_tokens(io.StringIO(source.strip()).readline):
        wrong = _wrong_token(token, previous)
        if wrong:
            column = token.start[1] + 1 + _indent(source)
            raise ConfigError(f"condition {source!r}, column {column}: {wrong}; {_ALLOWED}")
        previous = token.type


def _wrong_token(token: tokenize.TokenInfo, previous: int) -> str | None:
    text = token.string
    match token.type:
        case tokenize.COMMENT:
            return "a comment is not allowed"
        case tokenize.NUMBER if not _NUMBER.fullmatch(text):
            return f"{text!r} is not a decimal number"
        case tokenize.STRING if previous == tokenize.STRING:
            return "two texts in a row: is a comma or an operator missing?"
        case tokenize.STRING if text[0] not in "'\"":
            return f"the prefix of {text} is not allowed"
        case tokenize.STRING if text[:3] in ("'''", '"""'):
            return "three quotes in a row: one before and one after a text are enough"
        case tokenize.NAME if unicodedata.normalize("NFKC", text) != text:
            return f"{text!r} is written with look-alike letters"
        case tokenize.ERRORTOKEN if text.strip():  # a letter for the parser that is none for Python 3.11's tokenizer
            return f"{text!r} is written with look-alike letters"
        case _:
            return None


def _syntax_hint(source: str, message: str) -> str:
    for wrong, right in (("&&", "and"), ("||", "or"), ("===", "=="), ("!==", "!="), ("<>", "!=")):
        if wrong in source:
            return f"{wrong!r} is not an operator here, write {right!r}"
    if "=" in source and not any(op in source for op in ("==", "!=", "<=", ">=")):
        return "'=' does not compare, write '=='"
    return f"not a condition ({message.lower()})"


class _Compiler:
    """Turns a whitelisted syntax tree into closures and collects the paths it reads."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.paths: dict[str, None] = {}

    def refuse(self, node: ast.expr, what: str) -> NoReturn:
        line = self.source.strip().splitlines()[node.lineno - 1].encode()
        column = len(line[: node.col_offset].decode()) + 1 + _indent(self.source)
        raise ConfigError(f"condition {self.source!r}, column {column}: {what}; {_ALLOWED}")

    def test(self, node: ast.expr, depth: int) -> Test:
        """Compile a node that is true or false."""
        if depth > MAX_DEPTH:
            self.refuse(node, f"nested deeper than {MAX_DEPTH} levels")
        match node:
            case ast.Name(id="always"):
                return lambda _: True
            case ast.Name(id=name) if name in _CONSTANTS:
                constant = _CONSTANTS[name] is True
                return lambda _: constant
            case ast.Constant(value=bool() as literal):
                return lambda _: literal
            case ast.BoolOp(op=op, values=values):
                return self._bool(op, [self.test(value, depth + 1) for value in values])
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                inner = self.test(operand, depth + 1)
                return lambda context: not inner(context)
            case ast.Compare():
                return self._compare(node, depth)
            case ast.Call(func=ast.Name(id="exists")):
                reader = self._path(self._only_argument(node))
                return lambda context: reader(context) is not MISSING
            case ast.Name() | ast.Attribute():
                read = self._path(node)
                return lambda context: read(context) is True
            case _:
                self.refuse(node, f"{_describe(node)} is not true or false")

    @staticmethod
    def _bool(op: ast.boolop, tests: list[Test]) -> Test:
        if len(tests) == 2:
            first, second = tests
            if isinstance(op, ast.And):
                return lambda context: first(context) and second(context)
            return lambda context: first(context) or second(context)
        if len(tests) == 3:
            one, two, three = tests
            if isinstance(op, ast.And):
                return lambda context: one(context) and two(context) and three(context)
            return lambda context: one(context) or two(context) or three(context)
        if isinstance(op, ast.And):
            return lambda context: all(test(context) for test in tests)
        return lambda context: any(test(context) for test in tests)

    def _compare(self, node: ast.Compare, depth: int) -> Test:
        if len(node.ops) > 1:
            self.refuse(node, "chained comparison: write 'a < b and b < c'")
        make = COMPARISONS.get(type(node.ops[0]))
        if make is None:
            self.refuse(node, "this comparison is not in the language")
        left, right = node.left, node.comparators[0]
        general = make(self._value(left, depth + 1), self._value(right, depth + 1))
        if not (isinstance(left, ast.Attribute) and isinstance(right, ast.Constant)):
            return general
        return with_literal(type(node.ops[0]), self._parts(left), right.value) or general

    def _value(self, node: ast.expr, depth: int) -> Value:
        if depth > MAX_DEPTH:
            self.refuse(node, f"nested deeper than {MAX_DEPTH} levels")
        match node:
            case ast.Name(id=name) if name in _CONSTANTS:
                constant = _CONSTANTS[name]
                return lambda _: constant
            case ast.Constant(value=str() | bool() | int() | float() | None as literal):
                return self._literal(node, literal)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)) if not isinstance(
                number, bool
            ):
                return self._literal(node, -number)
            case ast.List(elts=elements):
                items = [self._value(element, depth + 1) for element in elements]
                return _listed(items)
            case ast.Call(func=ast.Name(id="len")):
                return _length(self._path(self._only_argument(node)))
            case ast.Name() | ast.Attribute():
                return self._path(node)
            case _:
                self.refuse(node, f"{_describe(node)} is not a value")

    def _literal(self, node: ast.expr, literal: Any) -> Value:
        try:
            finite = not isinstance(literal, (int, float)) or math.isfinite(literal)
        except OverflowError:
            finite = False
        if not finite:
            self.refuse(node, "this number is too large")
        return lambda _: literal

    def _only_argument(self, node: ast.Call) -> ast.expr:
        if len(node.args) != 1 or node.keywords:
            self.refuse(node, "takes one path, for instance exists(input.field)")
        return node.args[0]

    def _path(self, node: ast.expr) -> Value:
        path = ".".join(self._parts(node))
        self.paths[path] = None
        return _path_reader(path)

    def _parts(self, node: ast.expr) -> tuple[str, ...]:
        parts: list[str] = []
        current = node
        while isinstance(current, ast.Attribute):
            parts.append(current.attr)
            current = current.value
        if not isinstance(current, ast.Name):
            self.refuse(node, f"{_describe(current)} is not a path")
        if current.id not in ROOTS:
            self.refuse(current, f"unknown name {current.id!r}: a path starts at {', '.join(ROOTS)}")
        if len(parts) >= MAX_DEPTH:
            self.refuse(node, f"path has more than {MAX_DEPTH} parts")
        dunder = next((part for part in parts if part.startswith("__") and part.endswith("__")), None)
        if dunder is not None:
            self.refuse(node, f"{dunder!r} is not a field")
        return current.id, *reversed(parts)


def _describe(node: ast.expr) -> str:
    names: dict[type[ast.expr], str] = {
        ast.Call: "a call",
        ast.Subscript: "an index",
        ast.BinOp: "arithmetic",
        ast.Lambda: "a lambda",
        ast.JoinedStr: "an f-string",
        ast.Dict: "a dictionary",
        ast.Tuple: "a tuple",
        ast.NamedExpr: "an assignment",
        ast.Constant: "this constant",
        ast.List: "a list",
        ast.IfExp: "an if expression",
    }
    return names.get(type(node), f"this expression ({type(node).__name__})")


def _path_reader(path: str) -> Value:
    """A closure that follows ``path`` through plain dictionaries; anything else on the way is a missing path."""
    first, *rest = path.split(".")
    if len(rest) == 1:
        key = rest[0]

        def read_one(context: Context) -> Any:
            level = context.get(first)
            return level.get(key, MISSING) if isinstance(level, dict) else MISSING  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]

        return read_one

    def read(context: Context) -> Any:
        value: Any = context.get(first, MISSING)
        for part in rest:
            if not isinstance(value, dict):
                return MISSING
            value = value.get(part, MISSING)  # pyright: ignore[reportUnknownVariableType,reportUnknownMemberType]
        return value  # pyright: ignore[reportUnknownVariableType]

    return read


def _listed(items: list[Value]) -> Value:
    """A list; missing as a whole where one of its elements is."""

    def listed(context: Context) -> Any:
        values = [item(context) for item in items]
        return MISSING if any(value is MISSING for value in values) else values

    return listed


def _length(read: Value) -> Value:
    def length(context: Context) -> Any:
        value = read(context)
        return len(value) if isinstance(value, (str, list, dict)) else MISSING  # pyright: ignore[reportUnknownArgumentType]

    return length
