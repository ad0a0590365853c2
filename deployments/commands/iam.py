"""Print the IAM policies of an environment: ``greenflow iam``."""

import json
from typing import Annotated

from cyclopts import Parameter

from deployments.endpoint import settings_of
from tasks.errors import SettingsError


def iam(
    *, environment: Annotated[str, Parameter(help="Name of a file in deployments/environments.")], role: str = ""
) -> int:
    """Print what each process of an environment needs to be allowed in AWS, as JSON for IAM.

    Args:
        role: Print this one policy alone, for a file that `aws iam put-role-policy` reads.
    """
    from deployments.policies import policies_of  # noqa: PLC0415 - keeps `greenflow --help` quick

    found = policies_of(settings_of(environment))
    if role and role not in found:
        msg = f"role: found {role!r}, expected one of {', '.join(found)}"
        raise SettingsError(msg)
    print(json.dumps(found[role] if role else found, indent=2))  # noqa: T201 - the command line prints
    return 0
