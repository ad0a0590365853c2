"""Keep each click before it is acknowledged: no crash of this service loses one, no repetition doubles it."""

from deployments.approvals.clicks import Click
from tasks.asks import NONCE
from tasks.event_store import ConflictError, EventStore
from tasks.settings import Settings

_CLICK = ".click.json"
_DONE = ".done.json"


class Inbox:
    """Hold the clicks of one environment, beside the question or the release they are about; raises RemoteError."""

    def __init__(self, settings: Settings) -> None:
        self._store = EventStore(settings)

    def keep(self, click: Click) -> bool:
        """Keep a click; tells False when the same one has been kept before."""
        return self._create(_key(click, _CLICK), click.model_dump_json().encode())

    def finish(self, click: Click) -> None:
        """Remember that a click has been decided about."""
        self._create(_key(click, _DONE), b"{}")

    def left(self, subject: str) -> list[Click]:
        """Return the clicks on a question or a release that were kept and never decided about."""
        keys = self._store.list(f"{_folder(subject)}/clicks/")
        done = {key.removesuffix(_DONE) for key in keys if key.endswith(_DONE)}
        waiting = [key for key in keys if key.endswith(_CLICK) and key.removesuffix(_CLICK) not in done]
        found = [self._store.read(key) for key in waiting]
        return [Click.model_validate_json(stored.body) for stored in found if stored]

    def _create(self, key: str, body: bytes) -> bool:
        try:
            self._store.create(key, body)
        except ConflictError:
            return False
        return True


def _key(click: Click, kind: str) -> str:
    return f"{_folder(click.value)}/clicks/{click.id}{kind}"


def _folder(subject: str) -> str:
    return f"asks/{subject}" if NONCE.fullmatch(subject) else f"releases/{subject}"
