"""Hold the house to its laws: what is written in no type and no linter stands here."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PRODUCT = sorted(
    path
    for room in ("flows", "tasks", "deployments")
    for path in (ROOT / room).rglob("*.py")
    if "node_modules" not in path.parts
)


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_imports_go_down_only() -> None:
    # In a process of its own: import-linter switches off every logger of the one it runs in.
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_only_the_ledger_permits_changes_to_the_outside() -> None:
    permitting = {named(path) for path in PRODUCT for name, _ in calls(path) if name.split(".")[-1] == "permit"}
    assert permitting == {"tasks/ledger.py"}


def test_every_client_that_can_change_something_asks_for_an_effect() -> None:
    clients = [path for path in PRODUCT if path.parent.name == "clients" and path.name != "__init__.py"]
    changing = {"aws.py", "git.py", "postgres.py", "prefect.py", "slack.py", "vercel.py", "web.py"}
    asking = {path.name for path in clients if "require_effect" in path.read_text()}
    indirect = {path.name for path in clients if "tasks.clients.web" in path.read_text()}
    assert changing <= asking | indirect


@pytest.mark.parametrize("path", PRODUCT, ids=named)
def test_no_shell_no_pickle_no_sleep(path: Path) -> None:
    for name, call in calls(path):
        assert name not in {"os.system", "os.popen", "pickle.loads", "pickle.load"}, f"{named(path)}:{call.lineno}"
        assert not any(key.arg == "shell" for key in call.keywords), f"{named(path)}:{call.lineno}"
        assert name != "time.sleep", f"{named(path)}:{call.lineno}: a wait is a setting"


@pytest.mark.parametrize("path", PRODUCT, ids=named)
def test_nothing_is_promised_for_later(path: Path) -> None:
    text = path.read_text()
    found = [word for word in ("TODO", "FIXME", "XXX", "raise NotImplementedError") if word in text]
    assert not found


@pytest.mark.parametrize("path", PRODUCT, ids=named)
def test_functions_stay_short(path: Path) -> None:
    longest = 45
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            signature_and_docstring = node.body[0].lineno - node.lineno + _docstring_lines(node)
            assert lines - signature_and_docstring <= longest, f"{named(path)}:{node.lineno} {node.name}"


def _docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[0]
    is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return (first.end_lineno or first.lineno) - first.lineno if is_text else 0


WAY_BACK = (
    "homecoming",
    "weights",
    "live",
    "ledger",
    "lock",
    "claiming",
    "event_store",
    "chain",
    "waits",
    "sides",
    "errors",
)


@pytest.mark.parametrize("module", WAY_BACK)
def test_what_the_way_back_needs_never_imports_prefect(module: str) -> None:
    """The way back works without Prefect, also where it is not installed (safety I12)."""
    tree = ast.parse((ROOT / "tasks" / f"{module}.py").read_text())
    imported = {name for node in ast.walk(tree) for name in _modules(node)}
    assert not {name for name in imported if name.split(".")[0] == "prefect"}
    assert not imported & {"tasks.stage", "tasks.retries"}


def _modules(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
