"""The linter's findings refuse what locks or breaks, and only mention what is a matter of taste."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from tasks.clients.node import Project
from tasks.errors import PermanentError
from tasks.migration_lint import Finding, judge_findings, lint_check
from tasks.migration_tool import Backend
from tasks.settings import MigrationSettings, Settings


@pytest.fixture
def backend(settings: Settings, tmp_path: Path) -> Backend:
    (tmp_path / "migrations").mkdir()
    return Backend(settings, Project(tmp_path), SecretStr("postgresql://u:p@127.0.0.1/x"))


def write(backend: Backend, name: str, text: str) -> None:
    (backend.folder / f"{name}.sql").write_text(text)


def linting(backend: Backend, *lint: str) -> Backend:
    migration = backend.settings.migration.model_copy(update={"lint": lint})
    return Backend(backend.settings.model_copy(update={"migration": migration}), backend.project, backend.url)


def test_an_expansion_passes_and_what_undoes_it_is_not_read(backend: Backend) -> None:
    write(
        backend, "001_x", "-- Up Migration\nALTER TABLE bids ADD COLUMN c text;\n-- Down Migration\nDROP TABLE bids;\n"
    )
    assert lint_check(backend, ("001_x",)).outcome == "passed"


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("ALTER TABLE bids DROP COLUMN origin", "ban-drop-column"),
        ("ALTER TABLE bids RENAME COLUMN origin TO start", "renaming-column"),
        ("ALTER TABLE bids ALTER COLUMN cargo TYPE bigint", "changing-column-type"),
        ("CREATE INDEX slow ON bids (origin)", "require-concurrent-index-creation"),
        ("ALTER TABLE bids ADD COLUMN a text NOT NULL", "adding-required-field"),
        ("ALTER TABEL bids ADD a text", "syntax-error"),
    ],
)
def test_what_locks_or_breaks_is_refused_with_its_line_and_rule(backend: Backend, statement: str, rule: str) -> None:
    write(backend, "002_y", f"-- Up Migration\n\n{statement};\n")
    check = lint_check(backend, ("002_y",))
    assert check.outcome == "failed"
    assert f"002_y:3 {rule}: " in check.found


def test_a_matter_of_taste_is_mentioned_and_refuses_nothing() -> None:
    finding = Finding("001_x", 2, "prefer-bigint-over-int", "Use 64 bits.")
    check = judge_findings([finding], MigrationSettings())
    assert (check.outcome, check.note) == ("passed", "tolerated: prefer-bigint-over-int")


def test_the_backend_s_own_configuration_counts(backend: Backend) -> None:
    write(backend, "001_x", "CREATE INDEX slow ON bids (origin);")
    (backend.project.folder / ".squawk.toml").write_text('excluded_rules = ["require-concurrent-index-creation"]\n')
    assert lint_check(backend, ("001_x",)).outcome == "passed"


def test_without_a_linter_the_check_says_that_it_is_off(backend: Backend) -> None:
    check = lint_check(linting(backend), ("001_x",))
    assert (check.outcome, check.note) == ("skipped", "off: migration.lint names no linter")


def test_a_linter_that_does_not_answer_is_no_pass(backend: Backend) -> None:
    write(backend, "001_x", "SELECT 1;")
    with pytest.raises(PermanentError, match="could not run false"):
        lint_check(linting(backend, "false"), ("001_x",))
    with pytest.raises(PermanentError, match="could not read the linter's answer"):
        lint_check(linting(backend, "echo", "all fine"), ("001_x",))
