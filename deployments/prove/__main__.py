"""Try everything and write the proof: ``python -m deployments.prove``, or ``make prove``."""

import argparse
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from deployments.prove.cases import (
    broken,
    crash_points,
    doubles,
    interleaved,
    not_crashed_at,
    on_the_way_home,
    rest_of,
    single,
)
from deployments.prove.crew import Crew, crew
from deployments.prove.holds import HOME_WITHIN_S
from deployments.prove.points import Point
from deployments.prove.proof import proof
from deployments.prove.results import FILE, ROOT, Results, code_sha256, group_of
from deployments.prove.suites import SUITES, Suite, SuiteRun, run_suite
from deployments.prove.trial import Case, Seen, Tried
from deployments.prove.world import GUARD_EVERY_S, LEASE_S

SHIFTED = Point("ledger traffic.shifted", 1, "after")
GOLDEN = (
    Case(by="itself"),
    Case(by="itself", yes=False),
    Case(deadly=SHIFTED),
)
GOLDEN_ENDINGS = ["shipped", "rejected", "rolled back"]
GOLDEN_TRIES = 3
UNDISTURBED = "undisturbed releases, from which the points and calls are read: shipped, called back, killed once"
PROOF = ROOT / "PROOF.md"


def main(arguments: list[str] | None = None) -> int:
    """Try, record, write; ends with 1 when anything did not hold, or an effect was never crashed at."""
    given = _parser().parse_args(arguments)
    began = time.monotonic()
    with ThreadPoolExecutor(1) as beside:
        suites = beside.submit(_run_suites, () if given.without_suites else SUITES)
        with crew(given.worlds) as tried_by:
            found = _tried(tried_by, given.most, given.minutes * 60)
            sweeps = tried_by.sweep()
    groups, effects, seen = found
    results = Results(
        at=datetime.now(UTC),
        commit=_git("rev-parse", "HEAD"),
        code_sha256=code_sha256(),
        took_s=round(time.monotonic() - began),
        worlds=given.worlds,
        cores=os.cpu_count() or 1,
        lease_s=LEASE_S,
        guard_every_s=GUARD_EVERY_S,
        home_within_s=HOME_WITHIN_S,
        groups=tuple(group_of(name, tried) for name, tried in groups.items()),
        effects=dict(effects),
        not_crashed_at=tuple(not_crashed_at(seen, effects)),
        calls_broken=len({call for tried in groups.values() for each in tried for call in each.hit}),
        sweeps=tuple(sweeps),
        suites=tuple(suites.result()),
    )
    FILE.write_text(results.model_dump_json(indent=1) + "\n")
    PROOF.write_text(proof(results))
    sys.stdout.write(f"{PROOF}: {results.violations} violations, {results.took_s / 60:.1f} minutes\n")
    return 1 if results.violations or results.not_crashed_at else 0


Found = tuple[dict[str, list[Tried]], Counter[str], frozenset[str]]


def _tried(by: Crew, most: int, within_s: float) -> Found:
    """Try everything on the worlds; returns what came of it, how often each effect was died in, and all effects."""
    golden = _seen(by)
    up, home, guarded = (seen for _, seen in golden)
    cases = _cases(up, home, guarded)
    groups: dict[str, list[Tried]] = {UNDISTURBED: [tried for tried, _ in golden], **{name: [] for name in cases}}
    for name, tried in by.try_all(interleaved(cases, most), rest_of, within_s):
        groups[name].append(tried)
    effects = Counter(effect for tried in groups.values() for each in tried for effect in each.died_in if effect)
    return groups, effects, up.effects | home.effects | guarded.effects


def _seen(by: Crew) -> list[tuple[Tried, Seen]]:
    """Watch what is tried later, undisturbed; on a busy machine a good release may come home: then once more."""
    for _ in range(GOLDEN_TRIES):
        golden = by.watch(GOLDEN)
        if [tried.ending for tried, _ in golden] == GOLDEN_ENDINGS:
            return golden
    message = f"the undisturbed releases ended {[tried.ending for tried, _ in golden]}, expected {GOLDEN_ENDINGS}"
    raise RuntimeError(message)


def _cases(up: Seen, home: Seen, guarded: Seen) -> dict[str, list[Case]]:
    forward, back = crash_points(up.points), crash_points(on_the_way_home(home.points))
    unwritten = [each for each in forward if each.point == Point(f"ledger effect.done {each.effect}", 1, "before")]
    homeward = crash_points(guarded.later)
    return {
        "killed once on the way up, the guard comes": single(forward, "guard", yes=True),
        "killed once on the way home, the guard comes": single(back, "guard", yes=False),
        "killed between an effect's call and its outcome, the same command goes on": [
            *single(unwritten, "the same command", yes=True),
            *single(back, "the same command", yes=False),
        ],
        "killed on the way home, its guard killed as well, another guard comes": doubles(back, homeward),
        "calls broken, each in each way": [*broken(up.calls, yes=True), *broken(home.calls - up.calls, yes=False)],
    }


def _run_suites(suites: Sequence[Suite]) -> list[SuiteRun]:
    return [run_suite(suite) for suite in suites]


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S607 - the checkout's own git


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deployments.prove", description=__doc__)
    parser.add_argument("--worlds", type=int, default=3, help="how many twins work side by side")
    parser.add_argument("--minutes", type=float, default=18, help="no crash point or broken call begins after this")
    parser.add_argument("--most", type=int, default=0, help="about so many cases of each kind; 0 tries all")
    parser.add_argument("--without-suites", action="store_true", help="leave out the trials that are tests")
    return parser


if __name__ == "__main__":
    sys.exit(main())
