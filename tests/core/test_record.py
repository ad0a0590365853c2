from datetime import UTC, datetime, timedelta
from typing import Any

from flows.core.record import Ending, fold
from flows.core.report import report_of
from flows.core.report_markdown import markdown
from tasks.models import Check, Event, Evidence

START = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


def events(*told: tuple[str, dict[str, Any]]) -> list[Event]:
    return [
        Event(
            seq=number,
            release_id="1.1.0-x",
            kind=kind,
            at=START + timedelta(seconds=number),
            epoch=1,
            writer="w",
            data=data,
            previous="",
        )
        for number, (kind, data) in enumerate(told, start=1)
    ]


OPENED = ("release.opened", {"version": "1.1.0", "environment": "rehearsal", "requested_by": "kim"})
BAD = Evidence(checks=(Check.of("bundle size", ok=False, found="612 kB", expected="< 500 kB"),))
ASK = {
    "nonce": "0" * 32,
    "release_id": "1.1.0-x",
    "environment": "rehearsal",
    "version": "1.1.0",
    "phase": 0,
    "number": 1,
    "from_weight": 10,
    "to_weight": 50,
    "digest": "sha256:" + "0" * 64,
    "requested_by": "kim",
    "allowed": ["lee"],
    "asked_at": START.isoformat(),
    "expires_at": (START + timedelta(hours=1)).isoformat(),
}
ANSWER = {
    "nonce": "0" * 32,
    "decision": "reject",
    "by": "lee",
    "door": "slack",
    "at": START.isoformat(),
    "reason": "no",
}


def test_folding_in_two_halves_gives_what_folding_at_once_gives() -> None:
    told = events(
        OPENED,
        ("stage.started", {"stage": "1.1 build"}),
        ("stage.finished", {"stage": "1.1 build", "took_s": 1, "evidence": BAD.model_dump(mode="json")}),
        ("traffic.shifted", {"weights": {"a": 90, "b": 10}}),
        ("release.ended", {"ending": "rolled back", "reason": "errors 31/610"}),
    )
    for cut in range(len(told) + 1):
        assert fold(told[cut:], fold(told[:cut])) == fold(told)


def test_an_unknown_kind_of_event_changes_nothing() -> None:
    assert fold(events(OPENED, ("something.new", {}))) == fold(events(OPENED))


def test_a_stage_that_is_tried_again_counts_its_tries() -> None:
    started = ("stage.started", {"stage": "1.3 backup"})
    failed = ("stage.failed", {"stage": "1.3 backup", "cause": "throttled", "took_s": 1})
    stage = fold(events(OPENED, started, failed, started)).stages["1.3 backup"]
    assert (stage.tries, stage.status) == (2, "running")


def test_an_ask_is_open_until_its_answer_is_recorded() -> None:
    asked = fold(events(OPENED, ("ask.opened", {"ask": ASK})))
    assert asked.open_ask is not None
    assert fold(events(OPENED, ("ask.opened", {"ask": ASK}), ("ask.answered", {"answer": ANSWER}))).open_ask is None


def test_an_ended_release_asks_nothing_any_more() -> None:
    ended = ("release.ended", {"ending": "rolled back", "reason": "the process died"})
    assert fold(events(OPENED, ("ask.opened", {"ask": ASK}), ended)).open_ask is None


def test_an_ask_of_a_process_that_died_is_open_no_more() -> None:
    assert fold(events(OPENED, ("ask.opened", {"ask": ASK}), OPENED)).open_ask is None


def test_the_report_says_why_with_both_numbers_and_what_users_met() -> None:
    told = events(OPENED, ("release.ended", {"ending": "rolled back", "reason": "errors 31/610 against 6/5,490"}))
    state = fold(told).model_copy(update={"users": {"requests": 6100, "failed": 31}})
    text = markdown(report_of(state))
    assert "errors 31/610 against 6/5,490" in text
    assert "31 failed of 6,100 requests" in text


def test_a_running_release_can_be_reported_too() -> None:
    report = report_of(fold(events(OPENED)))
    assert report.ending is Ending.RUNNING
    assert "still on its way" in report.verdict


def test_a_report_keeps_its_tables_whole_whatever_people_write() -> None:
    told = events(OPENED, ("stage.started", {"stage": "a|b\nc"}))
    assert "a\\|b c" in markdown(report_of(fold(told)))


def test_the_last_word_of_a_running_stage_is_known() -> None:
    begun = ("stage.started", {"stage": "1.3 back up the database"})
    said = ("stage.progress", {"stage": "1.3", "said": "96 MiB stored in 12 s, 8 MiB/s", "done_bytes": 100663296})
    foreign = ("stage.progress", {"stage": "3.3", "said": "2 of 2 running"})
    ended = ("stage.finished", {"stage": "1.3 back up the database", "evidence": {}})
    stages = [fold(events(OPENED, begun, *after)).stages for after in ((), (said, foreign), (said, ended))]
    assert [each["1.3 back up the database"].said for each in stages] == ["", said[1]["said"], said[1]["said"]]
    assert stages[2]["1.3 back up the database"].status == "finished"


def test_a_copy_of_the_data_may_be_left_until_its_last_drop_is_done() -> None:
    def told(*changes: tuple[str, str]) -> list[Event]:
        return events(*((f"effect.{how}", {"effect": f"postgres.{what}", "key": "scratch"}) for how, what in changes))

    dropped = (("intended", "drop_database"), ("done", "drop_database"))
    made = (("intended", "create_database"), ("done", "create_database"))
    assert not fold(told()).keeps_a_copy
    assert not fold(told(*dropped)).keeps_a_copy
    assert fold(told(*dropped, *made[:1])).keeps_a_copy
    assert fold(told(*dropped, *made)).keeps_a_copy
    assert fold(told(*dropped, *made, *dropped[:1])).keeps_a_copy
    assert not fold(told(*dropped, *made, *dropped)).keeps_a_copy


def test_a_journeys_tenant_is_left_until_its_removal_is_seen() -> None:
    def told(*changes: tuple[str, str, str]) -> list[Event]:
        return events(*((f"effect.{how}", {"effect": f"api.{what}", "key": key}) for how, what, key in changes))

    walked = (("intended", "journey", "gf-1"), ("done", "journey", "gf-1"), ("intended", "journey", "gf-2"))
    removed = (("intended", "clean_up", "gf-1"), ("done", "clean_up", "gf-1"), ("intended", "clean_up", "gf-2"))
    assert fold(told(*walked)).tenants_left == ("gf-1", "gf-2")
    assert fold(told(*walked, *removed)).tenants_left == ("gf-2",)
