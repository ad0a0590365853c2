"""Survey one AWS account: who it is, then everything an environment's file says of it."""

from tasks.clients.aws import configured_region, sts, translated
from tasks.errors import SettingsError
from tasks.settings import AwsSettings
from tasks.survey.api import survey_api, survey_staging
from tasks.survey.finding import Finding
from tasks.survey.stores import survey_stores

NOBODY = "000000000000"


def survey_account(region: str, hint: str, *, endpoint: str = "") -> tuple[AwsSettings, tuple[Finding, ...]]:
    """Return how the account is reached, and what it shows; ``hint`` tells what is meant where several would do.

    Raises SettingsError without a region, RemoteError when AWS cannot be asked.
    """
    region = region or configured_region()
    if not region:
        msg = "region: found none in your AWS configuration, expected one such as --region ap-northeast-2"
        raise SettingsError(msg)
    aws = AwsSettings(account_id=NOBODY, region=region, endpoint_url=endpoint)
    with translated("ask AWS which account this is"):
        account = sts(aws).get_caller_identity()["Account"]
    own = (
        Finding(key="aws.account_id", value=account, why="the account you are signed in to"),
        Finding(key="aws.region", value=region, why="the region that was looked at"),
    )
    return aws, (*own, *survey_api(aws, hint), *survey_stores(aws, hint), *survey_staging(aws))
