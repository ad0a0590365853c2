"""Every line of the log knows what it is about, and a trace is found by its release."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import yaml
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prefect.logging.configuration import DEFAULT_LOGGING_SETTINGS_PATH

from deployments.logs import PREFECTS_OWN, json_handler
from tasks.ledger import Ledger, note
from tasks.log_lines import about
from tasks.models import Evidence
from tasks.stage import record_evidence


class Lines:
    """A logger as our processes have it, and what it has written."""

    def __init__(self) -> None:
        handler = json_handler()
        self._stream = io.StringIO()
        handler.setStream(self._stream)
        self.log = logging.getLogger("greenflow.test")
        self.log.handlers = [handler]
        self.log.setLevel(logging.INFO)
        self.log.propagate = False  # what other tests have left at the root is not ours

    def written(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self._stream.getvalue().splitlines()]


@pytest.fixture
def lines() -> Iterator[Lines]:
    lines = Lines()
    yield lines
    lines.log.handlers = []


def test_a_line_tells_the_release_its_rollout_and_its_phase(ledger: Ledger, lines: Lines) -> None:
    lines.log.info("before")
    note("rollout.moved", {"state": "baking", "phase": 0, "weight": 10, "reason": ""})
    with about(lambda: {"stage": "3.4 shift traffic to 10 %"}):
        lines.log.warning("%d requests", 610)
    before, line = lines.written()
    assert "phase" not in before
    assert line.pop("at")
    assert line == {
        "level": "WARNING",
        "logger": "greenflow.test",
        "message": "610 requests",
        "environment": "rehearsal",
        "release_id": ledger.release_id,
        "rollout": "baking",
        "phase": 10,
        "stage": "3.4 shift traffic to 10 %",
    }


def test_what_a_line_says_itself_wins_and_outside_of_a_release_there_is_nothing_to_tell(lines: Lines) -> None:
    with about(lambda: {"environment": "production"}):
        lines.log.info("here", extra={"environment": "staging"})
    lines.log.info("outside")
    inside, outside = lines.written()
    assert inside["environment"] == "staging"
    assert set(outside) == {"level", "logger", "message", "at"}


def test_an_error_keeps_its_traceback_in_one_line(lines: Lines) -> None:
    try:
        json.loads("torn")
    except ValueError:
        lines.log.exception("could not read")
    (line,) = lines.written()
    assert "JSONDecodeError: Expecting value" in str(line["exc_info"])


def test_the_span_of_a_stage_carries_its_release(ledger: Ledger) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("prefect").start_as_current_span("0 checklist: the ground"):
        record_evidence("0 checklist: the ground", Evidence(checks=()))
    (span,) = exporter.get_finished_spans()
    assert dict(span.attributes or {}) == {
        "greenflow.environment": "rehearsal",
        "greenflow.release_id": ledger.release_id,
    }


def test_prefects_processes_log_by_the_same_handler_and_leave_out_none_of_its_loggers() -> None:

    ours, theirs = (yaml.safe_load(path.read_text()) for path in (PREFECTS_OWN, DEFAULT_LOGGING_SETTINGS_PATH))
    assert set(theirs["loggers"]) <= set(ours["loggers"])
    assert ours["handlers"]["console"] == {"()": f"{json_handler.__module__}.{json_handler.__name__}"}
    assert ours["root"]["handlers"] == ["console"]
