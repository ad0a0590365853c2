"""The `greenflow` command. Prefect and the twin are imported only by the commands that need them."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, CycloptsError, Parameter
from pydantic import TypeAdapter, ValidationError
from rich.console import Console

from deployments.endpoint import settings_of
from deployments.logs import LogFormat, tell_prefect
from deployments.twin.faults import FAULTS, REFUSED, SILENCES
from deployments.twin.mishaps import MISHAPS
from tasks.errors import ReleaseError, RolledBack, SettingsError
from tasks.models import Version

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployments.rehearse import Rehearsed
    from tasks.settings import Settings

USAGE = 2
TWIN_RUNS = "1.0.0"
INTERRUPTED = 1
EPILOGUE = (
    "Exit codes: 0 shipped (or a drill that came home), 1 error, 2 usage, 3 refused or rolled back, "
    "4 rejected or expired, 5 the way back is blocked, 6 held by another release, "
    "10 a plan that would change something."
)

app = App(name="greenflow", help="Release GreenFlow to production without fear.", help_epilogue=EPILOGUE)
out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

COMMANDS = {
    "aftercare:aftercare": "Look again at a release that has shipped.",
    "alarms:alarms": "Show in what the alarms differ from the settings, and set them.",
    "audit:audit": "Verify the hash chain of everything in the ledger, and list who did what.",
    "approvals:approvals": "Serve the approvals of one or several environments.",
    "guard:guard": "Bring traffic home when its release has died, and tell what somebody else changed.",
    "iam:iam": "Print the IAM policies that an environment's processes need.",
    "init:init": "Look at a live account, and write the file of its environment.",
    "infra:infra": "Show what differs in the data stores, and change it outside of a release.",
    "on_duty:on_duty": "Say that you are on duty for the release that is calling its people.",
    "plan:plan": "Show what a release would change, today's values beside tomorrow's; touches nothing.",
    "report:report": "Write the page of any release from the ledger, and show its first page.",
    "restore:restore_database": "Restore the database beside the live one, after another person's yes.",
    "serve:serve": "Run everything on one machine; for a rehearsal with the twin.",
    "status:status": "Show who holds an environment, and what comes next.",
    "unlock:unlock": "End a dead release whose traffic is home, without touching anything.",
    "verify:verify": "Ask the whole checklist without releasing anything.",
}
"""Commands that are imported when they are called; with its sentence here, `--help` imports none of them."""
for place, sentence in COMMANDS.items():
    app.command(f"deployments.commands.{place}", help=sentence)

app.register_install_completion_command(help="Let the shell complete commands and their options.")

Reports = Annotated[Path, Parameter(help="Folder the report is written to.")]
Environment = Annotated[str, Parameter(help="Name of a file in deployments/environments.")]
Reason = Annotated[str, Parameter(help="One sentence for the report.")]


@app.command
def rehearse(
    *,
    version: str = "1.1.0",
    fault: str = "",
    by_hand: bool = False,
    full: bool = False,
    reports: Reports = Path("reports"),
) -> int:
    """Release a version on the twin, a local production of real parts, from the checklist to all of the traffic.

    Args:
        version: The version to release, major.minor.patch.
        fault: What is wrong with it on purpose; `greenflow faults` lists them.
        by_hand: Answer the asks yourself, in the Prefect UI or with `greenflow approve`.
        full: Audit the page by Lighthouse and scan it by ZAP as well, where a browser and a container engine are.
    """
    return _rehearse(version, fault, reports, by_hand=by_hand, full=full)


@app.command
def drill(
    *, version: str = "1.1.0", fault: str = "errors-30", reports: Reports = Path("reports"), record: str = ""
) -> int:
    """Rehearse a release that must come home by itself; ends well only when it did.

    Args:
        version: The version to drill with, major.minor.patch.
        fault: What is wrong with it on purpose; `greenflow faults` lists them.
        record: An environment in whose ledger the drill goes on record, for its checklist.
    """
    if not record:
        return _rehearse(version, fault, reports, is_drill=True)
    _checked_for_twin(version)
    settings_of(record)
    from deployments.drill_records import recorder_for  # noqa: PLC0415 - keeps `greenflow --help` quick

    recorder = recorder_for(record)
    return _rehearse(version, fault, reports, is_drill=True, and_then=lambda done: recorder.record(done, fault))


@app.command
def faults() -> int:
    """List what can be wrong with a version on purpose."""
    for fault in FAULTS.values():
        out.print(f"{fault.name:22} {'comes home' if fault.must_roll_back else 'ships':11} {fault.sentence}")
    for refused in (*REFUSED, *MISHAPS.values()):
        out.print(f"{refused.name:22} {'is refused':11} {refused.sentence}")
    for silence in SILENCES.values():
        out.print(f"{silence.name:22} {'asks people':11} {silence.sentence}")
    return 0


@app.command
def release(
    version: str = "",
    *,
    environment: Environment,
    requested_by: str = "",
    override: str = "",
    resume: bool = False,
    log_format: LogFormat = "plain",
) -> int:
    """Release a version here and now; an unfinished release of the same version goes on.

    Args:
        resume: Go on with the unfinished release; without one nothing is started. Its version need not be named.
        version: The version to release, major.minor.patch; its git tag is v1.2.3, its image tag 1.2.3.
        requested_by: Who asks for it and may not approve it; without a name the person behind your AWS identity.
        override: Why it must begin outside of its window; the environment says whether that takes an approval.
    """
    if not resume:
        _checked(version)
    settings = settings_of(environment)
    if resume:
        from deployments.operate import unfinished_release  # noqa: PLC0415 - keeps `greenflow --help` quick

        left = unfinished_release(settings, version)
        version, requested_by = left.version, left.requested_by
    _refuse_early(settings, version)
    tell_prefect(log_format)
    who = requested_by or _operator(settings)
    why = ("--override", override) if override else ()
    return _run_flow("release", "--version", version, "--environment", environment, "--requested-by", who, *why)


@app.command
def rollback(*, environment: Environment, reason: Reason = "asked for at the command line") -> int:
    """Bring the running release home; when its process died, take over and do it here."""
    from deployments.operate import call_back  # noqa: PLC0415 - keeps `greenflow --help` quick

    if call_back(settings_of(environment), reason):
        out.print("the running release was asked to come home; watch it with: greenflow status")
        return 0
    return _run_flow("rollback", "--environment", environment, "--reason", reason)


@app.command
def approve(*, environment: Environment, reason: Reason = "") -> int:
    """Say yes to the open ask."""
    return _answer(environment, "approve", reason)


@app.command
def reject(*, environment: Environment, reason: Reason) -> int:
    """Say no to the open ask: the release comes home."""
    return _answer(environment, "reject", reason)


@app.command
def twin(*, version: str = "1.1.0", fault: str = "") -> int:
    """Keep a twin running until Ctrl-C, to release to it from another terminal."""
    from deployments.twin_session import keep_twin  # noqa: PLC0415 - starts a whole production

    return keep_twin(_checked_for_twin(version), _known(fault), out)


def main() -> None:
    """Run the command line and end with the product's exit code."""
    try:
        code = app(print_error=False, exit_on_error=False, result_action="return_value")
    except CycloptsError as error:
        err.print(" ".join(str(error).split()), markup=False)
        sys.exit(USAGE)
    except RolledBack as error:
        err.print(str(error), markup=False)
        sys.exit(error.code)
    except ReleaseError as error:
        err.print(str(error), markup=False)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        err.print("stopped")
        sys.exit(INTERRUPTED)
    sys.exit(code or 0)


