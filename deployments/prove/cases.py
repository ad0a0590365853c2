"""Choose what is tried: from what an undisturbed release was seen to do, so that a new effect is tried by itself."""

from collections.abc import Iterable, Mapping, Sequence

from deployments.prove.breaking import KINDS
from deployments.prove.points import Passed, Point
from deployments.prove.trial import By, Case, Tried
from tasks.clients.aws import is_read

BESIDE = (
    "ledger bake.polled",
    "ledger stage.progress",
    "ledger stage.started",
    "ledger stage.finished 0 checklist",
    "ledger share.measured",
    "ledger effect.intended",
)
"""Events beside a release's course: to die after one of them is to die after the event before it."""
LOCAL = ("program git init", "program git fetch", "program git tag", "program git ls-remote", "program git rev-parse")
"""Programs that change nothing outside of the release's own folder."""
OFTEN = ("traffic.shift", "traffic.home", "service.set", "service.scale")
"""Effects that a release has several times, each with a meaning of its own."""
MOST_OF_THEM = 3


def crash_points(passed: Iterable[Passed]) -> list[Passed]:
    """Return the points to die at, in the order they were passed."""
    found: dict[Point, Passed] = {}
    for each in passed:
        often = each.effect in OFTEN or each.point.what.startswith("ledger rollout.moved")
        if _is_worth(each) and each.point.nth <= (MOST_OF_THEM if often else 1):
            found.setdefault(each.point, each)
    return _with_every_effect(passed, list(found.values()))


def _with_every_effect(passed: Iterable[Passed], chosen: list[Passed]) -> list[Passed]:
    """Add the end of each effect that is in none of the chosen points: the same call may be another effect's."""
    known = {each.effect for each in chosen}
    ends = {
        each.effect: each for each in passed if each.point == Point(f"ledger effect.done {each.effect}", 1, "before")
    }
    return [*chosen, *(each for effect, each in ends.items() if effect not in known)]


def _is_worth(passed: Passed) -> bool:
    """Tell whether dying there differs from dying at the point before it."""
    what, when = passed.point.what, passed.point.when
    if what.startswith("ledger "):
        return (when == "after" and not what.startswith(BESIDE)) or what.startswith("ledger effect.done")
    if what.startswith("program "):
        return when == "during" or (bool(passed.effect) and not what.startswith(LOCAL))
    return not what.startswith("s3 PUT locks/") or passed.effect == ""


def single(points: Sequence[Passed], by: By, *, yes: bool) -> list[Case]:
    """Kill a release once at each point; ``by`` says who goes on."""
    return [Case(yes=yes, deadly=each.point, by=by) for each in points]


def doubles(points: Sequence[Passed], of_guard: Sequence[Passed]) -> list[Case]:
    """Kill a release on its way home, and the guard that follows it: every point of both at least once."""
    if not points or not of_guard:
        return []
    pairs = max(len(points), len(of_guard))
    return [
        Case(yes=False, deadly=points[at % len(points)].point, guard_deadly=of_guard[at % len(of_guard)].point)
        for at in range(pairs)
    ]


def on_the_way_home(passed: Sequence[Passed]) -> list[Passed]:
    """Return what a release came by since it had decided to come home."""
    began = next((at for at, each in enumerate(passed) if each.effect == "traffic.home"), len(passed))
    return list(passed[began:])


def is_change(call: str) -> bool:
    """Tell whether a call changes something outside."""
    service, operation, *_ = call.split(" ")
    if service in {"http", "s3"}:
        return operation not in {"GET", "HEAD"}
    if service == "slack":
        return operation in {"chat.postMessage", "chat.update"}
    return not is_read(operation)


def broken(calls: Iterable[str], *, yes: bool) -> list[Case]:
    """Break calls in each way: those that change something and those that look apart, each call once a release."""
    changes = frozenset(call for call in calls if is_change(call))
    looks = frozenset(calls) - changes
    return [Case(yes=yes, calls=each, kind=kind, by="itself") for kind in KINDS for each in (changes, looks) if each]


def rest_of(tried: Tried) -> Case | None:
    """Return the case that tries what a release did not come to, or None when nothing is left or nothing new was."""
    left = tried.case.calls - tried.hit
    return tried.case.model_copy(update={"calls": left}) if left and tried.hit else None


def not_crashed_at(effects: Iterable[str], died_in: Iterable[str]) -> list[str]:
    """List the effects in which no process was killed."""
    return sorted(set(effects) - set(died_in))


def interleaved(groups: Mapping[str, Sequence[Case]], most: int = 0) -> list[tuple[str, Case]]:
    """Mix the groups evenly, each in its own order, so that time which runs out is missed by all; at most ``most``."""
    placed = [
        (at / len(cases), name, case)
        for name, cases in groups.items()
        for at, case in enumerate(cases)
        if not most or at % max(1, len(cases) // most) == 0
    ]
    return [(name, case) for _, name, case in sorted(placed, key=lambda each: each[0])]
