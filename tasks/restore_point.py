"""Record what runs before anything is touched (guide 1.4; safety I13): the way back uses this and nothing else."""

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from tasks.clients.aws import ecr, translated
from tasks.clients.git import ls_remote_tags, push_annotated_tag, resolve_tag
from tasks.clients.vercel import open_vercel
from tasks.errors import GateRefused, PermanentError
from tasks.ledger import current_ledger, effect, note
from tasks.live import observe_live, read_task_definition
from tasks.models import FULL_WEIGHT, Check, Live, ReleasePlan, RestorePoint, Side, SideState
from tasks.registry import RegistryImage, find_image
from tasks.retries import REPEATABLE
from tasks.scaling import read_scaling
from tasks.schema import read_schema_version
from tasks.sentences import sentence
from tasks.settings import Settings
from tasks.stage import proved, stage
from tasks.task_definition import REVISION_VARIABLE, VERSION_VARIABLE, environment_of
from tasks.weights import read_actions

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import TaskDefinitionTypeDef

log = logging.getLogger("greenflow.restore_point")

STAGE = "1.4 record the restore point"
READ = "restore_point.read"
ACTIVE = "ACTIVE"


class Origin(NamedTuple):
    """Hold which version and commit the stable side runs; empty where nothing tells."""

    version: str
    commit: str


@stage(STAGE, REPEATABLE)
def record_restore_point(settings: Settings, plan: ReleasePlan) -> RestorePoint:
    """Record what runs, and keep it from being cleaned away: a git tag on its commit, a registry tag on its image.

    A release that went through here before gets the record it made then; it is never made anew once anything may
    have been touched. Raises GateRefused when traffic is not wholly on the stable side.
    """
    known = proved(STAGE, RestorePoint)
    if known is not None:
        return known
    point = _read_before() or _noted(read_restore_point(settings, plan))
    if point.failed:
        return point
    mark_image(settings, point)
    mark_commit(settings, point)
    log.info("restore point: %s on side %s, commit %s", point.stable_version, point.stable, point.commit)
    return point


def read_restore_point(settings: Settings, plan: ReleasePlan) -> RestorePoint:
    """Look at everything the way back will need; looks only, so `greenflow plan` may ask it as well."""
    live = observe_live(settings)
    _refuse_split(live, plan.stable)
    stable = live.of(plan.stable)
    image = find_image(settings, digest=stable.digest) if stable.digest else None
    definition = read_task_definition(settings, stable.task_definition_arn)
    origin = _origin(settings, definition, image)
    scaling = read_scaling(settings)
    with open_vercel(settings.site, settings.aws) as vercel:
        domain = vercel.domain_state()
    return RestorePoint(
        checks=(_definition_check(definition), *_checks(stable, image, origin, domain.production)),
        stable=plan.stable,
        live=live,
        vercel_deployment_id=domain.production or None,
        vercel_last_change=domain.last_change,
        schema_version=read_schema_version(settings),
        stable_version=origin.version,
        commit=origin.commit,
        autoscaling={service: (found.least, found.most) for service, found in scaling.items()},
        scale_in_suspended=tuple(service for service, found in scaling.items() if found.scale_in_suspended),
        rule_actions=read_actions(settings),
        git_tag=f"greenflow/restore/{plan.release_id}" if settings.source.push_restore_tag else "",
        image_tag=f"restore-{plan.release_id}",
        recorded_at=datetime.now(UTC),
    )


def mark_image(settings: Settings, point: RestorePoint) -> str:
    """Put the restore tag on the image that runs, so that no clean-up takes it away; returns its digest."""
    digest = point.live.of(point.stable).digest

    def observe() -> str | None:
        found = find_image(settings, tag=point.image_tag)
        return _same(
            sentence("image tag {image_tag}", image_tag=point.image_tag), found.digest if found else None, digest
        )

    def act() -> None:
        image = find_image(settings, digest=digest)
        if image is None:
            msg = sentence(
                "could not tag image {digest}: it is gone from {repository}",
                digest=digest,
                repository=settings.service.repository,
            )
            raise PermanentError(msg)
        with translated(sentence("tag image {digest} as {image_tag}", digest=digest, image_tag=point.image_tag)):
            ecr(settings.aws).put_image(
                repositoryName=settings.service.repository,
                imageManifest=image.manifest,
                imageManifestMediaType=image.media_type,
                imageTag=point.image_tag,
                imageDigest=digest,
            )

    return effect("image.tag", point.image_tag, observe=observe, act=act, data={"digest": digest})


