"""Compute what the site is built with: the VITE_* values, which every browser can read (guide 1.2)."""

import re
from collections.abc import Mapping
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
    "a live payment key": re.compile(r"\b[rs]k_live_[0-9A-Za-z]{10,}"),
    "an npm token": re.compile(r"\bnpm_[0-9A-Za-z]{36}\b"),
    "a Vercel token": re.compile(r"\bvcp_[0-9A-Za-z_-]{24,}"),
    "a Sentry token": re.compile(r"\bsntr(?:ys|yu)_[0-9A-Za-z+/=_-]{30,}"),
    "a Slack webhook": re.compile(r"\bhooks\.slack\.com/(?:services|workflows)/[0-9A-Za-z]+/"),
    "a service account": re.compile(r"\"type\"\s*:\s*\"service_account\""),
}
SCHEMA = {
    "VITE_ENV": (re.compile(r"[a-z][a-z0-9-]*"), "a lower-case word such as production"),
    "VITE_LOG_LEVEL": (re.compile(r"debug|info|warn|error|silent"), "debug, info, warn, error or silent"),
    "VITE_API_BASE_URL": (re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?"), "an https address without query"),
    "VITE_SENTRY_DSN": (re.compile(r"|https?://\w+@[\w.:-]+/\d+"), "empty, or https://KEY@HOST/PROJECT"),
    "VITE_ANALYTICS_KEY": (re.compile(r"|G-[0-9A-Z]+"), "empty, or a measurement id such as G-ABC123"),
}
"""What the guide names in 1.2; a wrong value would be built in and found only by users."""
DEFAULTS = {"VITE_LOG_LEVEL": "warn", "VITE_SENTRY_DSN": "", "VITE_ANALYTICS_KEY": ""}


def lasting_variables(settings: Settings) -> dict[str, str]:
    """Return the values that are the same for every build of an environment.

    Raises SettingsError naming each one that looks like a secret or is not what the guide's 1.2 wants; a Sentry DSN
    is public and passes.
    """
    own = {"VITE_ENV": settings.name, "VITE_API_BASE_URL": api_base(settings)}
    if settings.analytics:
        own["VITE_ANALYTICS_KEY"] = settings.analytics.measurement_id
    variables = {**DEFAULTS, **own, **settings.build.variables}
    _refuse_wrong(variables, is_secure=settings.site.url.startswith("https:"))
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


def _refuse_wrong(variables: Mapping[str, str], *, is_secure: bool) -> None:
    wrong = [line for name, value in variables.items() if (line := _complaint(name, value))]
    api = variables["VITE_API_BASE_URL"]
    if is_secure and api.startswith("http:"):
        wrong.append(f"build.variables.VITE_API_BASE_URL: found {api}, expected https: browsers block it on our page")
    if wrong:
        raise SettingsError("\n".join(wrong))


def _complaint(name: str, value: str) -> str:
    expected = "expected only what every browser may read; remove it"
    if SECRET_NAME.search(name):
        return f"build.variables.{name}: found the name of a secret, {expected}"
    if kind := secret_in(value):
        return f"build.variables.{name}: found {kind}, {expected}"
    pattern, wanted = SCHEMA.get(name, (None, ""))
    if pattern and not pattern.fullmatch(value):
        return f"build.variables.{name}: found {value!r}, expected {wanted}"
    return ""
