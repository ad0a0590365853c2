"""Log for people, a plain line each, or for machines that collect it, a JSON object a line."""

import logging
import os
import sys
from pathlib import Path
from typing import Annotated, Literal, TextIO

from cyclopts import Parameter

from tasks.log_lines import AboutFilter

Form = Literal["plain", "json"]
LogFormat = Annotated[
    Form,
    Parameter(
        name="--log-format",
        env_var="GREENFLOW_LOG_FORMAT",
        help="Log for people, or as JSON with the release and its phase in every line.",
    ),
]

PLAIN = "%(asctime)s %(name)s %(levelname)s %(message)s"
PREFECTS_OWN = Path(__file__).with_name("json_logs.yml")
"""What Prefect's own processes log by, workers too: PREFECT_LOGGING_SETTINGS_PATH names it."""


def start_logging(form: Form) -> None:
    """Let this process log what is ours, and of others what is a warning at least, on stderr."""
    handlers = [json_handler()] if form == "json" else None
    logging.basicConfig(level=logging.WARNING, format=PLAIN, handlers=handlers, force=form == "json")
    logging.getLogger("greenflow").setLevel(logging.INFO)


def tell_prefect(form: Form) -> None:
    """Let Prefect log in that form, here and in the processes it starts; only before it is imported."""
    if form == "json":
        os.environ.setdefault("PREFECT_LOGGING_SETTINGS_PATH", str(PREFECTS_OWN))


def json_handler() -> "logging.StreamHandler[TextIO]":
    """Make a handler that writes one JSON object a line to stderr."""
    from pythonjsonlogger.json import JsonFormatter  # noqa: PLC0415 - keeps `greenflow --help` quick

    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(AboutFilter())
    handler.setFormatter(
        JsonFormatter(
            "%(levelname)s %(name)s %(message)s",
            rename_fields={"levelname": "level", "name": "logger", "timestamp": "at"},
            timestamp=True,
        )
    )
    return handler
