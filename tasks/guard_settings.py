"""Hold how the guard watches an environment (safety, the protocol)."""

from pydantic import BaseModel, ConfigDict

from tasks.approval_policy import Seconds


class GuardSettings(BaseModel):
    """Say how often the guard looks, and for how long it stays with traffic that it brought home.

    ``watch_s`` is longer than the five minutes in which AWS may still take a request that was signed before.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    every_s: Seconds = 15
    watch_s: Seconds = 360
