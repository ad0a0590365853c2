"""Hold what the trials found, of which code and when; the proof is written from this and from nothing else."""

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, Field

from deployments.prove.cases import not_crashed_at
from deployments.prove.secrets_left import Sweep
from deployments.prove.suites import SuiteRun
from deployments.prove.trial import Tried
from deployments.twin.whole_file import write_whole

ROOT = Path(__file__).parents[2]
FILE = Path(__file__).with_name("results.json")
TRIED_CODE = ("flows", "tasks", "deployments/guard", "deployments/approvals")


class Failure(BaseModel):
    """Hold a trial after which a promise was not kept."""

    name: str
    broken: tuple[str, ...]


class Group(BaseModel):
    """Sum up the trials of one kind; times are those from a death until all traffic was on one version."""

    name: str
    tried: int
    held: int
    endings: dict[str, int]
    home_s: tuple[float, ...] = ()
    requests: int = 0
    failed: int = 0
    not_reached: int = 0
    failures: tuple[Failure, ...] = ()


class Results(BaseModel):
    """Hold everything that runs of the trials found in one state of the code; ``effects`` are all there are."""

    at: datetime
    commit: str
    code_sha256: str
    took_s: float = 0.0
    worlds: int = 0
    cores: int = 0
    tried: dict[str, list[Tried]] = Field(default_factory=dict)
    effects: frozenset[str] = frozenset()
    sweeps: list[Sweep] = Field(default_factory=list)
    suites: list[SuiteRun] = Field(default_factory=list)

    @property
    def groups(self) -> tuple[Group, ...]:
        """Sum up the trials, kind by kind."""
        return tuple(group_of(name, tried) for name, tried in self.tried.items() if tried)

    @property
    def deaths(self) -> Counter[str]:
        """Count in which effect a process was killed how often."""
        return Counter(effect for tried in self.tried.values() for each in tried for effect in each.died_in if effect)

    @property
    def never_died_in(self) -> list[str]:
        """List the effects in which no process was killed."""
        return not_crashed_at(self.effects, self.deaths)

    @property
    def calls_broken(self) -> int:
        """Count the different calls that were broken, each in one way or another."""
        return len({(each.case.kind, call) for tried in self.tried.values() for each in tried for call in each.hit})

    @property
    def violations(self) -> int:
        """Count the trials after which something was not as promised."""
        broken = sum(group.tried - group.held for group in self.groups)
        return broken + sum(suite.failed for suite in self.suites) + sum(bool(sweep.found) for sweep in self.sweeps)

    def save(self, file: Path = FILE) -> None:
        """Write everything down."""
        write_whole(file, self.model_dump_json(exclude_defaults=True) + "\n")


def left_of(code: str, file: Path = FILE) -> Results | None:
    """Return what earlier runs have recorded of this very code, or None."""
    found = Results.model_validate_json(file.read_text()) if file.exists() else None
    return found if found and found.code_sha256 == code else None


def group_of(name: str, tried: Sequence[Tried]) -> Group:
    """Sum up trials; one whose point was never reached proves nothing and is not counted as tried."""
    reached = [each for each in tried if each.reached]
    endings: dict[str, int] = {}
    for each in reached:
        endings[each.ending] = endings.get(each.ending, 0) + 1
    return Group(
        name=name,
        tried=len(reached),
        held=sum(not each.broken for each in reached),
        endings=dict(sorted(endings.items())),
        home_s=tuple(sorted(each.home_s for each in reached if each.case.deadly)),
        requests=sum(each.requests for each in tried),
        failed=sum(each.failed for each in tried),
        not_reached=len(tried) - len(reached),
        failures=tuple(Failure(name=each.case.name, broken=each.broken) for each in tried if each.broken),
    )


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest of the values that so large a share of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def code_sha256(root: Path = ROOT) -> str:
    """Return one hash of all the code that was tried."""
    found = hashlib.sha256()
    for folder in TRIED_CODE:
        for file in sorted((root / folder).rglob("*.py")):
            found.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return found.hexdigest()
