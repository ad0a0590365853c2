"""Be what every section of the settings is made of."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Be a frozen part of the settings that knows all its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")
