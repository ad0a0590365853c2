"""Run one flow in this process and end with the product's exit code: what a worker, a rehearsal or a shell starts."""

import argparse
import logging
import sys

from flows.aftercare import aftercare
from flows.drill import drill
from flows.rehearsal import rehearsal
from flows.release import release
from flows.rollback import rollback
from tasks.errors import ReleaseError, RolledBack


def main(arguments: list[str] | None = None) -> int:
    """Run the flow named on the command line; prints one clear line for every error of ours."""
    given = _parser().parse_args(arguments)
    logging.getLogger("greenflow").setLevel(logging.INFO)
    try:
        _run(given)
    except RolledBack as error:
        sys.stderr.write(f"{error}\n")
        return error.code
    except ReleaseError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _run(given: argparse.Namespace) -> None:
    match given.flow:
        case "release":
            release(
                version=given.version,
                environment=given.environment,
                requested_by=given.requested_by,
                override=given.override,
            )
        case "rehearsal":
            rehearsal(version=given.version, requested_by=given.requested_by)
        case "drill":
            drill(version=given.version, requested_by=given.requested_by)
        case "aftercare":
            aftercare(release_id=given.release, after=given.after, environment=given.environment)
        case _:
            rollback(environment=given.environment, reason=given.reason)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deployments.run_flow")
    flows = parser.add_subparsers(dest="flow", required=True)
    for name in ("release", "rehearsal", "drill"):
        up = flows.add_parser(name)
        up.add_argument("--version", required=True)
        up.add_argument("--requested-by", default="")
        if name == "release":
            up.add_argument("--environment", required=True)
            up.add_argument("--override", default="")
    look = flows.add_parser("aftercare")
    for name in ("--environment", "--release", "--after"):
        look.add_argument(name, required=True)
    home = flows.add_parser("rollback")
    home.add_argument("--environment", required=True)
    home.add_argument("--reason", default="asked for by a person")
    return parser


if __name__ == "__main__":
    sys.exit(main())
