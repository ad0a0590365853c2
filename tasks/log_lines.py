"""Let every line of the log know what it is about: its environment, its release, its stage and its phase.

Who works on something says so with ``about``; a handler with the filter puts it on each record, where a formatter for
machines finds it. Lines for people stay as they are.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

Facts = Callable[[], Mapping[str, Any]]

_ABOUT: ContextVar[tuple[Facts, ...]] = ContextVar("greenflow_about", default=())


@contextmanager
def about(facts: Facts) -> Iterator[None]:
    """Add facts to every line that is logged inside the block; they are asked for at each line."""
    token = _ABOUT.set((*_ABOUT.get(), facts))
    try:
        yield
    finally:
        _ABOUT.reset(token)


class AboutFilter(logging.Filter):
    """Put the facts of the moment on a record; what the line itself says wins."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through."""
        for facts in _ABOUT.get():
            for name, value in facts().items():
                if name not in vars(record):
                    setattr(record, name, value)
        return True
