"""Show and change how the data stores are set: ``greenflow infra plan`` and ``greenflow infra apply``."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from rich.console import Console

from deployments.endpoint import settings_of
from tasks.errors import GateRefused
from tasks.sentences import Sentence, in_language, named, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.infra import InfraPlan
    from tasks.settings import Settings

WOULD_CHANGE = 10
Environment = Annotated[str, Parameter(help="Name of a file in deployments/environments.")]

infra = App(name="infra", help="Compare the data stores with the settings, and change them outside of a release.")
out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)


@infra.command
def plan(*, environment: Environment, as_json: Annotated[bool, Parameter(name="--json")] = False) -> int:
    """Show what differs and change nothing; ends with 10 when something would change.

    Args:
        as_json: Print the plan as JSON.
    """
    from tasks.infra import plan_infra  # noqa: PLC0415 - keeps `greenflow --help` quick

    settings = settings_of(environment)
    found = plan_infra(settings)
    if as_json:
        out.print(json.dumps(found.model_dump(), indent=2), markup=False)
    else:
        _show(settings, found)
    return WOULD_CHANGE if found.changes else 0


@infra.command
def apply(*, environment: Environment, yes: bool = False, with_waiting: bool = False) -> int:
    """Change what differs, after asking; refused while a release holds the environment.

    Args:
        yes: Do not ask.
        with_waiting: Also let RDS apply the changes that wait for its maintenance window.
    """
    from tasks.identity import operator  # noqa: PLC0415 - keeps `greenflow --help` quick
    from tasks.infra import plan_infra  # noqa: PLC0415
    from tasks.infra_apply import apply_infra  # noqa: PLC0415
    from tasks.operations import open_operation  # noqa: PLC0415

    settings = settings_of(environment)
    found = plan_infra(settings)
    _show(settings, found)
    if not found.changes:
        return 0
    _insist_on_a_yes(found, yes=yes)
    with open_operation(settings, "infra", requested_by=operator(settings)):
        _, after = apply_infra(settings, with_waiting=with_waiting)
    left = len(after.differences)
    told = sentence("changed and read back: {count}; left to people: {left}", count=len(found.changes), left=left)
    out.print(in_language(told, settings.language), markup=False)
    return 0


def _insist_on_a_yes(found: "InfraPlan", *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        msg = "infra apply refused: nobody can be asked here; look at the plan, then say --yes"
        raise GateRefused(msg)
    said = err.input(f"change {len(found.changes)} of {found.environment}? Type yes: ")
    if said.strip() != "yes":
        msg = "infra apply refused: not answered with yes; nothing was changed"
        raise GateRefused(msg)


def _show(settings: "Settings", found: "InfraPlan") -> None:
    for line in _lines(found):
        out.print(f"  {in_language(line, settings.language)}", markup=False)


def _lines(found: "InfraPlan") -> "Iterator[Sentence]":
    for key in found.unnamed:
        yield sentence("skipped  {key} names none, so nothing of it is compared", key=key)
    for difference in found.differences:
        sign = named("by hand" if difference.by_hand else "change")
        yield sentence("{sign}  {line}", sign=sign, line=difference.line)
    for waiting in found.waiting:
        yield sentence("waiting  {waiting}: any change of the database now would apply it as well", waiting=waiting)
    if not found.differences:
        yield sentence("{environment} is as its settings want it", environment=found.environment)
