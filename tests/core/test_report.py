import pytest

from flows.core.judge import Verdict
from flows.core.record import Ending
from flows.core.report import ReleaseReport, report_of
from flows.core.report_words import facts, lasted
from flows.core.traces import How
from tests.core.release_told import COMMANDS, ENDINGS, POLICY, Teller, rolled_back, shipped, started_over, stuck, users


def told_of(ending: str) -> ReleaseReport:
    return report_of(ENDINGS[ending]())


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_ending_has_a_sentence_of_its_own(ending: str) -> None:
    report = told_of(ending)
    assert report.ending == Ending(ending)
    assert report.version in report.headline
    assert {told_of(other).headline for other in ENDINGS if other != ending}.isdisjoint({report.headline})


def test_the_first_page_says_what_people_ask_first() -> None:
    state = rolled_back().model_copy(update={"users": users([0, 4])})
    told = dict(facts(report_of(state)))
    assert told["version"] == "1.1.0, before it 1.0.0"
    assert told["asked for by"] == "kim"
    assert told["traffic now"] == "0 % 1.1.0, 100 % 1.0.0"
    assert told["users meanwhile"] == "5 failed of 6,100 requests (HTTP 500, HTTP 502)"


def test_where_nobody_counted_users_the_judges_counts_tell_what_they_met() -> None:
    report = told_of("rolled back")
    assert report.users is None
    assert dict(facts(report))["users meanwhile"] == "13 failed of 1,800 requests in the canary"
    assert dict(facts(told_of("refused")))["users meanwhile"] == "none met this version"


def test_the_weights_are_told_from_the_candidates_side() -> None:
    assert [step.weight for step in report_of(shipped()).weights] == [10, 50, 100]
    assert [step.weight for step in report_of(rolled_back()).weights] == [10, 0]


def test_a_phase_tells_when_it_was_and_when_the_judge_decided() -> None:
    first, second, last = report_of(shipped()).phases
    assert (first.weight, second.weight, last.weight) == (10, 50, 100)
    assert first.began_s < first.looks[0].at_s < first.ended_s == second.began_s
    assert first.decided is not None
    assert first.decided.judgement.verdict is Verdict.PROMOTE
    assert first.decided.judgement.periods_counted == POLICY.min_periods
    assert first.share is not None
    assert first.share.found == "10 %"


def test_a_phase_without_a_verdict_has_no_moment_of_one() -> None:
    told = Teller()
    told.prepare()
    told.shift(10)
    told.bake(0, [0, 0])
    (phase,) = report_of(told.state).phases
    assert phase.decided is None


def test_the_rates_between_two_looks_are_those_of_the_new_requests_alone() -> None:
    (phase,) = report_of(rolled_back()).phases
    rates = [new for _, new, _ in phase.between("failed")]
    assert rates == [0, 0.1, pytest.approx(7 / 60)]  # the judge looks no further than its verdict


def test_a_canary_that_started_over_has_its_first_weight_twice() -> None:
    phases = report_of(started_over()).phases
    assert [phase.weight for phase in phases] == [10, 10]
    assert phases[0].ended_s < phases[1].began_s
    assert phases[1].looks[0].judgement.periods_counted == 0


def test_a_verdict_on_probes_alone_ends_its_phase_and_keeps_the_users_counts() -> None:
    told = Teller()
    told.prepare()
    told.shift(10)
    told.bake(0, [0, 0, 0])
    quick = dict(told.events[-1].data["judgement"])
    nobody = {"requests": 0, "failed": 0, "slow_300ms": 0, "slow_1s": 0, "slow_5s": 0}
    quick |= {"verdict": "roll_back", "rule": "errors-limit", "periods_counted": 1, "new": nobody, "old": nobody}
    told.tell("bake.polled", phase=0, judgement=quick)
    (phase,) = report_of(told.state).phases
    assert phase.last.verdict is Verdict.ROLL_BACK
    assert [side.requests for side in phase.sides] == [180, 1620]


def test_the_way_home_is_timed_from_the_decision_to_the_read_back() -> None:
    way_home = report_of(rolled_back()).way_home
    assert way_home is not None
    assert way_home.took_s == 3


def test_a_blocked_way_home_is_never_told_as_done() -> None:
    way_home = report_of(stuck()).way_home
    assert way_home is not None
    assert way_home.home_s is None
    assert way_home.took_s is None


