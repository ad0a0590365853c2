"""Name retry policies by what is safe to repeat, never by a bare number."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from prefect.cache_policies import NO_CACHE

from tasks.errors import TransientError, UnknownOutcome


def may_help(_task: object, _run: object, state: Any) -> bool:
    """Retry only what another try may cure: a gate's no, a bug or a stop is not asked twice."""
    try:
        state.result()
    except (TransientError, UnknownOutcome):
        return True
    except BaseException:  # noqa: BLE001 - whatever else it was, it is not ours to repeat
        return False
    return False


# NO_CACHE: a cached effect is a skipped effect. No persisted result: no control decision rests on one.
_ALWAYS: dict[str, Any] = {"cache_policy": NO_CACHE, "persist_result": False}

REPEATABLE: Mapping[str, Any] = MappingProxyType(
    {**_ALWAYS, "retries": 3, "retry_delay_seconds": [1, 3, 9], "retry_condition_fn": may_help}
)
"""For stages that look before they act: repeating one costs a look."""

ONCE: Mapping[str, Any] = MappingProxyType({**_ALWAYS, "retries": 0})
"""For stages whose repetition a person or the rollout decides."""
