"""`greenflow alarms`: what differs between an environment's alarms and its settings, and the end of the difference."""

from typing import Annotated

from cyclopts import Parameter

from deployments.endpoint import settings_of

DIFFERS = 3


def alarms(
    *, environment: Annotated[str, Parameter(help="Name of a file in deployments/environments.")], apply: bool = False
) -> int:
    """Show in what the alarms differ from the settings; a release sets them too, but its checklist wants them first.

    Ends with 0 when nothing differs any more, with 3 when something does.

    Args:
        apply: Make the alarms be as the settings say.
    """
    from tasks.alarm_checks import alarm_differences  # noqa: PLC0415 - keeps `greenflow --help` quick

    settings = settings_of(environment)
    differs = {name: what for name, what in alarm_differences(settings).items() if what}
    for name, what in differs.items():
        print(f"{name}: {'; '.join(what)}")  # noqa: T201 - the command line prints
    if differs and apply:
        from tasks.monitoring import set_alarms  # noqa: PLC0415 - it brings Prefect along

        set_alarms(settings)
        print(f"{len(differs)} alarms set and read back")  # noqa: T201
        return 0
    if not differs:
        print("all alarms are as the settings say")  # noqa: T201
    return DIFFERS if differs else 0
