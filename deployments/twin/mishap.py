"""What a mishap is: something that spoils one version's release before any user meets it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from deployments.twin.stack import Twin

    Befall = Callable[[Twin, str], Mapping[str, str]]


def _nothing(_twin: Twin, _version: str) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True)
class Mishap:
    """One mishap.

    `files` are laid over the version's source. `befall` spoils the twin for one version and gives the settings,
    as environment variables, with which the release must be started to meet it. The release must refuse it, with the
    traffic untouched; `says` is a pattern that a person must find in its verdict.
    """

    name: str
    sentence: str
    says: str
    files: Mapping[str, str] = field(default_factory=dict)
    befall: Befall = _nothing
