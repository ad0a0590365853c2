"""`greenflow verify`: the checklist alone."""

import json as json_text
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from deployments.endpoint import settings_to_ask

REFUSED = 3
FILE_WIDTH = 1000
"""A line that goes to a file or a pipe is not folded."""


def verify(
    *,
    environment: Annotated[str, Parameter(help="Name of a file in deployments/environments.")],
    version: str = "",
    json: bool = False,
) -> int:
    """Ask the whole checklist without releasing anything: every row with what was found and expected.

    Nothing is touched. Ends with 0 when a release could begin now, with 3 when its gate would refuse it. The
    environment rehearsal is asked on the running twin, or on one of its own.

    Args:
        version: What to ask about; the version staging runs when left out.
        json: Print one JSON document instead of a tree.
    """
    from deployments.checklist import verify_checklist  # noqa: PLC0415 - keeps `greenflow --help` quick
    from deployments.checklist_view import document_of, tree_of  # noqa: PLC0415
    from tasks.sentences import speaking  # noqa: PLC0415

    with settings_to_ask(environment, version) as settings:
        verified = verify_checklist(settings, version)
    out = Console(highlight=False)
    if not out.is_terminal:
        out.width = FILE_WIDTH
    if json:
        out.print_json(json_text.dumps(document_of(verified), ensure_ascii=False))
    else:
        with speaking(settings.language):
            out.print(tree_of(verified))
    return 0 if verified.decision.passed else REFUSED
