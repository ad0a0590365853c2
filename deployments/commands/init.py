"""`greenflow init`: look at a live account and write its environment's file."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from tasks.errors import GateRefused, SettingsError

if TYPE_CHECKING:
    from tasks.survey.finding import Finding

ENDPOINT = "GREENFLOW_AWS__ENDPOINT_URL"
VERCEL = "GREENFLOW_SITE__API_URL"
Json = Annotated[bool, Parameter(name="--json", help="Print what was found and what is missing as JSON on stdout.")]
Answers = Annotated[
    list[str], Parameter(name="--set", negative="", help="KEY=VALUE for what no account shows; several times.")
]


def init(
    *,
    environment: str,
    region: str = "",
    vercel_token: str = "",
    vercel_team: str = "",
    answers: Answers | None = None,
    yes: bool = False,
    as_json: Json = False,
) -> int:
    """Look at ECS, the load balancer, RDS, ElastiCache and Vercel, and write the environment's file.

    Nothing in the account is changed. What is not found is asked for at a terminal, and listed elsewhere, which ends
    with 2 and writes nothing.

    Args:
        environment: The name of the environment, and of its file.
        region: The AWS region; that of your AWS configuration without it.
        vercel_token: Where Vercel's token is kept for this look: env:NAME, file:/PATH or secretsmanager:NAME.
        vercel_team: The id of the Vercel team whose projects are looked at.
        yes: Write over a file that is there.
    """
    from deployments.environment_text import derived, environment_text, missing  # noqa: PLC0415 - quick `--help`
    from tasks.settings import environment_folder  # noqa: PLC0415

    file = environment_folder() / f"{environment}.toml"
    known = (*_said(answers or []), *_survey(environment, region, vercel_token, vercel_team))
    left = missing(known)
    _show(known, left, file, as_json=as_json)
    if left and (as_json or not sys.stdin.isatty()):
        return SettingsError.exit_code
    known = (*known, *(_asked(key) for key in left))
    text = environment_text(_first((*known, *derived(environment, known))))
    _refuse_wrong(text)
    _insist_on_a_yes(file, yes=yes)
    file.write_text(text, encoding="utf-8")
    sys.stderr.write(f"wrote {file}; next: greenflow verify --environment {environment}\n")
    return 0


def _survey(environment: str, region: str, token: str, team: str) -> tuple["Finding", ...]:
    from tasks.survey.account import survey_account  # noqa: PLC0415 - keeps `greenflow --help` quick
    from tasks.survey.site import API, survey_site  # noqa: PLC0415

    hint = environment.removesuffix("uction")  # most names say prod
    aws, found = survey_account(region, hint, endpoint=os.environ.get(ENDPOINT, ""))
    token = token or next((str(each.value) for each in found if each.key == "site.token"), "")
    if not token:
        return found
    return (*found, *survey_site(aws, token, hint, team=team, api=os.environ.get(VERCEL, API)))


def _said(answers: list[str]) -> tuple["Finding", ...]:
    from deployments.environment_text import QUESTIONS, answered  # noqa: PLC0415 - keeps `greenflow --help` quick

    pairs = [answer.partition("=") for answer in answers]
    for key, sign, _ in pairs:
        if not sign or key not in QUESTIONS:
            msg = f"--set {key}: expected KEY=VALUE with one of {', '.join(QUESTIONS)}"
            raise SettingsError(msg)
    return tuple(answered(key, value) for key, _, value in pairs)


def _asked(key: str) -> "Finding":
    from deployments.environment_text import QUESTIONS, answered  # noqa: PLC0415 - keeps `greenflow --help` quick

    sys.stderr.write(f"{key}: {QUESTIONS[key]}? ")
    sys.stderr.flush()
    return answered(key, sys.stdin.readline())


def _first(known: tuple["Finding", ...]) -> tuple["Finding", ...]:
    """Let what a person said, which stands first, win over what was found."""
    first: dict[str, Finding] = {}
    for each in known:
        first.setdefault(each.key, each)
    return tuple(first.values())


def _show(known: tuple["Finding", ...], left: tuple[str, ...], file: Path, *, as_json: bool) -> None:
    from deployments.environment_text import QUESTIONS  # noqa: PLC0415 - keeps `greenflow --help` quick

    if as_json:
        found = [each.model_dump() for each in _first(known)]
        asked = [{"key": key, "question": QUESTIONS[key]} for key in left]
        sys.stdout.write(f"{json.dumps({'file': str(file), 'found': found, 'missing': asked}, ensure_ascii=False)}\n")
        return
    for each in _first(known):
        sys.stdout.write(f"  {each.key} = {json.dumps(each.value)}  ({each.why})\n")
    for key in left:
        sys.stdout.write(f"  {key}: NOT FOUND, {QUESTIONS[key]}; say it with --set {key}=VALUE\n")


def _refuse_wrong(text: str) -> None:
    """Load the file as every command will; raises SettingsError with one line a wrong key."""
    from tempfile import TemporaryDirectory  # noqa: PLC0415 - keeps `greenflow --help` quick

    from tasks.settings import load_file  # noqa: PLC0415

    with TemporaryDirectory(prefix="greenflow-init-") as folder:
        file = Path(folder) / "environment.toml"
        file.write_text(text, encoding="utf-8")
        load_file(file)


def _insist_on_a_yes(file: Path, *, yes: bool) -> None:
    if yes or not file.exists():
        return
    if not sys.stdin.isatty():
        msg = f"init refused: found {file}, expected none; look at the values above, then say --yes"
        raise GateRefused(msg)
    sys.stderr.write(f"write over {file}? Type yes: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip() != "yes":
        msg = "init refused: not answered with yes; nothing was written"
        raise GateRefused(msg)
