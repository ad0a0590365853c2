"""Run the command line so that all its processes share the clock that a test has moved."""

from deployments.cli import main
from deployments.twin import processes

MOVED = ("LD_PRELOAD", "MOVED_CLOCK")

if __name__ == "__main__":
    processes.INHERITED = (*processes.INHERITED, *MOVED)
    main()
