"""The site is staged beside the domain, checked there, and given the domain by an observed promotion."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deployments.twin.vercel import VercelStandIn
from deployments.twin.vercel_project import Tempo
from tasks.clients.vercel import open_vercel
from tasks.errors import GateRefused, PermanentError, TransientError, UnknownOutcome
from tasks.frontend import promote_site, stage_site
from tasks.ledger import Ledger, open_ledger
from tasks.models import BuildProof, Evidence, Live, ReleasePlan, RestorePoint, Side, SideState, SiteProof, Weights
from tasks.settings import Settings
from tasks.site_restore import restore_site
from tasks.site_rolling import roll_site
from tasks.waits import wait_until
from tests.tasks.stores import new_plan

COMMIT = "c" * 40
API = "http://set-by-the-twin/api/v2"
HEADERS = [
    {"source": "/", "headers": [{"key": "Cache-Control", "value": "public, max-age=0, must-revalidate"}]},
    {"source": "/assets/(.*)", "headers": [{"key": "Cache-Control", "value": "public, max-age=31536000, immutable"}]},
]


@pytest.fixture
def vercel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[VercelStandIn]:
    with VercelStandIn(build_s=0.1, alias_s=0.05) as started:
        monkeypatch.setenv("VERCEL_TOKEN_OF_THE_TEST", started.token)
        before = tmp_path / "before"
        before.mkdir()
        (before / "index.html").write_text("1.0.0")
        started.publish(before, {"version": "1.0.0"})
        yield started


@pytest.fixture
def settings(new_settings: Callable[..., Settings], vercel: VercelStandIn) -> Settings:
    return new_settings(
        SITE__API_URL=vercel.url,
        SITE__TOKEN="env:VERCEL_TOKEN_OF_THE_TEST",
        SITE__PROJECT_ID=vercel.project_id,
        SITE__TEAM_ID=vercel.team_id,
        SITE__URL=vercel.site_url,
        SITE__READY_TIMEOUT_S="3",
        SITE__POLL_S="0.05",
    )


@pytest.fixture
def release(settings: Settings) -> Iterator[Ledger]:
    with open_ledger(settings, release_id="1.1.0-site", version="1.1.0") as opened:
        yield opened


@pytest.fixture
def plan() -> ReleasePlan:
    return new_plan("1.1.0-site", COMMIT)


def lay_site(folder: Path, *, commit: str = COMMIT, rules: object = HEADERS) -> BuildProof:
    (folder / "assets").mkdir(parents=True, exist_ok=True)
    page = (
        '<!doctype html><link rel="stylesheet" href="/assets/a.css"><script type="module" src="/assets/a.js"></script>'
    )
    (folder / "index.html").write_text(page)
    (folder / "assets" / "a.js").write_text(f"const c='{commit}',u='{API}'")
    (folder / "assets" / "a.css").write_text("p{}")
    (folder / "vercel.json").write_text(json.dumps({"headers": rules}))
    return BuildProof(commit=commit, folder=str(folder), raw_bytes=1, gzip_bytes=1, files=3, took_s=0)


@pytest.fixture
def build(tmp_path: Path) -> BuildProof:
    return lay_site(tmp_path / "dist")


def names(evidence: Evidence) -> list[str]:
    return [check.name for check in evidence.failed]


def posts(vercel: VercelStandIn, path: str) -> int:
    return len([call for call in vercel.calls if call.method == "POST" and path in call.path])


@pytest.fixture
def before(vercel: VercelStandIn) -> RestorePoint:
    """What ran before the release: the deployment that has the domain."""
    assert vercel.current is not None
    return restore_point(vercel.current.id)


def restore_point(deployment_id: str | None) -> RestorePoint:
    states = [
        SideState(
            side=side,
            service="s",
            target_group_arn="t",
            task_definition_arn="d",
            image="i",
            digest="",
            desired_count=1,
            running_count=1,
            healthy_targets=1,
            weight=weight,
        )
        for side, weight in ((Side.A, 100), (Side.B, 0))
    ]
    return RestorePoint(
        stable=Side.A,
        live=Live(weights=Weights(a=100, b=0), a=states[0], b=states[1]),
        vercel_deployment_id=deployment_id,
        schema_version="001",
        stable_version="1.0.0",
        commit="a" * 40,
        recorded_at=datetime.now(UTC),
    )


def test_a_staged_site_is_checked_at_its_own_address_and_leaves_the_domain_alone(
    settings: Settings, release: Ledger, plan: ReleasePlan, build: BuildProof, vercel: VercelStandIn
) -> None:
    before = vercel.current
    site = stage_site.fn(settings, plan, build)
    assert site.failed == ()
    assert site.url != vercel.site_url
    assert vercel.current is before
    assert vercel.project.auto_assign_custom_domains is False
    deployed = vercel.project.deployments[site.deployment_id]
    assert deployed.meta["greenflowRelease"] == plan.release_id
    assert deployed.meta["commit"] == COMMIT


def test_running_it_again_uploads_and_deploys_nothing(
    settings: Settings, release: Ledger, plan: ReleasePlan, build: BuildProof, vercel: VercelStandIn
) -> None:
    first = stage_site.fn(settings, plan, build)
    uploaded, deployed = posts(vercel, "/v2/files"), posts(vercel, "/v13/deployments")
    assert uploaded == 4
    again = stage_site.fn(settings, plan, build)
    assert again.deployment_id == first.deployment_id
    assert (posts(vercel, "/v2/files"), posts(vercel, "/v13/deployments")) == (uploaded, deployed)


def test_another_release_uploads_only_what_is_new(
    settings: Settings, release: Ledger, plan: ReleasePlan, tmp_path: Path, vercel: VercelStandIn
) -> None:
    stage_site.fn(settings, plan, lay_site(tmp_path / "one"))
    before = posts(vercel, "/v2/files")
    other = plan.model_copy(update={"release_id": "1.1.0-other", "commit": "d" * 40})
    stage_site.fn(settings, other, lay_site(tmp_path / "two", commit="d" * 40))
    assert posts(vercel, "/v2/files") == before + 1


def test_a_staged_site_of_another_commit_is_refused(
    settings: Settings, release: Ledger, plan: ReleasePlan, tmp_path: Path
) -> None:
    assert names(stage_site.fn(settings, plan, lay_site(tmp_path / "dist", commit="e" * 40))) == [
        "commit of the staged site"
    ]


def test_a_site_without_cache_rules_is_refused(
    settings: Settings, release: Ledger, plan: ReleasePlan, tmp_path: Path
) -> None:
    site = stage_site.fn(settings, plan, lay_site(tmp_path / "dist", rules=[]))
    assert names(site) == ["assets of the staged site are kept"]


def test_the_lasting_values_are_told_to_the_project_once(
    settings: Settings, release: Ledger, plan: ReleasePlan, build: BuildProof, vercel: VercelStandIn
) -> None:
    stage_site.fn(settings, plan, build)
    stage_site.fn(settings, plan, build)
    assert posts(vercel, "/env") == 1
    (told,) = (call.body for call in vercel.calls if call.method == "POST" and "/env" in call.path)
    assert {item["key"]: item["value"] for item in told}["VITE_API_BASE_URL"] == API
    assert "VITE_GIT_COMMIT" not in {item["key"] for item in told}


def test_a_promoted_site_has_the_domain_and_is_seen_there(
    settings: Settings,
    release: Ledger,
    plan: ReleasePlan,
    build: BuildProof,
    vercel: VercelStandIn,
    before: RestorePoint,
) -> None:
    site = promote_site.fn(settings, plan, stage_site.fn(settings, plan, build), before)
    assert site.failed == ()
    assert vercel.current is vercel.project.deployments[site.deployment_id]
    assert [check.note for check in site.checks if check.outcome == "skipped"] == [
        f"{vercel.site_url} is no public https address",
        f"{vercel.site_url} is no https address",
    ]


def test_promoting_again_changes_nothing(
    settings: Settings,
    release: Ledger,
    plan: ReleasePlan,
    build: BuildProof,
    vercel: VercelStandIn,
    before: RestorePoint,
) -> None:
    site = promote_site.fn(settings, plan, stage_site.fn(settings, plan, build), before)
    promote_site.fn(settings, plan, site, before)
    assert posts(vercel, "/promote/") == 1


def test_staging_again_after_the_promotion_is_no_failure(
    settings: Settings, release: Ledger, plan: ReleasePlan, build: BuildProof, before: RestorePoint
) -> None:
    promote_site.fn(settings, plan, stage_site.fn(settings, plan, build), before)
    assert stage_site.fn(settings, plan, build).failed == ()


def test_the_domain_goes_back_to_the_recorded_deployment_once(
    settings: Settings,
    release: Ledger,
    plan: ReleasePlan,
    build: BuildProof,
    vercel: VercelStandIn,
    before: RestorePoint,
) -> None:
    had_it = vercel.current
    promote_site.fn(settings, plan, stage_site.fn(settings, plan, build), before)
    restore_site(settings, before)
    restore_site(settings, before)
    assert vercel.current is had_it
    assert posts(vercel, "/rollback/") == 1


def test_a_promotion_of_somebody_else_is_not_overwritten(
    settings: Settings,
    release: Ledger,
    plan: ReleasePlan,
    build: BuildProof,
    vercel: VercelStandIn,
    before: RestorePoint,
) -> None:
    staged = stage_site.fn(settings, plan, build)
    other = vercel.publish(Path(build.folder), {"version": "hotfix"})
    with pytest.raises(GateRefused, match=f"site refused: found {other.id} has the domain, expected") as refused:
        promote_site.fn(settings, plan, staged, before)
    assert "nothing was overwritten: ask them" in str(refused.value)
    assert vercel.current is other
    assert posts(vercel, "/promote/") == 0


def test_a_rollback_that_somebody_pinned_is_not_undone_although_the_same_deployment_has_the_domain(
    settings: Settings,
    release: Ledger,
    plan: ReleasePlan,
    build: BuildProof,
    vercel: VercelStandIn,
    before: RestorePoint,
) -> None:
    staged = stage_site.fn(settings, plan, build)
    recorded = vercel.current
    assert recorded is not None
    vercel.publish(Path(build.folder), {"version": "hotfix"})
    vercel.project.roll_back(recorded)
    wait_until(lambda: True if vercel.current is recorded else None, what="the rollback", deadline_s=2, poll_s=0.02)
    with pytest.raises(GateRefused, match=f"site refused: found rollback to {recorded.id} requested at"):
        promote_site.fn(settings, plan, staged, before)


def test_a_promotion_still_in_the_queue_is_waited_for_and_taken_back(
    settings: Settings,
    release: Ledger,
    plan: ReleasePlan,
    build: BuildProof,
    vercel: VercelStandIn,
    before: RestorePoint,
) -> None:
    had_it = vercel.current
    staged = stage_site.fn(settings, plan, build)
    vercel.project.tempo = Tempo(build_s=0.1, alias_s=0.6)
    vercel.project.promote(vercel.project.deployments[staged.deployment_id])
    vercel.project.tempo = Tempo(build_s=0.1, alias_s=0.05)
    restore_site(settings, before)
    assert vercel.current is had_it
    assert vercel.project.been_current[-2:] == [staged.deployment_id, before.vercel_deployment_id]


def test_a_queue_that_does_not_move_is_left_to_people_with_the_command(
    settings: Settings,
    release: Ledger,
    plan: ReleasePlan,
    build: BuildProof,
    vercel: VercelStandIn,
    before: RestorePoint,
) -> None:
    staged = stage_site.fn(settings, plan, build)
    vercel.project.tempo = Tempo(build_s=0.1, alias_s=60)
    vercel.project.promote(vercel.project.deployments[staged.deployment_id])
    hasty = settings.model_copy(update={"site": settings.site.model_copy(update={"ready_timeout_s": 0.2})})
    with pytest.raises(
        UnknownOutcome, match=f"queued at Vercel after 0.2 s .* vercel rollback {before.vercel_deployment_id}"
    ):
        restore_site(hasty, before)


def test_a_domain_that_nobody_had_is_not_brought_back(
    settings: Settings, release: Ledger, vercel: VercelStandIn
) -> None:
    (check,) = restore_site(settings, restore_point(None)).checks
    assert check.outcome == "skipped"
    assert posts(vercel, "/rollback/") == 0


def test_a_wrong_token_is_refused_and_not_shown(
    settings: Settings, release: Ledger, plan: ReleasePlan, build: BuildProof, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERCEL_TOKEN_OF_THE_TEST", "hidden-token")
    with pytest.raises(PermanentError, match="could not read the Vercel project: 403") as caught:
        stage_site.fn(settings, plan, build)
    assert "hidden-token" not in str(caught.value)


def test_a_vercel_that_is_not_there_may_be_tried_again(
    settings: Settings, release: Ledger, plan: ReleasePlan, build: BuildProof
) -> None:
    away = settings.model_copy(update={"site": settings.site.model_copy(update={"api_url": "http://127.0.0.1:9"})})
    with pytest.raises(TransientError, match=r"no connection to 127\.0\.0\.1:9"):
        stage_site.fn(away, plan, build)


def test_a_promotion_that_does_not_reach_the_public_is_a_failed_check(
    settings: Settings,
    release: Ledger,
    plan: ReleasePlan,
    build: BuildProof,
    vercel: VercelStandIn,
    before: RestorePoint,
) -> None:
    staged = stage_site.fn(settings, plan, build)
    other = stage_site.fn(settings, plan.model_copy(update={"release_id": "other"}), build)
    away = settings.model_copy(
        update={"site": settings.site.model_copy(update={"url": vercel.url, "ready_timeout_s": 0.3})}
    )
    assert other.deployment_id != staged.deployment_id
    assert "public site answers" in names(promote_site.fn(away, plan, staged, before))


def test_the_token_is_in_no_event_of_the_ledger(
    settings: Settings,
    release: Ledger,
    plan: ReleasePlan,
    build: BuildProof,
    vercel: VercelStandIn,
    before: RestorePoint,
) -> None:
    site = promote_site.fn(settings, plan, stage_site.fn(settings, plan, build), before)
    assert all(vercel.token not in event.model_dump_json() for event in release.events)
    assert isinstance(site, SiteProof)


def rolling(settings: Settings) -> Settings:
    return settings.model_copy(update={"site": settings.site.model_copy(update={"rolling": True})})


def test_a_rolling_site_follows_the_weights_and_gets_the_domain_at_the_end(
    settings: Settings,
    release: Ledger,
    plan: ReleasePlan,
    build: BuildProof,
    vercel: VercelStandIn,
    before: RestorePoint,
) -> None:
    given, had_it = rolling(settings), vercel.current
    staged = stage_site.fn(given, plan, build)
    for weight in plan.phases[:-1]:
        assert roll_site.fn(given, plan, staged, before, weight).failed == ()
        assert vercel.current is had_it
    assert roll_site.fn(given, plan, staged, before, 50).failed == ()
    site = promote_site.fn(given, plan, staged, before)
    assert site.failed == ()
    assert vercel.current is vercel.project.deployments[staged.deployment_id]
    assert [posts(vercel, f"/rolling-release/{verb}") for verb in ("start", "approve-stage", "complete")] == [1, 1, 1]
    assert posts(vercel, "/promote/") == 0


def test_a_rolling_site_comes_home_by_an_abort_although_the_domain_never_changed(
    settings: Settings,
    release: Ledger,
    plan: ReleasePlan,
    build: BuildProof,
    vercel: VercelStandIn,
    before: RestorePoint,
) -> None:
    given = rolling(settings)
    staged = stage_site.fn(given, plan, build)
    roll_site.fn(given, plan, staged, before, 10)
    restore_site(given, before)
    with open_vercel(given.site, given.aws) as client:
        assert not client.rolling_release().is_active
    assert posts(vercel, "/rollback/") == 1
    restore_site(given, before)
    assert posts(vercel, "/rollback/") == 1


def test_a_canary_that_starts_over_starts_the_rolling_site_over(
    settings: Settings,
    release: Ledger,
    plan: ReleasePlan,
    build: BuildProof,
    vercel: VercelStandIn,
    before: RestorePoint,
) -> None:
    given = rolling(settings)
    staged = stage_site.fn(given, plan, build)
    for weight in (10, 50, 10):
        (check,) = roll_site.fn(given, plan, staged, before, weight).checks
        assert (check.outcome, check.found) == ("passed", str(weight))


def test_somebody_elses_rolling_release_is_not_overwritten(
    settings: Settings,
    release: Ledger,
    plan: ReleasePlan,
    build: BuildProof,
    vercel: VercelStandIn,
    before: RestorePoint,
) -> None:
    given = rolling(settings)
    theirs = stage_site.fn(given, plan, build)
    roll_site.fn(given, plan, theirs, before, 10)
    ours = stage_site.fn(given, plan.model_copy(update={"release_id": "other"}), build)
    with pytest.raises(GateRefused, match=f"found a rolling release of {theirs.deployment_id} at 10 %"):
        roll_site.fn(given, plan, ours, before, 10)


def test_a_build_that_fails_at_vercel_ends_in_vercels_words_and_another_try_makes_a_new_one(
    settings: Settings, release: Ledger, plan: ReleasePlan, build: BuildProof, vercel: VercelStandIn
) -> None:
    vercel.project.build_error = "Build failed because of invalid header configuration"
    with pytest.raises(PermanentError, match=r"could not stage the site: dpl_\w+ ended as ERROR: Build failed because"):
        stage_site.fn(settings, plan, build)
    vercel.heal()
    assert stage_site.fn(settings, plan, build).failed == ()
    assert posts(vercel, "/v13/deployments") == 3
