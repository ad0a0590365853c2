"""What can be wrong with a version of the stand-in API: one table, and how each fault behaves.

A fault sleeps until the first request of a real user reaches its process, then hits users and probes alike,
and never the health check: the checks before the canary pass, only the judge can see it. (`crash-on-start`,
`never-healthy` and `dies-at-50` are the exceptions: they show in the process itself.) Imports the standard library
only: the command line lists the table in its help. Times are monotonic seconds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Protocol

OUTAGE = "outage"
RETRY_STORM = "retry-storm"


@dataclass(frozen=True, slots=True)
class Effect:
    """What happens to one request: it is late, keeps the processor busy, or fails unserved."""

    delay_s: float = 0.0
    busy_s: float = 0.0
    fails: bool = False


HARMLESS = Effect()
FAILS = Effect(fails=True)


class Behaviour(Protocol):
    """How a process with a fault treats its requests, one after the other."""

    def on_request(self, now: float) -> Effect: ...


class Share:
    """Hit so many of each hundred requests, exactly, at shuffled places: a known share without a rhythm."""

    def __init__(self, percent: int, generator: Random) -> None:
        self._percent = percent
        self._generator = generator
        self._block: list[bool] = []

    def hits(self) -> bool:
        if not self._block:
            self._block = [True] * self._percent + [False] * (100 - self._percent)
            self._generator.shuffle(self._block)
        return self._block.pop()


class Sound:
    def on_request(self, now: float) -> Effect:  # noqa: ARG002  Behaviour's signature
        return HARMLESS


class Errors:
    """A share of the requests fails."""

    def __init__(self, percent: int, generator: Random) -> None:
        self._share = Share(percent, generator)

    def on_request(self, now: float) -> Effect:  # noqa: ARG002  Behaviour's signature
        return FAILS if self._share.hits() else HARMLESS


class Late:
    """A share of the requests is answered very late, the others as `otherwise` says."""

    def __init__(self, percent: int, effect: Effect, generator: Random, otherwise: Effect = HARMLESS) -> None:
        self._share = Share(percent, generator)
        self._effect = effect
        self._otherwise = otherwise

    def on_request(self, now: float) -> Effect:  # noqa: ARG002  Behaviour's signature
        return self._effect if self._share.hits() else self._otherwise


class ColdStart:
    """The first requests are slow, every 13th fails (less than a tenth at any time); then all is well."""

    REQUESTS = 40
    LASTS_S = 1.5
    SLOW = Effect(delay_s=0.6)

    def __init__(self) -> None:
        self._began: float | None = None
        self._seen = 0

    def on_request(self, now: float) -> Effect:
        if self._began is None:
            self._began = now
        self._seen += 1
        if self._seen > self.REQUESTS or now - self._began > self.LASTS_S:
            return HARMLESS
        return FAILS if self._seen % 13 == 11 else self.SLOW  # noqa: PLR2004  the 11th is the first


class Leak:
    """Errors grow evenly from nothing to their most, as memory runs out."""

    MOST = 0.06
    GROWS_S = 20.0

    def __init__(self, generator: Random) -> None:
        self._draw = generator.random
        self._began: float | None = None

    def on_request(self, now: float) -> Effect:
        if self._began is None:
            self._began = now
        grown = min(1.0, (now - self._began) / self.GROWS_S)
        return FAILS if self._draw() < self.MOST * grown else HARMLESS


class RetryStorm:
    """One request in a hundred fails, and its caller's hasty retries fail with it: errors in clumps."""

    RETRIES = 2

    def __init__(self, generator: Random) -> None:
        self._share = Share(1, generator)
        self._retries_left = 0

    def on_request(self, now: float) -> Effect:  # noqa: ARG002  Behaviour's signature
        if self._retries_left:
            self._retries_left -= 1
            return FAILS
        if self._share.hits():
            self._retries_left = self.RETRIES
            return FAILS
        return HARMLESS


class Busy:
    """Every request costs some more processor time and some more waiting, well inside the goals."""

    EFFECT = Effect(delay_s=0.025, busy_s=0.001)

    def on_request(self, now: float) -> Effect:  # noqa: ARG002  Behaviour's signature
        return self.EFFECT


@dataclass(frozen=True, slots=True)
class Trouble:
    """Trouble for every version at once, for a while, after the one with the fault served some users."""

    name: str
    lasts_s: float
    after_requests: int


TROUBLES: dict[str, Callable[[Random], Behaviour]] = {
    OUTAGE: lambda generator: Errors(30, generator),
    RETRY_STORM: RetryStorm,
}
"""How any version behaves while that trouble lasts."""


