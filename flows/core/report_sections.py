"""Write the sections of the report's page; each is nothing where there is nothing to say."""

from collections.abc import Iterator, Sequence

from flows.core.bars import bound_of, evidence_share, limit_of
from flows.core.gates import Gate
from flows.core.judge import Verdict
from flows.core.markup import Markup, fragment, tag
from flows.core.next_steps import NextStep
from flows.core.phases import PhaseRow
from flows.core.record import Ending
from flows.core.report import AskRow, ReleaseReport
from flows.core.report_words import answered, home_sentence, lasted, signed, stage_how, unbroken
from flows.core.traces import Change, How
from flows.core.wording import NAMES, part, percent
from tasks.counts import Counts, Kind
from tasks.models import BackupProof, Check, Outcome
from tasks.sentences import joined, named, sentence

TONES: dict[str, str] = {
    Ending.RUNNING: "calm",
    Ending.SHIPPED: "good",
    Ending.REFUSED: "warn",
    Ending.ROLLED_BACK: "warn",
    Ending.REJECTED: "warn",
    Ending.STUCK: "bad",
}
VERDICT_TONES = {Verdict.PROMOTE: "good", Verdict.ROLL_BACK: "bad", Verdict.ASK: "warn", Verdict.WAIT: "calm"}
OUTCOME_TONES = {Outcome.PASSED: "good", Outcome.FAILED: "bad", Outcome.SKIPPED: "calm"}
HOW_TONES = {
    How.DONE: "good",
    How.ALREADY: "good",
    How.UNDER_WAY: "warn",
    How.UNKNOWN: "warn",
    How.REFUSED: "bad",
}
KINDS: tuple[Kind, ...] = ("failed", "slow_300ms", "slow_1s", "slow_5s")
SHORT_HASH = 16
SAYS_NOTHING = 1.5
"""Up to which evidence a kind without an event is not worth a row; 1 is where evidence begins."""


def next_section(report: ReleaseReport) -> Markup | None:
    """Say what to do next, first things first."""
    if not report.next_steps:
        return None
    urgent = report.ending is Ending.STUCK
    steps = tag("ol", *(_step(step) for step in report.next_steps), class_="next")
    title = named("Do this now" if urgent else "What to do next")
    return tag("section", tag("h2", title), steps, class_="urgent" if urgent else None)


def _step(step: NextStep) -> Markup:
    return tag("li", step.text, *(tag("pre", command) for command in step.commands))


def why_section(report: ReleaseReport) -> Markup | None:
    """Say what went wrong and how it was put back."""
    failures, home = list(_failures(report)), list(_home_lines(report))
    if not failures and not home:
        return None
    title = named("The way home" if not failures else "What failed, and the way home" if home else "What failed")
    return tag("section", tag("h2", title), tag("ul", *failures, *home))


def _home_lines(report: ReleaseReport) -> Iterator[Markup]:
    if not report.way_home:
        return
    yield tag("li", unbroken(home_sentence(report.way_home)))
    if put_back := [tag("li", f"{change.what} {change.key}: ", signed(change.how)) for change in report.put_back]:
        yield tag("li", named("What it did, in this order:"), tag("ol", *put_back, class_="plain"))
    for left in report.left_over:
        yield tag("li", tag("b", named("Left to people"), ": "), left)


def _failures(report: ReleaseReport) -> Iterator[Markup]:
    for row in report.stages:
        if row.status == "failed":
            yield tag("li", tag("b", named(row.name)), ": ", stage_how(row))
    for gate in report.gates:
        for check in gate.failed:
            refused = sentence("{gate} refused", gate=named(gate.name))
            yield tag("li", tag("b", refused), ": ", check.line)


def phase_cards(report: ReleaseReport) -> Markup:
    """Write a card for each phase: the judge's word and both sides in numbers."""
    return tag("div", *(_phase_card(report, phase) for phase in report.phases), class_="phases")


