"""Say who the operator is, as AWS knows them."""

from tasks.clients.aws import sts, translated
from tasks.settings import Settings


def operator(settings: Settings) -> str:
    """Return the ARN of the caller, which an environment's list of approvers may hold."""
    with translated("ask AWS who this is"):
        return sts(settings.aws).get_caller_identity()["Arn"]
