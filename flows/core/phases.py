"""Tell the phases of a canary from what the judge saw at each poll."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from flows.core.judge import Judgement, Verdict
from flows.core.record import Poll, ReleaseState
from flows.core.traces import readable
from tasks.counts import Counts, Kind
from tasks.models import Check, Record


class Look(Record):
    """Hold one poll: what the judge said, on the users' requests of the phase up to then."""

    at_s: float
    judgement: Judgement

    def sides(self) -> tuple[Counts, Counts]:
        """Return the counts of the new and the old side."""
        return self.judgement.new, self.judgement.old


class PhaseRow(Record):
    """Hold one bake: its weight, when it was, and every look of the judge at it."""

    number: int
    weight: int
    began_s: float
    ended_s: float
    looks: tuple[Look, ...]
    share: Check | None

    @property
    def last(self) -> Judgement:
        """Return the judgement the phase ended with."""
        return self.looks[-1].judgement

    @property
    def decided(self) -> Look | None:
        """Return the look at which the judge's last word was first said; None while it waits."""
        if self.last.verdict is Verdict.WAIT:
            return None
        return next(look for look in self.looks if look.judgement.verdict is self.last.verdict)

    @property
    def sides(self) -> tuple[Counts, Counts]:
        """Return the users' requests on the new and the old side; a verdict on probes alone has counted no user."""
        counted = [look.sides() for look in self.looks if any(side.requests for side in look.sides())]
        return counted[-1] if counted else (Counts(), Counts())

    def between(self, kind: Kind) -> Iterator[tuple[float, float | None, float | None]]:
        """Yield when, and both sides' rates in the requests that came in since the look before."""
        before = (Counts(), Counts())
        for look in self.looks:
            new, old = (_rate(now, then, kind) for now, then in zip(look.sides(), before, strict=True))
            before = look.sides()
            if new is not None or old is not None:
                yield look.at_s, new, old


def phase_rows(state: ReleaseState) -> tuple[PhaseRow, ...]:
    """Return a row for every bake there was; a canary that started over has bakes of the same weight twice."""
    phases = state.plan.phases if state.plan else ()
    shifts = [shift.at for shift in state.shifts]
    polls = [poll for poll in state.polls if _judgement(poll)]
    bakes = [bake for bake in _bakes(polls, shifts) if bake[0].phase < len(phases)]
    ends = (following[0].at if following else None for following in (*bakes[1:], ()))
    return tuple(_phase_row(state, polls, until) for polls, until in zip(bakes, ends, strict=False))


def _bakes(polls: Sequence[Poll], shifts: Sequence[datetime]) -> list[tuple[Poll, ...]]:
    """Cut the polls where the phase changes, or where the traffic was shifted between two of them."""
    bakes: list[list[Poll]] = []
    for before, poll in pairwise([None, *polls]):
        if poll is None:
            continue
        if before is None or before.phase != poll.phase or any(before.at < at <= poll.at for at in shifts):
            bakes.append([])
        bakes[-1].append(poll)
    return [tuple(polls) for polls in bakes]


def _phase_row(state: ReleaseState, polls: Sequence[Poll], until: datetime | None) -> PhaseRow:
    number, first = polls[0].phase, polls[0].at
    shifts = [shift.at for shift in state.shifts]
    began = max((at for at in shifts if at <= first), default=first)
    ended = min((at for at in shifts if at > polls[-1].at), default=state.ended_at or polls[-1].at)
    shares = [share.check for share in state.shares if share.phase == number and began <= share.at]
    return PhaseRow(
        number=number,
        weight=state.plan.phases[number] if state.plan else 0,
        began_s=_since(state, began),
        ended_s=_since(state, min(ended, until) if until else ended),
        looks=tuple(
            Look(at_s=_since(state, poll.at), judgement=judgement) for poll in polls if (judgement := _judgement(poll))
        ),
        share=shares[0] if shares else None,
    )


def _judgement(poll: Poll) -> Judgement | None:
    return readable(Judgement, poll.judgement)


def _since(state: ReleaseState, at: datetime) -> float:
    return round((at - (state.opened_at or at)).total_seconds(), 2)


def _rate(now: Counts, then: Counts, kind: Kind) -> float | None:
    requests = now.requests - then.requests
    return max(0, now.events(kind) - then.events(kind)) / requests if requests > 0 else None
