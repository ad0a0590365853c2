"""Measure how long it takes from a person's click in Slack to the traffic that was read back shifted, on the twin.

``python -m deployments.bench.clicks --releases 3`` releases that many versions and takes two clicks of each.
"""

import argparse
import statistics
import sys
from collections.abc import Sequence

from deployments.endpoint import published
from deployments.follow import Follower
from deployments.twin.slack import Click, Person
from deployments.twin.stack import Twin, Wish
from tasks.event_store import EventStore, read_events
from tasks.models import Event
from tasks.settings import load_settings

GOAL_S = 2.0
PERSON = Person("U0TWINPERSON", decision="approve", delay_s=0.2)
PATIENCE_S = 300.0


def seconds_to_shift(events: Sequence[Event], clicks: Sequence[Click]) -> list[float]:
    """Return for every approving click how long it took until the ledger had the shifted weights, read back."""
    shifts = [event.at.timestamp() for event in events if event.kind == "traffic.shifted"]
    presses = sorted(click.at_s for click in clicks if click.action_id == "approve")
    ends = [*presses[1:], float("inf")]
    found = ([at for at in shifts if press < at < end] for press, end in zip(presses, ends, strict=False))
    return [shifted[0] - press for press, shifted in zip(presses, found, strict=True) if shifted]


def main(arguments: list[str] | None = None) -> int:
    """Measure, print every click and the median; ends with 1 when the median misses the goal."""
    parser = argparse.ArgumentParser(prog="python -m deployments.bench.clicks", description=__doc__)
    parser.add_argument("--releases", type=int, default=3)
    releases = parser.parse_args(arguments).releases
    took: list[float] = []
    with Twin(Wish("2.0.0", person=PERSON)) as twin, published(twin.environment):
        for number in range(releases):
            took += _release(twin, f"2.{number}.0")
    median_s = statistics.median(took) if took else float("inf")
    sys.stdout.write(f"click to shifted weight: {', '.join(f'{each:.2f}' for each in sorted(took))} s\n")
    sys.stdout.write(f"median {median_s:.2f} s of {len(took)} clicks, goal < {GOAL_S:.0f} s\n")
    return 0 if median_s < GOAL_S else 1


def _release(twin: Twin, version: str) -> list[float]:
    if version != twin.wish.version:
        twin.publish(version)
    seen = len(twin.slack.clicks)
    argv = [sys.executable, "-m", "deployments.run_flow", "rehearsal", "--version", version]
    child = twin.start([*argv, "--requested-by", "bench"], f"{version}.log")
    if child.wait(PATIENCE_S) != 0:
        sys.stderr.write(f"release {version} did not ship:\n{child.log_tail()}\n")
    settings = load_settings("rehearsal")
    release_id = Follower(settings).look().release_id
    return seconds_to_shift(read_events(EventStore(settings), release_id), twin.slack.clicks[seen:])


if __name__ == "__main__":
    sys.exit(main())
