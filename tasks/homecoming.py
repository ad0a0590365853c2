"""Bring traffic home: the one way back, whoever calls it (guide, emergency rollback; safety I12 to I15).

Traffic first and by one call, which needs the load balancer and the recorded restore point alone. Everything else,
the candidate's tasks first of all, comes later and by its own name.
"""

import json
import logging
import shlex
import time

from tasks.clients.aws import sts, translated
from tasks.clients.standby import Standby, held_for_s, hold, on_standby
from tasks.errors import LeaseLost, PermanentError, ReleaseError, RollbackFailed, TransientError
from tasks.ledger import note
from tasks.models import Check, RestorePoint, SideState, TrafficProof, Weights
from tasks.sentences import named, sentence
from tasks.settings import Settings
from tasks.sides import count_healthy, scale_side, set_side
from tasks.waits import shielded, wait_until
from tasks.weights import home_actions, read_weights, shift_home

log = logging.getLogger("greenflow.homecoming")

ROLE_S = 3600
"""As long as AWS lets a role be that was taken up by another role."""
BUDGET_S = 180.0
"""How long to go on trying before people are called; one try may itself take a request's time-out and a read-back."""


def bring_home(settings: Settings, restore_point: RestorePoint, *, budget_s: float | None = None) -> TrafficProof:
    """Give all traffic to the side that had it, and return only when the load balancer says so.

    The first call to the outside is the shift. A request to stop does not stop it, nor does a dead ledger. Raises
    LeaseLost when another process owns the environment (and brings it home itself), and RollbackFailed with the
    commands for a person when the weights are not seen at home within ``budget_s``, else within ``BUDGET_S``.
    """
    started_s = time.monotonic()
    with shielded():
        weights = _repeat_until_home(settings, restore_point, BUDGET_S if budget_s is None else budget_s)
        took_s = round(time.monotonic() - started_s, 3)
        log.info("traffic is home: %s after %.1f s", weights, took_s)
        _tell_ledger(weights)
        checks = (_home_check(weights, restore_point), _health_check(settings, restore_point))
    return TrafficProof(checks=checks, weights=weights, took_s=took_s)


