"""Show a release in the Prefect UI: progress, tables and the report, as artifacts; never at the cost of the release."""

from collections.abc import Sequence
from typing import cast
from uuid import UUID

from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

from flows.core.aftercare import Look, headline
from flows.core.bars import canary_table
from flows.core.gates import Gate
from flows.core.judge import Judgement, Verdict
from flows.core.plain_text import in_markdown, one_line
from flows.core.progress import rollout_percent
from flows.core.record import Ending
from flows.core.report import ReleaseReport
from flows.core.report_markdown import markdown
from flows.core.report_words import side_names, signed
from flows.core.rollout import Rollout
from flows.noticeboard import Noticeboard
from tasks.judge_policy import JudgePolicy
from tasks.models import FULL_WEIGHT, ReleasePlan
from tasks.sentences import joined, named, sentence, spoken

FLUSH_S = 10.0
"""How long the end of a release waits for its last pictures."""

_BOARD = Noticeboard()
_PROGRESS: dict[str, UUID] = {}
"""Which artifact shows the progress of which release; a process that takes a release up again begins a new one."""


def show_gate(decision: Gate) -> None:
    """Show a gate's checks as a table."""
    rows = [
        {
            spoken(named("outcome")): one_line(signed(check.outcome)),
            spoken(named("check")): one_line(named(check.name)),
            spoken(named("found")): one_line(named(check.found)),
            spoken(named("expected")): one_line(named(check.expected)),
            spoken(named("note")): one_line(named(check.note)),
        }
        for check in decision.checks
    ]
    key = _key(f"gate-{decision.name}")
    name, passed = named(decision.name), named("passed")
    told = in_markdown(sentence("{gate}: {passed}", gate=name, passed=passed) if decision.passed else decision.reason)
    _BOARD.post(key, lambda: create_table_artifact(key=key, table=rows, description=told), now=True)


def show_bake(plan: ReleasePlan, rollout: Rollout, looks: Sequence[Judgement], policy: JudgePolicy) -> None:
    """Show how far the rollout is, and what the judge saw at each look at this weight; at once when it has decided."""
    judgement = looks[-1]
    decided = judgement.verdict is not Verdict.WAIT
    names = side_names(plan.version, plan.stable_version)
    rows = canary_table(looks, (judgement.new, judgement.old), policy, names)
    told = in_markdown(
        sentence(
            "{version} at {weight} %: {verdict} ({counted} of {needed} periods). {why}",
            version=plan.version,
            weight=rollout.weight,
            verdict=signed(judgement.verdict),
            counted=judgement.periods_counted,
            needed=judgement.periods_needed,
            why=joined("; ", judgement.reasons),
        )
    )
    key = f"canary-{rollout.weight}"
    _BOARD.post(key, lambda: create_table_artifact(key=key, table=rows, description=told), now=decided)
    _show_progress(plan.release_id, rollout_percent(rollout, judgement), told, now=decided)


def show_report(report: ReleaseReport) -> None:
    """Show the report and where the rollout ended, and wait a little until everything is shown."""
    told = in_markdown(sentence("{ending}: {verdict}", ending=signed(report.ending), verdict=report.verdict))
    text = markdown(report)
    _BOARD.post("report", lambda: create_markdown_artifact(key="report", markdown=text, description=told), now=True)
    if report.phases:
        percent = float(FULL_WEIGHT) if report.ending is Ending.SHIPPED else 0.0
        _show_progress(report.release_id, percent, told, now=True)
    _BOARD.flush(FLUSH_S)


def show_look(look: Look) -> None:
    """Show a look's boxes as a table, and wait a little until it is shown."""
    rows = [
        {
            spoken(named("box")): one_line(named(box.name)),
            spoken(named("outcome")): one_line(signed(check.outcome)),
            spoken(named("check")): one_line(named(check.name)),
            spoken(named("found")): one_line(named(check.found)),
            spoken(named("expected")): one_line(named(check.expected)),
            spoken(named("note")): one_line(named(check.note)),
        }
        for box in look.boxes
        for check in box.checks
    ]
    key = f"aftercare-{look.after}"
    told = in_markdown(headline(look))
    _BOARD.post(key, lambda: create_table_artifact(key=key, table=rows, description=told), now=True)
    _BOARD.flush(FLUSH_S)


def show_retrospective(release_id: str, text: str) -> None:
    """Show the draft of a retrospective."""
    told = in_markdown(sentence("Retrospective of {release}: a draft for the meeting", release=release_id))
    key = "retrospective"
    _BOARD.post(key, lambda: create_markdown_artifact(key=key, markdown=text, description=told), now=True)


def _show_progress(release_id: str, percent: float, told: str, *, now: bool) -> None:
    _BOARD.post("rollout", lambda: _set_progress(release_id, percent, told), now=now)


def _set_progress(release_id: str, percent: float, told: str) -> None:
    if known := _PROGRESS.get(release_id):
        update_progress_artifact(known, percent, description=told)
    else:
        made = create_progress_artifact(percent, key="rollout", description=told)
        _PROGRESS[release_id] = cast("UUID", made)  # a coroutine only where an event loop runs, and none does here


def _key(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name.lower()).strip("-")
