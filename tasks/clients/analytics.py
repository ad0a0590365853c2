"""Ask Google Analytics whether it would take an event (GA4 Measurement Protocol, "Validate events")."""

from typing import Any

from tasks.clients.web import open_web
from tasks.monitoring_settings import AnalyticsSettings
from tasks.secrets import read_secret
from tasks.settings import AwsSettings

EVENT = "greenflow_release_check"
DEBUG = "/debug/mp/collect"


def complaints(analytics: AnalyticsSettings, aws: AwsSettings) -> tuple[str, ...]:
    """Send one event to be validated, which counts nothing, and return what is wrong with it.

    The debug endpoint looks at the event and the property's form; whether the secret is right it does not say.
    Goes out only from inside an effect. Raises RemoteError when Google does not answer.
    """
    secret = read_secret(analytics.api_secret, aws)
    params = {"measurement_id": analytics.measurement_id, "api_secret": secret.get_secret_value()}
    body: dict[str, Any] = {"client_id": "greenflow.release", "events": [{"name": EVENT, "params": {}}]}
    with open_web(analytics.url, timeout_s=analytics.timeout_s) as web:
        answer = web.json("POST", DEBUG, doing="validate an event with Google Analytics", params=params, json=body)
    return tuple(str(each.get("description", each)) for each in answer.get("validationMessages", []))
