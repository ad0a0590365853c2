"""Let each process do in the twin's AWS what the policy that is shipped for it allows, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployments.policies import policies_of

if TYPE_CHECKING:
    from deployments.twin.aws import AwsEmulator
    from tasks.settings import Settings

WORKER = "worker"
"""A Prefect worker runs releases, the way back and aftercare: it has the policies of all three."""


def give_roles(emulator: AwsEmulator, settings: Settings) -> None:
    """Put an environment's policies in force for whoever calls under their names."""
    found = policies_of(settings)
    for role, policy in found.items():
        emulator.permissions.give(role, [policy])
    emulator.permissions.give(WORKER, [found[role] for role in ("release", "rollback", "aftercare")])


def as_role(role: str) -> dict[str, str]:
    """Return what makes a process known to the twin's AWS as one of the roles: the name of its key tells."""
    return {"AWS_ACCESS_KEY_ID": role}
