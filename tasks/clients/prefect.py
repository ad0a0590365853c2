"""Talk to the Prefect server: find a deployment, find a run by its key, create one; its errors in our words."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterIdempotencyKey
from prefect.exceptions import ObjectNotFound, PrefectException, PrefectHTTPStatusError
from prefect.states import Scheduled

from tasks.errors import PermanentError, ReleaseError, TransientError, UnknownOutcome
from tasks.mutations import require_effect
from tasks.sentences import named, sentence

SERVER_ERROR = 500
TIMEOUT_S = 10.0


@dataclass(frozen=True)
class ScheduledRun:
    """Hold a flow run that Prefect knows, and when it is due."""

    id: UUID
    name: str
    due: datetime | None


def find_deployment(name: str) -> UUID | None:
    """Return the id of a deployment, ``flow/deployment``, or None where the server has none of that name."""
    with _translated(sentence("look for the deployment {name}", name=name)), _own_client() as client:
        try:
            return client.read_deployment_by_name(name).id
        except ObjectNotFound:
            return None


def find_run(key: str) -> ScheduledRun | None:
    """Return the run that was created under an idempotency key, or None."""
    wanted = FlowRunFilter(idempotency_key=FlowRunFilterIdempotencyKey(any_=[key]))
    with _translated(sentence("look for the run {key}", key=key)), _own_client() as client:
        runs = client.read_flow_runs(flow_run_filter=wanted, limit=1)
    return ScheduledRun(runs[0].id, runs[0].name, runs[0].expected_start_time) if runs else None


def create_run(deployment: UUID, *, key: str, parameters: Mapping[str, Any], due: datetime) -> None:
    """Schedule a run of a deployment; the same key again changes nothing. Only inside of an effect."""
    require_effect("prefect create flow run")
    with _translated(sentence("schedule the run {key}", key=key)), _own_client() as client:
        client.create_flow_run_from_deployment(
            deployment, parameters=dict(parameters), state=Scheduled(scheduled_time=due), idempotency_key=key
        )


def _own_client() -> SyncPrefectClient:
    """Return a client of our own: the running flow's tries for a minute to reach a server that is gone."""
    return get_client(httpx_settings={"timeout": TIMEOUT_S}, sync_client=True)


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    try:
        yield
    except ReleaseError:
        raise
    except PrefectHTTPStatusError as error:
        status = error.response.status_code
        message = sentence("could not {doing}: Prefect answered {status}", doing=named(doing), status=status)
        raise (TransientError if status >= SERVER_ERROR else PermanentError)(message) from error
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        msg = sentence("could not {doing}: no connection to the Prefect server", doing=named(doing))
        raise TransientError(msg) from error
    except httpx.RequestError as error:
        msg = sentence("could not {doing}: the answer was lost ({kind})", doing=named(doing), kind=type(error).__name__)
        raise UnknownOutcome(msg) from error
    except PrefectException as error:
        msg = sentence("could not {doing}: {why}", doing=named(doing), why=type(error).__name__)
        raise PermanentError(msg) from error
