"""Tell how far something long has come: into the log and the ledger, at sane intervals."""

import logging
import time
from dataclasses import dataclass, field

from tasks.ledger import note
from tasks.sentences import named, sentence

log = logging.getLogger("greenflow.progress")

MEBIBYTE = 1024 * 1024


@dataclass
class Progress:
    """Tell what a stage is doing, at most every ``every_s`` seconds; ``stage`` is its section of the guide."""

    stage: str
    doing: str
    every_s: float
    started_s: float = field(default_factory=time.monotonic)
    told_s: float = 0.0

    def bytes_done(self, count: int) -> None:
        """Tell a number of bytes, if it is time to."""
        took_s = time.monotonic() - self.started_s
        speed = count / MEBIBYTE / max(took_s, 0.001)
        told = sentence(
            "{done_mib:.0f} MiB {doing} in {took_s:.0f} s, {speed_mib_s:.0f} MiB/s",
            done_mib=count / MEBIBYTE,
            doing=named(self.doing),
            took_s=took_s,
            speed_mib_s=speed,
        )
        self.say(told, done_bytes=count)

    def say(self, text: str, **figures: float) -> None:
        """Tell a sentence, if it is time to; what comes too soon is not told at all."""
        now_s = time.monotonic()
        if now_s - max(self.told_s, self.started_s) < self.every_s:
            return
        self.told_s = now_s
        log.info("%s: %s", self.stage, text)
        note("stage.progress", {"stage": self.stage, "said": text, **figures})
