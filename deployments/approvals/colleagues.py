"""Look people up in Slack as they are now: who left, or became a guest, since they last decided decides nothing."""

import threading

from flows.core.answers import Person, refuse_person
from tasks.clients.slack import Home, read_home, read_member
from tasks.settings import Settings


class Colleagues:
    """Know one environment's workspace; raises RemoteError where Slack does not say."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._home: Home | None = None
        self._asking = threading.Lock()

    def home(self) -> Home:
        """Return our own app and workspace, asked once."""
        with self._asking:
            self._home = self._home or read_home(self._settings)
            return self._home

    def look_up(self, named: Person, user_id: str) -> Person:
        """Return a person with what Slack knows of their account now."""
        member = read_member(self._settings, user_id)
        if member is None:
            return named.model_copy(update={"is_known": False})
        facts = {"team_id": member.team_id, "is_guest": member.is_guest, "is_bot": member.is_bot}
        return named.model_copy(update={**facts, "is_gone": member.is_gone})

    def is_one(self, user_id: str) -> bool:
        """Tell whether somebody who answered in Slack is a colleague still."""
        person = self.look_up(Person(id=user_id), user_id)
        return refuse_person(person, self.home().team_id) is None
