"""Ask both sides something of our own all through a canary, so that a bad version shows before the metrics do.

The metrics of a minute are final minutes later; a version that fails three requests in ten should not have that long.
Each side is asked in turn through the test header, whatever its weight. The load balancer counts probes like any other
request, so what is counted here is taken out of its numbers again (guide 3.4; canary judge, "Input").
"""

import logging
import math
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tasks.clients.web import Web, open_web
from tasks.counts import Counts, Period, total
from tasks.errors import RemoteError
from tasks.metrics import PhaseWindow
from tasks.models import ReleasePlan, Side
from tasks.probes import probe_headers
from tasks.settings import Settings

log = logging.getLogger("greenflow.prober")

SERVER_ERROR = 500
BOUNDS_S = {"slow_300ms": 0.3, "slow_1s": 1.0, "slow_5s": 5.0}
PATIENCE_S = 1.0


@dataclass(frozen=True)
class Sample:
    """Hold one probe: whether it failed and how long it took."""

    failed: bool
    took_s: float

    @property
    def counts(self) -> Counts:
        """Return it as counts of one request."""
        slow = {name: int(self.took_s > bound_s) for name, bound_s in BOUNDS_S.items()}
        return Counts(requests=1, failed=int(self.failed), **slow)


class Prober:
    """Probe both sides while the context lasts; a side that hangs does not keep the other one waiting."""

    def __init__(self, settings: Settings, plan: ReleasePlan) -> None:
        self._settings = settings
        self._plan = plan
        self._seen: dict[Side, dict[int, Counts]] = {side: defaultdict(Counts) for side in Side}
        self._noting = threading.Lock()
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._probe, args=(side,), name=f"greenflow-probe-{side}", daemon=True)
            for side in Side
        ]

    def __enter__(self) -> Self:
        if self._settings.probe.every_s:
            for thread in self._threads:
                thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(PATIENCE_S)

    def note(self, side: Side, at_s: float, sample: Sample) -> None:
        """Count a probe that ended at ``at_s``, in epoch seconds."""
        with self._noting:
            seen = self._seen[side]
            seen[int(at_s)] = total((seen[int(at_s)], sample.counts))

    def counts(self, side: Side, start_s: float, period_s: float) -> Counts:
        """Return what probes of a side met in a period."""
        with self._noting:
            seconds = range(int(start_s), math.ceil(start_s + period_s))
            return total(self._seen[side][second] for second in seconds if second in self._seen[side])

    def rows(self, windows: Sequence[PhaseWindow], now_s: float) -> tuple[Period, ...]:
        """Return the probes alone as rows for the judge: short periods, and final as soon as they are over."""
        period_s = self._settings.probe.period_s
        return tuple(
            self._row(start_s, period_s, window.phase)
            for window in windows
            for start_s in _starts(window, period_s, now_s)
        )

    def _row(self, start_s: float, period_s: float, phase: int) -> Period:
        return Period(
            start=start_s,
            period_s=period_s,
            phase=phase,
            new=Counts(),
            old=Counts(),
            new_probes=self.counts(self._plan.candidate, start_s, period_s),
            old_probes=self.counts(self._plan.stable, start_s, period_s),
            new_unhealthy=0,
            old_unhealthy=0,
            new_connection_errors=0,
            old_connection_errors=0,
            complete=True,
        )

    def _probe(self, side: Side) -> None:
        probe = self._settings.probe
        headers = probe_headers(self._settings, side)
        with open_web(self._settings.load_balancer.url, timeout_s=probe.timeout_s, headers=headers) as web:
            while not self._over.wait(probe.every_s):
                sample = _ask(web, probe.path)
                self.note(side, time.time(), sample)


def _ask(web: Web, path: str) -> Sample:
    started_s = time.monotonic()
    try:
        failed = web.ask("GET", path, doing="probe a side").status_code >= SERVER_ERROR
    except RemoteError:
        failed = True
    return Sample(failed, time.monotonic() - started_s)


def _starts(window: PhaseWindow, period_s: float, now_s: float) -> Iterable[float]:
    """Give the starts of the whole periods of a phase that are over."""
    end_s = min(now_s, window.ended_s or now_s)
    start_s = float(math.ceil(window.began_s))
    while start_s + period_s <= end_s:
        yield start_s
        start_s += period_s
