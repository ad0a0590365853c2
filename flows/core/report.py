"""Make the report of a release from what the ledger knows: a verdict in a sentence, then when, what and why."""

from datetime import datetime

from flows.core.record import Ending, Moment, Poll, ReleaseState, StageState
from tasks.models import Check, Record

VERDICTS = {
    Ending.RUNNING: "{version} is still on its way to {environment}",
    Ending.SHIPPED: "{version} carries 100 % of {environment}",
    Ending.REFUSED: "{version} was refused; the traffic of {environment} was never touched",
    Ending.ROLLED_BACK: "{version} was rolled back; {environment} runs {stable} as before",
    Ending.REJECTED: "{version} was called back by people; {environment} runs {stable} as before",
    Ending.STUCK: "the way back from {version} is BLOCKED on {environment}: a person must act now",
}


class StageRow(Record):
    """Hold one stage as the report shows it; ``start_s`` counts from the release's start."""

    name: str
    status: str
    start_s: float
    took_s: float
    tries: int
    cause: str
    checks: tuple[Check, ...]


class PhaseRow(Record):
    """Hold one phase: the last judgement of its bake, with both sides' counts."""

    weight: int
    verdict: str
    reasons: tuple[str, ...]
    periods: int
    new: dict[str, int]
    old: dict[str, int]


class ReleaseReport(Record):
    """Hold everything people read about a release."""

    release_id: str
    version: str
    environment: str
    ending: Ending
    verdict: str
    reason: str
    requested_by: str
    opened_at: datetime | None
    took_s: float
    traffic: str
    stages: tuple[StageRow, ...]
    phases: tuple[PhaseRow, ...]
    story: tuple[Moment, ...]
    users: dict[str, int]
    changes: int


def report_of(state: ReleaseState) -> ReleaseReport:
    """Make the report of a release, finished or not."""
    stable = state.restore_point.stable_version if state.restore_point else "what it ran"
    verdict = VERDICTS[state.ending].format(version=state.version, environment=state.environment, stable=stable)
    return ReleaseReport(
        release_id=state.release_id,
        version=state.version,
        environment=state.environment,
        ending=state.ending,
        verdict=f"{verdict}: {state.reason}" if state.reason else verdict,
        reason=state.reason,
        requested_by=state.requested_by,
        opened_at=state.opened_at,
        took_s=_seconds(state.opened_at, state.ended_at),
        traffic=str(state.weights) if state.weights else "never touched",
        stages=tuple(_stage_row(state, stage) for stage in state.stages.values()),
        phases=_phase_rows(state),
        story=state.story,
        users={name: count for name, count in state.users.items() if isinstance(count, int)},
        changes=state.effects,
    )


def _stage_row(state: ReleaseState, stage: StageState) -> StageRow:
    return StageRow(
        name=stage.name,
        status=stage.status,
        start_s=_seconds(state.opened_at, stage.started_at),
        took_s=_seconds(stage.started_at, stage.ended_at),
        tries=stage.tries,
        cause=stage.cause,
        checks=stage.checks,
    )


def _phase_rows(state: ReleaseState) -> tuple[PhaseRow, ...]:
    last: dict[int, Poll] = {poll.phase: poll for poll in state.polls}
    phases = state.plan.phases if state.plan else ()
    return tuple(_phase_row(phases[number], poll) for number, poll in sorted(last.items()) if number < len(phases))


def _phase_row(weight: int, poll: Poll) -> PhaseRow:
    judgement = poll.judgement
    return PhaseRow(
        weight=weight,
        verdict=judgement["verdict"],
        reasons=tuple(judgement["reasons"]),
        periods=judgement["periods_counted"],
        new=judgement["new"],
        old=judgement["old"],
    )


def _seconds(start: datetime | None, end: datetime | None) -> float:
    return round((end - start).total_seconds(), 2) if start and end else 0.0


def markdown(report: ReleaseReport) -> str:
    """Write the report as markdown, for the Prefect UI and for a file."""
    parts = [f"# {report.verdict}", "", *_facts(report), "", "## What happened when", "", *_story(report)]
    if report.phases:
        parts += ["", "## The canary", "", *_phase_table(report)]
    parts += ["", "## Stages", "", *_stage_table(report), "", "## Checks", "", *_checks(report), ""]
    return "\n".join(parts)


def _facts(report: ReleaseReport) -> list[str]:
    users = report.users
    facts = [
        f"- release `{report.release_id}`, asked for by {report.requested_by}",
        f"- took {report.took_s:.0f} s, changed {report.changes} things outside, traffic now: {report.traffic}",
    ]
    if users:
        facts.append(f"- users meanwhile: {users.get('failed', 0)} failed of {users.get('requests', 0)} requests")
    return facts


def _story(report: ReleaseReport) -> list[str]:
    return [f"- `{moment.at:%H:%M:%S}` {_one_line(moment.text)}" for moment in report.story]


def _phase_table(report: ReleaseReport) -> list[str]:
    head = ["| weight | verdict | new: failed/requests | old: failed/requests | why |", "|---|---|---|---|---|"]
    return head + [
        f"| {row.weight} % | {row.verdict} | {_share(row.new)} | {_share(row.old)} | {_cell('; '.join(row.reasons))} |"
        for row in report.phases
    ]


def _share(counts: dict[str, int]) -> str:
    failed, requests = counts["failed"], counts["requests"]
    return f"{failed:,}/{requests:,}" + (f" ({100 * failed / requests:.2f} %)" if requests else "")


def _stage_table(report: ReleaseReport) -> list[str]:
    head = ["| stage | how | began | took | checks |", "|---|---|---|---|---|"]
    return head + [
        f"| {_cell(row.name)} | {row.status}{f', try {row.tries}' if row.tries > 1 else ''} | +{row.start_s:.1f} s "
        f"| {row.took_s:.1f} s | {len(row.checks)} |"
        for row in report.stages
    ]


def _checks(report: ReleaseReport) -> list[str]:
    return [f"- {check.outcome}: {_one_line(check.line)}" for row in report.stages for check in row.checks]


def _cell(text: str) -> str:
    return _one_line(text).replace("|", "\\|")


def _one_line(text: str) -> str:
    return " ".join(text.split())
