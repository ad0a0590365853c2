"""Say whether a run begins too long after it was due."""

from datetime import datetime

from tasks.sentences import sentence

MINUTE_S = 60


def how_late(due: datetime, now: datetime, late_s: float) -> str:
    """Return why a run that begins now is refused, or nothing while it is in time; never early."""
    found_s = (now - due).total_seconds()
    if found_s <= late_s:
        return ""
    return sentence(
        "start refused: due at {due}, {found:.0f} min ago > {bound:.0f} min; the quiet hour may be over: start it anew "
        "by hand, or wait for the next time",
        due=f"{due:%Y-%m-%d %H:%M} UTC",
        found=found_s / MINUTE_S,
        bound=late_s / MINUTE_S,
    )
