"""Try everything and write the proof: ``python -m deployments.prove``, or ``make prove``."""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from deployments.prove.cases import (
    broken,
    crash_points,
    doubles,
    interleaved,
    on_the_way_home,
    rest_of,
    single,
)
from deployments.prove.crew import Crew, crew
from deployments.prove.points import Point
from deployments.prove.proof import proof
from deployments.prove.results import ROOT, Results, code_sha256, left_of
from deployments.prove.suites import SUITES, Suite, run_suite
from deployments.prove.trial import Case, Seen, Tried

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
    began, before = time.monotonic(), left_of(code_sha256()) if given.go_on else None
    results = before or Results(at=datetime.now(UTC), commit=_git("rev-parse", "HEAD"), code_sha256=code_sha256())
    results.worlds, results.cores = given.worlds, os.cpu_count() or 1
    with ThreadPoolExecutor(1) as beside:
        suites = beside.submit(_run_suites, results, [] if given.without_suites else SUITES)
        with crew(given.worlds) as tried_by:
            _try_all(tried_by, results, given.most, given.minutes * 60)
            results.sweeps += tried_by.sweep()
        suites.result()
    results.took_s += round(time.monotonic() - began)
    results.save()
    PROOF.write_text(proof(results))
    sys.stdout.write(f"{PROOF}: {results.violations} violations, {results.took_s / 60:.1f} minutes\n")
    return 1 if results.violations or results.never_died_in else 0


def _try_all(by: Crew, results: Results, most: int, within_s: float) -> None:
    """Try everything that was not tried yet, and write down what came of each as it is known."""
    golden = _seen(by)
    up, home, guarded = (seen for _, seen in golden)
    results.effects = up.effects | home.effects | guarded.effects
    results.tried.setdefault(UNDISTURBED, []).extend(tried for tried, _ in golden)
    cases = _cases(up, home, guarded)
    for name, known in results.tried.items():
        done = [each.case for each in known if each.reached]
        cases[name] = [case for case in cases.get(name, []) if case not in done]
    for name, tried in by.try_all(interleaved(cases, most), rest_of, within_s):
        results.tried.setdefault(name, []).append(tried)
        results.save()


def _run_suites(results: Results, suites: Sequence[Suite]) -> None:
    """Run the tests that were not seen to pass yet, and write down how each suite ended."""
    results.suites = [suite for suite in results.suites if not suite.failed]
    passed = {suite.name for suite in results.suites}
    for suite in suites:
        if suite.name not in passed:
            results.suites.append(run_suite(suite))


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


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S607 - the checkout's own git


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deployments.prove", description=__doc__)
    parser.add_argument("--worlds", type=int, default=3, help="how many twins work side by side")
    parser.add_argument("--minutes", type=float, default=18, help="no crash point or broken call begins after this")
    parser.add_argument("--most", type=int, default=0, help="about so many cases of each kind; 0 tries all")
    parser.add_argument("--go-on", action="store_true", help="add to what was recorded of this very code")
    parser.add_argument("--without-suites", action="store_true", help="leave out the trials that are tests")
    return parser


if __name__ == "__main__":
    sys.exit(main())
