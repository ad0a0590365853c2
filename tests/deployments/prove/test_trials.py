"""A sample of the trials: the way through the outside that they count, break and die at, on a real ledger."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from deployments.prove.breaking import KINDS, Breaking, read_calls
from deployments.prove.cases import crash_points, doubles, not_crashed_at, on_the_way_home
from deployments.prove.points import Boundaries, Passed, Point, When, read_passed
from tasks.clients import aws
from tasks.event_store import EventStore, read_events
from tasks.ledger import effect, open_ledger
from tasks.settings import AwsSettings, Settings

BUCKET = "made-by-a-trial"


def change(settings: Settings) -> None:
    """Make one effect in a release: a bucket that is there afterwards."""

    def there() -> bool | None:
        names = [bucket["Name"] for bucket in aws.s3(settings.aws).list_buckets()["Buckets"]]
        return True if f"{BUCKET}-{settings.ledger.bucket}" in names else None

    with open_ledger(settings, release_id="1.1.0-trial", version="1.1.0"):
        effect(
            "s3.make",
            BUCKET,
            observe=there,
            act=lambda: aws.s3(settings.aws).create_bucket(Bucket=f"{BUCKET}-{settings.ledger.bucket}"),
        )


@cache
def unconnected(account: AwsSettings) -> dict[tuple[bool, bool], Any]:
    """Make the clients that forks use: connections are not shared with a fork, and making a client takes long."""
    kinds = ((False, True), (True, True), (False, False))
    made = {kind: aws._made(account, "s3", None, acting=kind[0], guarded=kind[1]) for kind in kinds}
    aws._made.cache_clear()
    return made


def in_a_fork(settings: Settings, run: Callable[[], object]) -> int:
    """Run something in a fork; returns its exit code, or less than 0 by the signal that killed it."""
    clients = unconnected(settings.aws)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            aws._made = lambda *_, acting, guarded: clients[acting, guarded]  # type: ignore[assignment]
            run()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def passing(settings: Settings, file: Path, deadly: Point | None = None) -> int:
    def run() -> None:
        Boundaries(file, deadly).install()
        change(settings)

    return in_a_fork(settings, run)


def test_every_boundary_of_an_effect_is_passed_and_named(settings: Settings, tmp_path: Path) -> None:
    assert passing(settings, tmp_path / "points") == 0
    passed = read_passed(tmp_path / "points")
    inside = [f"{each.point.when} {each.point.what}" for each in passed if each.effect == "s3.make"]
    assert inside == [
        "before ledger effect.intended s3.make",
        "after ledger effect.intended s3.make",
        f"before s3 PUT {inside[2].rpartition(' ')[2]}",
        f"after s3 PUT {inside[2].rpartition(' ')[2]}",
        "before ledger effect.done s3.make",
        "after ledger effect.done s3.make",
    ]


@pytest.mark.parametrize(("when", "kinds"), [("before", ["intended"]), ("after", ["intended", "done"])])
def test_a_process_dies_exactly_where_it_shall(
    settings: Settings, tmp_path: Path, when: When, kinds: list[str]
) -> None:
    deadly = Point("ledger effect.done s3.make", 1, when)
    assert passing(settings, tmp_path / "points", deadly) == -signal.SIGKILL
    assert read_passed(tmp_path / "points")[-1] == Passed(deadly, "s3.make")
    told = read_events(EventStore(settings), "1.1.0-trial")
    assert [event.kind for event in told] == [f"effect.{kind}" for kind in kinds]


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_is_broken_once_and_happens_or_not_as_its_kind_says(
    settings: Settings, tmp_path: Path, kind: str
) -> None:
    def run() -> None:
        Breaking(tmp_path / "calls", kind, frozenset({"s3 PUT trial/"})).install()
        store = aws.ledger_store(settings.aws)
        for key in ("trial/broken", "trial/whole"):
            with suppress(BotoCoreError, ClientError):
                store.put_object(Bucket=settings.ledger.bucket, Key=key, Body=b"")

    assert in_a_fork(settings, run) == 0
    called, broken = read_calls(tmp_path / "calls")
    assert called == broken == frozenset({"s3 PUT trial/"})
    before = {"throttle", "500_before", "reset_before", "denied"}
    there = ["trial/whole"] if kind in before else ["trial/broken", "trial/whole"]
    assert EventStore(settings).list("trial/") == there


def test_cases_come_from_what_was_seen_and_leave_no_effect_out() -> None:
    seen: tuple[tuple[str, int, When, str], ...] = (
        ("ledger release.opened", 1, "before", ""),
        ("ledger release.opened", 1, "after", ""),
        ("ecs UpdateService", 1, "before", "service.set"),
        ("ecs UpdateService", 1, "after", "service.set"),
        ("ledger effect.done service.set", 1, "before", "service.set"),
        ("ledger bake.polled", 1, "after", ""),
        ("ecs UpdateService", 9, "before", "a.new_effect"),
        ("ledger effect.done a.new_effect", 1, "before", "a.new_effect"),
        ("elasticloadbalancing ModifyRule", 1, "before", "traffic.home"),
        ("elasticloadbalancing ModifyRule", 1, "after", "traffic.home"),
    )
    passed = [Passed(Point(what, nth, when), effect) for what, nth, when, effect in seen]
    chosen = crash_points(passed)
    assert not_crashed_at({each.effect for each in passed if each.effect}, {each.effect for each in chosen}) == []
    assert Passed(Point("ledger release.opened", 1, "after"), "") in chosen
    assert not any("bake.polled" in each.point.what for each in chosen)
    back = on_the_way_home(chosen)
    assert [each.effect for each in back] == ["traffic.home", "traffic.home"]
    pairs = {(case.deadly, case.guard_deadly) for case in doubles(back, chosen)}
    assert len(pairs) == len(chosen)
    assert not_crashed_at({"traffic.shift"}, []) == ["traffic.shift"]
