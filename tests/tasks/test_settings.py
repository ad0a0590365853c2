from pathlib import Path

import pytest

from tasks.errors import SettingsError
from tasks.models import Side
from tasks.settings import FOLDER_VARIABLE, environment_file, load_settings


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the shipped environments that a test may damage."""
    shipped = environment_file("rehearsal")
    (tmp_path / shipped.name).write_text(shipped.read_text())
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    return tmp_path / shipped.name


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.mark.parametrize("environment", ["rehearsal", "staging", "production"])
def test_every_shipped_environment_loads(environment: str) -> None:
    assert load_settings(environment).name == environment


def test_an_unknown_environment_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"found 'prod', expected one of production, rehearsal, staging"):
        load_settings("prod")


def test_a_missing_value_says_its_key_and_how_to_give_it(folder: Path) -> None:
    replace(folder, 'account_id = "123456789012"\n', "")
    with pytest.raises(SettingsError, match=r"^aws\.account_id: found nothing.*GREENFLOW_AWS__ACCOUNT_ID$"):
        load_settings("rehearsal")


def test_a_wrong_type_says_what_was_found_and_expected(folder: Path) -> None:
    replace(folder, "lease_s = 10", 'lease_s = "ten"')
    with pytest.raises(SettingsError, match=r"^ledger\.lease_s: found 'ten', expected a valid number"):
        load_settings("rehearsal")


def test_a_secret_by_value_is_refused_and_not_repeated(folder: Path) -> None:
    replace(folder, 'token = "secretsmanager:greenflow/slack-token"', 'token = "xoxb-secret"')
    with pytest.raises(SettingsError, match=r"^slack\.token: found a plain value, expected a reference") as refused:
        load_settings("rehearsal")
    assert "xoxb-secret" not in str(refused.value)


def test_every_wrong_key_gets_a_line_of_its_own(folder: Path) -> None:
    replace(folder, "lease_s = 10", 'lease_s = "ten"')
    replace(folder, "budget_kb = 500", "budget_kbb = 500")
    with pytest.raises(SettingsError) as refused:
        load_settings("rehearsal")
    assert sorted(line.split(":")[0] for line in str(refused.value).splitlines()) == [
        "build.budget_kbb",
        "ledger.lease_s",
    ]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            "phases = [10, 50, 100]",
            "phases = [10, 50]",
            r"judge, .*phases.*weights must rise from above 0 to 100, found",
        ),
        ("period_s = 1\nfinal", "period_s = 0\nfinal", r"judge, .*period_s: Input should be greater than 0$"),
        (
            "final_after_s = 1.5",
            "final_after_s = 5",
            r"rollout\.final_after_s: found 5 s, expected < 5 s \(5 periods\)",
        ),
        ("min_periods = 10", "min_periods = 60", r"judge: ask_after_periods 45 < min_periods 60: no phase could end$"),
    ],
)
def test_a_bake_that_could_not_be_judged_is_refused(folder: Path, old: str, new: str, line: str) -> None:
    replace(folder, old, new)
    with pytest.raises(SettingsError, match=f"^{line}"):
        load_settings("rehearsal")


def test_a_file_that_is_no_toml_says_so(folder: Path) -> None:
    folder.write_text("name = ")
    with pytest.raises(SettingsError, match=r"could not read rehearsal\.toml"):
        load_settings("rehearsal")


def test_an_override_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREENFLOW_LEDGER__LEASE_S", "33")
    monkeypatch.setenv("GREENFLOW_SIDES__A__TARGET_GROUP_ARN", "arn:a")
    settings = load_settings("rehearsal")
    assert settings.ledger.lease_s == 33
    assert settings.sides[Side.A].target_group_arn == "arn:a"
    assert settings.sides[Side.A].service == "greenflow-api-a"


def test_a_misspelt_override_is_refused_instead_of_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREENFLOW_LEDGR__LEASE_S", "33")
    with pytest.raises(SettingsError, match="GREENFLOW_LEDGR__LEASE_S: found section 'ledgr'"):
        load_settings("rehearsal")


def test_the_judge_judges_the_weights_and_periods_of_the_rollout() -> None:
    settings = load_settings("rehearsal")
    assert settings.judge_policy.weights == settings.rollout.phases
    assert settings.judge_policy.period_s == settings.rollout.period_s
