"""Checklist: production is as the last release left it, and its weights can be trusted (safety I11)."""

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.checklist.subject import Subject
from tasks.live import observe_live
from tasks.models import FULL_WEIGHT, Check, Event, Live, Side
from tasks.past_releases import ended_chains
from tasks.sentences import sentence
from tasks.settings import Settings

LOOKED_AT = 20
"""How many releases are looked at for the last one that came as far as its restore point."""


def check_drift(settings: Settings, _: Subject) -> tuple[Check, ...]:
    """Check that traffic is on one side, that this side runs what the last release left there."""
    live = observe_live(settings)
    return (_whole(live), _as_left(settings, live))


def stable_as_left(events: Sequence[Event]) -> tuple[Side, str] | None:
    """Return the side and the task definition that a release left all traffic on; None if it recorded neither."""
    proofs = [event.data["evidence"] for event in events if event.kind == "stage.finished"]
    ending = next((event.data["ending"] for event in reversed(events) if event.kind == "release.ended"), "")
    before = _last(proofs, "stable", "live")
    after = _last(proofs, "side", "task_definition_arn")
    if ending == "shipped" and after:
        return Side(after["side"]), str(after["task_definition_arn"])
    if before:
        stable = Side(before["stable"])
        return stable, str(before["live"][stable]["task_definition_arn"])
    return None


def _whole(live: Live) -> Check:
    whole = any(live.weights.of(side) == FULL_WEIGHT for side in Side)
    note = "" if whole else sentence("somebody left it split: bring it home with `greenflow rollback`")
    expected = sentence("100 % on one side")
    return Check.of("traffic on one side", ok=whole, found=live.weights, expected=expected, note=note)


def _as_left(settings: Settings, live: Live) -> Check:
    name = "as the last release left it"
    for events in ended_chains(settings, LOOKED_AT):
        left = stable_as_left(events)
        if left is None:
            continue
        side, arn = left
        found = live.of(side)
        ok = live.weights.of(side) == FULL_WEIGHT and found.task_definition_arn == arn
        return Check.of(
            name,
            ok=ok,
            found=_runs(found.weight, side, found.task_definition_arn),
            expected=_runs(FULL_WEIGHT, side, arn),
            note=sentence("release {release}", release=events[0].release_id)
            if ok
            else sentence("somebody changed it since release {release}: ask them", release=events[0].release_id),
        )
    none = sentence("no release before this one")
    return Check.of(name, ok=True, found=none, expected=sentence("as the last one left it"))


def _runs(weight: int, side: Side, arn: str) -> str:
    about = {"weight": weight, "side": side, "definition": arn.rpartition("/")[2]}
    return sentence("{weight} % on side {side}, which runs {definition}", **about)


def _last(proofs: Sequence[Mapping[str, Any]], *keys: str) -> Mapping[str, Any] | None:
    return next((proof for proof in reversed(proofs) if all(key in proof for key in keys)), None)
