"""List what is simulated: a cell is one kind of traffic with one kind of candidate, many releases over."""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from deployments.bench.noise import KINDS, Noise, outage_at_all_unseen
from deployments.bench.traffic import BAKE, NEW, Load, Quality, Traffic, answering, clock, draw_traffic, steady

RPS = (0.5, 2.0, 10.0, 50.0, 200.0)
BASES = (0.0001, 0.001, 0.005)
"""Error rates of a healthy service."""
USUAL = 0.001
NOISES: dict[str, Noise] = {**KINDS, "outage at 100 %, no probes": outage_at_all_unseen}

ANSWER_PERIODS = 5
"""What people take to answer between the weights of a healthy release; the judge goes on watching."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Describe a bad candidate; `leak`: the error rate which it grows to within two weights."""

    quality: Callable[[float], Quality]
    leak: float = 0.0


FAULTS: dict[str, Fault] = {
    "30 % errors": Fault(lambda _: answering(0.30)),
    "7 % errors": Fault(lambda _: answering(0.07)),
    "2 % errors": Fault(lambda _: answering(0.02)),
    "errors + 1 pp": Fault(lambda base: answering(base + 0.01)),
    "P95 > 5 s": Fault(lambda base: answering(base, hanging=0.08)),
    "latency x 10": Fault(lambda base: answering(base, times_slower=10)),
    "latency x 2": Fault(lambda base: answering(base, times_slower=2)),
    "leak to 6 %": Fault(answering, leak=0.06),
    "1.1 % errors": Fault(lambda _: answering(0.011)),
    "1.5 % errors": Fault(lambda _: answering(0.015)),
    "5 % errors": Fault(lambda _: answering(0.05)),
}
TIMED = tuple(FAULTS)[:8]
NOT_TO_PASS = ("1.1 % errors", "1.5 % errors", "2 % errors", "5 % errors")


@dataclass(frozen=True, slots=True)
class Cell:
    """Name a cell; `fault` is empty for a candidate as good as the old side, whose error rate is `base`."""

    group: str
    noise: str
    rps: float
    base: float
    fault: str = ""

    @property
    def answer_periods(self) -> int:
        """Return what people take between the weights; the time to a verdict is counted without them."""
        return ANSWER_PERIODS if self.group == "healthy" else 0

    def draw(self, releases: int, seed: int) -> Traffic:
        """Draw the cell's traffic: the same for the same seed, whatever else is drawn."""
        dice = np.random.default_rng([seed, zlib.crc32(repr(self).encode())])
        return draw_traffic(dice, NOISES[self.noise](dice, self._expected(releases)))

    def _expected(self, releases: int) -> Load:
        old = answering(self.base)
        if not self.fault:
            return steady(releases, self.rps, old, old)
        fault = FAULTS[self.fault]
        load = steady(releases, self.rps, fault.quality(self.base), old)
        return _leaking(load, fault.leak) if fault.leak else load


def _leaking(load: Load, most: float) -> Load:
    rates = load.rates.copy()
    rates[:, :, NEW, 0] += most * np.clip(clock() / (2 * BAKE), 0, 1)
    return load.with_rates(rates)


def all_cells() -> Iterator[Cell]:
    """Yield every cell of the benchmark."""
    yield from (Cell("healthy", noise, rps, base) for noise in KINDS for base in BASES for rps in RPS)
    yield from (Cell("clean", "iid", rps, base) for base in BASES if base <= USUAL for rps in RPS)
    yield from (Cell("faulty", "iid", rps, USUAL, fault) for fault in TIMED for rps in RPS)
    yield from (Cell("not to pass", "iid", rps, USUAL, fault) for fault in NOT_TO_PASS for rps in RPS)
    yield from beyond_the_bars()


def beyond_the_bars() -> Iterator[Cell]:
    """Yield cells which no bar speaks of, shown so that nobody has to guess."""
    bad = "1.1 % errors"
    for rps in RPS:
        yield Cell("beyond", "outage at 100 %, no probes", rps, USUAL)
        yield Cell("beyond", "overdispersed", rps, USUAL, bad)
        yield Cell("beyond", "retry storms", rps, USUAL, bad)
        yield Cell("beyond", "iid", rps, BASES[-1], bad)
        yield Cell("beyond", "outage before", rps, USUAL, "30 % errors")
        yield Cell("beyond", "bursts", rps, BASES[-1], "7 % errors")