def _sound(generator: Random) -> Behaviour:  # noqa: ARG001  every behaviour gets one
    return Sound()


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a version.

    `sentence` is for people. Exactly one of the two endings is demanded of a release that carries it.
    `dies_at_weight` is a percentage of the listener's weight for the process's own target group.
    """

    name: str
    sentence: str
    must_roll_back: bool = False
    must_ship: bool = False
    behave: Callable[[Random], Behaviour] = _sound
    trouble: Trouble | None = None
    crashes_on_start: bool = False
    never_healthy: bool = False
    dies_at_weight: int | None = None


NO_FAULT = Fault("", "A sound version.", must_ship=True)

_SLOW = Effect(delay_s=0.35)
_SLOWER = Effect(delay_s=1.2)
_STUCK = Effect(delay_s=5.2)

FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault(
            "errors-30",
            "Three of ten requests fail.",
            must_roll_back=True,
            behave=lambda generator: Errors(30, generator),
        ),
        Fault(
            "errors-7",
            "Seven of a hundred requests fail.",
            must_roll_back=True,
            behave=lambda generator: Errors(7, generator),
        ),
        Fault(
            "errors-2",
            "Two of a hundred requests fail.",
            must_roll_back=True,
            behave=lambda generator: Errors(2, generator),
        ),
        Fault(
            "slow-x10",
            "Every answer takes ten times as long: 0.35 s, one in eight 1.2 s.",
            must_roll_back=True,
            behave=lambda generator: Late(12, _SLOWER, generator, otherwise=_SLOW),
        ),
        Fault(
            "p95-over-5s",
            "One request in ten hangs for 5.2 s.",
            must_roll_back=True,
            behave=lambda generator: Late(10, _STUCK, generator),
        ),
        Fault(
            "crash-on-start",
            "The process ends before it listens.",
            must_roll_back=True,
            crashes_on_start=True,
        ),
        Fault(
            "never-healthy",
            "The process runs, but its health check answers 503.",
            must_roll_back=True,
            never_healthy=True,
        ),
        Fault(
            "dies-at-50",
            "The process ends once it gets half of the traffic.",
            must_roll_back=True,
            dies_at_weight=50,
        ),
        Fault(
            "cold-start",
            "The first 1.5 s of traffic are slow and a few of its requests fail; then all is well.",
            must_ship=True,
            behave=lambda _: ColdStart(),
        ),
        Fault(
            "outage-of-both",
            "Soon after it takes traffic, three of ten requests fail for 5 s, on both versions.",
            must_ship=True,
            trouble=Trouble(OUTAGE, lasts_s=5.0, after_requests=20),
        ),
        Fault(
            "leak",
            "Errors grow from none to six of a hundred within 20 s of traffic.",
            must_roll_back=True,
            behave=Leak,
        ),
        Fault(
            "retry-storm",
            "Soon after it takes traffic, failures come in clumps of three for 6 s, on both versions.",
            must_ship=True,
            trouble=Trouble(RETRY_STORM, lasts_s=6.0, after_requests=20),
        ),
        Fault(
            "healthy-but-busy",
            "Every request costs 1 ms of processor time and 25 ms more; all goals are met.",
            must_ship=True,
            behave=lambda _: Busy(),
        ),
    )
}
"""The faults a rehearsal can give its candidate, by name."""


@dataclass(frozen=True)
class Damage:
    """Damage what is stored, not what is released: `kind` is a fault of the emulated object store."""

    name: str
    sentence: str
    kind: str


DAMAGES: dict[str, Damage] = {
    damage.name: damage
    for damage in (
        Damage("dump-cut", "Half of the stored backup is lost.", "cut_body"),
        Damage("dump-flipped", "One bit of the stored backup is flipped.", "flip_body"),
    )
}
"""What can happen to a release's backup, by name; the release must stop before it touches the schema."""


@dataclass(frozen=True)
class Silence:
    """Leave the judge of a sound version without numbers; the release must ask people and, unanswered, come home."""

    name: str
    sentence: str


NO_TRAFFIC = Silence("no-traffic", "Once it takes traffic all users leave; there are only the release's own probes.")
METRICS_SILENT = Silence("metrics-silent", "Once it takes traffic CloudWatch answers well, without a single datapoint.")
SILENCES: dict[str, Silence] = {silence.name: silence for silence in (NO_TRAFFIC, METRICS_SILENT)}
"""What can keep a release from being judged, by name."""


@dataclass(frozen=True)
class BadMigration:
    """Give a version a migration that must not reach users: `up` is its SQL; nobody's traffic may notice.

    With `holds` somebody else's session keeps that lock while the release wants to migrate.
    """

    name: str
    sentence: str
    up: str = ""
    holds: str = ""


BAD_MIGRATIONS: dict[str, BadMigration] = {
    migration.name: migration
    for migration in (
        BadMigration(
            "migration-drops-column",
            "The version's migration drops a column that the version before writes.",
            up="ALTER TABLE bids DROP COLUMN origin;",
        ),
        BadMigration(
            "migration-fails",
            "The version's second migration adds a column that its first one has added.",
            up="ALTER TABLE bids ADD COLUMN currency text;",
        ),
        BadMigration(
            "migration-waits",
            "A report left open holds the table that the version's migration wants to change.",
            holds="LOCK TABLE bids IN ACCESS SHARE MODE",
        ),
    )
}
"""What can be wrong with a version's migration, by name; the release must stop with the schema as it was."""


REFUSED: tuple[Damage | BadMigration, ...] = (*DAMAGES.values(), *BAD_MIGRATIONS.values())
"""What a release must be refused for, with all traffic where it was."""