def _phase_card(report: ReleaseReport, phase: PhaseRow) -> Markup:
    last, tone = phase.last, VERDICT_TONES[phase.last.verdict]
    head = tag("h3", f"{phase.weight} %", tag("span", signed(last.verdict), class_=f"chip {tone}"))
    clock = sentence(
        "{counted} of {needed} periods, {took}; below are all requests of the phase, those of the warm-up too",
        counted=last.periods_counted,
        needed=last.periods_needed,
        took=lasted(phase.ended_s - phase.began_s),
    )
    share = tag("p", *_share(phase.share), class_="soft") if phase.share else None
    reasons = (tag("p", unbroken(reason)) for reason in last.reasons)
    return tag("div", head, *reasons, tag("p", clock, class_="soft"), share, _sides(report, phase), class_="phase")


def _share(check: Check) -> tuple[Markup, str]:
    sign = tag("span", signed(check.outcome), class_=f"tone {OUTCOME_TONES[check.outcome]}")
    return sign, f" {unbroken(check.line)}"


def _sides(report: ReleaseReport, phase: PhaseRow) -> Markup:
    """Write both sides of each kind that says something, and name the others in a line."""
    telling = [kind for kind in KINDS if kind == "failed" or _tells(phase, kind)]
    quiet = joined(", ", (named(NAMES[kind]) for kind in KINDS if kind not in telling))
    head = tag("tr", *(tag("th", named(name)) for name in ("", "new", "old", "limit", "evidence")))
    rows = (_side_row(report, phase, kind) for kind in telling)
    table = tag("table", tag("thead", head), tag("tbody", *rows), class_="sides")
    return fragment(
        (table, tag("p", sentence("On neither side: {quiet}", quiet=quiet), class_="soft") if quiet else None)
    )


def _tells(phase: PhaseRow, kind: Kind) -> bool:
    return any(side.events(kind) for side in phase.sides) or phase.last.evidence.get(kind, 1) > SAYS_NOTHING


def _side_row(report: ReleaseReport, phase: PhaseRow, kind: Kind) -> Markup:
    limit = limit_of(kind, report.policy)
    new, old = phase.sides
    cells = (_rate_cell(new, kind, limit, "new"), _rate_cell(old, kind, limit, "old"))
    found = phase.last.evidence.get(kind)
    bound = bound_of(kind, report.policy)
    weight = (
        ()
        if found is None
        else (
            sentence("{found:,.4g} of {bound:g}", found=found, bound=bound),
            _meter(evidence_share(found, bound), "new"),
        )
    )
    goal = tag("td", unbroken(f"< {percent(limit)}"), data_name=named("limit"))
    name = tag("td", tag("b", named(NAMES[kind])))
    return tag("tr", name, *cells, goal, tag("td", *weight, data_name=named("evidence")))


def _rate_cell(counts: Counts, kind: Kind, limit: float, look: str) -> Markup:
    """Write a rate with a meter on which half is the limit."""
    return tag(
        "td", unbroken(part(counts, kind)), _meter((counts.rate(kind) or 0) / (2 * limit), look), data_name=named(look)
    )


def _meter(share: float, look: str) -> Markup:
    return tag("span", tag("i", style=f"width: {100 * min(1.0, share):.0f}%"), class_=f"meter {look}")


def people_section(report: ReleaseReport) -> Markup | None:
    """Tell who was asked what, and who answered when and by which door."""
    if not report.asks:
        return None
    return tag(
        "section", tag("h2", named("People")), _table([answered(row) for row in report.asks]), *_asked(report.asks)
    )


def _asked(asks: Sequence[AskRow]) -> Iterator[Markup]:
    for row in asks:
        told = (tag("li", line) for line in row.ask.summary)
        weights = {"before": row.ask.from_weight, "after": row.ask.to_weight}
        title = sentence("What people were shown with {before} % → {after} %", **weights)
        if row.ask.summary:
            yield tag("details", tag("summary", title), tag("ul", *told))


def checks_section(report: ReleaseReport) -> Markup | None:
    """List all checks with their evidence, by gate; a gate that refused is open."""
    if not report.gates:
        return None
    return tag("section", tag("h2", named("Checks")), *(_gate(gate) for gate in report.gates))


