"""Look again at what was released: the guide's boxes for 1 h, 24 h and 1 week, and what their checks say together."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from flows.core.evidence import Draw, chance_of_equal_risk
from flows.core.record import Ending, ReleaseState
from flows.core.report import ReleaseReport
from flows.core.report_words import lasted, signed
from tasks.aftercare_models import After, Box, TrafficSeen
from tasks.aftercare_settings import AftercareSettings
from tasks.counts import Kind
from tasks.models import Check, Outcome, Record
from tasks.sentences import joined, named, sentence

SHOWN = 3
KINDS: Mapping[Kind, str] = MappingProxyType(
    {"failed": "failed", "slow_300ms": "slower than 300 ms", "slow_1s": "slower than 1 s"}
)


class BoxOfGuide(NamedTuple):
    """Name one box and the topics that answer it; the guide's own words are its Korean."""

    name: str
    topics: tuple[str, ...]


ALARMS = BoxOfGuide("no alarm rings", ("alarms",))
BOXES: Mapping[After, tuple[BoxOfGuide, ...]] = MappingProxyType(
    {
        After.HOUR: (
            BoxOfGuide("the site is reached", ("site",)),
            BoxOfGuide("the API answers", ("api",)),
            BoxOfGuide("error rate < 0.1 %", ("errors",)),
            BoxOfGuide("response times are normal", ("speed", "trend")),
            ALARMS,
        ),
        After.DAY: (
            BoxOfGuide("everything works", ("site", "api", "journey", "errors", "speed", "trend")),
            BoxOfGuide("the database is in sync", ("database",)),
            BoxOfGuide("people are asked how it feels", ("feedback",)),
            BoxOfGuide("cost", ("cost",)),
            ALARMS,
        ),
        After.WEEK: (
            BoxOfGuide("a week of response times", ("errors", "speed", "trend")),
            BoxOfGuide("nothing unexpected", ("site", "api", "alarms", "database", "cost")),
            BoxOfGuide("what could be better", ("feedback", "chances")),
        ),
    }
)
"""The guide's lists after the deployment; the checks of each topic answer its boxes."""

OF_PRODUCTION = frozenset({"site", "api", "journey", "errors", "speed", "trend", "alarms", "database", "cost"})
"""What can be asked only while the release still is what production runs."""


class Look(Record):
    """Hold one look: when, at which release, and every box with its checks."""

    release_id: str
    version: str
    environment: str
    after: After
    at: datetime
    boxes: tuple[Box, ...]

    @property
    def failed(self) -> tuple[Check, ...]:
        """List the checks that failed, each once."""
        checks = (check for box in self.boxes for check in box.checks if check.outcome is Outcome.FAILED)
        return tuple(dict.fromkeys(checks))


def topics_of(after: After) -> frozenset[str]:
    """Return what has to be asked for a look."""
    return frozenset(topic for box in BOXES[after] for topic in box.topics)


def tick(after: After, found: Mapping[str, Sequence[Check]]) -> tuple[Box, ...]:
    """Put the checks of every topic under the boxes they answer."""
    return tuple(
        Box(name=box.name, checks=tuple(check for topic in box.topics for check in found[topic]))
        for box in BOXES[after]
    )


def outcome_of(box: Box) -> Outcome:
    """Return how a box ends: one failed check fails it, and one that was looked at fills it."""
    outcomes = {check.outcome for check in box.checks}
    ordered = (Outcome.FAILED, Outcome.PASSED, Outcome.SKIPPED)
    return next(outcome for outcome in ordered if outcome in outcomes or outcome is Outcome.SKIPPED)


def check_trend(seen: TrafficSeen, policy: AftercareSettings) -> tuple[Check, ...]:
    """Check each kind of trouble against the week before: much more of it, and not by chance."""
    now, before = seen.now, seen.before
    if not now.requests or not before.requests:
        return (Check.skipped("trend", "no request in as long a time a week before: nothing to compare with"),)
    return tuple(_trend(seen, kind, policy) for kind in KINDS)


