"""Checklist: people can be told and asked (guide: the Slack channel is active); nothing is posted."""

from tasks.checklist.subject import Subject
from tasks.clients.slack import read_channel
from tasks.models import Check
from tasks.settings import Settings


def check_channel(settings: Settings, _: Subject) -> tuple[Check, ...]:
    """Ask Slack for the channel: it is there, it is in use, and the bot is one of its members."""
    channel = read_channel(settings)
    member = "the bot is a member" if channel.is_member else "the bot is no member"
    return (
        Check.of(
            "Slack channel",
            ok=channel.is_member and not channel.is_archived,
            found=f"#{channel.name}: {'archived' if channel.is_archived else member}",
            expected="the bot is a member",
            note="" if channel.is_member else "invite it: /invite @greenflow_release",
        ),
    )
