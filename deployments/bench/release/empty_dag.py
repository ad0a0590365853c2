"""Run as many empty Prefect tasks as a release has stages: what Prefect alone costs."""

import argparse
import sys

from prefect import flow, task


@task
def nothing(_place: int) -> None:
    """Do nothing, as a task."""


@flow
def empty(tasks: int) -> None:
    """Run empty tasks one after the other."""
    for place in range(tasks):
        nothing(place)


def main(arguments: list[str] | None = None) -> int:
    """Run the flow once."""
    parser = argparse.ArgumentParser(prog="python -m deployments.bench.release.empty_dag", description=__doc__)
    parser.add_argument("--tasks", type=int, required=True)
    empty(parser.parse_args(arguments).tasks)
    return 0


if __name__ == "__main__":
    sys.exit(main())
