"""Word the report: what its page, its markdown and the terminal say alike."""

from flows.core.plain_text import one_line
from flows.core.record import Ending
from flows.core.report import AskRow, ReleaseReport, StageRow, WayHome

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
    return f"{SIGNS.get(plain, '·')} {plain}"


def lasted(seconds: float) -> str:
    """Write a length of time as people say it: `8.4 s`, `2 min 05 s`, `1 h 04 min`."""
    if seconds < MINUTE_S:
        return f"{seconds:.1f} s"
    minutes, rest_s = divmod(round(seconds), MINUTE_S)
    if seconds < HOUR_S:
        return f"{minutes} min {rest_s:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def unbroken(text: str) -> str:
    """Keep a number and its percent sign on one line."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%")


def facts(report: ReleaseReport) -> list[tuple[str, str]]:
    """Return what people want to know first, each with its name."""
    began = f"{report.opened_at:%Y-%m-%d %H:%M:%S} UTC" if report.opened_at else "not yet"
    took_s = report.took_s or report.span_s
    return [
        ("version", f"{report.version}, before it {report.stable_version or 'unknown'}"),
        ("commit", report.commit[:SHORT_COMMIT] or "unknown"),
        ("asked for by", report.requested_by),
        ("began", began),
        ("took", lasted(took_s) if report.took_s else f"{lasted(took_s)} so far"),
        ("traffic, as last read back" if report.ending is Ending.STUCK else "traffic now", report.traffic),
        ("users meanwhile", users_sentence(report)),
        ("changes outside", f"{report.changes}, each seen to have happened"),
    ]


def users_sentence(report: ReleaseReport) -> str:
    """Say what users met, as they counted it themselves or as the judge did."""
    users = report.users
    if users is None:
        return _canary_sentence(report)
    why = ", ".join(_reason(reason) for reason in users.by_reason)
    return f"{users.failed:,} failed of {users.requests:,} requests" + (f" ({why})" if why else "")


def _canary_sentence(report: ReleaseReport) -> str:
    """Say what the judge counted: the users of both sides while the traffic was split."""
    sides = [side for phase in report.phases for side in phase.sides]
    if not sides:
        return "none met this version"
    failed, requests = (sum(getattr(side, name) for side in sides) for name in ("failed", "requests"))
    return f"{failed:,} failed of {requests:,} requests in the canary"


def _reason(reason: str) -> str:
    return f"HTTP {reason}" if reason.isdigit() else one_line(reason)


def home_sentence(way_home: WayHome) -> str:
    """Say how traffic came home."""
    if way_home.took_s is None:
        return "The traffic was NOT seen at home."
    return f"The traffic was read back at home {lasted(way_home.took_s)} after the decision."


def stage_how(row: StageRow) -> str:
    """Say how a stage went, with its tries and its cause where it has them."""
    tries = f", try {row.tries}" if row.tries > 1 else ""
    return f"{row.status}{tries}" + (f": {row.cause}" if row.cause else "")


def answered(row: AskRow) -> dict[str, str]:
    """Tell an ask and its answer: who, when, by which door."""
    ask, answer = row.ask, row.answer
    return {
        "asked": f"{ask.asked_at:%H:%M:%S}",
        "question": f"{ask.from_weight} % -> {ask.to_weight} %",
        "answer": DECISIONS.get(answer.decision, answer.decision) if answer else "none yet",
        "by": ", ".join(answer.voters or (answer.by,)) if answer else "",
        "door": DOORS.get(answer.door, answer.door) if answer else "",
        "answered": f"{answer.at:%H:%M:%S}, after {lasted(row.waited_s)}" if answer else "",
        "reason": answer.reason if answer else "",
    }
