"""Type the parameters of the flows so that Prefect's Run form explains itself and refuses what is not meant.

The help under each field is the line of that parameter in its flow's docstring.
"""

from typing import Annotated, Any

from pydantic import Field, StringConstraints
from pydantic.fields import FieldInfo

from tasks.aftercare_models import After
from tasks.models import VERSION_PATTERN, Version
from tasks.settings import environment_names


def _titled(title: str, **shown: Any) -> FieldInfo:
    """Give a field its title: Prefect would show the parameter's name."""
    field: FieldInfo = Field(json_schema_extra={"title": title, **shown})
    return field


VersionField = Annotated[Version, _titled("Version")]
OptionalVersionField = Annotated[
    str,
    StringConstraints(pattern=rf"^$|{VERSION_PATTERN}", max_length=40),
    _titled("Version (empty: what staging runs)"),
]
EnvironmentField = Annotated[str, _titled("Environment", enum=list(environment_names()))]
RequestedByField = Annotated[str, StringConstraints(max_length=80), _titled("Asked for by")]
ReasonField = Annotated[str, StringConstraints(max_length=500), _titled("Reason")]
OverrideField = Annotated[str, StringConstraints(max_length=500), _titled("Begin outside of the window, because")]
ReleaseField = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z.-]{1,80}$"), _titled("Release")]
AfterField = Annotated[str, _titled("How long after", enum=[after.value for after in After])]