def _gate(gate: Gate) -> Markup:
    counted = {outcome: sum(check.outcome is outcome for check in gate.checks) for outcome in Outcome}
    told = joined(
        ", ",
        (
            sentence("{count} {outcome}", count=count, outcome=named(outcome.value))
            for outcome, count in counted.items()
            if count
        ),
    )
    worst = Outcome.FAILED if gate.failed else Outcome.PASSED
    sign = tag("span", signed(worst), class_=f"tone {OUTCOME_TONES[worst]}")
    summary = tag("summary", sign, " ", named(gate.name), " ", tag("span", told, class_="soft"))
    rows = [
        {
            "outcome": tag("span", signed(check.outcome), class_=f"tone {OUTCOME_TONES[check.outcome]}"),
            "check": named(check.name),
            "found": named(check.found),
            "expected": named(check.expected),
            "note": named(check.note),
        }
        for check in gate.checks
    ]
    return tag("details", summary, _table(rows), open="open" if gate.failed else None)


def backup_section(report: ReleaseReport) -> Markup | None:
    """Show the proof of the backup: what was stored, and that it came back whole."""
    if not report.backup:
        return None
    backup = report.backup
    facts = (tag("div", tag("dt", named(name)), tag("dd", value)) for name, value in _backup_facts(backup))
    tables = [
        {"table": name, "rows": f"{table.rows:,}", "sha256 of its content": table.sha256[:SHORT_HASH]}
        for name, table in backup.tables.items()
    ]
    title = sentence("{count} tables, compared row by row after the restore", count=len(tables))
    listed = tag("details", tag("summary", title), _table(tables))
    return tag(
        "section", tag("h2", named("The backup, restored and compared")), tag("dl", *facts, class_="facts"), listed
    )


def _backup_facts(backup: BackupProof) -> Iterator[tuple[str, object]]:
    rows = sum(table.rows for table in backup.tables.values())
    yield "size", sentence("{size:,} bytes", size=backup.size_bytes)
    yield "rows", sentence("{rows:,} in {tables} tables", rows=rows, tables=len(backup.tables))
    yield "dumped in", lasted(backup.dump_s)
    yield "restored and compared in", lasted(backup.restore_s)
    versions = {"server": backup.server_version, "client": backup.client_version}
    yield "PostgreSQL", sentence("server {server}, pg_dump {client}", **versions)
    yield "stored at", tag("span", f"s3://{backup.bucket}/{backup.key}", class_="mono")
    yield "sha256", tag("span", backup.sha256, class_="mono")


def effects_section(report: ReleaseReport) -> Markup | None:
    """List every change to the outside with its outcome."""
    if not report.effects:
        return None
    told = sentence(
        "{intents} intents, {changes} changes; each looked at before and read back after",
        intents=len(report.effects),
        changes=report.changes,
    )
    table = _table([_effect(change) for change in report.effects])
    trouble = any(change.how in {How.UNKNOWN, How.REFUSED} for change in report.effects)
    shown = tag("details", tag("summary", told), table, open="open" if trouble else None)
    return tag("section", tag("h2", named("What was changed outside")), shown)


def _effect(change: Change) -> dict[str, object]:
    return {
        "when": f"{change.at:%H:%M:%S}",
        "outcome": tag("span", signed(change.how), class_=f"tone {HOW_TONES[change.how]}"),
        "what": change.what,
        "target": change.key,
        "took": lasted(change.took_s) if change.took_s else "",
        "cause": change.cause,
    }


def story_section(report: ReleaseReport) -> Markup | None:
    """Tell what happened in its order."""
    if not report.story:
        return None
    lines = (
        tag("li", tag("time", f"{moment.at:%H:%M:%S}", datetime=moment.at.isoformat()), tag("span", moment.text))
        for moment in report.story
    )
    return tag("section", tag("h2", named("What happened when")), tag("ol", *lines, class_="story"))


def _table(rows: Sequence[dict[str, object]] | Sequence[dict[str, str]]) -> Markup:
    """Write rows that share their keys, without the columns that are empty in all of them; a phone stacks the cells."""
    names = [name for name in rows[0] if any(row[name] for row in rows)]
    head = tag("thead", tag("tr", *(tag("th", named(name)) for name in names)))
    body = (tag("tr", *(tag("td", row[name], data_name=named(name)) for name in names)) for row in rows)
    return tag("div", tag("table", head, tag("tbody", fragment(body)), class_="stack"), class_="scroll")
