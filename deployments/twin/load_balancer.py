"""The twin's load balancer: an HTTP/1.1 proxy that splits requests by the weights its control tells.

`python -m deployments.twin.load_balancer --control <url> --port-file <file>` listens on a free loopback port
and writes the number to the file. A weight change holds from the next request on; a request under way is
finished, whatever happens to its target's place in the routes. SIGTERM: finish, report, exit. It outlives a
control that is gone by 30 s at most.
"""

import argparse
import asyncio
import signal
import sys
import time
from pathlib import Path
from random import Random

from deployments.twin.event_loop import new_loop
from deployments.twin.lb_control import Control
from deployments.twin.lb_proxy import Balancer, Client
from deployments.twin.whole_file import write_whole

CONTROL_GONE_S = 30.0
DRAIN_S = 15.0
SWEEP_S = 0.5


async def serve(control_url: str, port_file: Path, generator: Random, patience_s: float = CONTROL_GONE_S) -> int:
    """Proxy until SIGTERM (then 0) or until the control is gone (then 1); give the exit code."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    balancer = Balancer(generator)
    control = Control(control_url, balancer.counts, balancer.take_routes)
    server = await loop.create_server(lambda: Client(balancer), "127.0.0.1", 0, backlog=1024)
    write_whole(port_file, str(server.sockets[0].getsockname()[1]))
    errands = [loop.create_task(errand) for errand in (control.follow_routes(), control.report_counts())]
    code = await _watch(balancer, control, stop, patience_s)
    server.close()
    await balancer.drain(DRAIN_S)
    for errand in errands:
        errand.cancel()
    await asyncio.gather(*errands, return_exceptions=True)
    await control.close()
    return code


async def _watch(balancer: Balancer, control: Control, stop: asyncio.Event, patience_s: float) -> int:
    while control.silent_s < patience_s:
        balancer.sweep(time.monotonic())
        try:
            async with asyncio.timeout(SWEEP_S):
                await stop.wait()
        except TimeoutError:
            continue
        return 0
    sys.stderr.write(f"the load balancer stops: its control has been silent for {control.silent_s:.0f} s\n")
    return 1


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deployments.twin.load_balancer", description=__doc__)
    parser.add_argument("--control", required=True, help="URL of the AWS emulator")
    parser.add_argument("--port-file", required=True, type=Path, help="where to write the port")
    parser.add_argument("--seed", type=int, help="repeat the same draws of targets")
    parser.add_argument("--patience-s", type=float, default=CONTROL_GONE_S, help="how long to outlive the control")
    asked = parser.parse_args(argv)
    generator = Random(asked.seed)  # noqa: S311  it chooses targets, not secrets
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(serve(asked.control, asked.port_file, generator, asked.patience_s))


if __name__ == "__main__":
    sys.exit(main())
