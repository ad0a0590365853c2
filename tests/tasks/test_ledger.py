import time
from collections.abc import Callable

import pytest

from deployments.twin.aws import AwsEmulator, FaultRule
from tasks.chain import verify_chain
from tasks.clients.aws import s3, translated
from tasks.errors import EnvironmentBusy, LeaseLost, PermanentError, TransientError, UnknownOutcome
from tasks.event_store import EventStore, event_key, read_events
from tasks.ledger import Ledger, current_ledger, effect, homeward_effect, note, open_ledger
from tasks.lock import read_lock
from tasks.models import Event
from tasks.mutations import UnrecordedMutationError, permitted, require_effect
from tasks.settings import Settings


class World:
    """Something outside that can be changed, and that can fail in the ways calls fail."""

    def __init__(self) -> None:
        self.done = False
        self.calls = 0

    def look(self) -> str | None:
        return "done" if self.done else None

    def change(self) -> None:
        require_effect("test change")
        self.calls += 1
        self.done = True

    def lose_the_answer(self) -> None:
        self.change()
        msg = "the answer was lost"
        raise UnknownOutcome(msg)

    def fail_before(self) -> None:
        self.calls += 1
        msg = "throttled"
        raise TransientError(msg)

    def claim_success(self) -> None:
        self.calls += 1


@pytest.fixture
def short_lease(new_settings: Callable[..., Settings]) -> Settings:
    return new_settings(LEDGER__LEASE_S="1", LEDGER__HEARTBEAT_S="0.2", AWS__REQUEST_TIMEOUT_S="0.5")


def kinds(ledger: Ledger) -> list[str]:
    return [event.kind for event in ledger.events]


def test_an_effect_is_intended_called_once_read_back_and_recorded(ledger: Ledger) -> None:
    world = World()
    assert effect("test.change", "k", observe=world.look, act=world.change) == "done"
    assert world.calls == 1
    assert kinds(ledger)[-2:] == ["effect.intended", "effect.done"]


def test_an_effect_that_is_already_so_calls_nothing(ledger: Ledger) -> None:
    world = World()
    world.done = True
    assert effect("test.change", "k", observe=world.look, act=world.change) == "done"
    assert world.calls == 0
    assert ledger.events[-1].data["already"] is True


def test_a_lost_answer_is_resolved_by_looking_not_by_calling_again(ledger: Ledger) -> None:
    world = World()
    assert effect("test.change", "k", observe=world.look, act=world.lose_the_answer) == "done"
    assert world.calls == 1


def test_a_call_that_did_not_happen_is_left_to_its_caller(ledger: Ledger) -> None:
    world = World()
    with pytest.raises(TransientError, match="throttled"):
        effect("test.change", "k", observe=world.look, act=world.fail_before)
    assert world.calls == 1
    assert ledger.events[-1].kind == "effect.unknown"


def test_an_empty_success_is_not_believed(ledger: Ledger) -> None:
    world = World()
    with pytest.raises(UnknownOutcome, match="not seen to have happened"):
        effect("test.change", "k", observe=world.look, act=world.claim_success, read_back_s=0.1)
    assert ledger.events[-1].kind == "effect.unknown"


def test_a_mutation_outside_of_an_effect_is_refused(ledger: Ledger) -> None:
    with pytest.raises(UnrecordedMutationError, match=r"tasks\.ledger\.effect"):
        World().change()
    assert not permitted()


def test_an_aws_client_refuses_to_write_outside_of_an_effect(settings: Settings, ledger: Ledger) -> None:
    with pytest.raises(UnrecordedMutationError, match="CreateBucket"):
        s3(settings.aws).create_bucket(Bucket="never")


def test_an_aws_client_writes_once_inside_of_an_effect(
    settings: Settings, ledger: Ledger, ledger_aws: AwsEmulator
) -> None:
    bucket = settings.ledger.bucket

    def look() -> str | None:
        with translated("list objects"):
            found = s3(settings.aws).list_objects_v2(Bucket=bucket, Prefix="thing").get("KeyCount", 0)
        return "there" if found else None

    effect("s3.put", "thing", observe=look, act=lambda: s3(settings.aws).put_object(Bucket=bucket, Key="thing"))
    puts = [call for call in ledger_aws.calls.since() if call.operation == "PutObject" and "thing" in str(call)]
    assert len(puts) == 1


def test_events_form_a_chain_that_a_second_reader_verifies(settings: Settings, ledger: Ledger) -> None:
    for number in range(3):
        note("test.noted", {"number": number})
    read = read_events(EventStore(settings), "1.1.0-test")
    assert [event.sha256 for event in read] == [event.sha256 for event in ledger.events]


