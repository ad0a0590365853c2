"""Word the question people are asked."""

from tasks.models import Ask


def ask_text(ask: Ask) -> str:
    """Say in a few lines what is asked, so that a person can decide in ten seconds."""
    wish = (
        f"Move {ask.version} from {ask.from_weight} % to {ask.to_weight} % of {ask.environment}'s traffic?"
        if ask.to_weight > ask.from_weight
        else f"Keep {ask.version} at {ask.from_weight} % of {ask.environment}'s traffic?"
    )
    lines = (wish, *ask.summary, f"Silence until {ask.expires_at:%H:%M:%S %Z} brings the traffic home.")
    return "\n".join(lines)
