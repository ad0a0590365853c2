"""The scanner is called as ZAP's own script takes it; its image is not to be had here, so an engine stands in for both.

What the script takes and answers: https://www.zaproxy.org/docs/docker/baseline-scan/, and its text,
https://github.com/zaproxy/zaproxy/blob/90068415b/docker/zap-baseline.py.
"""

import getopt
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.clients.zap import POLICY, Scan, fetch_image, find_engine, read_scan, scan_site
from tasks.errors import PermanentError
from tasks.security import check_zap
from tests.conftest import NewSettings

IMAGE = "ghcr.io/zaproxy/zaproxy:stable"
OPTIONS = "t:c:u:g:m:n:r:J:w:x:l:hdaijp:sz:P:D:T:IU:"
LONG = ["hook=", "auto", "autooff", "plan-only", "ajax-spider", "client-spider"]
LEVELS = {"PASS", "IGNORE", "INFO", "WARN", "FAIL"}
SAID = Path(__file__).with_name("zap_baseline.txt").read_text()
NO_HOST = "Error: initializing source docker://ghcr.io/zaproxy/zaproxy:stable: pinging container registry: no such host"
ENGINE = """
import json, pathlib, sys
pathlib.Path(sys.argv[0]).with_name("argv.json").write_text(json.dumps(sys.argv[1:]))
said, code = TOLD.get(sys.argv[1], ("", 0))
print(said)
sys.exit(code)
"""

Engine = Callable[..., Path]


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Put a docker on PATH that says what it is told to, by its verb, and writes down how it was called."""

    def make(**told: tuple[str, int]) -> Path:
        program = tmp_path / "docker"
        program.write_text(f"#!{sys.executable}\nTOLD = {told!r}\n{ENGINE}")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        return tmp_path / "argv.json"

    return make


def test_the_command_is_one_that_zaps_own_script_takes(engine: Engine) -> None:
    written = engine(run=(SAID, 1))
    scan_site("docker", IMAGE, "https://greenflow.dev", timeout_s=10)
    argv = json.loads(written.read_text())
    verb, script = argv[: argv.index(IMAGE)], argv[argv.index(IMAGE) + 1 :]
    assert script[0] == "zap-baseline.py"
    options, rest = getopt.getopt(script[1:], OPTIONS, LONG)
    assert (dict(options), rest) == ({"-t": "https://greenflow.dev", "-c": "baseline.conf"}, [])
    # What -c names is looked for in /zap/wrk, whatever is written there is not missed.
    assert f"{POLICY}:/zap/wrk:ro" in verb
    assert (POLICY / dict(options)["-c"]).is_file()


def test_the_policy_is_one_that_zaps_own_script_can_read() -> None:
    lines = (POLICY / "baseline.conf").read_text().splitlines()
    rules = [line.split("\t", 2) for line in lines if line.strip() and not line.startswith("#")]
    assert {len(rule) for rule in rules} == {3}
    assert all(rule.isdigit() and level in LEVELS for rule, level, _ in rules)
    assert len({rule for rule, _, _ in rules}) == len(rules)


def test_zap_totals_and_rules_are_read() -> None:
    scan = read_scan(SAID)
    assert scan.failed == ("Content Security Policy (CSP) Header Not Set (4 x)",)
    assert scan.warned == ("Permissions Policy Header Not Set (5 x)",)
    assert scan.passed == 64


def test_a_scan_without_totals_is_no_good_news() -> None:
    with pytest.raises(PermanentError, match="its totals are missing"):
        read_scan("Total of 5 URLs\n")


@pytest.mark.parametrize("code", [0, 1, 2])
def test_findings_are_no_error_of_the_scanner(engine: Engine, code: int) -> None:
    engine(run=(SAID, code))
    assert isinstance(scan_site("docker", IMAGE, "https://greenflow.dev", timeout_s=10), Scan)


def test_a_scanner_that_fails_is_no_scan(engine: Engine) -> None:
    engine(run=(SAID, 3))
    with pytest.raises(PermanentError, match="exit code 3"):
        scan_site("docker", IMAGE, "https://greenflow.dev", timeout_s=10)


def test_without_a_working_engine_the_reason_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_engine() == ("", "no docker or podman")
    broken = tmp_path / "docker"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    assert find_engine() == ("", "docker: no engine answers")


def test_an_image_that_is_here_is_not_fetched(engine: Engine) -> None:
    written = engine(pull=("Error", 125))
    assert fetch_image("docker", IMAGE, timeout_s=10) == ""
    assert json.loads(written.read_text()) == ["image", "inspect", IMAGE]


def test_where_the_image_cannot_be_fetched_the_check_says_that_nothing_was_scanned_and_why(
    engine: Engine, new_settings: NewSettings
) -> None:
    engine(image=("no such image", 1), pull=(NO_HOST, 125), run=(SAID, 0))
    check = check_zap(new_settings(SECURITY__ZAP="true"))
    assert check.line == (
        f"ZAP baseline scan: skipped (nothing was scanned: docker could not fetch {IMAGE}: {NO_HOST})"
    )
