"""Show a release in the Prefect UI: progress, tables and the report, as artifacts; never at the cost of the release."""

import logging
from collections.abc import Callable
from typing import Any

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from flows.core.gates import Gate
from flows.core.judge import Judgement
from flows.core.report import ReleaseReport, markdown
from flows.core.rollout import Rollout
from tasks.models import ReleasePlan

log = logging.getLogger("greenflow.showing")


def show_gate(decision: Gate) -> None:
    """Show a gate's checks as a table."""
    rows = [
        {
            "check": check.name,
            "outcome": str(check.outcome),
            "found": check.found,
            "expected": check.expected,
            "note": check.note,
        }
        for check in decision.checks
    ]
    _best_effort(
        lambda: create_table_artifact(key=_key(f"gate-{decision.name}"), table=rows, description=decision.name)
    )


def show_bake(plan: ReleasePlan, rollout: Rollout, judgement: Judgement) -> None:
    """Show both sides of the canary as the judge sees them."""
    sides: dict[str, Any] = {"candidate": judgement.new, "stable": judgement.old}
    rows = [{"side": name, **counts.model_dump()} for name, counts in sides.items()]
    title = (
        f"{plan.version} at {rollout.weight} %: {judgement.verdict} "
        f"({judgement.periods_counted}/{judgement.periods_needed} periods). {'; '.join(judgement.reasons)}"
    )
    _best_effort(lambda: create_table_artifact(key=f"canary-{rollout.weight}", table=rows, description=title))


def show_report(report: ReleaseReport) -> None:
    """Show the report."""
    _best_effort(lambda: create_markdown_artifact(key="report", markdown=markdown(report), description=report.verdict))


def _key(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name.lower()).strip("-")


def _best_effort(create: Callable[[], object]) -> None:
    try:
        create()
    except Exception as error:  # noqa: BLE001 - a Prefect that is away shows nothing; the release goes on
        log.warning("could not show an artifact: %s", type(error).__name__)
