"""Foresee a release: ask what each of its stages would find and want, without changing anything.

Every value comes from the function by which the release itself decides or looks; nothing is described twice.
"""

from collections.abc import Iterator
from pathlib import Path

from flows.core.foresight import (
    Foreseen,
    Foresight,
    alarm_rows,
    asked_people,
    definition_rows,
    restore_rows,
    scaling_rows,
    schema_row,
    task_rows,
    traffic_row,
)
from flows.planning import make_plan
from tasks.alarm_checks import alarm_differences
from tasks.backup import folder_of
from tasks.frontend import read_site_stand
from tasks.image import check_image
from tasks.live import read_task_definition
from tasks.migration import judge_pending
from tasks.models import Check, ReleasePlan, RestorePoint
from tasks.registry import RegistryImage, find_image, image_uri
from tasks.restore_point import read_restore_point
from tasks.scaling import read_scaling
from tasks.sentences import joined, named, sentence
from tasks.service import candidate_size
from tasks.settings import Settings
from tasks.source import check_out
from tasks.task_definition import plaintext_names, preview_definition

WHEN = "TIME"
"""Stands in a release's name for the moment at which it will begin."""


def foresee(settings: Settings, version: str, requested_by: str, folder: Path) -> Foresight:
    """Return what a release of ``version`` would do now; ``folder`` is for its source.

    Raises GateRefused where no release could be planned, PermanentError naming a missing tag, RemoteError.
    """
    plan = make_plan(settings, f"{version}-{WHEN}", version, requested_by)
    point = read_restore_point(settings, plan)
    image = find_image(settings, tag=version)
    checkout = check_out(settings.source, version, folder / "source")
    status, judged = judge_pending(settings, checkout)
    api, unsafe = _api(settings, plan, point, image)
    rows = (
        *restore_rows(point, f"s3://{settings.backup.bucket}/{folder_of(settings, plan.release_id)}"),
        *_site(settings, plan, point),
        *alarm_rows(alarm_differences(settings)),
        schema_row(point.schema_version, status.pending),
        *scaling_rows({name: found.scale_in_suspended for name, found in read_scaling(settings).items()}),
        *api,
        traffic_row(plan, point.live.weights),
    )
    checks = (*point.checks, *_image_checks(settings, plan, image), *judged, *unsafe)
    return Foresight(
        plan=plan.model_copy(update={"stable_version": point.stable_version}),
        rows=rows,
        people=tuple(asked_people(plan.phases, settings.approval)),
        refused=tuple(check for check in checks if check.outcome == "failed"),
    )


def _site(settings: Settings, plan: ReleasePlan, point: RestorePoint) -> Iterator[Foreseen]:
    area, stand = named("site"), read_site_stand(settings)
    in_hand = named("only by a promotion")
    moves = in_hand if stand.domain_in_hand else named("with every deployment")
    yield Foreseen(area=area, name=named("domain moves"), today=moves, tomorrow=in_hand)
    right = named("as the settings say")
    differing = sentence("differing: {names}", names=joined(", ", stand.differing)) if stand.differing else right
    yield Foreseen(area=area, name=named("variables"), today=differing, tomorrow=right)
    new = sentence("a new one, built from {commit}", commit=plan.commit[:12])
    note = named("with the API's weights" if settings.site.rolling else "after 100 % of the API")
    yield Foreseen(area=area, name=named("deployment"), today=point.vercel_deployment_id or "", tomorrow=new, note=note)


def _api(
    settings: Settings, plan: ReleasePlan, point: RestorePoint, image: RegistryImage | None
) -> tuple[tuple[Foreseen, ...], tuple[Check, ...]]:
    """Return what the candidate's definition and both sides' tasks would be, and what of it would be refused."""
    stable = point.live.of(plan.stable)
    uri = image_uri(settings, image.digest) if image else named("to be built")
    wanted = preview_definition(
        settings, source_arn=stable.task_definition_arn, image_uri=uri, version=plan.version, revision=plan.commit
    )
    plain = plaintext_names(wanted["containerDefinitions"])
    safe = Check.of(
        "secrets in the task definition", ok=not plain, found=", ".join(plain) or "none", expected="none in plain text"
    )
    today = read_task_definition(settings, stable.task_definition_arn)
    tasks = candidate_size(point, plan.needs, stable.running_count)
    rows = (
        *definition_rows(today, wanted, settings.service.container, {name.rpartition(".")[2] for name in plain}),
        *task_rows(plan, point, tasks, settings.service.idle_count),
    )
    return rows, (safe,)


def _image_checks(settings: Settings, plan: ReleasePlan, image: RegistryImage | None) -> tuple[Check, ...]:
    if image:
        return check_image(image, version=plan.version, commit=plan.commit)
    tag = f"{settings.service.repository}:{plan.version}"
    if settings.image.source == "build":
        return (Check.skipped("image digest", sentence("{image} is built by the release itself", image=tag)),)
    return (Check.of("image digest", ok=False, found=named("no such tag"), expected=tag),)
