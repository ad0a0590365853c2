"""Make AWS clients that never repeat a mutating call by themselves, and say their errors in our words.

Reads are repeated by botocore; a mutating call goes out once and only from inside an effect, because botocore's own
retries double calls that carry no token (RegisterTaskDefinition).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.parsers import ResponseParserError

from tasks.clients.standby import Standby, standby_of
from tasks.errors import PermanentError, ReleaseError, TransientError, UnknownOutcome
from tasks.mutations import UnrecordedMutationError, permitted, require_effect
from tasks.sentences import named, sentence
from tasks.settings import AwsSettings

if TYPE_CHECKING:
    from mypy_boto3_application_autoscaling import ApplicationAutoScalingClient
    from mypy_boto3_ce import CostExplorerClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_elasticache import ElastiCacheClient
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sts import STSClient

READ_PREFIXES = ("Describe", "Get", "List", "Head", "BatchGet", "AssumeRole")
THROTTLES = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestLimitExceeded",
        "SlowDown",
        "TooManyRequestsException",
    }
)
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
SKEWED = frozenset({"RequestTimeTooSkewed", "InvalidSignatureException", "SignatureDoesNotMatch"})
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
SERVER_ERROR = 500
READ_ATTEMPTS = 4

_MAKING = Lock()  # a boto3 session is not made for several threads at once


def ecs(aws: AwsSettings) -> "ECSClient":
    """Return the ECS client."""
    client: ECSClient = _client(aws, "ecs")
    return client


def elbv2(aws: AwsSettings) -> "ElasticLoadBalancingv2Client":
    """Return the load balancer client."""
    client: ElasticLoadBalancingv2Client = _client(aws, "elbv2")
    return client


def ecr(aws: AwsSettings) -> "ECRClient":
    """Return the container registry client."""
    client: ECRClient = _client(aws, "ecr")
    return client


def s3(aws: AwsSettings) -> "S3Client":
    """Return the object store client."""
    client: S3Client = _client(aws, "s3")
    return client


def ledger_store(aws: AwsSettings) -> "S3Client":
    """Return the ledger's own object store client: it writes intents, so it cannot wait for one."""
    client: S3Client = _client(aws, "s3", guarded=False)
    return client


def cloudwatch(aws: AwsSettings) -> "CloudWatchClient":
    """Return the metrics client."""
    client: CloudWatchClient = _client(aws, "cloudwatch")
    return client


def sns(aws: AwsSettings) -> "SNSClient":
    """Return the notification client."""
    client: SNSClient = _client(aws, "sns")
    return client


def secrets_manager(aws: AwsSettings) -> "SecretsManagerClient":
    """Return the secrets client."""
    client: SecretsManagerClient = _client(aws, "secretsmanager")
    return client


def autoscaling(aws: AwsSettings) -> "ApplicationAutoScalingClient":
    """Return the application autoscaling client."""
    client: ApplicationAutoScalingClient = _client(aws, "application-autoscaling")
    return client


def rds(aws: AwsSettings) -> "RDSClient":
    """Return the database service's client."""
    client: RDSClient = _client(aws, "rds")
    return client


def elasticache(aws: AwsSettings) -> "ElastiCacheClient":
    """Return the cache service's client."""
    client: ElastiCacheClient = _client(aws, "elasticache")
    return client


def cost_explorer(aws: AwsSettings) -> "CostExplorerClient":
    """Return the cost client."""
    client: CostExplorerClient = _client(aws, "ce")
    return client


def sts(aws: AwsSettings) -> "STSClient":
    """Return the identity client."""
    client: STSClient = _client(aws, "sts")
    return client


def configured_region() -> str:
    """Return the region of the caller's own AWS configuration, or an empty string."""
    return str(boto3.session.Session().region_name or "")


def _client(aws: AwsSettings, service: str, *, guarded: bool = True) -> Any:
    """Return the client that fits the moment: inside an effect one that calls once, elsewhere one that only reads."""
    return _made(aws, service, standby_of(aws), acting=permitted(), guarded=guarded)


