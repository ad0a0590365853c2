"""An emulated account with production's data stores, and settings that name them; a plugin of the tests that ask."""

import secrets
from collections.abc import Callable, Iterator

import pytest

from deployments.twin.aws import AwsEmulator
from deployments.twin.aws_seed_data import GROUP, INSTANCE, create_data_stores
from deployments.twin.processes import Processes
from tasks.settings import Settings
from tests.tasks.stores import NewStores

ACCOUNT = "300000000004"


@pytest.fixture(scope="session")
def stores_account() -> Iterator[AwsEmulator]:
    with Processes() as processes, AwsEmulator(processes, processes.folder, lambda _: [], ACCOUNT) as emulator:
        yield emulator


@pytest.fixture
def stores_aws(stores_account: AwsEmulator) -> AwsEmulator:
    """The account with its data stores as they were created."""
    stores_account.account.rds.reset()
    stores_account.account.elasticache.reset()
    create_data_stores(stores_account)
    return stores_account


@pytest.fixture
def new_stores(stores_aws: AwsEmulator, new_settings: Callable[..., Settings]) -> NewStores:
    """Make settings of the seeded account; overrides as ``SECTION__KEY=value``."""

    def make(**overrides: str) -> Settings:
        ledger, backups = f"ledger-{secrets.token_hex(6)}", f"backups-{secrets.token_hex(6)}"
        for bucket in (ledger, backups):
            stores_aws.client("s3").create_bucket(Bucket=bucket)
        given = {
            "AWS__ENDPOINT_URL": stores_aws.url,
            "AWS__ACCOUNT_ID": ACCOUNT,
            "LEDGER__BUCKET": ledger,
            "BACKUP__BUCKET": backups,
            "RDS__INSTANCE": INSTANCE,
            "ELASTICACHE__REPLICATION_GROUP": GROUP,
        }
        return new_settings(**given | overrides)

    return make
