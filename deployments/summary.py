"""Say in a few lines how a rehearsal went."""

from typing import Any

from deployments.rehearse import Rehearsed


def summary(done: Rehearsed) -> list[str]:
    """Return the lines for the end of a rehearsal: verdict, users, shares, report."""
    report = done.report
    users = report.users
    return [
        "",
        report.verdict,
        f"took {report.took_s:.0f} s; {report.changes} changes outside, each seen to have happened",
        f"users: {users.get('failed', 0)} failed of {users.get('requests', 0)} requests",
        *_shares(done.traffic),
        f"report: {done.file}",
    ]


def _shares(traffic: list[dict[str, Any]]) -> list[str]:
    return [line for phase in traffic if (line := _share(phase))]


def _share(phase: dict[str, Any]) -> str:
    total = sum(phase["requests"].values())
    if not total:
        return ""
    asked = " / ".join(f"{weight}" for weight in phase["weights"].values())
    measured = " / ".join(f"{100 * phase['requests'].get(group, 0) / total:.2f}" for group in phase["weights"])
    return f"load balancer: weights {asked}, measured {measured} % of {total:,} requests"
