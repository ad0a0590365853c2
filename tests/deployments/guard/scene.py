"""Leave a production as a release does whose process has died, and look at what a guard makes of it."""

from dataclasses import dataclass
from typing import Any

from deployments.guard.watchman import Watchman
from deployments.twin.slack import SlackStandIn
from flows.core.record import ReleaseState, fold
from tasks.event_store import EventStore, read_events
from tasks.ledger import note, open_ledger
from tasks.lock import LockRecord, lock_body, lock_key, read_lock
from tasks.models import Event, RestorePoint, Weights
from tasks.settings import Settings
from tasks.waits import wait_until
from tests.tasks.production import Production

TOKEN = "SLACK_TOKEN_OF_THE_TEST"
HOME = Weights(a=100, b=0)


@dataclass(frozen=True)
class Scene:
    """Hold a production with its Slack."""

    production: Production
    slack: SlackStandIn

    @property
    def settings(self) -> Settings:
        return self.production.settings

    def weights(self) -> Weights:
        return Weights.model_validate(self.production.weights())

    def texts(self) -> list[str]:
        return [message["text"] for message in self.slack.messages]

    def events(self) -> list[Event]:
        return read_events(EventStore(self.settings), self.production.plan.release_id)

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events()]

    def state(self) -> ReleaseState:
        return fold(self.events())

    def lock(self) -> LockRecord:
        found = read_lock(EventStore(self.settings), self.settings.name)
        assert found is not None
        return found

    def point(self) -> RestorePoint:
        """Record the way back, without what other systems add to it."""
        return self.production.restore_point().model_copy(update={"vercel_deployment_id": None})

    def die(self, *, rollout: str = "baking", weight: int = 50, phase: int = 1, lease_s: float = -10) -> None:
        """Run a release up to a weight and let its process die; with another lease it is not known to be dead yet."""
        plan = self.production.plan
        with open_ledger(self.settings, release_id=plan.release_id, version=plan.version) as ledger:
            self.tell(rollout, weight, phase)
            ledger.lock.abandon()
        self.expire(lease_s)

    def tell(self, rollout: str, weight: int, phase: int) -> None:
        """Write what a release writes until it is at a weight, and put the traffic there."""
        plan, point = self.production.plan, self.point()
        asked = {"version": plan.version, "environment": plan.environment, "requested_by": "somebody"}
        note("release.opened", {**asked, "flow_run_id": ""})
        note("release.planned", {"plan": plan.model_dump(mode="json")})
        note("stage.started", {"stage": "1.4 restore point"})
        proof = {"stage": "1.4 restore point", "took_s": 1, "evidence": point.model_dump(mode="json")}
        note("stage.finished", proof)
        if rollout:
            weights = Weights.giving(plan.candidate, weight)
            self.production.set_weights(weights.a, weights.b)
            note("rollout.moved", {"state": "shifting", "phase": phase, "reason": ""})
            note("traffic.shifted", {"weights": weights.model_dump()})
            note("rollout.moved", {"state": rollout, "phase": phase, "reason": "the judge is content"})

    def expire(self, lease_s: float = -10) -> None:
        """Make the lease run out now, so that no test waits for it."""
        store, key = EventStore(self.settings), lock_key(self.settings.name)
        stored = store.read(key)
        assert stored is not None
        record = LockRecord.model_validate_json(stored.body).model_copy(update={"lease_s": lease_s, "state": "held"})
        store.replace(key, lock_body(record), stored.etag)

    def end(self, watchman: Watchman) -> None:
        """Look until the release is over."""

        def over() -> bool | None:
            watchman.look()
            return True if self.state().ended else None

        wait_until(over, what="the end of the release", deadline_s=20, poll_s=0.3)

    def calls(self, after: int) -> list[Any]:
        """Return the calls to everything but the ledger after a number."""
        return [call for call in self.production.aws.calls.since(after) if call.service != "s3"]

    def last_call(self) -> int:
        return self.production.aws.calls.since()[-1].number