def _trend(seen: TrafficSeen, kind: Kind, policy: AftercareSettings) -> Check:
    now, before = seen.now, seen.before
    draw = Draw(now.requests, before.requests, now.events(kind), before.events(kind))
    new, old = now.events(kind) / now.requests, before.events(kind) / before.requests
    worse = new > policy.worse_ratio * old and chance_of_equal_risk(draw, 1) < policy.worse_p_value
    return Check.of(
        sentence("trend of requests {what}", what=named(KINDS[kind])),
        ok=not worse,
        found=sentence("{percent:.3g} % of {requests:,}", percent=100 * new, requests=now.requests),
        expected=sentence(
            "at most {ratio:g} x {percent:.3g} % of {requests:,} a week before, or chance",
            ratio=policy.worse_ratio,
            percent=100 * old,
            requests=before.requests,
        ),
    )


def check_chances(report: ReleaseReport) -> tuple[Check, ...]:
    """Name what took longest in the release: where the next one can become faster."""
    slowest = sorted(report.stages, key=lambda row: -row.took_s)[:SHOWN]
    told = joined(", ", (sentence("{stage} {took}", stage=named(row.name), took=lasted(row.took_s)) for row in slowest))
    waited = sum(row.waited_s for row in report.asks)
    found = sentence(
        "{stages}; people were waited for {waited}", stages=told or named("no stage"), waited=lasted(waited)
    )
    return (Check.of("slowest stages", ok=True, found=found, expected="known"),)


def replaced_by(state: ReleaseState, later: Sequence[ReleaseState], under_way: str) -> str:
    """Say why this release can no longer be asked about, or nothing while production runs it.

    ``under_way`` names the release that holds the environment right now, or is empty.
    """
    shipped = [each for each in later if each.release_id != state.release_id and each.ending is Ending.SHIPPED]
    for each in shipped:
        if each.ended_at and state.ended_at and each.ended_at > state.ended_at:
            return sentence(
                "{version} took its place at {at} UTC (release {release})",
                version=each.version,
                at=f"{each.ended_at:%Y-%m-%d %H:%M}",
                release=each.release_id,
            )
    if under_way and under_way != state.release_id:
        return sentence("release {release} is under way; look again when it has ended", release=under_way)
    return ""


def headline(look: Look) -> str:
    """Say a look in one sentence."""
    outcomes = [outcome_of(box) for box in look.boxes]
    about = {"after": look.after, "version": look.version, "environment": look.environment, "boxes": len(outcomes)}
    if look.failed:
        failed = outcomes.count(Outcome.FAILED)
        return sentence(
            "Aftercare {after}: {version} is NOT well on {environment}: {failed} of {boxes} boxes failed",
            failed=failed,
            **about,
        )
    passed = outcomes.count(Outcome.PASSED)
    return sentence(
        "Aftercare {after}: {version} is well on {environment}, {passed} of {boxes} boxes ticked",
        passed=passed,
        **about,
    )


def look_text(look: Look, before: str) -> str:
    """Say a look to people: a line a box, what is wrong with both numbers, and what can be done."""
    lines = [headline(look), *(box_line(box) for box in look.boxes)]
    if look.failed and before:
        back = f"greenflow release {before} --environment {look.environment}"
        lines.append(sentence("To go back, release the version before it: {command}", command=back))
    return joined("\n", lines)


def box_line(box: Box) -> str:
    """Say how a box is, and why where it is not ticked."""
    how = sentence("{outcome}: {box}", outcome=signed(outcome_of(box)), box=named(box.name))
    if outcome_of(box) is Outcome.PASSED:
        return how
    why = joined("; ", (check.line for check in box.checks if check.outcome is outcome_of(box)))
    return sentence("{what}: {why}", what=how, why=why)
