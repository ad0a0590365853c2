"""AWS's refusals in our words: what another try may cure, and what a person can do about the rest."""

import pytest

from deployments.twin.aws import AwsEmulator, FaultRule
from tasks.clients.aws import sts, translated
from tasks.errors import PermanentError, ReleaseError, TransientError
from tasks.settings import Settings


def ask(settings: Settings) -> None:
    with translated("ask who this is"):
        sts(settings.aws).get_caller_identity()


def refused(settings: Settings, aws: AwsEmulator, kind: str) -> ReleaseError:
    aws.faults.add(FaultRule(kind, "sts", count=None))
    try:
        with pytest.raises(ReleaseError) as caught:
            ask(settings)
    finally:
        aws.faults.clear()
    return caught.value


def test_credentials_that_somebody_has_renewed_are_found_by_the_next_call(
    settings: Settings, ledger_aws: AwsEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(settings)
    ledger_aws.faults.add(FaultRule("expired", caller="twin", count=None))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "renewed")
    try:
        with pytest.raises(TransientError, match=r"could not ask who this is: ExpiredToken: .*; sign in again"):
            ask(settings)
        ask(settings)
    finally:
        ledger_aws.faults.clear()


def test_a_permission_that_is_missing_is_said_with_what_shows_it(settings: Settings, ledger_aws: AwsEmulator) -> None:
    error = refused(settings, ledger_aws, "denied")
    assert isinstance(error, PermanentError)
    assert str(error).endswith("compare the role's policy with: greenflow iam --environment NAME")


def test_a_clock_that_is_off_is_suspected_where_a_signature_is_refused(
    settings: Settings, ledger_aws: AwsEmulator
) -> None:
    error = refused(settings, ledger_aws, "skewed")
    assert isinstance(error, PermanentError)
    assert "SignatureDoesNotMatch: Signature expired" in str(error)
    assert "this machine's clock may be off: set it by NTP" in str(error)


def test_a_throttled_question_may_be_asked_again(settings: Settings, ledger_aws: AwsEmulator) -> None:
    assert isinstance(refused(settings, ledger_aws, "throttle"), TransientError)
