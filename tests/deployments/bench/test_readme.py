"""What the page on the judge says is what the benchmark wrote, and no bar fails in it."""

import re
from pathlib import Path

from deployments.bench.bars import bars
from deployments.bench.broken import Broken
from deployments.bench.judge import MARK, RELEASES, SEED
from deployments.bench.measure import OURS
from deployments.bench.page import marks
from deployments.bench.rivals import RIVALS
from deployments.bench.table import BARS_HEAD, RIVALS_HEAD
from tests.deployments.bench.test_bars import UNBROKEN, perfect

PAGE = Path(__file__).parents[3] / "docs" / "judge.md"
KINDS = ("no data", "not a number", "silent API", "partial periods")

Table = list[list[str]]


def written() -> str:
    begin, end = marks(MARK)
    return PAGE.read_text().partition(begin)[2].partition(end)[0].strip()


def tables() -> list[Table]:
    blocks = (block.splitlines() for block in written().split("\n\n") if block.startswith("|"))
    return [[[cell.strip() for cell in line.strip("|").split("|")] for line in block] for block in blocks]


def test_the_readme_says_how_its_tables_were_made() -> None:
    how = written().splitlines()[0]
    assert how.startswith("`make bench-judge`: ")
    assert f"seed {SEED};" in how
    cells = re.search(r"([\d,]+) simulated releases in (\d+) cells", how)
    assert cells
    assert int(cells[1].replace(",", "")) >= RELEASES * int(cells[2])


def test_the_readme_compares_every_judge() -> None:
    head, _, *judges = tables()[0]
    assert head == list(RIVALS_HEAD)
    assert [row[0] for row in judges] == [f"**{OURS}**", *RIVALS]


def test_every_bar_is_in_the_readme_and_holds_there() -> None:
    head, _, *rows = tables()[1]
    assert head == list(BARS_HEAD)
    expected = bars(perfect(), Broken(1, dict.fromkeys(KINDS, 0), 0, UNBROKEN.slowest_ms))
    assert [row[0] for row in rows] == [bar.name for bar in expected]
    assert {row[-1] for row in rows} == {"holds"}
    for name, found, required, _ in rows:
        told, sign, bound = number(found), required[0], number(required)
        assert told >= bound if sign == "≥" else told <= bound, name


def number(text: str) -> float:
    told = re.search(r"-?[\d.]+(e[+-]\d+)?", text)
    assert told, text
    return float(told[0])
