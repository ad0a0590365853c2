"""Say how strict the canary judge is: the `[judge]` section of an environment."""

from itertools import pairwise
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

Rate = Annotated[float, Field(gt=0, lt=1)]
Stake = Annotated[float, Field(ge=0, le=1)]
Ratio = Annotated[float, Field(ge=1, le=10)]
Evidence = Annotated[float, Field(gt=1, le=1e6)]


class JudgePolicy(BaseModel):
    """Hold the judge's numbers; the defaults are those its benchmark was run with.

    A `rate` is a fraction of requests, a `ratio` is the new side's rate over the old side's, `evidence` is an
    e-value (1 says nothing, 200 means a false alarm in at most one of 200 healthy releases), a `stake` is the
    part of the evidence set aside for trouble that begins at a certain period. `weights` and `period_s` repeat
    what the rollout is set to. Values out of range are refused with a ValueError.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    # The bake.
    period_s: PositiveFloat = 60
    weights: tuple[int, ...] = (10, 50, 100)
    warm_up_periods: Annotated[int, Field(ge=0)] = 2
    min_periods: PositiveInt = 15
    last_phase_min_periods: PositiveInt = 15
    ask_after_periods: PositiveInt = 45

    # Relative evidence: the new side against the old one.
    errors_null_ratio: Ratio = 1.25
    slow_null_ratio: Ratio = 1.5
    errors_evidence: Evidence = 200
    slow_evidence: Evidence = 400
    period_evidence_cap: Evidence = 50
    first_phase_stake: Stake = 0.5
    second_phase_stake: Stake = 0.2
    other_period_stake: Stake = 0.3 / 60
    recent_periods: PositiveInt = 5
    mattering_error_rate: Rate = 0.001
    p95_slow_300ms_rate: Rate = 0.05
    p99_slow_1s_rate: Rate = 0.01

    # Noise that the old side showed before the release.
    dispersion_z: PositiveFloat = 2.33
    max_dispersion: Annotated[float, Field(ge=1)] = 40
    min_dispersion_events: PositiveInt = 3

    # Hard limits: the guide's emergencies.
    limit_rate: Rate = 0.05
    warm_up_limit_rate: Rate = 0.10
    limit_window_periods: PositiveInt = 3
    limit_events: PositiveInt = 5
    limit_event_periods: PositiveInt = 2
    limit_events_in_one_period: PositiveInt = 20
    limit_ratio: Ratio = 2
    limit_p_value: Rate = 0.001
    probes_p_value: Rate = 0.005
    unhealthy_periods: PositiveInt = 2

    # Promotion.
    first_phase_proved_error_rate: Rate = 0.05
    proved_error_rate: Rate = 0.01
    proved_slow_5s_rate: Rate = 0.05
    proof_evidence: Evidence = 20
    max_error_rate: Rate = 0.01
    max_slow_ratio: Ratio = 1.5
    max_relative_evidence: Evidence = 5

    # When to ask people at once.
    silent_periods: PositiveInt = 5
    due_requests: PositiveInt = 20

    @model_validator(mode="after")
    def _refuse_a_policy_that_cannot_decide(self) -> Self:
        for refused, why in (*self._broken_bake(), *self._broken_limits()):
            if refused:
                raise ValueError(why)
        return self

    def _broken_bake(self) -> tuple[tuple[bool, str], ...]:
        needed = min(self.min_periods, self.last_phase_min_periods)
        longest = max(self.min_periods, self.last_phase_min_periods)
        rising = all(low < high for low, high in pairwise((0, *self.weights)))
        return (
            (
                not (rising and self.weights and self.weights[-1] == 100),  # noqa: PLR2004 - all of the traffic
                f"weights must rise from above 0 to 100, found {self.weights}",
            ),
            (
                self.warm_up_periods >= needed,
                f"warm_up_periods {self.warm_up_periods} >= min_periods {needed}: nothing would be compared",
            ),
            (
                self.ask_after_periods < longest,
                f"ask_after_periods {self.ask_after_periods} < min_periods {longest}: no phase could end",
            ),
            (
                self.first_phase_stake + self.second_phase_stake > 1,
                f"stakes {self.first_phase_stake} + {self.second_phase_stake} > 1",
            ),
        )

    def _broken_limits(self) -> tuple[tuple[bool, str], ...]:
        return (
            (
                self.warm_up_limit_rate < self.limit_rate,
                f"warm_up_limit_rate {self.warm_up_limit_rate} < limit_rate {self.limit_rate}",
            ),
            (
                self.limit_event_periods > self.limit_window_periods,
                f"limit_event_periods {self.limit_event_periods} > window {self.limit_window_periods}",
            ),
            (
                self.max_relative_evidence >= min(self.errors_evidence, self.slow_evidence),
                f"max_relative_evidence {self.max_relative_evidence} would promote what is to be rolled back",
            ),
        )
