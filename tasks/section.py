"""Say what every part of the settings is made of, for the modules that define the parts."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

SecretReference = Annotated[
    str, StringConstraints(pattern=r"^(secretsmanager:[\w/+=.@:-]+|env:[A-Z][A-Z0-9_]*|file:/.+)$")
]
Command = Annotated[tuple[str, ...], Field(min_length=1)]


class Section(BaseModel):
    """Be a frozen part of the settings that knows all its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")
