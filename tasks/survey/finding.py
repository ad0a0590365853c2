"""Hold what a survey has found out: a key of an environment's file, its value, and what that rests on."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from tasks.models import Record

T = TypeVar("T")
Value = str | int | bool | list[str]


class Finding(Record):
    """Hold one value; ``why`` says what was seen, so that a person can tell a wrong guess."""

    key: str
    value: Value
    why: str


def best(names: Iterable[str], *words: str) -> str:
    """Choose the one name that holds all of these words; empty where none or several do."""
    found = [name for name in names if all(word in name.lower() for word in words)]
    return found[0] if len(found) == 1 else ""


def preferred(names: Iterable[str], hint: str, *words: str) -> str:
    """Choose by the words alone, then, where several hold them, by the hint as well."""
    listed = list(names)
    return best(listed, *words) or best(listed, *words, hint)


def only(items: Iterable[T], named: Callable[[T], str], hint: str) -> T | None:
    """Return the only item, or the only one whose name holds the hint."""
    listed = list(items)
    if len(listed) == 1:
        return listed[0]
    hinted = [item for item in listed if hint and hint in named(item).lower()]
    return hinted[0] if len(hinted) == 1 else None
