"""Word the report: what its page, its markdown and the terminal say alike."""

from datetime import datetime

from flows.core.plain_text import one_line
from flows.core.record import Ending
from flows.core.report import AskRow, ReleaseReport, StageRow, WayHome
from tasks.sentences import named, sentence, spoken

SIGNS = {
    "running": "…",
    "under way": "…",
    "wait": "…",
    "shipped": "✓",
    "promote": "✓",
    "passed": "✓",
    "finished": "✓",
    "done": "✓",
    "already so": "=",
    "ask": "?",
    "unknown": "?",
    "skipped": "○",
    "failed": "✗",
    "refused": "⊘",
    "roll back": "↩",
    "rolled back": "↩",
    "rejected": "↩",
    "stuck": "⚠",
}
"""A sign beside each word, so that no meaning hangs on a colour."""

DECISIONS = {
    "approve": "✓ approved",
    "reject": "✗ rejected",
    "roll_back": "↩ rolled back",
    "expired": "✗ nobody answered in time",
    "interrupted": "✗ the release was asked to stop",
    "unverified": "✗ resumed without a recorded approval",
}
DOORS = {
    "slack": "in Slack",
    "cli": "at the command line",
    "ui": "in the Prefect UI",
    "judge": "the numbers, while people were asked",
    "clock": "the clock",
    "signal": "a signal to the process",
}
SHORT_COMMIT = 12
MINUTE_S = 60
HOUR_S = 3600


def signed(word: str) -> str:
    """Write a verdict, an ending, an outcome or a status with its sign before it."""
    plain = word.replace("_", " ")
    return sentence("{sign} {word}", sign=SIGNS.get(plain, "·"), word=named(plain))


def lasted(seconds: float) -> str:
    """Write a length of time as people say it: `8.4 s`, `2 min 05 s`, `1 h 04 min`."""
    if seconds < MINUTE_S:
        return sentence("{seconds:.1f} s", seconds=seconds)
    minutes, rest_s = divmod(round(seconds), MINUTE_S)
    if seconds < HOUR_S:
        return sentence("{minutes} min {rest_s:02d} s", minutes=minutes, rest_s=rest_s)
    return sentence("{hours} h {minutes:02d} min", hours=minutes // 60, minutes=minutes % 60)


def unbroken(text: str) -> str:
    """Keep a number and its percent sign on one line."""
    return spoken(text).replace(" %", "\N{NO-BREAK SPACE}%")


def facts(report: ReleaseReport) -> list[tuple[str, str]]:
    """Return what people want to know first, each with its name."""
    began = f"{report.opened_at:%Y-%m-%d %H:%M:%S} UTC" if report.opened_at else named("not yet")
    took = lasted(report.took_s or report.span_s)
    before = report.stable_version or named("unknown")
    return [
        (named("version"), sentence("{version}, before it {before}", version=report.version, before=before)),
        (named("commit"), report.commit[:SHORT_COMMIT] or named("unknown")),
        (named("asked for by"), report.requested_by),
        (named("began"), began),
        (named("took"), took if report.took_s else sentence("{took} so far", took=took)),
        (named("traffic, as last read back" if report.ending is Ending.STUCK else "traffic now"), report.traffic),
        (named("users meanwhile"), users_sentence(report)),
        (named("changes outside"), sentence("{count}, each seen to have happened", count=report.changes)),
    ]


def users_sentence(report: ReleaseReport) -> str:
    """Say what users met, as they counted it themselves or as the judge did."""
    users = report.users
    if users is None:
        return _canary_sentence(report)
    told = sentence("{failed:,} failed of {requests:,} requests", failed=users.failed, requests=users.requests)
    why = ", ".join(_reason(reason) for reason in users.by_reason)
    return sentence("{told} ({why})", told=told, why=why) if why else told


def _canary_sentence(report: ReleaseReport) -> str:
    """Say what the judge counted: the users of both sides while the traffic was split."""
    sides = [side for phase in report.phases for side in phase.sides]
    if not sides:
        return named("none met this version")
    failed, requests = (sum(getattr(side, name) for side in sides) for name in ("failed", "requests"))
    return sentence("{failed:,} failed of {requests:,} requests in the canary", failed=failed, requests=requests)


def _reason(reason: str) -> str:
    return f"HTTP {reason}" if reason.isdigit() else one_line(reason)


def side_names(version: str, before: str) -> tuple[str, str]:
    """Name the new and the old side by what they run."""
    old = sentence("{version} (old)", version=before or named("before"))
    return sentence("{version} (new)", version=version), old


def home_sentence(way_home: WayHome) -> str:
    """Say how traffic came home."""
    if way_home.took_s is None:
        return named("The traffic was NOT seen at home.")
    return sentence("The traffic was read back at home {took} after the decision.", took=lasted(way_home.took_s))


def stage_how(row: StageRow) -> str:
    """Say how a stage went, with its tries and its cause where it has them."""
    how = named(row.status)
    if row.tries > 1:
        how = sentence("{how}, try {tries}", how=how, tries=row.tries)
    return sentence("{what}: {why}", what=how, why=row.cause) if row.cause else how


def _answered_at(at: datetime, waited_s: float) -> str:
    return sentence("{at}, after {waited}", at=f"{at:%H:%M:%S}", waited=lasted(waited_s))


def answered(row: AskRow) -> dict[str, str]:
    """Tell an ask and its answer: who, when, by which door."""
    ask, answer = row.ask, row.answer
    return {
        "asked": f"{ask.asked_at:%H:%M:%S}",
        "question": f"{ask.from_weight} % -> {ask.to_weight} %",
        "answer": named(DECISIONS.get(answer.decision, answer.decision) if answer else "none yet"),
        "by": ", ".join(answer.voters or (answer.by,)) if answer else "",
        "door": named(DOORS.get(answer.door, answer.door)) if answer else "",
        "answered": _answered_at(answer.at, row.waited_s) if answer else "",
        "reason": answer.reason if answer else "",
    }
