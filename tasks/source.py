"""0 Check out the source: the released tag, and nothing else, in a folder of its own (guide 1.1, 4.3)."""

import logging
import shutil
from pathlib import Path

from tasks.clients.git import clone_tag, commit_time, resolve_tag
from tasks.models import Check, Checkout, ReleasePlan
from tasks.retries import REPEATABLE
from tasks.settings import Settings, SourceSettings
from tasks.stage import stage

log = logging.getLogger("greenflow.source")


@stage("0 check out the source", REPEATABLE)
def check_out_source(settings: Settings, plan: ReleasePlan, folder: Path) -> Checkout:
    """Check out the plan's version; its commit must be the planned one.

    Raises PermanentError naming a missing tag, TransientError when the repository is not reached.
    """
    found = check_out(settings.source, plan.version, folder)
    same = Check.of("commit of the tag", ok=found.commit == plan.commit, found=found.commit, expected=plan.commit)
    return found.model_copy(update={"checks": (same,)})


def check_out(source: SourceSettings, version: str, folder: Path) -> Checkout:
    """Clone the tag of a version into ``folder``, without its history; what lay there before is removed."""
    if folder.exists():
        shutil.rmtree(folder)
    tag = tag_of(version)
    commit = clone_tag(source.repository, tag, folder)
    log.info("checked out %s at %s", tag, commit[:12])
    return Checkout(tag=tag, commit=commit, folder=str(folder), committed_at=commit_time(folder))


def find_commit(source: SourceSettings, version: str) -> str:
    """Return the commit of a version's tag, without a checkout; raises PermanentError naming a missing tag."""
    return resolve_tag(source.repository, tag_of(version))


def tag_of(version: str) -> str:
    """Return the tag of a version."""
    return f"v{version}"
