"""Programs run by argument list: watched to their end, ended with their children, their secrets unsaid."""

import os
import sys
import threading
import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from tasks.clients.shell import CommandFailedError, run
from tasks.errors import Interrupted, PermanentError, TransientError
from tasks.waits import request_stop, shielded

PYTHON = (sys.executable, "-I", "-S", "-c")
# A program that starts a child of its own, tells its number, and would both live for long.
PARENT = """
import subprocess, sys, time
print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid, flush=True)
time.sleep(60)
"""


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that ended and was not waited for yet does not."""
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}


def gone(pid: int) -> bool:
    pause = threading.Event()
    return any(not alive(pid) or pause.wait(0.05) for _ in range(60))


def test_a_program_that_ends_well_gives_what_it_said() -> None:
    finished = run((*PYTHON, "import sys; print('out'); print('err', file=sys.stderr)"), timeout_s=10)
    assert finished.stdout == "out"
    assert sorted(finished.lines) == ["err", "out"]


def test_each_line_is_told_in_the_callers_thread_while_the_program_runs() -> None:
    told: list[tuple[str, int, float]] = []
    script = "import time; print('first', flush=True); time.sleep(0.4); print('second')"
    run(
        (*PYTHON, script),
        timeout_s=10,
        on_line=lambda line: told.append((line, threading.get_ident(), time.monotonic())),
    )
    assert [line for line, _, _ in told] == ["first", "second"]
    assert {thread for _, thread, _ in told} == {threading.get_ident()}
    assert told[1][2] - told[0][2] > 0.3


def test_a_failing_program_raises_with_its_code_and_last_lines() -> None:
    with pytest.raises(
        CommandFailedError, match=r"could not run python.*ended with exit code 3.*\n  no such table"
    ) as caught:
        run((*PYTHON, "import sys; print('no such table'); sys.exit(3)"), timeout_s=10)
    assert caught.value.code == 3
    assert caught.value.output == "no such table"


def test_a_program_ended_by_a_signal_is_a_failure() -> None:
    with pytest.raises(CommandFailedError, match="ended with signal 9"):
        run((*PYTHON, "import os; os.kill(os.getpid(), 9)"), timeout_s=10)


def test_a_missing_program_says_what_to_install() -> None:
    with pytest.raises(PermanentError, match=r"could not run npm: there is no such program on PATH; install Node.js"):
        run(("npm", "ci"), env={"PATH": "/nowhere"}, timeout_s=10)


def test_a_missing_folder_is_named() -> None:
    with pytest.raises(PermanentError, match=r"could not run .* in /nowhere: No such file"):
        run(PYTHON, cwd=Path("/nowhere"), timeout_s=10)


def test_a_program_that_takes_too_long_is_killed_with_its_children() -> None:
    told: list[str] = []
    with pytest.raises(TransientError, match=r"did not end within 0.5 s"):
        run((*PYTHON, PARENT), timeout_s=0.5, on_line=told.append)
    assert gone(int(told[0]))


def test_a_request_to_stop_ends_a_program_and_its_children_at_once() -> None:
    told: list[str] = []
    timer = threading.Timer(0.3, request_stop)
    timer.start()
    started_s = time.monotonic()
    with pytest.raises(Interrupted):
        run((*PYTHON, PARENT), timeout_s=30, on_line=told.append)
    timer.join()
    assert time.monotonic() - started_s < 5
    assert gone(int(told[0]))


def test_a_program_on_the_way_home_is_not_ended_by_a_request_to_stop() -> None:
    request_stop()
    with shielded():
        assert run((*PYTHON, "print('home')"), timeout_s=10).stdout == "home"


def test_an_error_of_the_listener_ends_the_program() -> None:
    told: list[str] = []

    def listen(line: str) -> None:
        told.append(line)
        raise ValueError(line)

    with pytest.raises(ValueError, match=r"\d+"):
        run((*PYTHON, PARENT), timeout_s=30, on_line=listen)
    assert gone(int(told[0]))


def test_a_grandchild_that_keeps_the_pipes_open_is_not_waited_for() -> None:
    leaving = (
        "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); print('left')"
    )
    started_s = time.monotonic()
    assert run((*PYTHON, leaving), timeout_s=30).stdout == "left"
    assert time.monotonic() - started_s < 10


def test_secrets_are_in_the_environment_and_in_nothing_that_is_said() -> None:
    url = "postgresql://admin:pa%3Ass-word@db/live"
    script = "import os, sys; print(os.environ['DATABASE_URL']); print('the password is pa:ss-word'); sys.exit(1)"
    told: list[str] = []
    with pytest.raises(CommandFailedError) as caught:
        run((*PYTHON, script), secret_env={"DATABASE_URL": SecretStr(url)}, timeout_s=10, on_line=told.append)
    assert told == ["***", "the password is ***"]
    assert "ss-word" not in f"{caught.value}{caught.value.output}"


def test_our_own_environment_is_not_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
    said = run((*PYTHON, "import os; print(sorted(os.environ))"), env={"GIVEN": "1"}, timeout_s=10).stdout
    assert "AWS_SECRET_ACCESS_KEY" not in said
    assert "GIVEN" in said
    assert os.environ["AWS_SECRET_ACCESS_KEY"] == "made-up"


def test_an_argument_never_reaches_a_shell(tmp_path: Path) -> None:
    target = tmp_path / "made"
    argument = f"$(touch {target}); `touch {target}` && touch {target}"
    assert run((*PYTHON, "import sys; print(sys.argv[1])", argument), timeout_s=10).stdout == argument
    assert not target.exists()


def test_terminal_escapes_cannot_forge_a_line() -> None:
    said = run((*PYTHON, r"print('a\x1b[2K\x1b[31mb\x07\rc')"), timeout_s=10).stdout
    assert said == "abc"


def test_text_given_to_a_program_arrives() -> None:
    assert run((*PYTHON, "print(input()[::-1])"), stdin="olleh\n", timeout_s=10).stdout == "hello"


def test_a_short_program_is_not_waited_for_longer_than_it_takes() -> None:
    took = [run(("true",), timeout_s=10).took_s for _ in range(5)]
    assert min(took) < 0.1
