"""After: ask people how the new version feels, and gather what they wrote (guide, "within 24 hours")."""

from tasks.aftercare_models import Feedback
from tasks.announcements import announce
from tasks.clients.slack import read_replies
from tasks.models import Check
from tasks.retries import REPEATABLE
from tasks.sentences import sentence
from tasks.settings import Settings
from tasks.stage import stage

NAME = "feedback"
KEY = "aftercare-feedback"


@stage("after: ask for feedback", REPEATABLE)
def ask_for_feedback(settings: Settings, release_id: str, version: str, thread_ts: str) -> Feedback:
    """Ask once in the release's thread; a Slack that does not take it is a failed check, never an error."""
    text = sentence(
        "How does {version} feel to you and to users? Please answer in this thread: what works, what does not. "
        "Whatever is written here goes into the retrospective.",
        version=version,
    )
    ts = announce(settings, release_id, text, key=KEY, thread_ts=thread_ts)
    found = sentence("asked in the thread ({ts})", ts=ts) if ts else "Slack did not take the question"
    return Feedback(checks=(Check.of(NAME, ok=bool(ts), found=found, expected="people are asked"),))


@stage("after: gather feedback", REPEATABLE)
def gather_feedback(settings: Settings, thread_ts: str) -> Feedback:
    """Return what people have written in the release's thread; raises RemoteError when Slack cannot be read."""
    if not thread_ts:
        return Feedback(checks=(Check.skipped(NAME, "this release has no thread in Slack"),))
    said = read_replies(settings, thread_ts)
    people = len({who for who, _ in said})
    found = sentence("{count} messages of {people} people", count=len(said), people=people)
    return Feedback(said=said, checks=(Check.of(NAME, ok=True, found=found, expected="whatever people wrote"),))