def _rehearse(
    version: str,
    fault: str,
    reports: Path,
    *,
    by_hand: bool = False,
    full: bool = False,
    is_drill: bool = False,
    and_then: "Callable[[Rehearsed], str] | None" = None,
) -> int:
    _checked_for_twin(version)
    _known(fault)
    from deployments.rehearse import Rehearsal, rehearse  # noqa: PLC0415 - starts a whole production
    from deployments.summary import summary  # noqa: PLC0415

    wanted = Rehearsal(version, fault, by_hand=by_hand, is_drill=is_drill, full=full, reports=reports)
    done = rehearse(wanted, out)
    for line in summary(done):
        out.print(line, markup=False)
    if and_then:
        out.print(f"  on record as {and_then(done)}", markup=False)
    return done.code


def _run_flow(*arguments: str) -> int:
    err.print("starting Prefect, which takes a few seconds")
    from deployments.run_flow import main as run_flow  # noqa: PLC0415 - imports Prefect

    return run_flow(list(arguments))


def _operator(settings: "Settings") -> str:
    """Return the person behind the caller's AWS identity, as the approvers' list knows them."""
    from tasks.identity import operator  # noqa: PLC0415 - keeps `greenflow --help` quick

    return settings.approval.person(operator(settings))


def _answer(environment: str, decision: Literal["approve", "reject"], reason: str) -> int:
    from deployments.operate import answer_ask  # noqa: PLC0415 - keeps `greenflow --help` quick

    out.print(answer_ask(settings_of(environment), decision, reason), markup=False)
    return 0


def _refuse_early(settings: "Settings", version: str) -> None:
    """Say what is wrong before Prefect is started, in one line each and without touching anything."""
    from tasks.claiming import refuse_if_held  # noqa: PLC0415 - keeps `greenflow --help` quick
    from tasks.preflight import verify_ground  # noqa: PLC0415

    verify_ground(settings)
    refuse_if_held(settings, version)


def _checked(version: str) -> str:
    try:
        return TypeAdapter(Version).validate_python(version)
    except ValidationError:
        msg = f"version: found {version!r}, expected major.minor.patch such as 1.4.0 or 1.4.0-rc.1"
        raise SettingsError(msg) from None


def _checked_for_twin(version: str) -> str:
    if version == TWIN_RUNS:
        msg = f"version: found {version!r}, which the twin runs already, expected another one such as 1.1.0"
        raise SettingsError(msg)
    return _checked(version)


def _known(fault: str) -> str:
    known = (*FAULTS, *(refused.name for refused in REFUSED), *SILENCES, *MISHAPS)
    if fault and fault not in known:
        msg = f"fault: found {fault!r}, expected one of {', '.join(known)}"
        raise SettingsError(msg)
    return fault


if __name__ == "__main__":
    main()
