"""Tell whether the traffic that arrived is split as it was set (guide 3.4: set, then see)."""

import math

from tasks.models import FULL_WEIGHT, Check
from tasks.sentences import sentence

FEWEST_DUE = 5
"""With fewer requests due on a side the share is left to chance, and the binomial's spread says nothing."""

STRAGGLERS = 0.01
"""What may be on the wrong side of all requests: one under way at a shift ends where it began, and the load
balancer's nodes learn new weights one after the other."""

BENT = "sticky users, or another rule before this one, go by something else than the weights"


def check_share(requests: int, of_all: int, weight: int, *, sigma: float) -> Check:
    """Check that one side's ``requests`` out of ``of_all`` agree with its ``weight`` in percent.

    They agree within ``sigma`` standard deviations of the binomial, or within one percent of all requests where that
    is more. Skipped, with the reason, where too few requests came to tell.
    """
    name = sentence("measured share at {weight} %", weight=weight)
    share = weight / FULL_WEIGHT
    due = of_all * share
    if of_all == 0 or (0 < weight < FULL_WEIGHT and min(due, of_all - due) < FEWEST_DUE):
        return Check.skipped(name, sentence("{count} requests are too few to tell", count=of_all))
    spread = max(sigma * math.sqrt(due * (1 - share)), STRAGGLERS * of_all)
    found = sentence(
        "{percent:.2f} % ({requests} of {of_all})", percent=100 * requests / of_all, requests=requests, of_all=of_all
    )
    low, high = 100 * (due - spread) / of_all, 100 * (due + spread) / of_all
    expected = sentence("{low:.2f} to {high:.2f} %", low=max(low, 0), high=min(high, 100))
    agrees = abs(requests - due) <= spread
    return Check.of(name, ok=agrees, found=found, expected=expected, note="" if agrees else BENT)
