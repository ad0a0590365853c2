import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployments.twin.aws import FaultRule
from deployments.twin.aws_seed import push_image
from deployments.twin.aws_seeded import ImageSpec
from deployments.twin.repository import Repository, make_repository
from deployments.twin.vercel import VercelStandIn
from tasks.clients.git import ls_remote_tags
from tasks.clients.shell import run
from tasks.errors import GateRefused, PermanentError, RemoteError
from tasks.ledger import Ledger
from tasks.models import Outcome, RestorePoint, Side, Weights
from tasks.registry import find_image
from tasks.restore_point import record_restore_point
from tests.tasks.production import Production
from tests.tasks.stores import URL_VARIABLE, run_sql

pytest_plugins = ["tests.tasks.stores_fixtures"]

SCHEMA = """
    CREATE TABLE pgmigrations (id serial PRIMARY KEY, name text NOT NULL, run_on timestamp NOT NULL DEFAULT now());
    INSERT INTO pgmigrations (name) VALUES ('001_base');
"""
RUNNING = "1.0.7"


@dataclass(frozen=True)
class World:
    """Hold production with everything around it that a restore point is made of."""

    production: Production
    ledger: Ledger
    repository: Repository
    vercel: VercelStandIn

    @property
    def commit(self) -> str:
        return self.repository.commits["1.0.0"]

    def record(self) -> RestorePoint:
        return record_restore_point.fn(self.production.settings, self.production.plan)

    def tags(self) -> dict[str, str]:
        return ls_remote_tags(str(self.repository.origin))


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return make_repository(tmp_path_factory.mktemp("source"), "1.1.0")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VercelStandIn]:
    folder = tmp_path_factory.mktemp("site")
    (folder / "index.html").write_text("<!doctype html>")
    with VercelStandIn() as vercel:
        vercel.publish(folder, meta={})
        os.environ["VERCEL_TOKEN_OF_THE_TEST"] = vercel.token
        yield vercel
        del os.environ["VERCEL_TOKEN_OF_THE_TEST"]


@pytest.fixture
def around(
    new_production: Callable[..., Production],
    opened: Callable[[Production], Ledger],
    repository: Repository,
    site: VercelStandIn,
    database: str,
) -> World:
    run_sql(database, SCHEMA)
    production = new_production(
        SOURCE__REPOSITORY=str(repository.origin),
        SITE__API_URL=site.url,
        SITE__PROJECT_ID=site.project_id,
        SITE__TEAM_ID=site.team_id,
        SITE__TOKEN="env:VERCEL_TOKEN_OF_THE_TEST",
        DATABASE__URL=f"env:{URL_VARIABLE}",
    )
    if find_image(production.settings, tag=RUNNING) is None:
        push_image(production.aws, ImageSpec(RUNNING, repository.commits["1.0.0"]))
    image = find_image(production.settings, tag=RUNNING)
    assert image is not None
    production.run("a", production.register_image(f"{production.seeded.repository_uri}@{image.digest}"), 2)
    return World(production, opened(production), repository, site)


def test_everything_the_way_back_needs_is_recorded(around: World) -> None:
    point = around.record()
    assert not point.failed
    assert point.stable is Side.A
    assert point.live.weights == Weights(a=100, b=0)
    assert point.live.a.task_definition_arn == around.production.service("a")["taskDefinition"]
    assert point.live.b.task_definition_arn == around.production.service("b")["taskDefinition"]
    assert point.vercel_deployment_id == around.vercel.deployments[0].id
    assert point.schema_version == "001_base"
    assert (point.stable_version, point.commit) == (RUNNING, around.commit)
    assert point.autoscaling == {"greenflow-api-a": (0, 6), "greenflow-api-b": (0, 6)}
    assert point.rule_actions[-1]["Type"] == "forward"


def test_the_running_commit_and_image_are_tagged(around: World) -> None:
    point = around.record()
    assert around.tags()[point.git_tag] == around.commit
    argv = ("git", "-C", str(around.repository.origin), "cat-file", "-t", point.git_tag)
    assert run(argv, timeout_s=10).stdout.strip() == "tag"
    image = find_image(around.production.settings, tag=point.image_tag)
    assert image is not None
    assert image.digest == point.live.a.digest


