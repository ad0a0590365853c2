"""Find the people behind the names in an environment's rules: members, ARNs, and whoever is in a Slack group now."""

from collections.abc import Iterable
from dataclasses import dataclass

from tasks.approval_policy import GROUP
from tasks.clients.slack import read_group
from tasks.errors import ReleaseError
from tasks.settings import Settings


@dataclass(frozen=True)
class Circle:
    """Hold who is meant by some names; ``trouble`` says which group could not be read, and counts as nobody."""

    ids: frozenset[str]
    trouble: str = ""


def people_behind(settings: Settings, names: Iterable[str]) -> Circle:
    """Return who is behind names now: one id a person, whatever they are called in the rules.

    A group that cannot be read is nobody; those who are named themselves still count.
    """
    people: set[str] = set()
    trouble = ""
    for name in names:
        if not GROUP.fullmatch(name):
            people.add(settings.approval.person(name))
            continue
        try:
            people.update(read_group(settings, name))
        except ReleaseError as error:
            trouble = str(error)
    return Circle(frozenset(people), trouble)
