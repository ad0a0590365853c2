"""Find what the checklist is about: one version, the commit it was built from, the image that will run."""

from datetime import UTC, datetime
from pathlib import Path

from tasks.ecs_services import find_serving, find_tasks, running_digest
from tasks.errors import SettingsError
from tasks.models import Record
from tasks.registry import find_image
from tasks.settings import Settings
from tasks.source import check_out


class Subject(Record):
    """Hold what every row is asked about: ``folder`` holds its source, ``digest`` is empty without an image."""

    version: str
    commit: str
    digest: str
    folder: str
    now: datetime


def find_subject(settings: Settings, version: str, folder: Path) -> Subject:
    """Find a version's commit and image and check its source out; without a version, the one staging runs.

    Raises SettingsError when nobody names a version, PermanentError naming a missing tag.
    """
    version = version or version_on_staging(settings)
    checkout = check_out(settings.source, version, folder / "source")
    return subject_of(settings, version, checkout.commit, checkout.folder)


def subject_of(settings: Settings, version: str, commit: str, folder: str) -> Subject:
    """Make the subject of a version whose source lies in ``folder``."""
    image = find_image(settings, tag=version)
    digest = image.digest if image else ""
    return Subject(version=version, commit=commit, digest=digest, folder=folder, now=datetime.now(UTC))


def version_on_staging(settings: Settings) -> str:
    """Return the version staging runs, by its image's own words; raises SettingsError when nothing tells."""
    staging = settings.checklist.staging
    if staging is None:
        msg = "version: found none, and no checklist.staging to ask, expected one such as --version 1.4.0"
        raise SettingsError(msg)
    names = [service["serviceName"] for service in find_serving(settings.aws, staging.cluster, staging.services)]
    tasks = [task for name in names for task in find_tasks(settings.aws, staging.cluster, name)]
    digests = {running_digest(task, settings.service.container) for task in tasks} - {""}
    images = [image for digest in digests if (image := find_image(settings, digest=digest))]
    versions = {image.version for image in images} - {""}
    if len(versions) != 1:
        told = ", ".join(sorted(versions)) or "none that its image tells"
        msg = f"version: found {told} on {', '.join(names)}, expected one; name it: --version 1.4.0"
        raise SettingsError(msg)
    return versions.pop()
