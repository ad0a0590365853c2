"""A machine without room left is said as such, by the stage that met it."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.disk import room_for
from tasks.errors import PermanentError
from tasks.ledger import Ledger
from tasks.models import Evidence
from tasks.retries import ONCE
from tasks.stage import stage

LIMIT_BYTES = 8192


@pytest.fixture
def no_room() -> Iterator[None]:
    """Let this process write no file that is larger than a few kilobytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT_BYTES, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        for _ in range(3):
            file.write(bytes(LIMIT_BYTES))


def test_a_stage_that_finds_no_room_fails_with_what_a_person_can_do(
    ledger: Ledger, tmp_path: Path, no_room: None
) -> None:
    @stage("1.9 fill the disk", ONCE)
    def fill_disk() -> Evidence:
        fill(tmp_path / "dump")
        return Evidence()

    said = r"could not finish 1\.9 fill the disk: File too large at .*; make room on this machine, or set TMPDIR"
    with pytest.raises(PermanentError, match=said):
        fill_disk.fn()
    assert ledger.events[-1].kind == "stage.failed"
    assert "make room on this machine" in str(ledger.events[-1].data["cause"])


def test_another_trouble_with_a_file_is_no_full_disk(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), room_for("read it"):
        (tmp_path / "nothing").read_bytes()
