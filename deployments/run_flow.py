"""Run one flow in this process and end with the product's exit code: what a worker, a rehearsal or a shell starts."""

import argparse
import logging
import sys

from flows.release import release
from flows.rollback import rollback
from tasks.errors import ReleaseError, RolledBack


def main(arguments: list[str] | None = None) -> int:
    """Run the flow named on the command line; prints one clear line for every error of ours."""
    given = _parser().parse_args(arguments)
    logging.getLogger("greenflow").setLevel(logging.INFO)
    try:
        if given.flow == "release":
            release(version=given.version, environment=given.environment, requested_by=given.requested_by)
        else:
            rollback(environment=given.environment, reason=given.reason)
    except RolledBack as error:
        sys.stderr.write(f"{error}\n")
        return error.code
    except ReleaseError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deployments.run_flow")
    flows = parser.add_subparsers(dest="flow", required=True)
    up = flows.add_parser("release")
    up.add_argument("--version", required=True)
    up.add_argument("--environment", default="rehearsal")
    up.add_argument("--requested-by", default="somebody")
    home = flows.add_parser("rollback")
    home.add_argument("--environment", default="rehearsal")
    home.add_argument("--reason", default="asked for by a person")
    return parser


if __name__ == "__main__":
    sys.exit(main())
