"""Hold what somebody asked for when they started a release."""

from tasks.models import Record, Version


class Wish(Record):
    """Hold the version, who wants it and which run does it.

    ``override`` is why it may begin outside of its window; empty without such a wish.
    """

    version: Version
    requested_by: str
    flow_run_id: str = ""
    override: str = ""
