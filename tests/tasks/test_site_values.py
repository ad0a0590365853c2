"""What browsers can read holds what it must and no secret."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tasks.errors import SettingsError
from tasks.settings import Settings
from tasks.site_values import api_base, build_variables, lasting_variables
from tests.tasks.stores import new_plan

SEOUL = timezone(timedelta(hours=9))


def with_variables(settings: Settings, **variables: str) -> Settings:
    return settings.model_copy(update={"build": settings.build.model_copy(update={"variables": variables})})


def test_the_values_of_a_build_are_computed(settings: Settings) -> None:
    plan = new_plan(commit="c" * 40)
    values = build_variables(settings, plan, "v1.1.0", datetime(2026, 11, 21, 3, 0, tzinfo=SEOUL))
    assert values["VITE_VERSION"] == "1.1.0"
    assert values["VITE_GIT_COMMIT"] == "c" * 40
    assert values["VITE_GIT_BRANCH"] == "v1.1.0"
    assert values["VITE_BUILD_DATE"] == "2026-11-20T18:00:00Z"
    assert values["VITE_API_BASE_URL"] == api_base(settings) == "http://set-by-the-twin/api/v2"


def test_a_computed_value_cannot_be_overridden(settings: Settings) -> None:
    given = with_variables(settings, VITE_GIT_COMMIT="somebody's", VITE_VERSION="9.9.9")
    values = build_variables(given, new_plan(), "v1.1.0", datetime.now(UTC))
    assert values["VITE_GIT_COMMIT"] == "0" * 40
    assert values["VITE_VERSION"] == "1.1.0"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VITE_API_SECRET", "x"),
        ("VITE_MAP_TOKEN", "x"),
        ("VITE_ADMIN_PASSWORD", "x"),
        ("VITE_PRIVATE_KEY", "x"),
        ("VITE_STORE", "postgres://user:hidden-word@host/db"),
        ("VITE_CACHE", "rediss://:hidden-word@host"),
        ("VITE_CLOUD", "AKIAABCDEFGHIJKLMNOP"),
        ("VITE_PEM", "-----BEGIN RSA PRIVATE KEY-----"),
        ("VITE_CHAT", "xoxb-123456789012-abcdef"),
        ("VITE_SENTRY_DSN", "https://public:hidden-word@sentry.io/1"),
        ("VITE_REGISTRY", "npm_" + "a1" * 18),
        ("VITE_HOST", "vcp_" + "a1" * 14),
        ("VITE_NEWS", "https://hooks.slack.com/services/T00000000/B00000000/x"),
        ("VITE_CLOUD", '{"type": "service_account"}'),
    ],
)
def test_what_looks_like_a_secret_is_refused_without_being_shown(settings: Settings, name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"build.variables.{name}: found") as caught:
        lasting_variables(with_variables(settings, **{name: value}))
    assert value == "x" or value not in str(caught.value)
    assert "hidden-word" not in str(caught.value)


def test_every_wrong_value_is_named_at_once(settings: Settings) -> None:
    with pytest.raises(SettingsError) as caught:
        lasting_variables(with_variables(settings, VITE_A_TOKEN="x", VITE_B_SECRET="y"))
    assert len(str(caught.value).splitlines()) == 2


def test_a_public_sentry_dsn_and_a_measurement_id_pass(settings: Settings) -> None:
    given = with_variables(settings, VITE_SENTRY_DSN="https://abc123@o1.ingest.sentry.io/42", VITE_ANALYTICS_KEY="G-X")
    assert lasting_variables(given)["VITE_SENTRY_DSN"].startswith("https://abc123@")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VITE_LOG_LEVEL", "loud"),
        ("VITE_ENV", "Production!"),
        ("VITE_API_BASE_URL", "api.greenflow.dev/api/v2"),
        ("VITE_API_BASE_URL", "https://api.greenflow.dev/api/v2?debug=1"),
        ("VITE_SENTRY_DSN", "your-prod-sentry-key"),
        ("VITE_ANALYTICS_KEY", "prod-ga-key"),
    ],
)
def test_a_value_that_is_not_of_its_kind_is_refused_with_what_was_found(
    settings: Settings, name: str, value: str
) -> None:
    with pytest.raises(SettingsError, match=f"build.variables.{name}: found '") as caught:
        lasting_variables(with_variables(settings, **{name: value}))
    assert f"found {value!r}, expected" in str(caught.value)


def test_an_https_page_is_not_built_for_a_plain_api(settings: Settings) -> None:
    secure = settings.model_copy(update={"site": settings.site.model_copy(update={"url": "https://greenflow.dev"})})
    with pytest.raises(SettingsError, match="browsers block it on our page"):
        lasting_variables(with_variables(secure, VITE_API_BASE_URL="http://api.greenflow.dev/api/v2"))
