"""Store bytes as a dump is stored."""

import os

from tasks.backup_store import find_dump
from tasks.backup_upload import Sent, open_upload
from tasks.ledger import effect
from tasks.settings import Settings

KEY = "dumps/made-up"


def upload(settings: Settings, size_mib: int) -> Sent:
    """Store so many random mebibytes, in parts when they are more than one."""
    sent: list[Sent] = []

    def act() -> None:
        with open_upload(settings, KEY, lambda _: None) as opened:
            for _ in range(size_mib):
                opened.write(os.urandom(2**20))
            sent.append(opened.seal())
            opened.complete()

    effect(
        "s3.store_dump",
        "made-up",
        observe=lambda: find_dump(settings, KEY, sent[-1]) if sent else None,
        act=act,
    )
    return sent[-1]
