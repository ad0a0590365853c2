"""Users of the twin: a stream of requests through the load balancer, and an honest count of what failed.

`python -m deployments.twin.load_client --url <load balancer> --rps 120 --stats <file>`. Requests leave at
random moments at the asked rate, whether or not earlier ones were answered: a slow version does not lighten
its load. A user's failure is a status that a right client does not expect, a lost connection, no answer in
10 s, or an answer that says something else than what was written. The stats file is written whole every
0.25 s. SIGTERM: finish, write a last time (`"finished": true`), exit.
"""

import argparse
import asyncio
import json
import signal
import sys
import time
from collections import deque
from pathlib import Path
from random import Random

import aiohttp

from deployments.twin.event_loop import new_loop
from deployments.twin.load_stats import Stats
from deployments.twin.load_users import User, open_session
from deployments.twin.whole_file import write_whole

WRITE_EVERY_S = 0.25
FINISH_S = 2.0
FEWEST_USERS = 40
MOST_USERS = 1500  # ten seconds of patience at 150 requests a second


class Crowd:
    """Let users act at a rate: whoever has waited longest is next, newcomers join when all are busy."""

    def __init__(self, client: aiohttp.ClientSession, prefix: str, stats: Stats) -> None:
        self._client = client
        self._prefix = prefix
        self._stats = stats
        self._idle: deque[User] = deque(User(client, prefix) for _ in range(FEWEST_USERS))
        self._acting: set[asyncio.Task[None]] = set()
        self.present = asyncio.Event()
        """While it is not set, nobody asks for anything."""

    async def act_at(self, rps: float, generator: Random) -> None:
        """Start requests for ever, as a Poisson process of that rate."""
        turn = time.monotonic()
        while True:
            await self.present.wait()
            # After a halt of the whole machine the users do not all come back in one moment.
            turn = max(turn, time.monotonic() - 1.0) + generator.expovariate(rps)
            await asyncio.sleep(turn - time.monotonic())
            self._start_one()

    async def finish(self) -> int:
        """Wait 2 s for the answers still due; give how many did not come."""
        if not self._acting:
            return 0
        _, unfinished = await asyncio.wait(self._acting, timeout=FINISH_S)
        for task in unfinished:
            task.cancel()
        return len(unfinished)

    def _start_one(self) -> None:
        if not self._idle and len(self._acting) >= MOST_USERS:
            self._stats.not_sent += 1
            return
        user = self._idle.popleft() if self._idle else User(self._client, self._prefix)
        task = asyncio.get_running_loop().create_task(self._let_act(user))
        self._acting.add(task)
        task.add_done_callback(self._acting.discard)

    async def _let_act(self, user: User) -> None:
        self._stats.add(await user.act())
        self._idle.append(user)


async def press(url: str, prefix: str, rps: float, stats_file: Path, generator: Random) -> None:
    """Send load until SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    stats = Stats(time.time())
    async with open_session(url) as client:
        crowd = Crowd(client, prefix, stats)
        crowd.present.set()
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, crowd.present.clear)
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR2, crowd.present.set)
        acting = asyncio.create_task(crowd.act_at(rps, generator))
        while not stop.is_set():
            write_stats(stats_file, stats, finished=False)
            await _wait(stop, WRITE_EVERY_S)
        acting.cancel()
        unfinished = await crowd.finish()
    write_stats(stats_file, stats, finished=True, unfinished=unfinished)


def write_stats(file: Path, stats: Stats, *, finished: bool, unfinished: int = 0) -> None:
    """Write the stats, with this process's CPU seconds so far."""
    own = {"finished": finished, "unfinished": unfinished, "cpu_s": round(time.process_time(), 3)}
    write_whole(file, json.dumps(stats.document(time.time()) | own))


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deployments.twin.load_client", description=__doc__)
    parser.add_argument("--url", required=True, help="URL of the load balancer")
    parser.add_argument("--rps", required=True, type=float, help="requests a second")
    parser.add_argument("--stats", required=True, type=Path, help="where to write the counts")
    parser.add_argument("--prefix", default="/api/v2", help="path under which the API lives")
    parser.add_argument("--seed", type=int, help="repeat the same moments")
    asked = parser.parse_args(argv)
    generator = Random(asked.seed)  # noqa: S311  it spreads requests, no secret
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(press(asked.url, asked.prefix, asked.rps, asked.stats, generator))
    return 0


if __name__ == "__main__":
    sys.exit(main())
