"""`greenflow plan`: what a release would change, value by value."""

import json
import sys
import tempfile
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from deployments.endpoint import settings_to_ask

WOULD_CHANGE = 10
Environment = Annotated[str, Parameter(help="Name of a file in deployments/environments.")]
Json = Annotated[bool, Parameter(name="--json", help="Print the plan as one JSON document on stdout.")]


def plan(version: str = "", *, environment: Environment, as_json: Json = False) -> int:
    """Show what a release would change now, today's values beside tomorrow's; nothing is touched.

    Ends with 10 when something would change, with 0 when there is nothing new to release. The environment rehearsal
    is asked on the running twin, or on one of its own.

    Args:
        version: The version to look at; the one staging runs when left out.
    """
    with settings_to_ask(environment, version) as settings:
        sys.stderr.write("looking at production and the version's source, which takes a few seconds\n")
        from deployments.plan_view import document_of, lines_of  # noqa: PLC0415 - keeps `greenflow --help` quick
        from flows.foresight import foresee  # noqa: PLC0415
        from tasks.identity import operator  # noqa: PLC0415
        from tasks.sentences import speaking, spoken  # noqa: PLC0415
        from tasks.staged import find_staged  # noqa: PLC0415

        chosen, why = (version, "") if version else find_staged(settings)
        with speaking(settings.language), tempfile.TemporaryDirectory(prefix="greenflow-plan-") as folder:
            if not chosen:
                sys.stdout.write(f"{json.dumps({'rows': [], 'why': spoken(why)}) if as_json else spoken(why)}\n")
                return 0
            foresight = foresee(settings, chosen, settings.approval.person(operator(settings)), Path(folder))
            lines = [json.dumps(document_of(foresight), ensure_ascii=False)] if as_json else lines_of(foresight)
            sys.stdout.writelines(f"{line}\n" for line in lines)
    return WOULD_CHANGE if foresight.changes else 0
