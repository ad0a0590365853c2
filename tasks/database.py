"""4.1 Check the database against what production needs (guide 4.1)."""

import logging

from tasks.database_checks import check_database
from tasks.models import Evidence
from tasks.retries import REPEATABLE
from tasks.settings import Settings
from tasks.stage import stage

log = logging.getLogger("greenflow.database")


@stage("4.1 check the database", REPEATABLE)
def verify_database(settings: Settings) -> Evidence:
    """Look at RDS and at the server itself; changes nothing, raises RemoteError when one of them is not reached."""
    log.info("checking the database of %s", settings.name)
    return Evidence(checks=check_database(settings))
