"""Say what a release would change: today's value of each thing beside tomorrow's, in the order it would be done."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from tasks.approval_policy import ApprovalSettings
from tasks.models import Check, Record, ReleasePlan, RestorePoint, Weights
from tasks.sentences import Said, joined, named, sentence

SHORT = 12
NONE = ""
HIDDEN = "(a secret in plain text, not shown)"


class Foreseen(Record):
    """Hold one thing a release sees to; an empty ``today`` is something that is not there yet."""

    area: Said
    name: Said
    today: Said
    tomorrow: Said
    note: Said = ""

    @property
    def changes(self) -> bool:
        """Tell whether a release would change it."""
        return self.today != self.tomorrow


class Foresight(Record):
    """Hold the plan of a release, what it would change, whom it would ask, and what would refuse it."""

    plan: ReleasePlan
    rows: tuple[Foreseen, ...]
    people: tuple[Said, ...]
    refused: tuple[Check, ...]

    @property
    def changes(self) -> tuple[Foreseen, ...]:
        """List what would change."""
        return tuple(row for row in self.rows if row.changes)


def restore_rows(point: RestorePoint, dump: str) -> Iterator[Foreseen]:
    """Say what is kept for the way back before anything is touched."""
    area = named("the way back")
    yield Foreseen(area=area, name=named("dump"), today=NONE, tomorrow=dump)
    digest = point.live.of(point.stable).digest
    image = sentence("{tag} on {what}", tag=point.image_tag, what=_short(digest))
    yield Foreseen(area=area, name=named("image tag"), today=NONE, tomorrow=image)
    if point.git_tag:
        tagged = sentence("{tag} on {what}", tag=point.git_tag, what=point.commit[:SHORT])
        yield Foreseen(area=area, name=named("git tag"), today=NONE, tomorrow=tagged)


def schema_row(version: str, pending: Sequence[str]) -> Foreseen:
    """Say which migrations would be applied."""
    note = joined(", ", pending) if pending else named("none pending")
    newest = pending[-1] if pending else version
    return Foreseen(area=named("schema"), name=named("last migration"), today=version, tomorrow=newest, note=note)


def definition_rows(
    today: Mapping[str, Any], tomorrow: Mapping[str, Any], container: str, secret: Collection[str] = ()
) -> Iterator[Foreseen]:
    """Compare what users run with what the candidate would run: its image, variables and secrets.

    Nothing else differs: the definition is made from the one that runs. Values of variables that ``secret`` names are
    told by nobody.
    """
    area = named("task definition")
    before, after = _of(today, container), _of(tomorrow, container)
    yield Foreseen(area=area, name=named("image"), today=before["image"], tomorrow=after["image"])
    for kind in ("environment", "secrets"):
        has, shall = _named_values(before, kind), _named_values(after, kind)
        for name in sorted({*has, *shall}):
            told = [
                HIDDEN if name in secret and values.get(name) else values.get(name, NONE) for values in (has, shall)
            ]
            yield Foreseen(area=area, name=name, today=told[0], tomorrow=told[1])


def task_rows(plan: ReleasePlan, point: RestorePoint, candidate_tasks: int, idle_tasks: int) -> Iterator[Foreseen]:
    """Say how many tasks each side would have, and when the old one lets go of its own."""
    area, old, new = named("tasks"), point.live.of(plan.stable), point.live.of(plan.candidate)
    why = joined("; ", [sentence("{weight} % needs {tasks}", weight=n.weight, tasks=n.tasks) for n in plan.needs])
    yield Foreseen(
        area=area, name=new.service, today=_count(new.desired_count), tomorrow=_count(candidate_tasks), note=why
    )
    note = named("after everything is verified")
    yield Foreseen(area=area, name=old.service, today=_count(old.desired_count), tomorrow=_count(idle_tasks), note=note)


def traffic_row(plan: ReleasePlan, today: Weights) -> Foreseen:
    """Say the weights in their order."""
    steps = [str(Weights.giving(plan.candidate, weight)) for weight in plan.phases]
    return Foreseen(area=named("traffic"), name=named("weights"), today=str(today), tomorrow=joined(" → ", steps))


def alarm_rows(differences: Mapping[str, Sequence[str]]) -> Iterator[Foreseen]:
    """Say which alarms would be set, and in what each differs."""
    area, right = named("alarms"), named("as the settings say")
    differing = {name: what for name, what in differences.items() if what}
    for name, what in differing.items():
        yield Foreseen(area=area, name=name, today=joined("; ", what), tomorrow=right)
    same = len(differences) - len(differing)
    if same:
        yield Foreseen(area=area, name=sentence("{count} alarms", count=same), today=right, tomorrow=right)


def asked_people(phases: Sequence[int], rules: ApprovalSettings) -> Iterator[str]:
    """Say who would be asked what, and what their silence means."""
    if rules.roll_call.needed:
        who = ", ".join(rules.on_duty) or named("nobody")
        yield sentence("on duty before the schema moves: {needed} of {who}", needed=rules.roll_call.needed, who=who)
    for before, after in pairwise(phases):
        rule = rules.at(after)
        yield sentence(
            "{before} % -> {after} %: {quorum} of {who}; silence for {limit_s:.0f} s is a no",
            before=before,
            after=after,
            quorum=rule.quorum,
            who=", ".join(rule.approvers) or named("nobody"),
            limit_s=rule.expires_s,
        )


def scaling_rows(suspended: Mapping[str, bool]) -> Iterable[Foreseen]:
    """Say whose autoscaling may take no tasks away while the release counts on them."""
    held = named("suspended")
    free, then = named("allowed"), named("suspended while it runs, then allowed again")
    return [
        Foreseen(area=named("scale-in"), name=name, today=held if is_held else free, tomorrow=held if is_held else then)
        for name, is_held in suspended.items()
    ]


def _of(definition: Mapping[str, Any], container: str) -> Mapping[str, Any]:
    return next(each for each in definition["containerDefinitions"] if each["name"] == container)


def _named_values(container: Mapping[str, Any], kind: str) -> dict[str, str]:
    return {each["name"]: str(each.get("value") or each.get("valueFrom")) for each in container.get(kind) or []}


def _count(tasks: int) -> str:
    return sentence("{count} tasks", count=tasks)


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:SHORT] or named("no digest")
