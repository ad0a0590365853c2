"""The checklist on a whole production: asked alone it touches nothing, and what it refuses is never begun."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from deployments.commands.verify import verify
from deployments.twin.npm_registry import Advisory
from deployments.twin.staging import junit
from flows.core.record import Ending
from tasks.checklist.rows import Row
from tests.rehearsal.conftest import QUICK, Ended, Stage

pytestmark = [pytest.mark.rehearsal, pytest.mark.slow, pytest.mark.timeout(240)]

ASKED_FOR_AUDIT = {"GREENFLOW_CHECKLIST__AUDIT__PROJECTS": '["projects/glec-api-backend"]'}


def closed_window() -> dict[str, str]:
    """A window that opens in half a day, to be overridden with an approval."""
    opens = datetime.now(UTC) + timedelta(hours=12)
    window = {"cron": f"0 {opens.hour} * * *", "duration_h": 1, "time_zone": "UTC", "holidays": ""}
    return {"GREENFLOW_CHECKLIST__WINDOW": json.dumps(window | {"override": "approval"})}


def release(stage: Stage, version: str, why: str, **environment: str) -> Ended:
    """Release as production does, by the flow that can be asked to begin outside of its window."""
    flow = [sys.executable, "-m", "deployments.run_flow", "release", "--environment", "rehearsal"]
    argv = [*flow, "--version", version, "--requested-by", "tests", "--override", why]
    return stage.finish(stage.twin.start(argv, f"{version}.log", QUICK | environment), stage.users())


def refs(stage: Stage) -> str:
    argv = ["git", "-C", str(stage.twin.repository.origin), "show-ref"]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def test_verifying_answers_every_row_and_touches_nothing(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    version = stage.publish()
    twin, tags = stage.twin, refs(stage)
    last = twin.emulator.calls.since()[-1].number
    posted, vercel = len(twin.slack.messages), len(twin.vercel.calls)
    code = verify(environment="rehearsal", version=version, json=True)
    told = json.loads(capsys.readouterr().out)
    assert (code, told["passed"], told["refused"]) == (0, True, [])
    assert (told["version"], told["commit"]) == (version, twin.repository.commits[version])
    rows = {row["row"]: row["outcome"] for group in told["groups"] for row in group["rows"]}
    assert set(rows) == set(Row)
    skipped = {row for row, outcome in rows.items() if outcome == "skipped"}
    assert skipped == {Row.MIGRATION, Row.DUTY, Row.DRILLS, Row.RECOVERY, Row.TRAINING, Row.WINDOW}
    assert [call.operation for call in twin.emulator.calls.since(last) if call.mutating] == []
    assert (len(twin.slack.messages), len(twin.vercel.calls), refs(stage)) == (posted, vercel, tags)


def test_a_release_that_would_be_refused_is_told_so_as_a_tree(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    version = stage.publish()
    commit = stage.twin.repository.commits[version]
    stage.twin.staging.put(f"e2e/{commit}.xml", junit(commit, tests=()))
    assert verify(environment="rehearsal") == 3
    said = capsys.readouterr().out
    assert f"{version} ({commit[:12]}) for rehearsal: ✗ failed: a release would be refused" in said
    assert "E2E 테스트 100% 통과" in said
    assert "E2E: tests: found 0 of 0 failed, expected 0 failed of at least 1" in said


def test_what_the_checklist_refuses_is_named_and_never_begun(stage: Stage) -> None:
    before, version = stage.weights(), stage.publish()
    commit = stage.twin.repository.commits[version]
    stage.twin.staging.put(f"e2e/{commit}.xml", junit(commit, failing=("bids",)))
    stage.twin.npm.advisories.append(Advisory("pg"))
    try:
        ended = release(stage, version, "a hotfix for bids", **closed_window(), **ASKED_FOR_AUDIT)
    finally:
        stage.twin.npm.clear()
    assert ended.code == 3, ended.said
    assert ended.report.ending is Ending.REFUSED
    refused = {check.name for check in ended.state.gates["checklist"].failed}
    assert refused == {"E2E: tests", "npm audit: projects/glec-api-backend", "release window"}
    assert "found 1 of 5 failed: bids, expected 0 failed of at least 1" in ended.report.verdict
    assert "GHSA-twin-twin-twin in pg (high: Prototype pollution)" in ended.report.verdict
    # An override stands against the hour alone, and nobody is asked for it while other rows refuse.
    assert not ended.state.asks
    assert stage.weights() == before
    assert stage.shifts(ended) == []
    changed = {event.data["effect"] for event in ended.events if event.kind == "effect.intended"}
    assert changed <= {"slack.post", "slack.update"}