def mark_commit(settings: Settings, point: RestorePoint) -> str:
    """Push an annotated tag on the commit that runs, unless the environment keeps that switched off."""
    if not point.git_tag:
        return ""
    repository = settings.source.repository

    def observe() -> str | None:
        found = ls_remote_tags(repository, only=point.git_tag).get(point.git_tag)
        return _same(sentence("git tag {git_tag}", git_tag=point.git_tag), found, point.commit)

    def act() -> None:
        message = f"Production before the release: {point.stable_version} on side {point.stable}"
        push_annotated_tag(repository, tag=point.git_tag, commit=point.commit, message=message)

    return effect("git.tag", point.git_tag, observe=observe, act=act, data={"commit": point.commit})


def _noted(point: RestorePoint) -> RestorePoint:
    """Write it down before the first change."""
    if not point.failed:
        note(READ, {"restore_point": point.model_dump(mode="json")})
    return point


def _read_before() -> RestorePoint | None:
    """Return what an earlier try of this release read, before it was cut off between the tags."""
    for event in reversed(current_ledger().events):
        if event.kind == READ:
            return RestorePoint.model_validate(event.data["restore_point"])
    return None


def _refuse_split(live: Live, stable: Side) -> None:
    check = Check.of(
        sentence("traffic on side {side}", side=stable),
        ok=live.weights.of(stable) == FULL_WEIGHT,
        found=live.weights,
        expected=f"{FULL_WEIGHT} %",
    )
    if check.outcome == "failed":
        msg = sentence(
            "restore point refused: found weights {weights}, expected {whole} % on side {stable}; a "
            "release or a person left traffic split: bring it home with `greenflow rollback`",
            weights=live.weights,
            whole=FULL_WEIGHT,
            stable=stable,
        )
        raise GateRefused(msg, gate="restore point", checks=(check,))


def _origin(settings: Settings, definition: "TaskDefinitionTypeDef", image: RegistryImage | None) -> Origin:
    """Tell what the stable side runs: by its image's own words, else by what an earlier release told its tasks."""
    told = environment_of(definition, settings.service.container)
    version = (image.version if image else "") or told.get(VERSION_VARIABLE, "")
    commit = (image.revision if image else "") or told.get(REVISION_VARIABLE, "")
    if version and not commit:
        commit = resolve_tag(settings.source.repository, f"v{version}")
    return Origin(version, commit)


def _definition_check(definition: "TaskDefinitionTypeDef") -> Check:
    """Check that ECS would take the way back's target: once deregistered, it never takes it again."""
    found = definition.get("status", "?")
    name = definition.get("taskDefinitionArn", "?").rpartition("/")[2]
    ok = found == ACTIVE
    return Check.of(
        "task definition to come home to",
        ok=ok,
        found=f"{name} {found}",
        expected=ACTIVE,
        note="" if ok else "somebody deregistered it: register it anew and deploy that, then release again",
    )


def _checks(stable: SideState, image: RegistryImage | None, origin: Origin, site: str) -> tuple[Check, ...]:
    running = sentence(
        "{running} running, {healthy} healthy", running=stable.running_count, healthy=stable.healthy_targets
    )
    well = stable.desired_count > 0 and stable.running_count == stable.healthy_targets == stable.desired_count
    return (
        Check.of(
            "stable side is steady",
            ok=well,
            found=running,
            expected=sentence("{count} of each", count=stable.desired_count),
        ),
        Check.of(
            "running image is in the registry",
            ok=image is not None,
            found=stable.digest or "no digest",
            expected="a digest the registry still has",
        ),
        Check.of("version that runs", ok=bool(origin.version), found=origin.version or "nothing", expected="a version"),
        Check.of("commit that runs", ok=bool(origin.commit), found=origin.commit or "nothing", expected="a commit"),
        Check.of("site that runs", ok=bool(site), found=site or "nothing", expected="a Vercel deployment"),
    )


def _same(what: str, found: str | None, expected: str) -> str | None:
    """Return what was found if it is as expected, None if there is none; raises PermanentError for another."""
    if found is not None and found != expected:
        msg = sentence(
            "drift: found {what} on {found}, expected {expected}; somebody else put it there",
            what=what,
            found=found,
            expected=expected,
        )
        raise PermanentError(msg)
    return found
