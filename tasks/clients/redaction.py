"""Take secrets out of text before it becomes a log line, an error or evidence (safety I22)."""

import base64
import re
from collections.abc import Iterable
from urllib.parse import quote, unquote, urlsplit

from pydantic import SecretStr

HIDDEN = "***"
SHORTEST = 4
"""Shorter values are not taken out: they would tear holes into every text and hide nothing."""

_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


class Redaction:
    """Replace every known form of the given secrets; call it with a text."""

    def __init__(self, secrets: Iterable[SecretStr] = ()) -> None:
        forms = {form for secret in secrets for form in secret_forms(secret.get_secret_value())}
        # The longest first: a password inside of a URL must not leave the rest of that URL behind.
        ordered = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def __call__(self, text: str) -> str:
        """Return ``text`` without the secrets."""
        return self._pattern.sub(HIDDEN, text) if self._pattern else text


def secret_forms(value: str) -> frozenset[str]:
    """List what gives a secret away: itself, its password if it is a URL, both URL-encoded and in base64."""
    plain = {value, *_passwords(value)}
    encoded = {form for item in plain for form in (quote(item, safe=""), unquote(item), _base64(item))}
    return frozenset(form for form in plain | encoded if len(form) >= SHORTEST)


def printable(line: str) -> str:
    """Return one line without terminal escapes and control characters (safety I23)."""
    return _CONTROLS.sub("", _ESCAPES.sub("", line)).rstrip()


def _passwords(value: str) -> set[str]:
    try:
        password = urlsplit(value).password
    except ValueError:
        return set()
    return {password, unquote(password)} if password else set()


def _base64(value: str) -> str:
    return base64.b64encode(value.encode()).decode().rstrip("=")