@cache
def _made(aws: AwsSettings, service: str, standby: Standby | None, *, acting: bool, guarded: bool) -> Any:
    config = Config(
        region_name=aws.region,
        connect_timeout=aws.request_timeout_s,
        read_timeout=aws.request_timeout_s,
        retries={"total_max_attempts": 1 if acting or not guarded else READ_ATTEMPTS, "mode": "standard"},
        max_pool_connections=20,
        s3={"addressing_style": "path"} if aws.endpoint_url else {},
    )
    with _MAKING:
        session = boto3.session.Session(**_credentials(standby))
        client = session.client(service, endpoint_url=aws.endpoint_url or None, config=config)  # type: ignore[call-overload]
    if guarded:
        client.meta.events.register("before-call.*", _require_effect if acting else _refuse_to_write)
    return client


def _credentials(standby: Standby | None) -> dict[str, Any]:
    """Return what a session is made with: nothing lets boto3 look for the process's own, as everywhere."""
    return dict(standby.credentials) if standby else {}


def is_read(operation: str) -> bool:
    """Tell whether an AWS operation only reads."""
    return operation.startswith(READ_PREFIXES)


def _require_effect(model: Any, **_: object) -> None:
    if not is_read(model.name):
        require_effect(f"{model.service_model.service_name} {model.name}")


def _refuse_to_write(model: Any, **_: object) -> None:
    """Refuse a client that was made outside of the effect's act: it would repeat the call by itself."""
    if not is_read(model.name):
        service = model.service_model.service_name
        msg = f"{service} {model.name} on a reading client: make the client inside the effect's act"
        raise UnrecordedMutationError(msg)


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn botocore's errors into ours: ``could not <doing>: <cause>``."""
    try:
        yield
    except ReleaseError:
        raise
    except ClientError as error:
        raise _of_answer(doing, error) from error
    except (ConnectTimeoutError, EndpointConnectionError) as error:
        msg = sentence("could not {doing}: no connection to {endpoint}", doing=named(doing), endpoint=_endpoint(error))
        raise TransientError(msg) from error
    except (ReadTimeoutError, ConnectionClosedError, BotoConnectionError, ResponseParserError) as error:
        msg = sentence("could not {doing}: the answer was lost", doing=named(doing))
        raise UnknownOutcome(msg) from error
    except NoCredentialsError as error:
        msg = sentence("could not {doing}: no AWS credentials; sign in or set AWS_PROFILE", doing=named(doing))
        raise PermanentError(msg) from error
    except CredentialRetrievalError as error:
        why = f"{type(error).__name__}: {error}"
        msg = sentence("could not {doing}: {why}; sign in again, or renew the credentials", doing=named(doing), why=why)
        raise TransientError(msg) from error
    except BotoCoreError as error:
        msg = sentence("could not {doing}: {why}", doing=named(doing), why=f"{type(error).__name__}: {error}")
        raise PermanentError(msg) from error


def error_code(error: ReleaseError) -> str:
    """Return AWS's own code of the cause of ``error``, or an empty string."""
    cause = error.__cause__
    return str(cause.response["Error"].get("Code", "")) if isinstance(cause, ClientError) else ""


def _of_answer(doing: str, error: ClientError) -> ReleaseError:
    code = error.response["Error"].get("Code", "?")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    told = {"doing": named(doing), "why": f"{code}: {error.response['Error'].get('Message', '')}"}
    message = sentence("could not {doing}: {why}", **told)
    if code in EXPIRED:
        _forget_clients()
        return TransientError(sentence("could not {doing}: {why}; sign in again, or renew the credentials", **told))
    if code in DENIED:
        return PermanentError(
            sentence(
                "could not {doing}: {why}; compare the role's policy with: greenflow iam --environment NAME", **told
            )
        )
    if code in SKEWED:
        return PermanentError(
            sentence("could not {doing}: {why}; this machine's clock may be off: set it by NTP", **told)
        )
    if code in THROTTLES:
        return TransientError(message)
    if status >= SERVER_ERROR:
        return UnknownOutcome(message)
    return PermanentError(message)


def _forget_clients() -> None:
    """Let the next call make a client anew: it finds credentials that somebody, or a file, has renewed meanwhile."""
    with _MAKING:
        _made.cache_clear()


def _endpoint(error: Exception) -> str:
    return str(getattr(error, "kwargs", {}).get("endpoint_url", "AWS"))
