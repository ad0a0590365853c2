"""Say in our words that this machine has no room left, with what a person can do about it."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from tasks.errors import PermanentError
from tasks.sentences import named, sentence

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})


@contextmanager
def room_for(doing: str) -> Iterator[None]:
    """Turn a file that cannot be written into a PermanentError: ``could not <doing>: <cause>``."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        told = {"doing": named(doing), "why": error.strerror or "", "where": str(error.filename or "TMPDIR")}
        msg = sentence("could not {doing}: {why} at {where}; make room on this machine, or set TMPDIR", **told)
        raise PermanentError(msg) from error
