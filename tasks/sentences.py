"""Say something to people so that it can be read in their language: a sentence knows how it was made.

``sentence("{counted} of {needed} periods", counted=3, needed=10)`` is its English text wherever a string is wanted: in
a log, an error, a comparison. It also carries its pattern and its values, the ledger keeps both, and whoever shows it
to people writes it by ``spoken`` in the language of the environment.

To add a phrase: write ``sentence("an English pattern", name=value)`` where you would write an f-string, and give the
pattern its line in ``tasks/korean``; ``tests/tasks/test_sentences.py`` names the line that is missing. A fixed name,
such as a stage's or a check's, stays a plain string and only needs its line. What people or other systems said is a
value, never a pattern.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from tasks.korean import KOREAN

Language = Literal["en", "ko"]
Value = str | int | float

PATTERN, VALUES = "say", "with"

_LANGUAGE: ContextVar[Language] = ContextVar("greenflow_language", default="en")


class Sentence(str):
    """Be an English text that still knows its pattern and its values."""

    __slots__ = ("pattern", "values")

    pattern: str
    values: Mapping[str, Value]

    def __new__(cls, pattern: str, values: Mapping[str, Value] | None = None) -> Self:
        """Fill the pattern; one without values is taken as it stands, whatever is in it."""
        made = super().__new__(cls, _filled(pattern, values or {}))
        made.pattern = pattern
        made.values = MappingProxyType(dict(values or {}))
        return made

    def __str__(self) -> str:
        """Stay a sentence: so does the text of an exception that was raised with one."""
        return self

    def __reduce__(self) -> tuple[type["Sentence"], tuple[str, dict[str, Value]]]:
        """Be copied and sent to other processes with all that it knows."""
        return Sentence, (self.pattern, dict(self.values))


class _AsSaid:
    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        written = core_schema.plain_serializer_function_ser_schema(stored, when_used="json")
        return core_schema.no_info_plain_validator_function(said, serialization=written)


Said = Annotated[str, _AsSaid]
"""The type of a record's text that people read; a record read from the ledger has its sentences back."""


def sentence(pattern: str, **values: object) -> Sentence:
    """Make a sentence of an English pattern; values that are no number and no text are written as text."""
    return Sentence(pattern, {name: _value(value) for name, value in values.items()})


def named(text: str) -> Sentence:
    """Take a fixed name, such as a stage's, for a sentence without values."""
    return text if isinstance(text, Sentence) else Sentence(text)


def joined(between: str, parts: Iterable[str]) -> Sentence:
    """Put sentences behind each other."""
    values = {f"part_{place}": part for place, part in enumerate(parts)}
    if not values:
        return Sentence("")
    return sentence(between.join(f"{{{name}}}" for name in values), **values)


def spoken(text: str) -> str:
    """Write a sentence in the language of the running context; a plain text is nobody's translation."""
    return in_language(text, _LANGUAGE.get())


def in_language(text: str, language: Language) -> str:
    """Write a sentence in a language; what has no line there stays English."""
    if not isinstance(text, Sentence) or language == "en":
        return text
    pattern = KOREAN.get(text.pattern, text.pattern)
    return _filled(pattern, {name: _in_language(value, language) for name, value in text.values.items()})


def present_language() -> Language:
    """Return the language of the running context."""
    return _LANGUAGE.get()


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Speak a language to people for the length of the block."""
    token = _LANGUAGE.set(language)
    try:
        yield
    finally:
        _LANGUAGE.reset(token)


def said(stored_text: Any) -> str:
    """Read a text that was stored; raises ValueError for what is neither a text nor a sentence."""
    match stored_text:
        case str():
            return stored_text
        case {"say": str(pattern), "with": dict(values)}:
            return Sentence(pattern, {str(name): _value(said_or_number(value)) for name, value in values.items()})
        case _:
            msg = "expected a text"
            raise ValueError(msg)


def said_or_number(value: Any) -> Value:
    """Read one value of a stored sentence; raises ValueError like ``said``."""
    return value if isinstance(value, int | float) else said(value)


def stored(value: Any) -> Any:
    """Turn the sentences in what the ledger keeps into objects that it can give back."""
    match value:
        case Sentence():
            return {PATTERN: value.pattern, VALUES: {name: stored(each) for name, each in value.values.items()}}
        case Mapping():
            return {name: stored(each) for name, each in value.items()}
        case list() | tuple():
            return [stored(each) for each in value]
        case _:
            return value


def _filled(pattern: str, values: Mapping[str, Value]) -> str:
    """Fill a pattern; one of another version of this product that does not fit its values stands as it is."""
    with contextlib.suppress(LookupError, ValueError, AttributeError):
        return pattern.format(**values) if values else pattern
    return pattern


def _in_language(value: Value, language: Language) -> Value:
    return in_language(value, language) if isinstance(value, str) else value


def _value(value: object) -> Value:
    return value if isinstance(value, str | int | float) else str(value)