def test_a_blocked_way_home_gives_a_person_the_exact_commands_first() -> None:
    first = report_of(stuck()).next_steps[0]
    assert first.commands == COMMANDS
    assert "a 100 % / b 0 %" in first.text


def test_what_was_put_back_leaves_out_what_people_were_told() -> None:
    assert [change.what for change in report_of(rolled_back()).put_back] == ["traffic.home", "service.set"]
    assert report_of(shipped()).put_back == ()


def test_what_the_way_home_could_not_do_is_left_to_people_by_name() -> None:
    report = report_of(rolled_back())
    assert report.left_over == ("could not put the site back: Vercel is away",)
    assert "Vercel is away" in report.next_steps[0].text


def test_an_open_ask_comes_first_in_what_to_do() -> None:
    first = told_of("running").next_steps[0]
    assert first.commands[0] == "greenflow approve --environment rehearsal"


def test_a_refused_release_is_told_to_start_again_where_it_began() -> None:
    assert told_of("refused").next_steps[-1].commands == ("greenflow rehearse --version 1.1.0",)


def test_every_check_is_shown_once_whether_a_gate_looked_at_it_or_not() -> None:
    report = report_of(rolled_back())
    names = [gate.name for gate in report.gates]
    assert names == ["1.3 back up the database", "schema expanded"]
    assert [check.name for gate in report.gates for check in gate.checks] == ["restored tables", "schema version"]


def test_an_ask_tells_who_answered_by_which_door_and_how_long_it_took() -> None:
    row = told_of("rejected").asks[0]
    assert row.answer is not None
    assert (row.answer.by, row.answer.door, row.waited_s) == ("U0LEE", "slack", 8)


def test_an_ask_without_an_answer_waits_until_the_last_thing_seen() -> None:
    report = told_of("running")
    assert report.asks[0].answer is None
    assert report.asks[0].start_s + report.asks[0].waited_s == report.span_s


def test_a_change_keeps_its_outcome_and_its_cause() -> None:
    by_name = {change.what: change for change in report_of(stuck()).effects}
    assert by_name["traffic.shift"].how is How.DONE
    assert by_name["traffic.home"].how is How.UNKNOWN
    assert "throttled" in by_name["traffic.home"].cause


def test_changes_that_overlap_keep_their_own_outcomes() -> None:
    told = Teller()
    told.open()
    told.tell("effect.intended", effect="image.tag", key="a")
    told.tell("effect.intended", effect="git.tag", key="b")
    told.tell("effect.done", effect="image.tag", key="a", already=True)
    told.tell("effect.refused", effect="git.tag", key="b", cause="forbidden")
    changes = report_of(told.state).effects
    assert [(change.what, change.how) for change in changes] == [("image.tag", How.ALREADY), ("git.tag", How.REFUSED)]


def test_a_change_whose_process_died_has_no_outcome() -> None:
    told = Teller()
    told.open()
    told.tell("effect.intended", effect="git.tag", key="b")
    assert report_of(told.state).effects[-1].how is How.UNDER_WAY


def test_the_limits_are_those_the_release_was_judged_by() -> None:
    assert report_of(shipped()).policy == POLICY


def test_a_ledger_that_another_version_wrote_is_read_as_far_as_it_can_be() -> None:
    told = Teller()
    told.prepare()
    told.shift(10)
    told.bake(0, [0, 0])
    for event in told.events:
        for place in (event.data, event.data.get("judge"), event.data.get("judgement"), event.data.get("gate")):
            if place is not None:
                place["of_a_later_version"] = 1
    told.tell("gate.decided", gate={"of_another_shape": True})
    told.tell("share.measured", check={})
    told.tell("bake.polled", phase=0, judgement={"verdict": "a new one"})
    report = report_of(told.state)
    assert report.policy == POLICY
    assert len(report.phases[0].looks) == 3
    assert "schema expanded" in [gate.name for gate in report.gates]


def test_the_backups_proof_is_part_of_the_report() -> None:
    backup = report_of(shipped()).backup
    assert backup is not None
    assert backup.tables["public.bids"].rows == 842


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.0 s"), (59.94, "59.9 s"), (125, "2 min 05 s"), (3600, "1 h 00 min"), (7500, "2 h 05 min")],
)
def test_a_length_of_time_is_said_as_people_say_it(seconds: float, words: str) -> None:
    assert lasted(seconds) == words