def open_way_home(settings: Settings) -> None:
    """Take up the role of the way home before traffic leaves it, and again when half of its time is over (I12).

    Its credentials outlive a release's own that expire and cannot be renewed. Does nothing where no role is set.
    Raises RemoteError: then no traffic should leave.
    """
    role = settings.aws.rollback_role_arn
    if not role or held_for_s(settings.aws) > ROLE_S / 2:
        return
    with translated(sentence("take up role {role} for the way home", role=role)):
        found = sts(settings.aws).assume_role(
            RoleArn=role, RoleSessionName="greenflow-way-home", DurationSeconds=ROLE_S
        )["Credentials"]
    ends_s = time.monotonic() + ROLE_S
    hold(settings.aws, Standby(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"], ends_s))


def keep_way_home_open(settings: Settings) -> None:
    """Renew the role of the way home while traffic is away; what fails is tried again at the next look."""
    try:
        open_way_home(settings)
    except ReleaseError as error:
        log.warning("the way home keeps the credentials it has: %s", error)


def give_capacity_back(settings: Settings, restore_point: RestorePoint) -> int:
    """Give a side that was let go its tasks back before it gets the traffic back, and return how many are healthy.

    Raises RollbackFailed with the commands for a person when they do not come up: traffic stays where it is served.
    """
    stable = restore_point.live.of(restore_point.stable)
    arn, wanted = stable.task_definition_arn, stable.desired_count

    def look() -> int | None:
        found = count_healthy(settings, stable.side)
        return found if found >= wanted else None

    with shielded():
        try:
            set_side(settings, stable.side, task_definition_arn=arn, count=wanted, allowed_before=None)
            section = settings.service
            return wait_until(look, what="tasks at home", deadline_s=section.deadline_s, poll_s=section.poll_s)
        except LeaseLost:
            raise
        except ReleaseError as error:
            msg = sentence(
                "could not give side {side} its {wanted} tasks back: {why}; traffic stays where it is; a person brings "
                "it home by these commands, each when the one before has ended well",
                side=stable.side,
                wanted=wanted,
                why=error,
            )
            commands = (*_capacity_commands(settings, stable), *home_commands(settings, restore_point))
            raise RollbackFailed(msg, commands=commands) from error


def retire_candidate(settings: Settings, restore_point: RestorePoint) -> str:
    """Give the candidate's side back its recorded task definition and size; repeating it changes nothing.

    Where ECS does not take that definition any more, its tasks are taken down all the same and PermanentError says
    what is left; as while any traffic is not home: traffic first, tasks second. Returns the ECS deployment's id.
    """
    home, found = restore_point.live.weights, read_weights(settings)
    idle = restore_point.live.of(restore_point.stable.other)
    if found != home:
        msg = sentence(
            "could not retire side {side}: found weights {found}, expected {home}; bring traffic home first",
            side=idle.side,
            found=found,
            home=home,
        )
        raise PermanentError(msg)
    arn, count = idle.task_definition_arn, idle.desired_count
    try:
        return set_side(settings, idle.side, task_definition_arn=arn, count=count, allowed_before=None)
    except PermanentError as error:
        scale_side(settings, idle.side, count)
        msg = sentence(
            "{why}; side {side} has {count} tasks again and keeps the new definition until the next release",
            why=error,
            side=idle.side,
            count=count,
        )
        raise PermanentError(msg) from error


def home_commands(settings: Settings, restore_point: RestorePoint) -> tuple[str, ...]:
    """Return the exact AWS commands that bring traffic home and show that it is: for a person, without a console."""
    arn, where = settings.load_balancer.listener_rule_arn, _where(settings)
    try:
        actions = home_actions(settings, restore_point)
    except ReleaseError:
        actions = _plain_actions(settings, restore_point)
    shift = ["aws", "elbv2", "modify-rule", *where, "--rule-arn", arn, "--actions", json.dumps(actions)]
    look = ["aws", "elbv2", "describe-rules", *where, "--rule-arns", arn, "--query", "Rules[0].Actions"]
    return shlex.join(shift), shlex.join(look)


def _capacity_commands(settings: Settings, stable: SideState) -> tuple[str, ...]:
    """Return the commands that give the home side its tasks, and wait for them: traffic to nobody is an outage."""
    cluster = ["--cluster", settings.service.cluster]
    count = ["--service", stable.service, "--desired-count", str(stable.desired_count)]
    order = ["aws", "ecs", "update-service", *_where(settings), *cluster, *count]
    wait = ["aws", "ecs", "wait", "services-stable", *_where(settings), *cluster, "--services", stable.service]
    return shlex.join(order), shlex.join(wait)


def _where(settings: Settings) -> list[str]:
    endpoint = ["--endpoint-url", settings.aws.endpoint_url] if settings.aws.endpoint_url else []
    return ["--region", settings.aws.region, *endpoint]


def _repeat_until_home(settings: Settings, restore_point: RestorePoint, budget_s: float) -> Weights:
    trouble: list[str] = [named("nothing was tried")]
    tries = iter(range(1, 1_000_000))

    def once_more() -> Weights | None:
        # The recorded actions first; where AWS refuses those, the live ones with other weights may pass. The same with
        # the role of the way home and the process's own credentials: either may be refused.
        number = next(tries)
        try:
            with on_standby(use=number % 4 in {1, 2}):
                return shift_home(settings, restore_point, recorded=number % 2 == 1)
        except LeaseLost:
            raise
        except Exception as error:  # noqa: BLE001 - on the way home no failure is a reason to stop trying
            trouble[0] = str(error) if isinstance(error, ReleaseError) else type(error).__name__
            log.warning("traffic is not home yet, trying again: %s", trouble[0])
            return None

    try:
        return wait_until(
            once_more,
            what="traffic at home",
            deadline_s=budget_s,
            poll_s=settings.load_balancer.poll_s,
        )
    except TransientError as error:
        raise _blocked(settings, restore_point, trouble[0], budget_s) from error


def _blocked(settings: Settings, restore_point: RestorePoint, trouble: str, budget_s: float) -> RollbackFailed:
    msg = sentence(
        "could not bring traffic home within {budget_s:g} s: {trouble}; a person must do it now: "
        "sign in to account {account_id}, run the first command, then the second until it shows "
        "{weights}",
        budget_s=budget_s,
        trouble=trouble,
        account_id=settings.aws.account_id,
        weights=restore_point.live.weights,
    )
    log.critical("%s", msg)
    return RollbackFailed(msg, commands=home_commands(settings, restore_point))


def _plain_actions(settings: Settings, restore_point: RestorePoint) -> list[dict[str, object]]:
    groups = [
        {"TargetGroupArn": section.target_group_arn, "Weight": restore_point.live.weights.of(side)}
        for side, section in sorted(settings.sides.items())
    ]
    return [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]


def _tell_ledger(weights: Weights) -> None:
    try:
        note("traffic.shifted", {"weights": weights.model_dump()})
    except ReleaseError as error:
        log.warning("traffic is home and the ledger does not know it: %s", error)


def _home_check(weights: Weights, restore_point: RestorePoint) -> Check:
    expected = restore_point.live.weights
    return Check.of("traffic at home", ok=weights == expected, found=weights, expected=expected)


def _health_check(settings: Settings, restore_point: RestorePoint) -> Check:
    """Look whether those who got the traffic back are well; people must know, and it changes nothing."""
    name, stable = "healthy targets at home", restore_point.live.of(restore_point.stable)
    try:
        found = count_healthy(settings, stable.side)
    except ReleaseError as error:
        return Check.skipped(name, str(error))
    return Check.of(name, ok=found >= stable.desired_count, found=found, expected=f">= {stable.desired_count}")
