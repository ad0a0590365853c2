"""Say what watches production after a release: alarms, Sentry, analytics (guide, section on monitoring)."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from tasks.approval_policy import Seconds
from tasks.section import SecretReference, Section

Count = Annotated[int, Field(ge=1, le=100)]


class MonitoringSettings(Section):
    """Say when CloudWatch calls people, and by which SNS topic (guide, "CloudWatch alarms").

    An alarm goes off when ``datapoints_to_alarm`` of the last ``evaluation_periods`` periods are over their bound.
    Percentages as CloudWatch counts them; ``least_requests`` a period keep one failure at night from being 50 %. What
    an alarm watches must have had data within ``data_within_s``, and right after a release within ``fresh_data_s``.
    """

    topic_arn: Annotated[str, StringConstraints(pattern=r"^arn:aws[\w-]*:sns:[\w-]+:\d{12}:[\w-]+$|^set-by-the-twin$")]
    name_prefix: str = "greenflow"
    period_s: Literal[10, 30, 60, 300] = 60
    evaluation_periods: Count = 5
    datapoints_to_alarm: Count = 3
    error_percent: Annotated[float, Field(gt=0, lt=100)] = 1
    cpu_percent: Annotated[float, Field(gt=0, lt=100)] = 80
    p95_ms: Annotated[float, Field(gt=0)] = 1000
    least_requests: Annotated[int, Field(ge=1)] = 20
    data_within_s: Seconds = 86_400
    fresh_data_s: Seconds = 900

    @model_validator(mode="after")
    def _refuse_more_than_there_are(self) -> Self:
        if self.datapoints_to_alarm > self.evaluation_periods:
            msg = f"datapoints_to_alarm {self.datapoints_to_alarm} > evaluation_periods {self.evaluation_periods}"
            raise ValueError(msg)
        return self


class SentrySettings(Section):
    """Say which Sentry project hears of releases; without this section Sentry is off.

    A release is called ``package@version`` there, which is what the site's SDK has to call itself, too. The token
    needs the scopes project:releases and event:read.
    """

    url: str = "https://sentry.io"
    organization: str
    project: str
    token: SecretReference
    package: str = "greenflow"
    timeout_s: Seconds = 10


class AnalyticsSettings(Section):
    """Say which GA4 property counts visits; without this section analytics are off."""

    url: str = "https://www.google-analytics.com"
    measurement_id: Annotated[str, StringConstraints(pattern=r"^G-[A-Z0-9]{4,20}$")]
    api_secret: SecretReference
    timeout_s: Seconds = 10
