"""Be many releases that wait for people, a thread each: ``python -m deployments.bench.scale.asking ENVIRONMENT…``."""

import sys
from concurrent.futures import ThreadPoolExecutor

from prefect import flow
from prefect.runtime import flow_run

from flows.approval import Question, ask_people
from flows.core.rollout import Rollout, State
from tasks.announcements import open_thread
from tasks.ledger import note, open_ledger
from tasks.models import ReleasePlan, Side
from tasks.settings import load_settings

VERSION = "1.1.0"


@flow(name="asking", flow_run_name="asking for {environment}", persist_result=False)
def asking(environment: str) -> None:
    """Open a release, ask once, and end with the answer."""
    settings, run_id = load_settings(environment), str(flow_run.id or "")
    plan = ReleasePlan(
        release_id=f"{VERSION}-{environment}",
        version=VERSION,
        environment=environment,
        requested_by="scale",
        commit="c" * 40,
        stable=Side.A,
        candidate=Side.B,
        phases=(10, 50, 100),
        stable_version="1.0.0",
    )
    with open_ledger(settings, release_id=plan.release_id, version=VERSION):
        asked = {"version": VERSION, "environment": environment, "requested_by": "scale", "flow_run_id": run_id}
        note("release.opened", asked)
        open_thread(settings, plan.release_id, f"Release {VERSION} to {environment}")
        rollout = Rollout(phases=plan.phases, state=State.ASKING)
        ask_people(Question(settings, plan, rollout, "sha256:" + "d" * 64, 1, run_id, ("no errors",)), watch=lambda: "")


def main(environments: list[str]) -> int:
    """Ask for every environment at once, and end when all have their answer."""
    with ThreadPoolExecutor(len(environments)) as pool:
        for future in [pool.submit(asking, environment=name) for name in environments]:
            future.result()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
