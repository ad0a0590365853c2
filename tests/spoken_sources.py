"""Find in the sources every text that can reach what people read and is written there in English alone."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from tasks.korean import KOREAN

ROOT = Path(__file__).parents[1]
UNITS = frozenset({"ms", "kB", "MB", "MiB", "GB", "GiB", "UTC", "HTTP", "PostgreSQL", "USD", "sha256", "postgres"})
SAME_IN_BOTH = frozenset(
    {"PONG", "Redis", "redis", "rediss", "valkey", "master", "ok", "Lighthouse", "npm audit", "chromium", "sentry"}
    | {"analytics", "MISSING", "ACTIVE", "/invite @greenflow_release", "Secure, HttpOnly, SameSite=Lax|Strict"}
)
KEY = r"[\w{}]+(?:\.[\w{}]+)+"
KEY_OR_COMMAND = re.compile(
    rf"{KEY}(?:, {KEY})*|[\w{{}}.-]+/[\w{{}}./:-]*|greenflow .+|--\w.+|access-control-.+|sha256[: ]\{{?.*"
)
PASSES_ON = frozenset({"str", "one_line"})

Found = Iterator[tuple[int, str]]
Scope = ast.FunctionDef | None


def sources(*rooms: str) -> list[Path]:
    paths = (path for room in rooms for path in sorted((ROOT / room).rglob("*.py")))
    return [path for path in paths if "node_modules" not in path.parts]


def is_said(text: str, *, is_part: bool = False) -> bool:
    """Tell whether a text can be read in Korean: it has its line, holds no word, or is a name in both languages.

    A plain text that ``is_part`` of a sentence is taken for what somebody said: only ``named`` makes it a name.
    """
    words = set(re.findall(r"[A-Za-z]{2,}[0-9]*", text)) - UNITS
    return not words or text in SAME_IN_BOTH or _is_key(text) or (text in KOREAN and not is_part)


def _is_key(text: str) -> bool:
    return KEY_OR_COMMAND.fullmatch(text) is not None


class Source:
    """Follow the values of a module's calls back to the texts they come from, within that module."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tree = ast.parse(path.read_text("utf-8"))
        self.functions = {node.name: node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef)}
        self._inside = {id(node): function for function in self.functions.values() for node in ast.walk(function)}
        self._seen: set[tuple[int, bool]] = set()

    def english(self, wanted: Callable[[str], set[str | int]]) -> Found:
        """Yield line and text of what reaches an argument that ``wanted`` names, by position or name, of a call."""
        for call in ast.walk(self.tree):
            if isinstance(call, ast.Call) and (which := wanted(called(call))):
                for key, value in self._arguments(call):
                    if key in which:
                        yield from self._texts(value, self._inside.get(id(call)))

    @staticmethod
    def _arguments(call: ast.Call) -> Iterator[tuple[str | int, ast.expr]]:
        yield from enumerate(call.args)
        yield from ((word.arg, word.value) for word in call.keywords if word.arg)

    def _texts(self, node: ast.expr, scope: Scope, *, is_part: bool = False) -> Found:
        if (id(node), is_part) in self._seen:
            return
        self._seen.add((id(node), is_part))
        match node:
            case ast.Constant(value=str(text)) if not is_said(text, is_part=is_part):
                yield node.lineno, text
            case ast.JoinedStr():
                yield from self._f_string(node, scope)
            case ast.Name(id=name):
                yield from self._name(name, scope, is_part=is_part)
            case ast.Call():
                yield from self._call(node, scope, is_part=is_part)
            case ast.IfExp() | ast.BoolOp() | ast.BinOp() | ast.Tuple() | ast.List() | ast.Starred():
                for part in ast.iter_child_nodes(node):
                    if isinstance(part, ast.expr) and part is not getattr(node, "test", None):
                        yield from self._texts(part, scope, is_part=is_part)
            case ast.GeneratorExp(elt=made) | ast.ListComp(elt=made):
                yield from self._texts(made, scope, is_part=is_part)

    def _f_string(self, node: ast.JoinedStr, scope: Scope) -> Found:
        text = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        if _is_key(text):
            return
        if not is_said(text):
            yield node.lineno, ast.unparse(node)
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                yield from self._texts(part.value, scope, is_part=True)

    def _call(self, call: ast.Call, scope: Scope, *, is_part: bool) -> Found:
        name = called(call)
        if name == "named":
            yield from self._texts(call.args[0], scope)
        elif name in {"sentence", "joined"} or name.endswith(".join"):
            for part in (*call.args[1 if name == "sentence" else 0 :], *(word.value for word in call.keywords)):
                yield from self._texts(part, scope, is_part=True)
        elif name in PASSES_ON:
            for part in call.args:
                yield from self._texts(part, scope, is_part=is_part)
        elif name in self.functions:
            function = self.functions[name]
            for node in ast.walk(function):
                if isinstance(node, ast.Return) and node.value is not None:
                    yield from self._texts(node.value, function, is_part=is_part)

    def _name(self, name: str, scope: Scope, *, is_part: bool) -> Found:
        """Follow a name to what is bound to it in its function, by the function's callers, or in the module."""
        given = [*scope.args.posonlyargs, *scope.args.args, *scope.args.kwonlyargs] if scope else []
        names = [each.arg for each in given]
        if scope:
            for value in _bound(name, scope):
                yield from self._texts(value, scope, is_part=is_part)
        if scope and name in names:
            yield from self._given_by_callers(scope, name, names, is_part=is_part)
            return
        for statement in self.tree.body:
            if isinstance(statement, ast.Assign) and any(_is(target, name) for target in statement.targets):
                yield from self._texts(statement.value, None, is_part=is_part)

    def _given_by_callers(self, function: ast.FunctionDef, name: str, names: list[str], *, is_part: bool) -> Found:
        place = names.index(name) - (names[0] in {"self", "cls"})
        for call in ast.walk(self.tree):
            if isinstance(call, ast.Call) and called(call).rpartition(".")[2] == function.name:
                for key, value in self._arguments(call):
                    if key in {place, name}:
                        yield from self._texts(value, self._inside.get(id(call)), is_part=is_part)


def called(call: ast.Call) -> str:
    """Return the dotted name that is called; what is no name has none."""
    parts, node = [], call.func
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join((*([node.id] if isinstance(node, ast.Name) else [""]), *reversed(parts)))


def _is(target: ast.expr, name: str) -> bool:
    return isinstance(target, ast.Name) and target.id == name


def _bound(name: str, scope: ast.FunctionDef) -> Iterator[ast.expr]:
    """Yield what a function binds to a name, and what it puts into the list of that name."""
    for node in ast.walk(scope):
        match node:
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
                yield from (value for target, value in zip(targets, values, strict=False) if _is(target, name))
            case ast.Assign(targets=targets, value=value) if any(_is(target, name) for target in targets):
                yield value
            case ast.AugAssign(target=target, value=value) if _is(target, name):
                yield value
            case ast.NamedExpr(target=target, value=value) if _is(target, name):
                yield value
            case ast.Call(func=ast.Attribute(value=of, attr="append" | "extend"), args=values) if _is(of, name):
                yield from values
