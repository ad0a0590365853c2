"""Measure the way home alone, many times over: from the verdict to the weights read back at home."""

import secrets
import time

from tasks.homecoming import bring_home
from tasks.ledger import open_ledger
from tasks.models import RestorePoint, Weights
from tasks.settings import Settings
from tasks.weights import shift_weights

FIRST_WEIGHT = 10


def seconds_home(settings: Settings, point: RestorePoint, rounds: int) -> list[float]:
    """Send a tenth of the traffic away and bring it home that many times; return the seconds of each way home."""
    away = Weights.giving(point.stable.other, FIRST_WEIGHT)
    took_s = []
    with open_ledger(settings, release_id=f"bench-{secrets.token_hex(4)}", version="bench"):
        for _ in range(rounds):
            shift_weights(settings, away, allowed_before=None)
            began_s = time.monotonic()
            bring_home(settings, point)
            took_s.append(time.monotonic() - began_s)
    return took_s
