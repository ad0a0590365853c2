"""Read and set the percent of traffic each side gets (guide 3.4; safety I1, I11, I12).

One listener rule names both target groups. It is always written whole: stickiness, authentication and the order of
its actions stay as they are. Nothing here needs more than the load balancer.
"""

import copy
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from tasks.clients.aws import elbv2, translated
from tasks.errors import PermanentError, TransientError, UnknownOutcome
from tasks.ledger import effect, homeward_effect
from tasks.models import FULL_WEIGHT, RestorePoint, Side, Weights
from tasks.sentences import named, sentence
from tasks.settings import Settings
from tasks.waits import pause

if TYPE_CHECKING:
    from mypy_boto3_elbv2.type_defs import ActionUnionTypeDef

log = logging.getLogger("greenflow.weights")

Action = dict[str, Any]
HOMEWARD_CALLS = 4
"""How often a failed call home is repeated at once, before anybody waits for its effect to show."""


def read_weights(settings: Settings) -> Weights:
    """Return the live weights; raises PermanentError when the rule is not of the two sides alone (drift, I11)."""
    return weights_in(settings, read_actions(settings))


def read_actions(settings: Settings) -> tuple[Action, ...]:
    """Return all actions of the weighted rule, as the load balancer tells them."""
    arn = settings.load_balancer.listener_rule_arn
    with translated(sentence("read listener rule {arn}", arn=arn)):
        rules = elbv2(settings.aws).describe_rules(RuleArns=[arn]).get("Rules", [])
    if len(rules) != 1:
        # A rule that is gone is refused by name; an answer without one has told nothing.
        msg = sentence(
            "could not read listener rule {arn}: found {rules} rules in the answer, expected 1",
            arn=arn,
            rules=len(rules),
        )
        raise TransientError(msg)
    return tuple(cast("list[Action]", rules[0].get("Actions", [])))


def weights_in(settings: Settings, actions: Sequence[Mapping[str, Any]]) -> Weights:
    """Return the weights that a rule's actions give to the sides; raises PermanentError on anything else."""
    found = {
        str(group.get("TargetGroupArn")): int(group.get("Weight", 0))
        for action in actions
        if action.get("Type") == "forward"
        for group in _groups(action)
    }
    expected = {settings.sides[side].target_group_arn: side for side in Side}
    if set(found) != set(expected) or sum(found.values()) != FULL_WEIGHT:
        told = ", ".join(f"{_short(arn)} {weight}" for arn, weight in found.items()) or named("no target group")
        wanted = " and ".join(_short(arn) for arn in expected)
        msg = sentence(
            "drift: found {told} in the listener rule, expected {wanted} with weights that sum to "
            "{whole}; somebody changed it: bring it back by hand, then start again",
            told=told,
            wanted=wanted,
            whole=FULL_WEIGHT,
        )
        raise PermanentError(msg)
    return Weights.model_validate({expected[arn]: weight for arn, weight in found.items()})


def sticky_s(actions: Sequence[Mapping[str, Any]]) -> int:
    """Return for how many seconds the rule keeps a user on the side of the first request; 0 where it does not.

    Such users go by their cookie and not by the weights: neither is a weight true, nor does all traffic come home.
    """
    found = (action.get("ForwardConfig", {}).get("TargetGroupStickinessConfig", {}) for action in actions)
    return max((int(each.get("DurationSeconds", 1)) for each in found if each.get("Enabled")), default=0)


def actions_giving(settings: Settings, actions: Sequence[Mapping[str, Any]], wanted: Weights) -> list[Action]:
    """Return the rule's actions with only the weights changed.

    A client secret is never told by the load balancer, so it is told to keep the one it has.
    """
    changed = [copy.deepcopy(dict(action)) for action in actions]
    for action in changed:
        if action.get("Type") == "authenticate-oidc":
            action["AuthenticateOidcConfig"]["UseExistingClientSecret"] = True
        if action.get("Type") == "forward":
            action.pop("TargetGroupArn", None)
            groups = [
                {"TargetGroupArn": settings.sides[side].target_group_arn, "Weight": wanted.of(side)} for side in Side
            ]
            action["ForwardConfig"] = {**action.get("ForwardConfig", {}), "TargetGroups": groups}
    return changed


