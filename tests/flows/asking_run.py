"""Be a release that only asks, as a process of its own: ``python -m tests.flows.asking_run TIMES``."""

import sys

from prefect import flow
from prefect.runtime import flow_run

from flows.approval import Question, ask_people
from flows.core.rollout import Rollout, State
from tasks.announcements import open_thread
from tasks.ledger import note, open_ledger
from tasks.models import ReleasePlan, Side
from tasks.settings import load_settings

RELEASE = "1.1.0-test"
PLAN = ReleasePlan(
    release_id=RELEASE,
    version="1.1.0",
    environment="rehearsal",
    requested_by="U0REQUESTER",
    commit="c" * 40,
    stable=Side.A,
    candidate=Side.B,
    phases=(10, 50, 100),
    stable_version="1.0.0",
)


@flow(name="asking", persist_result=False)
def asking(times: int) -> None:
    """Ask several times, one question after the other."""
    settings, run_id = load_settings("rehearsal"), str(flow_run.id or "")
    with open_ledger(settings, release_id=RELEASE, version=PLAN.version):
        asked = {"version": PLAN.version, "environment": settings.name, "requested_by": PLAN.requested_by}
        note("release.opened", {**asked, "flow_run_id": run_id})
        open_thread(settings, RELEASE, "Release 1.1.0")
        for number in range(1, times + 1):
            rollout = Rollout(phases=PLAN.phases, state=State.ASKING)
            question = Question(settings, PLAN, rollout, "sha256:" + "d" * 64, number, run_id, ("no errors",))
            ask_people(question, watch=lambda: "")


if __name__ == "__main__":
    asking(times=int(sys.argv[1]))
