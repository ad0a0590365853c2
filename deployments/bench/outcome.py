"""Say how each of many releases ended, in the same form for every judge."""

from dataclasses import dataclass

import numpy as np

from deployments.bench.traffic import BAKE, FAILED, NEW, PERIODS, SLOW_5S, USERS, WEIGHTS, Flags, Floats, Ints, Traffic

SHIPPED, ROLLED_BACK, ASKED = range(3)
HORIZON = 90
"""Periods of an hour and a half, in which the failures that users meet are counted."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Hold the ending of every release: `spent` are the periods each weight lasted, 0 where it never came.

    `promoted_at`: the period of each weight in which the judge promoted it, counted from 1; 0 means never.
    """

    ending: Ints
    spent: Ints
    promoted_at: Ints

    @property
    def periods(self) -> Ints:
        """Return after how many periods it ended."""
        periods: Ints = self.spent.sum(axis=1)
        return periods

    def share(self, ending: int) -> float:
        """Return the fraction of releases that ended so."""
        return float(np.mean(self.ending == ending))

    @property
    def promoted_to_all(self) -> Flags:
        """Say which candidates were given all of the traffic."""
        given: Flags = self.promoted_at[:, 1] > 0
        return given

    def promoted_within(self, periods: int) -> Flags:
        """Say which went through every weight in that many periods each."""
        within: Flags = np.all((self.promoted_at > 0) & (self.promoted_at <= periods), axis=1)
        return within

    def detection(self, quantile: float) -> float:
        """Return in which period that part of the releases had been rolled back; infinite where it never was."""
        found = np.where(self.ending == ROLLED_BACK, self.periods, np.inf)
        return float(np.quantile(found, quantile, method="inverted_cdf"))


def failed_users(traffic: Traffic, outcome: Outcome) -> Floats:
    """Count the requests that the candidate failed, or left hanging for 5 s, within `HORIZON`.

    What is shipped goes on serving everybody; what people are asked about is counted until they are asked.
    """
    of_new = traffic.counts[:, :, :, USERS, NEW]
    bad = (of_new[..., FAILED] + of_new[..., SLOW_5S]).astype(float)
    lived = np.arange(PERIODS) < outcome.spent[..., None]
    until_then = np.where(lived, bad, 0).sum(axis=(1, 2))
    goes_on = np.where(outcome.ending == SHIPPED, np.maximum(HORIZON - outcome.periods, 0), 0)
    failed: Floats = until_then + goes_on * bad[:, -1].mean(axis=1)
    return failed


def ended_by(rolled_back: Flags) -> Outcome:
    """Tell the outcome of a judge that keeps every weight for `BAKE` periods unless it rolls back.

    `rolled_back`: shape (releases, weight, period), true where it would.
    """
    flags = rolled_back[:, :, :BAKE].reshape(len(rolled_back), -1)
    whole = len(WEIGHTS) * BAKE
    back: Flags = np.asarray(flags.any(axis=1))
    last = np.where(back, flags.argmax(axis=1) + 1, whole)
    spent = np.clip(last[:, None] - np.arange(len(WEIGHTS)) * BAKE, 0, BAKE)
    ended_here = back[:, None] & (np.arange(len(WEIGHTS)) == (last[:, None] - 1) // BAKE)
    promoted_at = np.where((spent == BAKE) & ~ended_here, BAKE, 0)
    return Outcome(np.where(back, ROLLED_BACK, SHIPPED), spent, promoted_at)
