"""Look at the replicas that stream from a primary (guide 4.1, and "within 24 hours" after a release)."""

from typing import NamedTuple

from tasks.clients.postgres import Connection
from tasks.data_settings import RdsSettings
from tasks.models import Check
from tasks.sentences import sentence

MB = 1_000_000
REPLICAS = """
    SELECT application_name, state, pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn), extract(epoch FROM replay_lag)
    FROM pg_stat_replication ORDER BY 1"""


class Replica(NamedTuple):
    """Hold how one replica follows, in bytes and in seconds; None is what we may not see, or nothing to replay."""

    name: str
    state: str | None
    behind: float | None
    lag_s: float | None


def check_replicas(connection: Connection, wanted: RdsSettings) -> tuple[Check, ...]:
    """Check that as many replicas stream from this primary as ``rds.replicas`` says, and how far each is behind."""
    rows = connection.execute(REPLICAS).fetchall()
    return judge_replicas([Replica(*row) for row in rows], wanted)


def judge_replicas(found: list[Replica], wanted: RdsSettings) -> tuple[Check, ...]:
    """Compare what streams with what should; looks at nothing."""
    name, least = "streaming replicas", wanted.replicas
    if not found and not least:
        return (Check.skipped(name, "none streams from this server, and rds.replicas expects none"),)
    counted = Check.of(name, ok=len(found) >= least, found=len(found), expected=f">= {least}")
    return (counted, *(_judge(each, wanted) for each in found))


def _judge(replica: Replica, wanted: RdsSettings) -> Check:
    """Judge one replica by bytes and by time; without time it has nothing left to replay."""
    bound = sentence(
        "streaming, <= {lag_mb:g} MB and <= {lag_s:g} s behind",
        lag_mb=wanted.replica_lag_mb,
        lag_s=wanted.replica_lag_s,
    )
    title = sentence("streaming replica {name}", name=replica.name)
    if replica.state is None or replica.behind is None:
        return Check.of(title, ok=False, found="nothing we may see", expected=bound, note="grant pg_monitor to us")
    behind_mb, late_s = float(replica.behind) / MB, float(replica.lag_s or 0)
    ok = replica.state == "streaming" and behind_mb <= wanted.replica_lag_mb and late_s <= wanted.replica_lag_s
    found = sentence(
        "{state}, {behind_mb:.1f} MB and {late_s:.1f} s behind", state=replica.state, behind_mb=behind_mb, late_s=late_s
    )
    return Check.of(title, ok=ok, found=found, expected=bound)
