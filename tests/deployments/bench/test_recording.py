"""What the README shows of a rehearsal was recorded: only whole lines are left out, and each gap is marked."""

from deployments.bench.page import marks
from deployments.bench.recording import RUNS, TELLING, shortened
from tests.pages import ROOT

SAID = """starting the twin, a local production of real parts, for release 1.1.0
    0.6 s  PostgreSQL is up
11:19:02 1.3 back up the database: done in 2.0 s
11:19:04 4.3 prepare the migration: done in 3.8 s
11:19:08 1.1 and 1.2 build the site: done in 8.3 s
11:19:17 traffic read back: a 90 % / b 10 %
11:19:30 approve by U0TWINPERSON (slack)
  log              reports/1.1.0.log"""


def test_lines_that_tell_nothing_leave_one_mark_behind() -> None:
    first, backup, shift, yes = (SAID.splitlines()[place] for place in (0, 2, 5, 6))
    assert list(shortened(SAID.splitlines())) == [first, "…", backup, "…", shift, yes, "…"]


def test_the_readme_holds_both_as_they_were_recorded() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    for mark in RUNS:
        begin, end = marks(mark)
        block = text.partition(begin)[2].partition(end)[0].strip().splitlines()
        assert (block[0], block[-1]) == ("```text", "```")
        assert all(line == "…" or TELLING.search(line) for line in block[1:-1])
    assert "✓ SHIPPED  1.1.0" in text
    assert "↩ ROLLED BACK  1.1.0" in text
