"""Checklist: people can be told and asked (guide: the Slack channel is active); nothing is posted."""

from tasks.checklist.subject import Subject
from tasks.clients.slack import read_channel
from tasks.models import Check
from tasks.sentences import sentence
from tasks.settings import Settings


def check_channel(settings: Settings, _: Subject) -> tuple[Check, ...]:
    """Ask Slack for the channel: it is there, it is in use, and the bot is one of its members."""
    channel = read_channel(settings)
    is_in = sentence("the bot is a member")
    member = is_in if channel.is_member else sentence("the bot is no member")
    state = sentence("archived") if channel.is_archived else member
    return (
        Check.of(
            "Slack channel",
            ok=channel.is_member and not channel.is_archived,
            found=sentence("{what}: {why}", what=f"#{channel.name}", why=state),
            expected=is_in,
            note="" if channel.is_member else sentence("invite it: {command}", command="/invite @greenflow_release"),
        ),
    )
