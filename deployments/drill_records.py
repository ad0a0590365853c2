"""Put a drill on record in the ledger of the environment whose releases shall be allowed by it."""

from dataclasses import dataclass
from datetime import datetime

from deployments.rehearse import Rehearsed
from flows.core.record import Ending
from tasks.checklist.ground import look_at_ground
from tasks.drills import Drill, record_drill
from tasks.errors import GateRefused, PermanentError, SettingsError
from tasks.identity import operator
from tasks.models import Event
from tasks.product import Product, this_product
from tasks.settings import Settings, load_settings


@dataclass(frozen=True)
class Recorder:
    """Know, from before the drill, where it goes on record, with which code it runs and who asks for it."""

    settings: Settings
    product: Product
    recorded_by: str

    def record(self, done: Rehearsed, fault: str) -> str:
        """Record a drill that came home and return where; raises GateRefused for every other ending."""
        found = Ending(done.report.ending)
        if done.code != 0 or found is not Ending.ROLLED_BACK:
            msg = f"drill record refused: found a drill that ended {found}, expected one that was {Ending.ROLLED_BACK}"
            raise GateRefused(msg, gate="drill record")
        return record_drill(self.settings, self._drill(done, fault))

    def _drill(self, done: Rehearsed, fault: str) -> Drill:
        report, users = done.report, done.report.users
        return Drill(
            release_id=report.release_id,
            version=report.version,
            fault=fault,
            ending=report.ending,
            reason=report.reason,
            product=self.product,
            began_at=done.events[0].at,
            ended_at=_ended_at(done.events),
            home_s=report.way_home.took_s if report.way_home else None,
            requests=users.requests if users else 0,
            failed=users.failed if users else 0,
            events=len(done.events),
            chain_sha256=done.events[-1].sha256,
            recorded_by=self.recorded_by,
        )


def recorder_for(environment: str) -> Recorder:
    """Look at an environment before the drill begins; raises SettingsError when nothing could be recorded there."""
    settings = load_settings(environment)
    _, wrong = look_at_ground(settings)
    needed = [error for name, error in wrong.items() if name in {"AWS account", "ledger bucket"}]
    if needed:
        raise SettingsError("\n".join(str(error) for error in needed))
    return Recorder(settings, this_product(), operator(settings))


def _ended_at(events: tuple[Event, ...]) -> datetime:
    for event in reversed(events):
        if event.kind == "release.ended":
            return event.at
    msg = "could not record the drill: its chain has no end"
    raise PermanentError(msg)
