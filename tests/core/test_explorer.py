"""Everything that can happen to a release keeps every invariant; the mutants show that a broken one is noticed."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from flows.core import guarding, rollout
from tests.core.explorer import BrokenInvariantError, explore

ROLLOUT, GUARDING = "rollout", "guarding"
MUTANTS = {
    "believes whatever the balancer says": (ROLLOUT, "if event.weight != rollout.weight:", "if False:"),
    "bakes on after a bad verdict": (
        ROLLOUT,
        "        case Verdict.ROLL_BACK:\n            return _homing(rollout, why)",
        "        case Verdict.ROLL_BACK:\n            return rollout",
    ),
    "ships at any weight": (ROLLOUT, "case Verdict.PROMOTE if rollout.is_last:", "case Verdict.PROMOTE:"),
    "asks nobody": (
        ROLLOUT,
        "return _to(rollout, State.ASKING, reason=why)",
        "return _to(rollout, State.SHIFTING, phase=min(rollout.phase + 1, 2), reason=why)",
    ),
    "ships what it cannot judge": (
        ROLLOUT,
        "        case Verdict.WAIT:\n            return rollout",
        "        case Verdict.WAIT:\n            return _to(rollout, State.SHIPPED)",
    ),
    "takes waiting for a word": (
        ROLLOUT,
        "        case Verdict.WAIT:\n            return rollout",
        "        case Verdict.WAIT:\n            return _to(rollout, State.ASKING)",
    ),
    "does not hear the judge while asking": (
        ROLLOUT,
        "    if event.judgement.verdict is Verdict.ROLL_BACK:",
        "    if event.judgement.verdict is Verdict.WAIT:",
    ),
    "takes silence for a yes": (ROLLOUT, 'if event.decision != "approve":', 'if event.decision == "reject":'),
    "blames people for the judge's no": (ROLLOUT, "by_people=event.by != JUDGE", "by_people=True"),
    "jumps to the last weight": (ROLLOUT, "phase=rollout.phase + 1)", "phase=len(rollout.phases) - 1)"),
    "goes on after its end": (ROLLOUT, "        if self.ended:\n            return self\n", ""),
    "never comes to an end": (ROLLOUT, "    (State.HOMING, CameHome): _came_home,\n", ""),
    "calls blocked home": (ROLLOUT, "return _to(rollout, State.STUCK,", "return _to(rollout, State.HOME,"),
    "calls itself home unseen": (ROLLOUT, "return _to(rollout, State.HOMING,", "return _to(rollout, State.HOME,"),
    "hears failures in bakes only": (ROLLOUT, "self.state in MOVING:", "self.state is State.BAKING:"),
    "guard keeps what is not all of it": (
        GUARDING,
        "and found == Weights.giving(state.plan.candidate, FULL_WEIGHT)",
        "",
    ),
    "guard keeps what nobody passed": (GUARDING, "and state.rollout == State.SHIPPED and", "and"),
    "guard leaves traffic where it is": (
        GUARDING,
        "return Course.HOME if state.rollout else Course.UNTOUCHED",
        "return Course.UNTOUCHED",
    ),
    "guard goes back to a side that was let go": (GUARDING, "        return Course.KEEP\n", "        pass\n"),
}


def test_everything_that_can_happen_keeps_every_invariant() -> None:
    assert explore(rollout, guarding) > 150


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_of_the_decisions_breaks_an_invariant(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    which, good, bad = MUTANTS[name]
    cores = {ROLLOUT: rollout, GUARDING: guarding}
    cores[which] = mutated(cores[which], good, bad, monkeypatch)
    with pytest.raises(BrokenInvariantError):
        explore(cores[ROLLOUT], cores[GUARDING])


def mutated(module: ModuleType, good: str, bad: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Run a module's own source with one change in it."""
    source = Path(str(module.__file__)).read_text()
    assert source.count(good) == 1, f"the mutant's place is there {source.count(good)} times"
    mutant = ModuleType("mutant")
    monkeypatch.setitem(sys.modules, "mutant", mutant)
    exec(compile(source.replace(good, bad), "mutant.py", "exec"), mutant.__dict__)  # noqa: S102 - our own source
    return mutant
