"""Read a secret at the moment of use, by reference; it is never stored, logged or passed on as a parameter."""

import os
from pathlib import Path

from pydantic import SecretStr

from tasks.clients.aws import secrets_manager, translated
from tasks.errors import SettingsError
from tasks.sentences import sentence
from tasks.settings import AwsSettings


def read_secret(reference: str, aws: AwsSettings) -> SecretStr:
    """Return what ``reference`` points to; raises SettingsError naming the reference, never the value."""
    scheme, _, rest = reference.partition(":")
    match scheme:
        case "env":
            value = os.environ.get(rest, "")
        case "file":
            value = _from_file(rest)
        case _:
            value = _from_aws(rest, aws)
    if not value:
        msg = f"secret {reference}: found nothing, expected a value"
        raise SettingsError(msg)
    return SecretStr(value)


def _from_file(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        msg = f"secret file:{path}: could not read it: {error.strerror}"
        raise SettingsError(msg) from None


def _from_aws(name: str, aws: AwsSettings) -> str:
    with translated(sentence("read secret {name}", name=name)):
        return secrets_manager(aws).get_secret_value(SecretId=name).get("SecretString", "")
