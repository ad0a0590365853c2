"""The cache is what the guide asks for, or the check says what it is instead, with both values."""

from collections.abc import Iterator

import pytest
import redis

from deployments.twin.aws import AwsEmulator
from deployments.twin.aws_seed_data import GROUP
from deployments.twin.processes import Processes
from deployments.twin.valkey import Valkey
from tasks.cache import verify_cache
from tasks.cache_checks import check_cache, judge_group
from tasks.data_settings import ElastiCacheSettings
from tasks.elasticache import Group
from tasks.ledger import open_ledger
from tasks.models import Check
from tests.tasks.stores import NewStores

pytest_plugins = ["tests.tasks.data_stores_fixtures"]

VARIABLE = "CACHE_URL_OF_THE_TEST"
CACHE = {"CACHE__URL": f"env:{VARIABLE}"}
SOUND = Group(
    name="greenflow-prod-cache",
    status="available",
    engine="valkey",
    nodes=3,
    automatic_failover=True,
    multi_az=True,
    at_rest_encryption=True,
    transit_encryption=True,
    snapshot_days=30,
)


@pytest.fixture(scope="module")
def started() -> Iterator[Valkey]:
    with Processes() as processes, Valkey(processes, processes.folder) as valkey:
        yield valkey


@pytest.fixture
def valkey(started: Valkey, monkeypatch: pytest.MonkeyPatch) -> Iterator[Valkey]:
    monkeypatch.setenv(VARIABLE, started.url)
    yield started
    with redis.Redis.from_url(started.url) as client:
        client.execute_command("REPLICAOF", "NO", "ONE")
        client.config_set("maxmemory", 0)
        client.flushall()
        client.config_resetstat()


def named(checks: tuple[Check, ...], name: str) -> Check:
    return next(check for check in checks if check.name == name)


def failed(checks: tuple[Check, ...]) -> dict[str, str]:
    return {check.name: check.found for check in checks if check.outcome == "failed"}


def test_a_cache_as_the_guide_wants_it_passes_every_check(new_stores: NewStores, valkey: Valkey) -> None:
    settings = new_stores(**CACHE)
    with open_ledger(settings, release_id="1.1.0-cache", version="1.1.0"):
        evidence = verify_cache.fn(settings)
    assert evidence.failed == ()
    assert named(evidence.checks, "cache URL").found == "redis://"
    # The twin's Valkey has no TLS, and its environment says so.
    assert named(evidence.checks, "ElastiCache encrypted in transit").outcome == "skipped"


@pytest.mark.parametrize(
    ("differs", "name", "found"),
    [
        ({"nodes": 2}, "ElastiCache nodes", "2"),
        ({"automatic_failover": False}, "ElastiCache automatic failover", "off"),
        ({"at_rest_encryption": False}, "ElastiCache encrypted at rest", "off"),
        ({"transit_encryption": False}, "ElastiCache encrypted in transit", "off"),
        ({"snapshot_days": 1}, "ElastiCache snapshots", "kept 1 days"),
        ({"engine": "memcached"}, "ElastiCache engine", "memcached"),
        ({"status": "modifying"}, "ElastiCache group", "modifying"),
    ],
)
def test_what_differs_from_the_guide_is_found_with_both_values(
    differs: dict[str, object], name: str, found: str
) -> None:
    assert failed(judge_group(SOUND, ElastiCacheSettings())) == {}
    group = Group(**{**SOUND.__dict__, **differs})
    assert failed(judge_group(group, ElastiCacheSettings())) == {name: found}


def test_a_group_without_failover_is_refused_by_what_aws_says(
    new_stores: NewStores, stores_aws: AwsEmulator, valkey: Valkey
) -> None:
    settings = new_stores(**CACHE)
    stores_aws.client("elasticache").modify_replication_group(
        ReplicationGroupId=GROUP, AutomaticFailoverEnabled=False, ApplyImmediately=True
    )
    assert failed(check_cache(settings)) == {"ElastiCache automatic failover": "off"}


def test_a_plain_address_of_an_encrypted_group_is_refused(
    new_stores: NewStores, stores_aws: AwsEmulator, valkey: Valkey
) -> None:
    stores_aws.client("elasticache").create_replication_group(
        ReplicationGroupId="encrypted",
        ReplicationGroupDescription="encrypted",
        NumCacheClusters=3,
        AutomaticFailoverEnabled=True,
        AtRestEncryptionEnabled=True,
        TransitEncryptionEnabled=True,
        SnapshotRetentionLimit=30,
    )
    check = named(check_cache(new_stores(**CACHE, ELASTICACHE__REPLICATION_GROUP="encrypted")), "cache URL")
    assert check.line == "cache URL: found redis://, expected rediss://, since its transit encryption is on"


def test_an_unknown_group_is_refused(new_stores: NewStores, valkey: Valkey) -> None:
    checks = check_cache(new_stores(**CACHE, ELASTICACHE__REPLICATION_GROUP="another"))
    assert failed(checks) == {"ElastiCache group": "none named another"}


def test_a_full_cache_that_throws_sessions_away_is_refused(new_stores: NewStores, valkey: Valkey) -> None:
    with redis.Redis.from_url(valkey.url) as client:
        used = client.info("memory")["used_memory"]
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.config_set("maxmemory", used + 300_000)
        for number in range(200):
            client.set(f"greenflow:session:{number}", "x" * 5000)
    found = failed(check_cache(new_stores(**CACHE)))
    assert set(found) == {"Redis memory", "Redis evictions"}
    assert found["Redis evictions"].endswith("in 0.0 h")


def test_a_reader_endpoint_is_refused(new_stores: NewStores, valkey: Valkey) -> None:
    with redis.Redis.from_url(valkey.url) as client:
        client.execute_command("REPLICAOF", "127.0.0.1", "9")
    assert failed(check_cache(new_stores(**CACHE))) == {"Redis role": "slave"}
