"""Write a release's report as markdown: for the Prefect UI, which shows neither pictures nor HTML, and for a file."""

from collections.abc import Iterable, Mapping, Sequence

from flows.core.bars import bar, canary_table
from flows.core.gates import Gate
from flows.core.phases import PhaseRow
from flows.core.plain_text import in_markdown, one_line
from flows.core.report import AskRow, ReleaseReport
from flows.core.report_words import answered, facts, home_sentence, side_names, signed, stage_how
from tasks.models import FULL_WEIGHT, BackupProof
from tasks.sentences import joined, named, sentence


def markdown(report: ReleaseReport) -> str:
    """Write the report; everything that people or other systems said is shown, not obeyed."""
    sections: tuple[tuple[str, list[str]], ...] = (
        ("What to do next", _next_steps(report)),
        ("The way home", _way_home(report)),
        ("The canary", [line for phase in report.phases for line in _phase(report, phase)]),
        ("People", _people(report.asks)),
        ("Checks", [line for gate in report.gates for line in _gate(gate)]),
        ("The backup", _backup(report.backup) if report.backup else []),
        ("Stages", _stages(report)),
        ("What was changed outside", _effects(report)),
        ("What happened when (UTC)", _story(report)),
    )
    parts = [f"# {one_line(signed(report.ending))}: {in_markdown(report.verdict)}", "", *_facts(report)]
    for title, lines in sections:
        parts += ["", f"## {one_line(named(title))}", "", *lines] if lines else []
    return "\n".join([*parts, ""])


def _facts(report: ReleaseReport) -> list[str]:
    told = [*facts(report), (named("release"), report.release_id)]
    return [f"- {one_line(name)}: {in_markdown(value)}" for name, value in told]


def _next_steps(report: ReleaseReport) -> list[str]:
    lines = []
    for number, step in enumerate(report.next_steps, start=1):
        lines.append(f"{number}. {in_markdown(step.text)}")
        lines += [line for command in step.commands for line in ("", f"       {one_line(command)}", "")]
    return lines


def _way_home(report: ReleaseReport) -> list[str]:
    if not report.way_home:
        return []
    return [
        f"- {in_markdown(home_sentence(report.way_home))}",
        *(f"- {in_markdown(left)}" for left in report.left_over),
    ]


def _phase(report: ReleaseReport, phase: PhaseRow) -> list[str]:
    last = phase.last
    names = side_names(in_markdown(report.version), in_markdown(report.stable_version))
    clock = sentence("{counted} of {needed} periods", counted=last.periods_counted, needed=last.periods_needed)
    told = [f"### {bar(phase.weight / FULL_WEIGHT)} {phase.weight} %: {one_line(signed(last.verdict))}", ""]
    told += [f"{in_markdown(joined('; ', last.reasons))} ({one_line(clock)})", ""]
    looks = [look.judgement for look in phase.looks]
    told += _table(canary_table(looks, phase.sides, report.policy, names))
    return [*told, "", *([f"- {in_markdown(phase.share.line)}", ""] if phase.share else [])]


def _people(asks: Sequence[AskRow]) -> list[str]:
    return _table([{name: in_markdown(value) for name, value in answered(row).items()} for row in asks])


def _gate(gate: Gate) -> list[str]:
    name = named(gate.name)
    title = sentence("{gate}: {count} failed", gate=name, count=len(gate.failed)) if gate.failed else name
    checks = [f"- {one_line(signed(check.outcome))} {in_markdown(check.line)}" for check in gate.checks]
    return [f"### {in_markdown(title)}", "", *checks, ""]


def _backup(backup: BackupProof) -> list[str]:
    tables = [{"table": in_markdown(name), "rows": f"{table.rows:,}"} for name, table in backup.tables.items()]
    where = in_markdown(f"s3://{backup.bucket}/{backup.key}")
    times = {"dump_s": backup.dump_s, "restore_s": backup.restore_s}
    took = sentence("dumped in {dump_s:.1f} s, restored and compared in {restore_s:.1f} s", **times)
    size = sentence("{size:,} bytes, sha256 {sha256}", size=backup.size_bytes, sha256=backup.sha256)
    return [f"- {where}", f"- {in_markdown(size)}", f"- {in_markdown(took)}", "", *_table(tables)]


def _stages(report: ReleaseReport) -> list[str]:
    rows = [
        {
            "stage": in_markdown(named(row.name)),
            "how": in_markdown(stage_how(row)),
            "began": f"+{row.start_s:.1f} s",
            "took": f"{row.took_s:.1f} s",
            "checks": str(len(row.checks)),
        }
        for row in report.stages
    ]
    return _table(rows)


def _effects(report: ReleaseReport) -> list[str]:
    rows = [
        {
            "when": f"{change.at:%H:%M:%S}",
            "what": in_markdown(change.what),
            "target": in_markdown(change.key),
            "how": in_markdown(sentence("{how} {cause}", how=named(change.how.value), cause=change.cause)),
        }
        for change in report.effects
    ]
    return _table(rows)


def _story(report: ReleaseReport) -> list[str]:
    return [f"- `{moment.at:%H:%M:%S}` {in_markdown(moment.text)}" for moment in report.story]


def _table(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Write rows that share their keys as a table; the cells are markdown already."""
    if not rows:
        return []
    head = list(rows[0])
    return [
        _row(one_line(named(name)) for name in head),
        _row("---" for _ in head),
        *(_row(row[name] for name in head) for row in rows),
    ]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
