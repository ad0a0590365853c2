"""Find what a release without a version releases: what staging runs (guide, "deployment system").

Whether it has run there for long enough is the checklist's question, asked at the head of every release.
"""

from tasks.checklist.subject import version_on_staging
from tasks.live import observe_live
from tasks.models import Live
from tasks.registry import find_image
from tasks.sentences import sentence
from tasks.settings import Settings


def find_staged(settings: Settings) -> tuple[str, str]:
    """Return the version to release, empty when there is nothing new, and why; looks only.

    Raises SettingsError when no staging is set or nothing tells its version, RemoteError when AWS cannot be asked.
    """
    version = version_on_staging(settings)
    image = find_image(settings, tag=version)
    return propose(version, image.digest if image else "", observe_live(settings), settings.name)


def propose(version: str, digest: str, live: Live, environment: str) -> tuple[str, str]:
    """Decide from staging's image and what most users of an environment meet; returns what ``find_staged`` does."""
    serving = max((live.a, live.b), key=lambda side: side.weight)
    if digest and serving.digest == digest:
        return "", sentence("nothing new: {here} runs {version} like staging", here=environment, version=version)
    return version, sentence("staging runs {version}", version=version)
