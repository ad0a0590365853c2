"""Every command that the pages name is run for real: here where it is quick or `make` itself, else by a named test."""

import ast
import shlex
import subprocess
from functools import cache

import pytest

from tests.pages import ROOT, commands

PAGES = ("README.md", "docs/operating.md", ".github/CONTRIBUTING.md")
HERE = "tests/test_readme.py"
QUICK = (
    "greenflow faults",
    "greenflow --help",
    "greenflow iam --environment production",
    "make help",
)
"""They need nothing and end at once, well."""

BY_MAKE = {
    "make check": ("", 0, "0 broken"),
    "make format": ("", 0, ""),
    "make test": ("tests/core/test_lateness.py", 0, "passed"),
    "make test-slow": ("--collect-only -q", 0, "test_readme"),
    "make rehearse": ("", 0, "SHIPPED"),
    'make rehearse ARGS="--fault errors-30"': ("", 3, "ROLLED BACK"),
    "make drill": ("", 0, "ROLLED BACK"),
    "make bench-balancer": ("--seconds 0.5", 0, "requests"),
    "make bench-clicks": ("--releases 1", 0, "median"),
    "make bench-judge": ("--releases 20 --replays 0", None, "this judge"),
}
"""By its target: what keeps a run short, how the program behind it ends, and what it says; None where luck decides."""

FIRST_RELEASE = "tests/rehearsal/test_rehearsal.py::test_a_healthy_release_ships_without_one_failed_request"
BY_HAND = "tests/rehearsal/test_rehearsal.py::test_an_operator_steers_a_release_at_the_command_line_and_calls_it_back"
DEPLOYED = "tests/deployments/test_prefect_deployments.py"
BENCH = "tests/deployments/bench/test_release_table.py::test_goals_that_are_met_hold"
BY_TESTS = {
    'make rehearse ARGS="--by-hand"': f"{HERE}::test_a_person_answers_a_rehearsal_by_the_command_beside_it",
    "make bench": BENCH,
    "make prove": "tests/deployments/prove/test_trials.py::test_every_boundary_of_an_effect_is_passed_and_named",
    "make serve": "tests/rehearsal/test_serve.py::test_a_release_by_the_run_button_ships_and_status_tells_it_all",
    'make serve ARGS="--fault errors-30"': (
        "tests/rehearsal/test_serve.py::test_a_release_by_the_run_button_ships_and_status_tells_it_all"
    ),
    "make test-ui": f"{DEPLOYED}::test_the_run_form_explains_itself_in_a_browser_and_refuses_latest",
    "make record": "tests/deployments/bench/test_recording.py::test_the_readme_holds_both_as_they_were_recorded",
    "greenflow aftercare": (
        "tests/rehearsal/test_rehearsal.py::"
        "test_a_release_that_shipped_is_looked_at_again_and_its_retrospective_is_drafted"
    ),
    "greenflow --install-completion": (
        "tests/deployments/test_cli.py::test_the_shell_learns_the_commands_and_their_options"
    ),
    "greenflow alarms": (
        "tests/tasks/test_monitoring.py::test_the_command_shows_the_difference_and_ends_it_outside_of_any_release"
    ),
    "greenflow approvals": (
        "tests/deployments/test_approvals_restart.py::"
        "test_the_service_killed_at_any_point_doubles_nothing_and_loses_no_acknowledged_click"
    ),
    "greenflow approve": BY_HAND,
    "greenflow audit": (
        "tests/deployments/test_audit.py::test_a_ledger_as_it_was_written_holds_and_tells_who_did_what"
    ),
    "greenflow drill": "tests/deployments/test_drill_records.py::test_what_is_on_record_says_how_it_went",
    "greenflow guard": (
        "tests/deployments/guard/test_guard_process.py::test_two_guards_bring_a_dead_release_home_once_and_end_it"
    ),
    "greenflow infra": (
        "tests/deployments/test_infra_command.py::"
        "test_nothing_is_changed_where_nobody_can_be_asked_and_everything_once_after_a_yes"
    ),
    "greenflow init": "tests/deployments/test_init.py::test_the_file_says_what_the_account_shows",
    "greenflow plan": (
        "tests/rehearsal/test_foreseen.py::test_a_release_does_what_was_foreseen_and_foreseeing_touches_nothing"
    ),
    "greenflow rehearse --full": f"{HERE}::test_a_rehearsal_with_all_that_it_leaves_out_otherwise_ships",
    "greenflow release": FIRST_RELEASE,
    "greenflow report": (
        "tests/deployments/test_report_command.py::test_the_latest_is_the_release_that_was_opened_last"
    ),
    "greenflow restore-database": (
        "tests/flows/test_restore.py::test_a_proven_dump_becomes_a_new_database_after_another_person_s_yes"
    ),
    "greenflow rollback": BY_HAND,
    "greenflow serve": (
        "tests/rehearsal/test_serve.py::test_a_release_by_the_run_button_ships_and_status_tells_it_all"
    ),
    "greenflow status": (
        "tests/rehearsal/test_serve.py::test_a_release_by_the_run_button_ships_and_status_tells_it_all"
    ),
    "greenflow unlock": (
        "tests/deployments/guard/test_guard_process.py::test_unlocking_ends_a_dead_release_and_records_who_and_why"
    ),
    "greenflow verify": "tests/rehearsal/test_checklist.py::test_verifying_answers_every_row_and_touches_nothing",
    "prefect deploy": f"{DEPLOYED}::test_deploying_asks_nothing_and_may_be_repeated",
    "prefect --no-prompt deploy": f"{DEPLOYED}::test_deploying_asks_nothing_and_may_be_repeated",
    "prefect work-pool create": f"{DEPLOYED}::test_deploying_asks_nothing_and_may_be_repeated",
    "prefect worker start": f"{DEPLOYED}::test_a_worker_runs_a_deployment_to_an_end_that_says_why",
}
"""By how a command begins: the test that runs it, or the very code behind it, for real."""


