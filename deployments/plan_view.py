"""Show what a release would change: lines for people, a document for programs."""

import re
from collections.abc import Iterator
from typing import Any

from flows.core.foresight import Foreseen, Foresight
from flows.core.plain_text import one_line
from flows.core.plan import sentences
from tasks.models import Check
from tasks.sentences import named, spoken

NAME_WIDTH = 28
DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")
"""For people the beginning of a digest tells; the document has the whole of it."""


def lines_of(foresight: Foresight) -> Iterator[str]:
    """Yield the plan in the words the release opens with, then every value, the people, and what would refuse it."""
    yield from map(one_line, sentences(foresight.plan))
    area = ""
    for row in foresight.rows:
        if row.area != area:
            area = row.area
            yield f"\n{one_line(area)}"
        yield f"  {_sign(row)} {one_line(row.name):{NAME_WIDTH}} {_values(row)}"
    if foresight.people:
        yield f"\n{spoken(named('people'))}"
        yield from (f"  ? {one_line(asked)}" for asked in foresight.people)
    if foresight.refused:
        yield f"\n{spoken(named('would be refused'))}"
        yield from (f"  ✗ {one_line(check.line)}" for check in foresight.refused)
    changes = len(foresight.changes)
    yield f"\n{changes} of {len(foresight.rows)} would change; {spoken(named('nothing was touched'))}"


def document_of(foresight: Foresight) -> dict[str, Any]:
    """Return the plan as JSON says it."""
    plan = foresight.plan
    return {
        "environment": plan.environment,
        "version": plan.version,
        "commit": plan.commit,
        "stable": {"side": plan.stable, "version": plan.stable_version},
        "candidate": {"side": plan.candidate},
        "phases": plan.phases,
        "rows": [_row(row) for row in foresight.rows],
        "people": [spoken(asked) for asked in foresight.people],
        "refused": [_refused(check) for check in foresight.refused],
    }


def _sign(row: Foreseen) -> str:
    if not row.changes:
        return "="
    return "~" if row.today and row.tomorrow else "-" if row.today else "+"


def _values(row: Foreseen) -> str:
    today, tomorrow = (DIGEST.sub(r"\1…", one_line(value)) for value in (row.today, row.tomorrow))
    both = f"{today} -> {tomorrow or spoken(named('none'))}" if row.changes and row.today else tomorrow
    return f"{both} ({one_line(row.note)})" if row.note else both


def _row(row: Foreseen) -> dict[str, Any]:
    told = {name: spoken(getattr(row, name)) for name in ("area", "name", "today", "tomorrow", "note")}
    return {**told, "changes": row.changes}


def _refused(check: Check) -> dict[str, str]:
    return {name: spoken(getattr(check, name)) for name in ("name", "found", "expected", "note")}
