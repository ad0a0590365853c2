"""The ground a release stands on: what is not as the settings say is named, with what a person can do."""

import time
from types import SimpleNamespace

import pytest

from tasks.checklist.ground import look_at_ground
from tasks.settings import Settings


@pytest.mark.parametrize(("off_s", "said"), [(3600, "ahead of"), (-3600, "behind")])
def test_a_clock_that_is_off_by_an_hour_is_refused_before_anything_is_touched(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, off_s: float, said: str
) -> None:
    assert "clock" not in look_at_ground(settings)[1]
    clock = SimpleNamespace(time=lambda: time.time() + off_s)
    monkeypatch.setattr("tasks.checklist.ground.time", clock)
    _, wrong = look_at_ground(settings)
    message = str(wrong["clock"])
    assert f"s {said} AWS's, expected within 30 s of AWS's; set it by NTP" in message
    assert any(f"found this machine's {seconds} s" in message for seconds in (3599, 3600, 3601))
