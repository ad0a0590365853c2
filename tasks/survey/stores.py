"""Find what lies around the API: its database, its cache, buckets, secrets, and the topic that people hear."""

from collections.abc import Iterator

from tasks.clients.aws import elasticache, rds, s3, secrets_manager, sns, translated
from tasks.sentences import named
from tasks.settings import AwsSettings
from tasks.survey.finding import Finding, only, preferred

SECRETS = {
    "site.token": ("vercel", "token"),
    "slack.signing_secret": ("slack", "signing"),
    "slack.token": ("slack", "token"),
}


def survey_stores(aws: AwsSettings, hint: str) -> tuple[Finding, ...]:
    """Return what RDS, ElastiCache, S3, SNS and Secrets Manager tell by their names alone; no secret is read."""
    return (*_database(aws, hint), *_cache(aws, hint), *_buckets(aws, hint), *_topic(aws, hint), *_secrets(aws, hint))


def _database(aws: AwsSettings, hint: str) -> Iterator[Finding]:
    with translated(named("look at the databases")):
        pages = rds(aws).get_paginator("describe_db_instances").paginate()
        found = [each for page in pages for each in page["DBInstances"] if each.get("Engine", "").endswith("postgres")]
    copies = [each for each in found if each.get("ReadReplicaSourceDBInstanceIdentifier")]
    one = only((each for each in found if each not in copies), lambda each: each["DBInstanceIdentifier"], hint)
    if one:
        name = one["DBInstanceIdentifier"]
        yield Finding(key="rds.instance", value=name, why=f"PostgreSQL {one.get('EngineVersion', '?')}")
        replicas = len(one.get("ReadReplicaDBInstanceIdentifiers", []))
        yield Finding(key="rds.replicas", value=replicas, why=f"the read replicas of {name}")


def _cache(aws: AwsSettings, hint: str) -> Iterator[Finding]:
    with translated(named("look at the caches")):
        pages = elasticache(aws).get_paginator("describe_replication_groups").paginate()
        found = [each for page in pages for each in page["ReplicationGroups"]]
    one = only(found, lambda each: each["ReplicationGroupId"], hint)
    if one:
        name = one["ReplicationGroupId"]
        yield Finding(key="elasticache.replication_group", value=name, why="the replication group")
        encrypted = bool(one.get("TransitEncryptionEnabled"))
        why = f"as {name} is today" if encrypted else f"as {name} is today; switch it on before you ask for it here"
        yield Finding(key="elasticache.transit_encryption", value=encrypted, why=why)


def _buckets(aws: AwsSettings, hint: str) -> Iterator[Finding]:
    with translated(named("look at the buckets")):
        names = [each["Name"] for each in s3(aws).list_buckets()["Buckets"]]
    for key, word in (("ledger.bucket", "ledger"), ("backup.bucket", "backup")):
        if name := preferred(names, hint, word):
            yield Finding(key=key, value=name, why=f"the bucket called {word}")


def _topic(aws: AwsSettings, hint: str) -> Iterator[Finding]:
    with translated(named("look at the topics")):
        pages = sns(aws).get_paginator("list_topics").paginate()
        arns = [each["TopicArn"] for page in pages for each in page["Topics"]]
    if arn := preferred(arns, hint, "alert") or preferred(arns, hint, "alarm"):
        yield Finding(key="monitoring.topic_arn", value=arn, why="the topic called so")


def _secrets(aws: AwsSettings, hint: str) -> Iterator[Finding]:
    with translated(named("look at the names of the secrets")):
        pages = secrets_manager(aws).get_paginator("list_secrets").paginate()
        names = [each["Name"] for page in pages for each in page["SecretList"]]
    for key, words in SECRETS.items():
        # "slack-app-token" is a token as well, and another one.
        if name := preferred((name for name in names if "app" not in name), hint, *words):
            yield Finding(key=key, value=f"secretsmanager:{name}", why="the secret called so")
