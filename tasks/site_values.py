"""Compute what the site is built with: the VITE_* values, which every browser can read (guide 1.2)."""

import re
from datetime import UTC, datetime

from tasks.errors import SettingsError
from tasks.models import ReleasePlan
from tasks.settings import Settings

SECRET_NAME = re.compile(r"SECRET|TOKEN|PASSW(?:OR)?D|PRIVATE|CREDENTIAL|DATABASE_URL|REDIS_URL")
SECRET_VALUES = {
    "an address with a password": re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/:@\"'`]*:[^\s/@\"'`]+@"),
    "an AWS access key": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    "a Slack token": re.compile(r"\bxox[abeoprs]-[0-9A-Za-z-]{10,}"),
    "a GitHub token": re.compile(r"\b(?:gh[oprsu]_[0-9A-Za-z]{36}|github_pat_[0-9A-Za-z_]{22,})"),
    "a JSON web token": re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"),
    "a live payment key": re.compile(r"\bsk_live_[0-9A-Za-z]{10,}"),
}
DEFAULTS = {"VITE_LOG_LEVEL": "warn", "VITE_SENTRY_DSN": "", "VITE_ANALYTICS_KEY": ""}


def lasting_variables(settings: Settings) -> dict[str, str]:
    """Return the values that are the same for every build of an environment.

    Raises SettingsError naming each one that looks like a secret; a Sentry DSN is public and passes.
    """
    own = {"VITE_ENV": settings.name, "VITE_API_BASE_URL": api_base(settings)}
    variables = {**DEFAULTS, **own, **settings.build.variables}
    _refuse_secrets(variables)
    return variables


def build_variables(settings: Settings, plan: ReleasePlan, tag: str, now: datetime) -> dict[str, str]:
    """Return all values of one build; the branch is the tag, since that is what is checked out."""
    return {
        **lasting_variables(settings),
        "VITE_VERSION": plan.version,
        "VITE_GIT_COMMIT": plan.commit,
        "VITE_GIT_BRANCH": tag,
        "VITE_BUILD_DATE": f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }


def api_base(settings: Settings) -> str:
    """Return the address under which browsers reach the API."""
    computed = settings.load_balancer.url.rstrip("/") + settings.journey.api_prefix
    return settings.build.variables.get("VITE_API_BASE_URL", computed)


def secret_in(text: str) -> str:
    """Return what kind of secret a text looks to hold, or an empty string."""
    return next((kind for kind, pattern in SECRET_VALUES.items() if pattern.search(text)), "")


def _refuse_secrets(variables: dict[str, str]) -> None:
    wrong = [line for name, value in variables.items() if (line := _complaint(name, value))]
    if wrong:
        raise SettingsError("\n".join(wrong))


def _complaint(name: str, value: str) -> str:
    expected = "expected only what every browser may read; remove it"
    if SECRET_NAME.search(name):
        return f"build.variables.{name}: found the name of a secret, {expected}"
    kind = secret_in(value)
    return f"build.variables.{name}: found {kind}, {expected}" if kind else ""
