"""Be a release at half of the traffic that goes on to all of it when it is told to; the tests stop it meanwhile."""

import sys
from pathlib import Path

from tasks.errors import ReleaseError
from tasks.ledger import open_ledger
from tasks.models import Weights
from tasks.settings import load_settings
from tasks.waits import wait_until
from tasks.weights import shift_weights
from tests.deployments.guard.scene import HOME


def main(release_id: str, folder: Path) -> int:
    settings = load_settings("rehearsal")
    with open_ledger(settings, release_id=release_id, version="1.1.0"):
        (folder / "ready").touch()
        go = folder / "go"
        wait_until(lambda: go.exists() or None, what="the word to go on", deadline_s=120, poll_s=0.05)
        try:
            shift_weights(settings, Weights(a=0, b=100), allowed_before=(HOME, Weights(a=50, b=50)))
        except ReleaseError as error:
            sys.stderr.write(f"{error}\n")
            return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
