"""Decide whether a set of checks lets a release pass."""

from collections.abc import Iterable

from tasks.errors import GateRefused
from tasks.models import Check, Evidence, Outcome, Record
from tasks.sentences import Said, joined, named, sentence


class Gate(Record):
    """Hold a gate's decision with every check it looked at."""

    name: Said
    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[Check, ...]:
        """List the checks that keep the gate shut."""
        return tuple(check for check in self.checks if check.outcome is Outcome.FAILED)

    @property
    def passed(self) -> bool:
        """Tell whether the release may go on."""
        return not self.failed

    @property
    def reason(self) -> str:
        """Say why the gate is shut, both numbers of each failed check."""
        lines = joined("; ", (check.line for check in self.failed))
        return sentence("{gate} refused: {checks}", gate=named(self.name), checks=lines)


def gate(name: str, evidence: Iterable[Evidence]) -> Gate:
    """Put the checks of several stages in front of one gate."""
    return Gate(name=name, checks=tuple(check for item in evidence for check in item.checks))


def insist(decision: Gate) -> None:
    """End the release when the gate is shut; raises GateRefused with the failed checks."""
    if not decision.passed:
        raise GateRefused(decision.reason, gate=decision.name, checks=decision.failed)
