"""Give every room what more than one of them needs: the twin's AWS, settings that point to it, an open ledger."""

import os
import secrets
import signal
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

import pytest

from tasks.waits import clear_stop

if TYPE_CHECKING:
    from deployments.twin.aws import AwsEmulator
    from tasks.ledger import Ledger
    from tasks.settings import Settings

LEDGER_ACCOUNT = "300000000003"

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background job ignores Ctrl-C and so would all that is started here, also what a test interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)

NewSettings: TypeAlias = "Callable[..., Settings]"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the rehearsals: they take longest, and one worker has them all."""
    items.sort(key=lambda item: "rehearsal" not in item.path.parts)


@pytest.fixture(autouse=True)
def _no_foreign_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the desk's own environment out of the tests."""
    for name in list(os.environ):
        if name.startswith(("GREENFLOW_", "AWS_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "twin")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "twin")
    clear_stop()


@pytest.fixture(scope="session")
def ledger_aws() -> "Iterator[AwsEmulator]":
    """An emulated account for what needs only the object store."""
    from deployments.twin.aws import AwsEmulator
    from deployments.twin.processes import Processes

    with Processes() as processes, AwsEmulator(processes, processes.folder, lambda _: [], LEDGER_ACCOUNT) as emulator:
        yield emulator


@pytest.fixture
def new_settings(ledger_aws: "AwsEmulator", monkeypatch: pytest.MonkeyPatch) -> NewSettings:
    """Make settings with a bucket of their own; overrides as ``SECTION__KEY=value``."""

    def make(**overrides: str) -> "Settings":
        bucket = f"ledger-{secrets.token_hex(6)}"
        ledger_aws.client("s3").create_bucket(Bucket=bucket)
        given = {
            "AWS__ENDPOINT_URL": ledger_aws.url,
            "AWS__ACCOUNT_ID": LEDGER_ACCOUNT,
            "LEDGER__BUCKET": bucket,
            "LEDGER__LEASE_S": "10",
            "LEDGER__READ_BACK_S": "0.5",
            "LEDGER__POLL_S": "0.02",
            **overrides,
        }
        for key, value in given.items():
            monkeypatch.setenv(f"GREENFLOW_{key}", value)
        return load_settings("rehearsal")

    from tasks.settings import load_settings

    return make


@pytest.fixture
def settings(new_settings: NewSettings) -> "Settings":
    return new_settings()


@pytest.fixture
def ledger(settings: "Settings") -> "Iterator[Ledger]":
    """Hold the environment and its ledger open for one test."""
    from tasks.ledger import open_ledger

    with open_ledger(settings, release_id="1.1.0-test", version="1.1.0") as opened:
        yield opened
