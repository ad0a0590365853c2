"""Compare the cache with what production needs: failover, encryption, snapshots, memory (guide 4.2)."""

from typing import Any

from tasks.clients.redis import open_redis
from tasks.data_settings import ElastiCacheSettings
from tasks.elasticache import Group, read_group
from tasks.models import Check
from tasks.secrets import read_secret
from tasks.sentences import named, sentence
from tasks.settings import Settings

ENGINES = ("redis", "valkey")
MB = 1_000_000
SHORTEST_H = 1.0
"""A server that has just started tells no rate: what it evicted counts as of a whole hour."""
TO_CHANGE = "`greenflow infra plan` shows how to change it"


def check_cache(settings: Settings) -> tuple[Check, ...]:
    """Return every check of ElastiCache and of the server behind ``cache.url``; raises RemoteError."""
    name = settings.elasticache.replication_group
    group = read_group(settings.aws, name) if name else None
    return (*_check_group(settings.elasticache, group), *_check_server(settings, group))


def judge_group(group: Group, wanted: ElastiCacheSettings) -> tuple[Check, ...]:
    """Compare a replication group with the guide's values; looks at nothing."""
    return (
        Check.of("ElastiCache group", ok=group.status == "available", found=group.status, expected="available"),
        Check.of("ElastiCache engine", ok=group.engine in ENGINES, found=group.engine, expected=" / ".join(ENGINES)),
        Check.of("ElastiCache nodes", ok=group.nodes >= wanted.nodes, found=group.nodes, expected=f">= {wanted.nodes}"),
        _on("ElastiCache automatic failover", group.automatic_failover, TO_CHANGE),
        _on("ElastiCache encrypted at rest", group.at_rest_encryption, "only a new group can have it"),
        _transit_check(group, wanted),
        Check.of(
            "ElastiCache snapshots",
            ok=group.snapshot_days >= wanted.snapshot_days,
            found=sentence("kept {days} days", days=group.snapshot_days),
            expected=sentence(">= {days} days", days=wanted.snapshot_days),
            note="" if group.snapshot_days >= wanted.snapshot_days else TO_CHANGE,
        ),
    )


def _check_group(wanted: ElastiCacheSettings, group: Group | None) -> tuple[Check, ...]:
    if not wanted.replication_group:
        return (Check.skipped("ElastiCache group", "off: elasticache.replication_group names none"),)
    if group is None:
        found = sentence("none named {name}", name=wanted.replication_group)
        return (Check.of("ElastiCache group", ok=False, found=found, expected="one", note=TO_CHANGE),)
    return judge_group(group, wanted)


def _on(name: str, found: bool, advice: str) -> Check:  # noqa: FBT001 - what was found
    return Check.of(name, ok=found, found="on" if found else "off", expected="on", note="" if found else advice)


def _transit_check(group: Group, wanted: ElastiCacheSettings) -> Check:
    name = "ElastiCache encrypted in transit"
    if not wanted.transit_encryption:
        return Check.skipped(name, "off: elasticache.transit_encryption asks for none")
    return _on(name, group.transit_encryption, "clients move to rediss:// first, then the group requires it")


def _check_server(settings: Settings, group: Group | None) -> tuple[Check, ...]:
    url = read_secret(settings.cache.url, settings.aws)
    wanted = settings.elasticache
    with open_redis(url, timeout_s=wanted.timeout_s, doing="look at the cache") as client:
        answered = client.ping()
        info: dict[str, Any] = client.info()
    return (
        _scheme_check(url.get_secret_value().partition("://")[0], group),
        Check.of("Redis answers", ok=bool(answered), found="PONG" if answered else "nothing", expected="PONG"),
        _role_check(str(info.get("role"))),
        _memory_check(info, wanted),
        _eviction_check(info, wanted),
    )


def _scheme_check(scheme: str, group: Group | None) -> Check:
    """Compare what clients speak with what the group speaks: a plain client of an encrypted group hangs."""
    name = "cache URL"
    if group is None:
        return Check.skipped(name, sentence("no group to compare its {scheme}:// with", scheme=scheme))
    expected = "rediss" if group.transit_encryption else "redis"
    why = sentence("since its transit encryption is {state}", state=named("on" if group.transit_encryption else "off"))
    return Check.of(
        name,
        ok=scheme == expected,
        found=f"{scheme}://",
        expected=sentence("{expected}://, {why}", expected=expected, why=why),
    )


def _role_check(role: str) -> Check:
    note = "" if role == "master" else "cache.url points to a reader endpoint: sessions could not be written"
    return Check.of("Redis role", ok=role == "master", found=role, expected="master", note=note)


def _memory_check(info: dict[str, Any], wanted: ElastiCacheSettings) -> Check:
    used, most = int(info["used_memory"]), int(info.get("maxmemory") or info.get("total_system_memory") or 0)
    expected = f"<= {wanted.memory_percent} %"
    if not most:
        return Check.of(
            "Redis memory",
            ok=False,
            found=sentence("{used_mb:.1f} MB of an unknown whole", used_mb=used / MB),
            expected=expected,
        )
    percent = 100 * used / most
    found = sentence(
        "{percent:.0f} %, {used_mb:.1f} of {most_mb:.1f} MB", percent=percent, used_mb=used / MB, most_mb=most / MB
    )
    return Check.of("Redis memory", ok=percent <= wanted.memory_percent, found=found, expected=expected)


def _eviction_check(info: dict[str, Any], wanted: ElastiCacheSettings) -> Check:
    evicted, up_h = int(info["evicted_keys"]), int(info["uptime_in_seconds"]) / 3600
    per_h = evicted / max(up_h, SHORTEST_H)
    return Check.of(
        "Redis evictions",
        ok=per_h <= wanted.evictions_per_h,
        found=sentence("{per_h:.1f} an hour, {evicted} in {up_h:.1f} h", per_h=per_h, evicted=evicted, up_h=up_h),
        expected=sentence("<= {bound:g} an hour", bound=wanted.evictions_per_h),
        note="" if per_h <= wanted.evictions_per_h else "sessions are thrown away: users are logged out",
    )
