"""Give the stages a production of their own, and its ledger."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from deployments.twin.aws import AwsEmulator
from deployments.twin.aws_seed import seed
from deployments.twin.aws_seeded import ImageSpec, Seeded
from deployments.twin.processes import Processes
from tasks.ledger import Ledger, open_ledger
from tasks.settings import load_settings
from tests.tasks.production import (
    CANDIDATE_COMMIT,
    STABLE_COMMIT,
    TEMPO,
    Production,
    new_plan,
    overrides_for,
    start_task,
)


# A module at a time: another room may emulate the same account in this process.
@pytest.fixture(scope="module")
def seeded_aws() -> Iterator[tuple[AwsEmulator, Seeded]]:
    with Processes() as processes, AwsEmulator(processes, processes.folder, start_task, tempo=TEMPO) as emulator:
        stable = ImageSpec("1.0.0", STABLE_COMMIT)
        candidate = ImageSpec("1.1.0", CANDIDATE_COMMIT)
        seeded = seed(emulator, "postgresql://u:p@localhost/x", "redis://localhost", stable=stable, candidate=candidate)
        yield emulator, seeded


@pytest.fixture
def new_production(
    seeded_aws: tuple[AwsEmulator, Seeded], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Production]]:
    """Make the settings of a release with a ledger of its own; overrides as ``SECTION__KEY=value``."""
    made: list[Production] = []

    def make(**overrides: str) -> Production:
        aws, seeded = seeded_aws
        bucket = f"ledger-{secrets.token_hex(6)}"
        aws.client("s3").create_bucket(Bucket=bucket)
        for key, value in {**overrides_for(aws, seeded, bucket), **overrides}.items():
            monkeypatch.setenv(f"GREENFLOW_{key}", value)
        made.append(Production(aws, seeded, load_settings("rehearsal"), new_plan()))
        return made[-1]

    yield make
    if made:
        made[-1].reset()


@pytest.fixture
def production(new_production: Callable[..., Production]) -> Production:
    return new_production()


@pytest.fixture
def opened() -> Iterator[Callable[[Production], Ledger]]:
    """Open the ledger of a production's release, until the test is over."""
    with ExitStack() as stack:

        def open_for(production: Production) -> Ledger:
            plan = production.plan
            ledger = open_ledger(production.settings, release_id=plan.release_id, version=plan.version)
            return stack.enter_context(ledger)

        yield open_for


@pytest.fixture
def release(production: Production, opened: Callable[[Production], Ledger]) -> Ledger:
    """Hold the environment and its ledger open for one test on production."""
    return opened(production)
