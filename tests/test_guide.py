"""Walk the guide: each of its headings and boxes has something in the product that answers it."""

import ast
from collections.abc import Iterator
from pathlib import Path

from deployments.checklist_view import GROUPS
from deployments.cli import app
from flows.core.guide import ROW_TITLES, SECTIONS
from tasks.checklist.rows import Row
from tasks.preflight import VERIFIED
from tests.guide_outline import OUTLINE

ROOT = Path(__file__).parents[1]


def decorated(room: str, decorator: str) -> Iterator[tuple[Path, ast.FunctionDef, ast.Call]]:
    """Give every function of a room that is decorated by a call of that name."""
    for path in sorted((ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef):
                continue
            for call in node.decorator_list:
                if isinstance(call, ast.Call) and ast.unparse(call.func) == decorator:
                    yield path, node, call


def text(path: Path, node: ast.expr) -> str:
    """Read a text, or the constant of the module that holds it."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    values = {
        ast.unparse(each.targets[0]): each.value for each in ast.parse(path.read_text()).body
        if isinstance(each, ast.Assign)
    }  # fmt: skip
    return str(ast.literal_eval(values[ast.unparse(node)]))


def in_flows() -> str:
    return "\n".join(path.read_text() for path in (ROOT / "flows").rglob("*.py"))


def existing() -> set[str]:
    """Name everything that may answer: a stage only when some flow runs it."""
    flows = in_flows()
    stages = {
        text(path, call.args[0]) for path, function, call in decorated("tasks", "stage") if function.name in flows
    }
    calls = [(path, call) for path, _, call in decorated("flows", "flow")]
    named = [(path, key.value) for path, call in calls for key in call.keywords if key.arg == "name"]
    rows = {f"row:{row}" for row in (Row.GROUND, *VERIFIED)}
    commands = {f"command:{name}" for name in app}
    return rows | commands | {f"stage:{name}" for name in stages} | {f"flow:{text(path, name)}" for path, name in named}


EXISTING = existing()
BOXES = [(section.heading, box) for section in SECTIONS for box in section.boxes]


def test_the_table_has_every_heading_of_the_guide_in_its_order() -> None:
    assert [section.heading for section in SECTIONS] == list(OUTLINE)


def test_every_section_has_the_boxes_of_the_guide() -> None:
    assert {section.heading: tuple(box.text for box in section.boxes) for section in SECTIONS} == OUTLINE


def test_every_heading_and_every_box_is_answered() -> None:
    silent = {section.heading for section in SECTIONS if not section.answers and not section.boxes}
    silent |= {box.text for _, box in BOXES if not box.answers}
    assert silent == set()


def test_every_answer_exists() -> None:
    named = {answer for section in SECTIONS for answer in section.answers}
    named |= {answer for _, box in BOXES for answer in box.answers}
    assert named - EXISTING == set()


def test_every_row_of_the_checklist_is_shown_once_it_is_asked() -> None:
    shown = [answer for section in GROUPS.values() for answer in section.answers]
    shown += [answer for section in GROUPS.values() for box in section.boxes for answer in box.answers]
    assert {f"row:{row}" for row in Row} <= set(shown)
    assert set(ROW_TITLES) == set(Row) == {Row.GROUND, *VERIFIED}
