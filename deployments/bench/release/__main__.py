"""Measure whole releases on one twin: ours, then the guide's own commands; ``make bench``.

Ends with 1 when a goal is missed. ``--cold`` also times ``make rehearse`` from an empty clone with empty caches.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from deployments.bench.page import write_between_marks
from deployments.bench.release.homecoming import seconds_home
from deployments.bench.release.rehearsed import cold_and_warm
from deployments.bench.release.runs import Run, run_guide, run_ours
from deployments.bench.release.table import Measured, goals, goals_table, parts, side_by_side
from deployments.endpoint import published
from deployments.follow import Follower
from deployments.twin.slack import Person
from deployments.twin.stack import Twin, Wish
from tasks.settings import load_settings

MARK = "bench"
BAD = "errors-30"
PERSON = Person("U0TWINPERSON", decision="approve", delay_s=0.2)
WAYS_HOME = 100
PATIENCE_S = 120.0


def main(arguments: list[str] | None = None) -> int:
    """Measure, print the tables, write them into a page where one is named."""
    options = _options(arguments)
    with _twin() as twin:
        measured = _measure(twin, options.rounds)
    if options.cold:
        cold_s, warm_s = cold_and_warm()
        measured = Measured(**{**vars(measured), "cold_s": cold_s, "warm_s": warm_s})
    found = goals(measured)
    how = (
        f"`make bench`: {options.rounds} x a sound and a bad version by us, once by the guide's commands, on one twin."
    )
    text = "\n\n".join((how, side_by_side(measured), parts(measured), goals_table(found)))
    sys.stdout.write(f"{text}\n")
    if options.readme:
        write_between_marks(options.readme, MARK, text)
    return 0 if all(goal.holds for goal in found) else 1


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deployments.bench.release", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="releases of each kind by us")
    parser.add_argument("--cold", action="store_true", help="time make rehearse from an empty clone, too")
    parser.add_argument("--readme", type=Path, help="write the tables between the marks of this page")
    return parser.parse_args(arguments)


@contextmanager
def _twin() -> Iterator[Twin]:
    with Twin(Wish("2.0.0", person=PERSON)) as twin, published(twin.environment):
        yield twin


def _measure(twin: Twin, rounds: int) -> Measured:
    """Run ours first: the guide's commands leave production as no release of ours left it."""
    ours = [_told(run_ours(twin, _publish(twin, f"2.{each}.0", ""), "")) for each in range(rounds)]
    bad = [_told(run_ours(twin, _publish(twin, f"3.{each}.0", BAD), BAD)) for each in range(rounds)]
    point = Follower(load_settings("rehearsal")).look().restore_point
    home_s = seconds_home(load_settings("rehearsal"), point, WAYS_HOME) if point else []
    tasks = max(run.timeline.stages for run in ours if run.timeline)
    empty_s = _empty_dag(twin, tasks)
    _let_new_deployments_take_the_domain(twin)
    guide = _told(run_guide(twin, _publish(twin, "4.0.0", ""), ""))
    guide_bad = _told(run_guide(twin, _publish(twin, "4.1.0", BAD), BAD))
    return Measured(ours, bad, guide, guide_bad, home_s, empty_s, tasks, _help_s())


def _publish(twin: Twin, version: str, fault: str) -> str:
    if version != twin.wish.version:
        twin.publish(version, fault)
    return version


def _told(run: Run) -> Run:
    ended = "shipped" if run.code == 0 else "came home"
    sys.stderr.write(f"{run.who} {run.fault or 'sound'}: {ended} in {run.wall_s:.1f} s, {run.failed} failed requests\n")
    return run


def _empty_dag(twin: Twin, tasks: int) -> float:
    argv = [sys.executable, "-m", "deployments.bench.release.empty_dag", "--tasks", str(tasks)]
    began_s = time.monotonic()
    child = twin.start(argv, "empty-dag.log")
    if child.wait(PATIENCE_S) != 0:
        msg = f"the empty flow failed:\n{child.log_tail()}"
        raise RuntimeError(msg)
    return time.monotonic() - began_s


def _let_new_deployments_take_the_domain(twin: Twin) -> None:
    """Put the project back to Vercel's default, which the guide's ``vercel deploy --prod`` counts on."""
    path = f"{twin.vercel.url}/v9/projects/{twin.vercel.project_id}"
    bearer = {"Authorization": f"Bearer {twin.vercel.token}"}
    team = {"teamId": twin.vercel.team_id}
    httpx.patch(path, params=team, headers=bearer, json={"autoAssignCustomDomains": True}).raise_for_status()


def _help_s() -> float:
    """Return the quickest of three: what it takes, not what else the machine did."""
    argv = [sys.executable, "-m", "deployments.cli", "--help"]
    took_s = []
    for _ in range(3):
        began_s = time.monotonic()
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        took_s.append(time.monotonic() - began_s)
    return min(took_s)


if __name__ == "__main__":
    sys.exit(main())