@pytest.mark.parametrize("damage", ["edit", "drop", "reorder"])
def test_a_damaged_chain_is_detected(ledger: Ledger, damage: str) -> None:
    for number in range(4):
        note("test.noted", {"number": number})
    events = list(ledger.events)
    if damage == "edit":
        events[1] = events[1].model_copy(update={"data": {"number": 99}})
    elif damage == "drop":
        del events[1]
    else:
        events[1], events[2] = events[2], events[1]
    with pytest.raises(PermanentError, match="chain is broken"):
        verify_chain(events)


def test_an_event_written_by_somebody_else_ends_this_writer(settings: Settings, ledger: Ledger) -> None:
    note("test.noted", {})
    foreign = ledger.events[-1].model_copy(update={"seq": ledger.events[-1].seq + 1, "kind": "foreign"})
    store = EventStore(settings)
    store.create(event_key("1.1.0-test", foreign.seq), foreign.model_dump_json().encode())
    with pytest.raises(LeaseLost, match="another process"):
        note("test.noted", {})


def test_a_second_release_is_refused_with_the_holders_name(settings: Settings, ledger: Ledger) -> None:
    with (
        pytest.raises(EnvironmentBusy, match=r"held by release 1\.1\.0-test"),
        open_ledger(settings, release_id="1.2.0-other", version="1.2.0"),
    ):
        pytest.fail("the lock let a second release in")


def test_a_finished_release_leaves_the_environment_free_and_the_epoch_grows(settings: Settings) -> None:
    for number in (1, 2):
        with open_ledger(settings, release_id=f"1.1.0-{number}", version="1.1.0") as opened:
            assert opened.lock.record.epoch == number
    left = read_lock(EventStore(settings), settings.name)
    assert left is not None
    assert left.state == "free"


def test_a_release_whose_process_died_goes_on_under_its_own_id(short_lease: Settings) -> None:
    settings = short_lease
    with open_ledger(settings, release_id="1.1.0-first", version="1.1.0") as died:
        note("test.noted", {})
        died.lock.abandon()
        with open_ledger(settings, release_id="1.1.0-second", version="1.1.0") as opened:
            assert opened.release_id == "1.1.0-first"
            assert [event.kind for event in opened.events] == ["test.noted", "lease.taken_over"]
        with pytest.raises(LeaseLost):
            died.lock.require(0.1)


def test_a_zombie_applies_nothing(short_lease: Settings) -> None:
    settings = short_lease
    world = World()
    with open_ledger(settings, release_id="1.1.0-zombie", version="1.1.0") as zombie:
        zombie.lock.abandon()
        with open_ledger(settings, release_id="1.1.0-next", version="1.1.0"):
            pass
        with pytest.raises(LeaseLost):
            effect_of(zombie, world)
    assert world.calls == 0


def effect_of(ledger: Ledger, world: World) -> str:
    assert current_ledger() is ledger
    return effect("test.change", "k", observe=world.look, act=world.change)


def test_the_way_home_acts_even_when_the_ledger_cannot_be_written(ledger: Ledger, ledger_aws: AwsEmulator) -> None:
    world = World()
    ledger_aws.faults.add(FaultRule(service="s3", operation="PutObject", kind="500_before", count=None))
    try:
        assert homeward_effect("test.home", "k", observe=world.look, act=world.change) == "done"
    finally:
        ledger_aws.faults.clear()
    assert world.calls == 1


def test_an_event_of_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValueError, match="surprise"):
        Event.model_validate({"surprise": 1})


EVENTS = {"Key": "releases/*"}


def test_a_store_that_throttles_is_waited_for(ledger: Ledger, ledger_aws: AwsEmulator) -> None:
    ledger_aws.faults.add(FaultRule("throttle", "s3", "PutObject", match=EVENTS, count=8))
    note("test.noted", {})
    assert kinds(ledger)[-1] == "test.noted"


def test_a_word_whose_answer_never_came_is_our_own_all_the_same(ledger: Ledger, ledger_aws: AwsEmulator) -> None:
    ledger_aws.faults.add(FaultRule("lost_answer", "s3", "PutObject", match=EVENTS, count=None))
    with pytest.raises(UnknownOutcome):
        note("test.lost", {})
    ledger_aws.faults.clear()
    note("test.after", {})
    assert kinds(ledger)[-2:] == ["test.lost", "test.after"]
    verify_chain(read_events(EventStore(ledger.settings), ledger.release_id))


def test_a_store_that_outlasted_the_patience_holds_nobody_up_again(ledger: Ledger, ledger_aws: AwsEmulator) -> None:
    ledger_aws.faults.add(FaultRule("throttle", "s3", "PutObject", match=EVENTS, count=None))
    took_s = []
    for _ in range(2):
        began_s = time.monotonic()
        with pytest.raises(TransientError):
            note("test.noted", {})
        took_s.append(time.monotonic() - began_s)
    ledger_aws.faults.clear()
    assert took_s[0] >= ledger.settings.ledger.read_back_s > took_s[1]
    note("test.noted", {})