def shift_weights(settings: Settings, wanted: Weights, *, allowed_before: tuple[Weights, ...] | None) -> Weights:
    """Set the weights and return them as read back.

    Weights that are neither wanted nor in ``allowed_before`` were set by somebody else: raises PermanentError and
    overwrites nothing (I11). None allows whatever is there. Raises UnknownOutcome when the change does not show.
    """

    def observe() -> Weights | None:
        found = read_weights(settings)
        if found == wanted:
            return found
        _refuse_drift(found, wanted, allowed_before)
        return None

    def act() -> None:
        actions = read_actions(settings)
        _refuse_drift(weights_in(settings, actions), wanted, allowed_before)
        _modify(settings, actions_giving(settings, actions, wanted))

    data = {"weights": wanted.model_dump()}
    back_s = settings.load_balancer.read_back_s
    return effect("traffic.shift", str(wanted), observe=observe, act=act, data=data, read_back_s=back_s)


def shift_home(settings: Settings, restore_point: RestorePoint, *, recorded: bool = True) -> Weights:
    """Set the restore point's weights whatever they are now, and return them as read back (I12).

    With ``recorded`` the first call is the shift itself, with the rule's actions as they were recorded; else they
    are read first. Raises LeaseLost, UnknownOutcome or another RemoteError: the caller repeats.
    """
    wanted = restore_point.live.weights

    def observe() -> Weights | None:
        try:
            found = read_weights(settings)
        except PermanentError:
            return None  # a rule somebody bent is a rule that is not home yet
        return found if found == wanted else None

    def act() -> None:
        _insist(settings, home_actions(settings, restore_point, recorded=recorded))

    return homeward_effect("traffic.home", str(wanted), observe=observe, act=act)


def home_actions(settings: Settings, restore_point: RestorePoint, *, recorded: bool = True) -> list[Action]:
    """Return the actions that bring traffic home; the recorded ones if there are any, else the live ones."""
    known = restore_point.rule_actions if recorded else ()
    return actions_giving(settings, known or read_actions(settings), restore_point.live.weights)


def _insist(settings: Settings, actions: list[Action]) -> None:
    """Set the actions, again at once where the call failed: saying the same weights twice does no harm."""
    for _ in range(HOMEWARD_CALLS - 1):
        try:
            return _modify(settings, actions)
        except (TransientError, UnknownOutcome) as error:
            log.warning("calling again on the way home: %s", error)
            pause(settings.load_balancer.poll_s)
    return _modify(settings, actions)


def _modify(settings: Settings, actions: list[Action]) -> None:
    arn = settings.load_balancer.listener_rule_arn
    with translated(sentence("set the weights of listener rule {arn}", arn=arn)):
        elbv2(settings.aws).modify_rule(RuleArn=arn, Actions=cast("list[ActionUnionTypeDef]", actions))


def _refuse_drift(found: Weights, wanted: Weights, allowed_before: tuple[Weights, ...] | None) -> None:
    if found == wanted or allowed_before is None or found in allowed_before:
        return
    expected = " or ".join(str(weights) for weights in (*allowed_before, wanted))
    msg = sentence(
        "drift: found weights {found}, expected {expected}; somebody else moved traffic, nothing "
        "was overwritten: ask them, or bring it home with `greenflow rollback`",
        found=found,
        expected=expected,
    )
    raise PermanentError(msg)


def _groups(action: Mapping[str, Any]) -> list[dict[str, Any]]:
    groups = action.get("ForwardConfig", {}).get("TargetGroups")
    return groups or [{"TargetGroupArn": action.get("TargetGroupArn"), "Weight": FULL_WEIGHT}]


def _short(arn: str) -> str:
    return arn.rpartition("targetgroup/")[2] or arn
