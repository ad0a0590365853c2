"""What `greenflow plan` foresees of a release comes true: both rest on the same functions."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from deployments.commands.plan import plan
from flows.core.foresight import Foresight
from flows.core.record import Ending
from flows.foresight import WHEN, foresee
from tasks.live import observe_live, read_task_definition
from tasks.models import Event
from tasks.schema import read_schema_version
from tasks.task_definition import environment_of
from tests.rehearsal.conftest import Ended, Stage

pytestmark = [pytest.mark.rehearsal, pytest.mark.slow, pytest.mark.timeout(240)]


def changed(foresight: Foresight, area: str) -> dict[str, str]:
    return {row.name: row.tomorrow for row in foresight.changes if row.area == area}


def done(events: Iterable[Event], effect: str) -> list[str]:
    """The keys of one kind of effect that changed something."""
    found = (event.data for event in events if event.kind == "effect.done" and event.data["effect"] == effect)
    return [data["key"] for data in found if not data["already"]]


def assert_came_true(stage: Stage, foresight: Foresight, ended: Ended) -> None:
    settings, plan = stage.settings, foresight.plan
    live, candidate = observe_live(settings), plan.candidate
    assert foresight.refused == ()
    assert ended.state.plan is not None
    assert (ended.state.plan.candidate, ended.state.plan.needs) == (candidate, plan.needs)
    definition = changed(foresight, "task definition")
    assert definition["image"] == live.of(candidate).image
    runs = read_task_definition(settings, live.of(candidate).task_definition_arn)
    assert environment_of(runs, settings.service.container)["APP_VERSION"] == definition["APP_VERSION"] == plan.version
    tasks = {live.of(side).service: f"{live.of(side).desired_count} tasks" for side in type(candidate)}
    assert changed(foresight, "tasks") == tasks
    assert changed(foresight, "traffic")["weights"].endswith(str(live.weights))
    assert_kept_for_the_way_back(foresight, ended)
    assert (changed(foresight, "schema") or {"last migration": read_schema_version(settings)}) == {
        "last migration": read_schema_version(settings)
    }
    assert set(changed(foresight, "alarms")) == set(done(ended.events, "cloudwatch.put_alarm"))
    assert ("variables" in changed(foresight, "site")) is bool(done(ended.events, "vercel.set_variables"))
    assert ("domain moves" in changed(foresight, "site")) is bool(done(ended.events, "vercel.keep_domain"))
    assert set(changed(foresight, "scale-in")) == set(done(ended.events, "scaling.suspend"))
    asked = [f"{row.ask.from_weight} % -> {row.ask.to_weight} %" for row in ended.report.asks]
    assert [text.partition(":")[0] for text in foresight.people[1:]] == asked


def assert_kept_for_the_way_back(foresight: Foresight, ended: Ended) -> None:
    foreseen = changed(foresight, "the way back")
    name = f"{foresight.plan.version}-{WHEN}"
    tags = {kind: foreseen[kind].partition(" on ")[0].replace(name, ended.state.release_id) for kind in foreseen}
    assert [tags["image tag"]] == done(ended.events, "image.tag")
    assert [tags["git tag"]] == done(ended.events, "git.tag")
    (dump,) = done(ended.events, "s3.store_dump")
    assert f"s3://greenflow-backups/{dump}".startswith(tags["dump"])


def test_a_release_does_what_was_foreseen_and_foreseeing_touches_nothing(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    version, calls, vercel = stage.publish(), stage.twin.emulator.calls, len(stage.twin.vercel.calls)
    last = calls.since()[-1].number
    assert plan(version, environment="rehearsal", as_json=True) == 10
    told = json.loads(capsys.readouterr().out)
    foresight = foresee(stage.settings, version, "tests", tmp_path)
    # The guard, which looks on, may write into its own chain.
    assert {call.operation for call in calls.since(last) if call.mutating} <= {"PutObject"}
    assert {call.method for call in stage.twin.vercel.calls[vercel:]} == {"GET"}
    assert [row["name"] for row in told["rows"] if row["changes"]] == [row.name for row in foresight.changes]
    ended = stage.finish(stage.start(version), stage.users())
    assert ended.report.ending is Ending.SHIPPED, ended.said
    assert_came_true(stage, foresight, ended)
