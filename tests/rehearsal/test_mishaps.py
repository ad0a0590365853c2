"""What goes wrong on the way to production ends in its gate, in plain words, with the traffic untouched or home."""

import re

import pytest

from deployments.twin.mishaps import MISHAPS
from deployments.twin.vercel_project import Tempo
from flows.core.record import Ending
from tests.rehearsal.conftest import WHOLE, Ended, Stage

pytestmark = [pytest.mark.rehearsal, pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.mark.parametrize("mishap", MISHAPS)
def test_a_mishap_on_the_way_is_refused_in_plain_words_before_any_user_meets_it(stage: Stage, mishap: str) -> None:
    before, users, version = stage.weights(), stage.users(), stage.publish(mishap)
    given = stage.twin.befall(MISHAPS[mishap], version)
    looked_over = {name: WHOLE[name] for name in ("GREENFLOW_BUILD__LINT", "GREENFLOW_BUILD__TYPECHECK")}
    child = stage.start(version, **given, **(looked_over if mishap in {"lint-error", "type-error"} else {}))
    ended = stage.finish(child, users)
    assert ended.code == 3, ended.said
    assert ended.report.ending is Ending.REFUSED
    assert re.search(MISHAPS[mishap].says, ended.report.verdict), ended.report.verdict
    assert_home(stage, ended, before)
    assert stage.shifts(ended) == []
    assert ended.failed == 0
    assert not stage.held_back()


def assert_home(stage: Stage, ended: Ended, before: object) -> None:
    """All traffic is where it was, and the ledger knows of nothing else."""
    assert stage.weights() == before
    assert ended.state.weights in {before, None}


def test_a_promotion_by_somebody_else_stops_ours_and_brings_the_release_home(stage: Stage) -> None:
    before, users, version = stage.weights(), stage.users(), stage.publish()
    child = stage.start(version)
    stage.until("a bake", lambda state: state.rollout == "baking", version)
    hotfix = stage.twin.folder / f"hotfix-{version}"
    hotfix.mkdir()
    (hotfix / "index.html").write_text("<!doctype html><title>a hotfix</title>")
    theirs = stage.twin.vercel.publish(hotfix, {"version": "hotfix"})
    ended = stage.finish(child, users)
    assert ended.code == 3, ended.said
    assert "somebody else promoted or rolled back at Vercel since this release began" in ended.report.verdict
    assert_home(stage, ended, before)
    assert theirs.id in {each.id for each in stage.twin.vercel.deployments}


def test_a_promotion_that_stays_in_vercels_queue_brings_the_release_home_and_leaves_a_command(stage: Stage) -> None:
    before, users, version = stage.weights(), stage.users(), stage.publish()
    child = stage.start(version, GREENFLOW_SITE__READY_TIMEOUT_S="8")
    stage.until("a bake", lambda state: state.rollout == "baking", version)
    stage.twin.vercel.project.tempo = Tempo(alias_s=45)
    ended = stage.finish(child, users)
    stage.twin.vercel.project.tempo = Tempo()
    assert ended.code == 3, ended.said
    assert "vercel.promote was called and is not seen to have happened" in ended.report.verdict
    assert any("still queued at Vercel" in left and "vercel rollback dpl_" in left for left in ended.report.left_over)
    assert_home(stage, ended, before)
    assert not stage.held_back()


def test_traffic_comes_home_although_the_image_of_the_old_version_is_gone(stage: Stage) -> None:
    before, users, version = stage.weights(), stage.users(), stage.publish("errors-30")
    child = stage.start(version)
    known = stage.until("the restore point", lambda state: state.restore_point is not None, version).restore_point
    assert known is not None
    stage.until("a bake", lambda state: state.rollout == "baking", version)
    repository, digest = stage.settings.service.repository, known.live.of(known.stable).digest
    ecr = stage.twin.emulator.client("ecr")
    (image,) = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageDigest": digest}])["images"]
    ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageDigest": digest}])
    ended = stage.finish(child, users)
    ecr.put_image(repositoryName=repository, imageManifest=image["imageManifest"], imageTag=known.stable_version)
    assert ended.code == 3, ended.said
    assert ended.report.ending is Ending.ROLLED_BACK
    assert_home(stage, ended, before)