def named(page: str) -> list[str]:
    return commands(page) if (ROOT / page).exists() else []


def known(command: str) -> str | None:
    """Return what the tables call a command: the most words with which it begins."""
    words = command.split()
    begins = [" ".join(words[:count]) for count in range(len(words), 0, -1)]
    return next((begin for begin in begins if begin in {*QUICK, *BY_MAKE, *BY_TESTS}), None)


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_is_run_by_a_test(page: str) -> None:
    assert not [command for command in named(page) if known(command) is None]


def test_nothing_is_kept_for_a_command_that_no_page_names() -> None:
    told = {known(command) for page in PAGES for command in named(page)}
    assert {*QUICK, *BY_MAKE, *BY_TESTS} - told == set()


@cache
def defined_in(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("test", sorted(set(BY_TESTS.values())))
def test_every_test_that_is_named_is_there(test: str) -> None:
    file, _, name = test.partition("::")
    assert name in defined_in(file)


@pytest.mark.parametrize("command", QUICK)
def test_what_needs_nothing_ends_at_once(command: str) -> None:
    done = run(f".venv/bin/{command}" if command.startswith("greenflow") else command, limit_s=30)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("command", BY_MAKE)
def test_make_runs_what_it_names(command: str) -> None:
    short, code, says = BY_MAKE[command]
    done = run(f"{command} ARGS={shlex.quote(short)}" if short else command)
    assert says in done.stdout
    if code is not None:
        assert (done.returncode == 0) is (code == 0), done.stderr
        assert not code or f"Error {code}" in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_person_answers_a_rehearsal_by_the_command_beside_it() -> None:
    argv = ["make", "rehearse", "ARGS=--by-hand"]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as rehearsal:
        said = []
        for line in rehearsal.stdout or ():
            said.append(line)
            if "asked people: " in line:
                answered = run(".venv/bin/greenflow approve --environment rehearsal", limit_s=60)
                assert answered.returncode == 0, answered.stderr
    assert rehearsal.returncode == 0, "".join(said)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_rehearsal_with_all_that_it_leaves_out_otherwise_ships() -> None:
    done = run(".venv/bin/greenflow rehearse --full")
    assert done.returncode == 0, done.stdout
    assert "SHIPPED" in done.stdout


def run(command: str, limit_s: float = 590) -> subprocess.CompletedProcess[str]:
    """Run a command as a reader would, in the folder of the page."""
    argv = shlex.split(command)
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=limit_s)
