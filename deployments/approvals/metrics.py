"""Measure the approvals service: what people press, what becomes of it, how long it takes, and whether we see."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from deployments.approvals.answering import Outcome
from deployments.approvals.caretaker import Caretaker
from deployments.approvals.clicks import Click
from flows.core.answers import Refusal, Why

DECIDE_S = (0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10)
OURS = ("environment",)


class ApprovalMetrics:
    """Hold what is measured of one approvals service."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._clicks = Counter(
            "greenflow_approvals_clicks",
            "Clicks by what they did, or why they did nothing.",
            (*OURS, "action", "result"),
            registry=registry,
        )
        self._decide_s = Histogram(
            "greenflow_approvals_decide_seconds",
            "From taking a click to its decision.",
            OURS,
            registry=registry,
            buckets=DECIDE_S,
        )
        self._refused = Counter(
            "greenflow_approvals_refused_requests",
            "Requests that are no click of Slack's.",
            ("status",),
            registry=registry,
        )
        self._blind = Gauge(
            "greenflow_approvals_blind_seconds", "Since the ledger was read last.", OURS, registry=registry
        )
        self._asking = Gauge("greenflow_approvals_asking", "1 while a question is open.", OURS, registry=registry)
        self._connected = Gauge(
            "greenflow_approvals_sockets_connected", "Connections to Slack that stand.", registry=registry
        )

    def watch(self, caretaker: Caretaker) -> None:
        """Tell how an environment is each time somebody asks."""
        self._blind.labels(caretaker.environment).set_function(lambda: caretaker.blind_s)
        self._asking.labels(caretaker.environment).set_function(lambda: bool(caretaker.open_nonce))

    def count_sockets(self, connected: Callable[[], int]) -> None:
        """Tell how many connections stand each time somebody asks."""
        self._connected.set_function(connected)

    def decided(self, environment: str, click: Click, outcome: Outcome | None, took_s: float) -> None:
        """Count a click; without an outcome its person is giving a reason."""
        result = _result(outcome) if outcome else "reason_asked"
        action = "unknown" if result == Why.UNKNOWN_BUTTON else click.action
        self._clicks.labels(environment, action, result).inc()
        self._decide_s.labels(environment).observe(took_s)

    def refused(self, status: int) -> None:
        """Count a request that was none of Slack's."""
        self._refused.labels(str(status)).inc()


def _result(outcome: Outcome) -> str:
    """Name what a click did, or why it does not count."""
    return str(outcome.told.why if isinstance(outcome.told, Refusal) else outcome.told)
