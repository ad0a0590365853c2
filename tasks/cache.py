"""4.2 Check the cache against what production needs (guide 4.2)."""

import logging

from tasks.cache_checks import check_cache
from tasks.models import Evidence
from tasks.retries import REPEATABLE
from tasks.settings import Settings
from tasks.stage import stage

log = logging.getLogger("greenflow.cache")


@stage("4.2 check the cache", REPEATABLE)
def verify_cache(settings: Settings) -> Evidence:
    """Look at ElastiCache and at the server itself; changes nothing, raises RemoteError when one is not reached."""
    log.info("checking the cache of %s", settings.name)
    return Evidence(checks=check_cache(settings))
