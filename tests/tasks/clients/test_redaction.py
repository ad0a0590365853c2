"""A secret is taken out in every form it is known to take."""

import base64
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from tasks.clients.redaction import Redaction, printable

PASSWORD = "p/ss w:rd"
URL = f"postgresql://admin:{quote(PASSWORD, safe='')}@db.example/live"


@pytest.mark.parametrize(
    "form",
    [
        URL,
        quote(URL, safe=""),
        PASSWORD,
        quote(PASSWORD, safe=""),
        base64.b64encode(PASSWORD.encode()).decode(),
        base64.b64encode(URL.encode()).decode(),
    ],
)
def test_every_form_of_a_url_and_its_password_is_taken_out(form: str) -> None:
    said = Redaction([SecretStr(URL)])(f"before {form} after")
    assert said.startswith("before ***")
    assert said.endswith(" after")
    assert form not in said


def test_text_without_a_secret_stays_as_it_is() -> None:
    assert Redaction([SecretStr("long-secret")])("nothing of it") == "nothing of it"


def test_no_secrets_and_short_ones_tear_no_holes() -> None:
    assert Redaction()("text") == "text"
    assert Redaction([SecretStr("ab")])("about") == "about"


def test_the_longer_secret_goes_first() -> None:
    assert Redaction([SecretStr("secret"), SecretStr("secret-and-more")])("secret-and-more") == "***"


def test_control_characters_and_escapes_are_no_part_of_a_line() -> None:
    assert printable("\x1b]0;title\x07a\x1b[1mb\u2028c\x9b\r\n") == "abc"