def test_the_record_is_written_before_anything_is_changed(around: World) -> None:
    around.record()
    kinds = [event.kind for event in around.ledger.events]
    assert kinds.index("restore_point.read") < kinds.index("effect.intended")


def test_a_release_that_moved_traffic_gets_the_record_it_made_before(around: World) -> None:
    before = around.record()
    around.production.set_weights(50, 50)
    again = around.record()
    assert again == before


def test_tags_that_are_there_are_left_alone(around: World) -> None:
    around.record()
    before = around.production.calls("PutImage")
    around.record()
    assert around.production.calls("PutImage") == before


@pytest.mark.parametrize("kind", ["lost_answer", "503_after", "empty_200"])
def test_a_lost_answer_while_tagging_is_looked_up(around: World, kind: str) -> None:
    around.production.aws.faults.add(FaultRule(kind, "ecr", "PutImage"))
    before = around.production.calls("PutImage")
    assert not around.record().failed
    assert around.production.calls("PutImage") == before + 1


def test_a_crash_between_the_tags_goes_on_with_the_first_record(around: World) -> None:
    around.production.aws.faults.add(FaultRule("throttle", "ecr", "PutImage"))
    with pytest.raises(RemoteError):
        around.record()
    point = around.record()
    reads = [event for event in around.ledger.events if event.kind == "restore_point.read"]
    assert len(reads) == 1
    assert around.tags()[point.git_tag] == around.commit


def test_split_traffic_is_refused_before_anything_is_tagged(around: World) -> None:
    around.production.set_weights(90, 10)
    with pytest.raises(GateRefused, match=r"found weights a 90 % / b 10 %, expected 100 % on side a"):
        around.record()
    assert not [event for event in around.ledger.events if event.kind.startswith("effect.")]


def test_traffic_on_the_other_side_is_refused(around: World) -> None:
    around.production.set_weights(0, 100)
    with pytest.raises(GateRefused, match="restore point refused"):
        around.record()


def test_a_restore_tag_on_another_image_is_drift(around: World) -> None:
    taken = f"restore-{around.production.plan.release_id}"
    candidate = find_image(around.production.settings, tag="1.1.0")
    assert candidate is not None
    around.production.aws.client("ecr").put_image(
        repositoryName="greenflow-api", imageManifest=candidate.manifest, imageTag=taken
    )
    with pytest.raises(PermanentError, match=f"drift: found image tag {taken}"):
        around.record()


def test_a_stable_side_that_is_not_well_fails_and_nothing_is_tagged(around: World) -> None:
    group = around.production.seeded.target_group_arns["a"]
    elbv2 = around.production.aws.client("elbv2")
    target = elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"][0]["Target"]
    elbv2.deregister_targets(TargetGroupArn=group, Targets=[{"Id": target["Id"], "Port": target["Port"]}])
    point = around.record()
    assert [check.line for check in point.failed] == [
        "stable side is steady: found 2 running, 1 healthy, expected 2 of each"
    ]
    assert point.git_tag not in around.tags()
    elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": target["Id"], "Port": target["Port"]}])


def test_a_way_back_that_was_deregistered_is_refused_before_anything_is_tagged(around: World) -> None:
    arn = around.production.service("a")["taskDefinition"]
    around.production.aws.client("ecs").deregister_task_definition(taskDefinition=arn)
    point = around.record()
    assert [check.line for check in point.failed] == [
        (
            f"task definition to come home to: found {arn.rpartition('/')[2]} INACTIVE, expected ACTIVE "
            "(somebody deregistered it: register it anew and deploy that, then release again)"
        )
    ]
    assert point.git_tag not in around.tags()


def test_the_git_tag_can_be_switched_off(around: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source = around.production.settings.source.model_copy(update={"push_restore_tag": False})
    settings = around.production.settings.model_copy(update={"source": source})
    before = around.tags()
    point = record_restore_point.fn(settings, around.production.plan)
    assert point.git_tag == ""
    assert around.tags() == before
    assert all(check.outcome is Outcome.PASSED for check in point.checks)
