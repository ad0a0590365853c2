"""Checklist: account, buckets, secrets and the listener rule are the ones the settings mean."""

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime

from tasks.clients.aws import error_code, ledger_store, sts, translated
from tasks.errors import PermanentError, SettingsError
from tasks.models import Check
from tasks.secrets import read_secret
from tasks.sentences import sentence
from tasks.settings import Settings
from tasks.weights import read_actions, sticky_s

Look = Callable[[Settings], Check]
CLOCK_OFF_S = 30


def look_at_ground(settings: Settings) -> tuple[list[Check], dict[str, SettingsError]]:
    """Return what is as the settings say it, and by name what is not."""
    looks: dict[str, Look] = {
        "AWS account": _account,
        "clock": _clock,
        "ledger bucket": lambda given: _bucket(given, "ledger.bucket", given.ledger.bucket),
        "backup bucket": lambda given: _bucket(given, "backup.bucket", given.backup.bucket),
        "secrets": _secrets,
        "listener rule": _listener_rule,
    }
    checks: list[Check] = []
    wrong: dict[str, SettingsError] = {}
    for name, look in looks.items():
        try:
            checks.append(look(settings))
        except SettingsError as error:
            wrong[name] = error
            if look is _account:
                break  # in a foreign account every other line would only confuse
    return checks, wrong


def _account(settings: Settings) -> Check:
    with translated("ask AWS which account this is"):
        found = sts(settings.aws).get_caller_identity()["Account"]
    if found != settings.aws.account_id:
        msg = f"aws.account_id: found account {found}, expected {settings.aws.account_id}; check AWS_PROFILE"
        raise SettingsError(msg)
    return Check.of("AWS account", ok=True, found=found, expected=settings.aws.account_id)


def _clock(settings: Settings) -> Check:
    """Compare this machine's clock with AWS's: metrics are asked for by the one and answered by the other."""
    with translated(sentence("ask AWS for the time")):
        told = sts(settings.aws).get_caller_identity()["ResponseMetadata"]["HTTPHeaders"]["date"]
    off_s = round(time.time() - parsedate_to_datetime(told).timestamp())
    bound = sentence("within {bound} s of AWS's", bound=CLOCK_OFF_S)
    if abs(off_s) > CLOCK_OFF_S:
        ahead = "ahead of" if off_s > 0 else "behind"
        msg = f"clock: found this machine's {abs(off_s)} s {ahead} AWS's, expected {bound}; set it by NTP"
        raise SettingsError(msg)
    return Check.of("clock", ok=True, found=sentence("{off} s from AWS's", off=off_s), expected=bound)


def _bucket(settings: Settings, key: str, bucket: str) -> Check:
    try:
        with translated(sentence("look at bucket {bucket}", bucket=bucket)):
            ledger_store(settings.aws).head_bucket(Bucket=bucket, ExpectedBucketOwner=settings.aws.account_id)
    except PermanentError as error:
        cause = "no such bucket" if error_code(error) in {"404", "NoSuchBucket"} else "a bucket of somebody else"
        expected = f"one of account {settings.aws.account_id} that this role may see"
        msg = f"{key}: found {cause} named {bucket}, expected {expected}"
        raise SettingsError(msg) from error
    return Check.of(sentence("bucket {bucket}", bucket=bucket), ok=True, found="ours", expected="ours")


def _secrets(settings: Settings) -> Check:
    references = {
        "site.token": settings.site.token,
        "database.url": settings.database.url,
        "cache.url": settings.cache.url,
        "slack.token": settings.slack.token,
        "slack.signing_secret": settings.slack.signing_secret,
        "slack.app_token": settings.slack.app_token,
        "database.scratch_url": settings.database.scratch_url,
        "site.bypass": settings.site.bypass,
    }
    given = {key: reference for key, reference in references.items() if reference}
    missing = []
    for key, reference in given.items():
        try:
            read_secret(reference, settings.aws)
        except (SettingsError, PermanentError) as error:
            missing.append(f"{key}: {error}")
    if missing:
        raise SettingsError("\n".join(missing))
    readable = sentence("{count} readable", count=len(given))
    return Check.of("secrets", ok=True, found=readable, expected=readable)


def _listener_rule(settings: Settings) -> Check:
    arn = settings.load_balancer.listener_rule_arn
    try:
        actions = read_actions(settings)
    except PermanentError as error:
        msg = f"load_balancer.listener_rule_arn: found no such rule: {arn}, expected the one weighted rule"
        raise SettingsError(msg) from error
    if bound_s := sticky_s(actions):
        msg = (
            f"load_balancer.listener_rule_arn: found target group stickiness of {bound_s} s, expected none: users with "
            "its cookie stay on their side whatever the weights, on the way home too; switch it off in the rule"
        )
        raise SettingsError(msg)
    return Check.of("listener rule", ok=True, found=arn, expected="exists")
