"""Numbers of staging count when they are good, many, young, and of the very commit."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from deployments.twin.staging import autocannon
from tasks.checklist.performance import check_performance
from tasks.models import Check
from tests.conftest import NewSettings
from tests.tasks.checklist.subjects import COMMIT, NOW, failed, subject


def asked(new_settings: NewSettings, folder: Path, body: bytes) -> tuple[Check, ...]:
    file = folder / "performance.json"
    file.write_bytes(body)
    os.utime(file, (NOW.timestamp(), NOW.timestamp()))
    return check_performance(new_settings(CHECKLIST__PERFORMANCE__FILE=str(file)), subject())


def told(**changes: Any) -> bytes:
    return json.dumps(json.loads(autocannon(COMMIT)) | changes).encode()


def test_good_numbers_of_the_commit_pass(new_settings: NewSettings, tmp_path: Path) -> None:
    assert failed(asked(new_settings, tmp_path, autocannon(COMMIT, p97_5_ms=299))) == []


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        (autocannon(COMMIT, p97_5_ms=300), ["performance on staging: P97.5"]),
        (autocannon(COMMIT, p97_5_ms=501), ["performance on staging: P97.5", "performance on staging: P99"]),
        (autocannon(COMMIT, requests=999), ["performance on staging: requests"]),
        (autocannon("e" * 40), ["performance on staging: commit"]),
        (told(non2xx=301), ["performance on staging: errors"]),
        (told(requests={"total": 0}), ["performance on staging: requests"]),
        (b"{}", ["performance on staging"]),
        (b"[1]", ["performance on staging"]),
        (b"Error: connect ECONNREFUSED", ["performance on staging"]),
    ],
)
def test_each_bad_number_is_refused_by_its_name(
    new_settings: NewSettings, tmp_path: Path, body: bytes, refused: list[str]
) -> None:
    assert failed(asked(new_settings, tmp_path, body)) == refused
