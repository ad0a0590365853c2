"""Run one flow in this process and end with the product's exit code: what a worker, a rehearsal or a shell starts."""

import argparse
import logging
import os
import sys

import httpx
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from deployments.follow import Follower
from flows.aftercare import aftercare
from flows.core.record import Ending
from flows.core.report import report_of
from flows.drill import drill
from flows.rehearsal import rehearsal
from flows.release import release
from flows.rollback import rollback
from tasks.errors import GateRefused, ReleaseError, RollbackFailed, RolledBack
from tasks.settings import load_settings

PREFECT_TRIES = 3
"""How often Prefect's client tries again; a call to a server that is gone takes a quarter of a minute then."""
LAST_WORDS_S = 10.0
CODES = {
    Ending.SHIPPED: 0,
    Ending.REFUSED: GateRefused.exit_code,
    Ending.ROLLED_BACK: RolledBack("", by_people=False).code,
    Ending.REJECTED: RolledBack("", by_people=True).code,
    Ending.STUCK: RollbackFailed.exit_code,
}


def main(arguments: list[str] | None = None) -> int:
    """Run the flow named on the command line; prints one clear line for every error of ours."""
    given = _parser().parse_args(arguments)
    logging.getLogger("greenflow").setLevel(logging.INFO)
    code = _ended(given)
    _let_prefect_finish(code)
    return code


def _ended(given: argparse.Namespace) -> int:
    try:
        with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: PREFECT_TRIES}):
            _run(given)
    except RolledBack as error:
        sys.stderr.write(f"{error}\n")
        return error.code
    except ReleaseError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except httpx.TransportError as error:
        sys.stderr.write(f"could not tell Prefect how it ended ({type(error).__name__}); the ledger has it\n")
        return _as_the_ledger_has_it(given)
    return 0


def _as_the_ledger_has_it(given: argparse.Namespace) -> int:
    """Return the code of the release itself where the Prefect server was lost on the way; 1 when it has no end."""
    state = Follower(load_settings(getattr(given, "environment", "rehearsal"))).look()
    if not state.ended:
        return 1
    sys.stderr.write(f"{report_of(state).verdict}\n")
    return CODES.get(state.ending, 1)


def _let_prefect_finish(code: int) -> None:
    """Let Prefect's own threads tell the server what is left, and leave without them where no server listens.

    They try each of their events a dozen times, which without a server keeps an ended process for minutes.
    """
    for service in (APILogWorker, EventsWorker):
        told = service.drain_all(timeout=LAST_WORDS_S)
        if isinstance(told, tuple) and told[1]:
            logging.shutdown()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)


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
