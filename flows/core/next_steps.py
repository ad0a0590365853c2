"""Say what people should do after a release, by how it ended; the shortest list that is enough at night."""

import shlex

from flows.core.record import Ending, ReleaseState
from tasks.models import Ask, Record, RollCall
from tasks.sentences import Said, named, sentence

MIGRATE = "4.3 migrate the database"


class NextStep(Record):
    """Hold one thing to do, with the exact commands where there are some."""

    text: Said
    commands: tuple[str, ...] = ()


def next_steps(state: ReleaseState) -> tuple[NextStep, ...]:
    """Return what to do next, first things first."""
    left = (sentence("By hand, since the release could not: {what}", what=what) for what in state.left_over)
    by_hand = tuple(NextStep(text=text) for text in left)
    return (*_urgent(state), *by_hand, *_afterwards(state))


def _urgent(state: ReleaseState) -> tuple[NextStep, ...]:
    if state.ending is Ending.STUCK:
        return _stuck(state)
    if state.roll_call:
        return (_be_there(state.roll_call),)
    return (_answer(state.open_ask),) if state.open_ask else ()


def _be_there(call: RollCall) -> NextStep:
    text = sentence(
        "Say that you are on duty before {until} UTC: {needed} people are needed.",
        until=f"{call.expires_at:%H:%M:%S}",
        needed=call.needed,
    )
    return NextStep(text=text, commands=(f"greenflow on-duty {shlex.join(['--environment', call.environment])}",))


def _answer(ask: Ask) -> NextStep:
    where = shlex.join(["--environment", ask.environment])
    text = sentence(
        "Answer the open ask, {before} % -> {after} %, before {until} UTC: silence brings the traffic home.",
        before=ask.from_weight,
        after=ask.to_weight,
        until=f"{ask.expires_at:%H:%M:%S}",
    )
    return NextStep(
        text=text,
        commands=(f"greenflow approve {where}", f"greenflow reject {where} --reason 'one sentence'"),
    )


def _stuck(state: ReleaseState) -> tuple[NextStep, ...]:
    home = state.restore_point.live.weights if state.restore_point else named("what it was before")
    now = sentence(
        "Bring the traffic home now: run the first command, then the second until it shows {home}.", home=home
    )
    leave = sentence(
        "Leave the tasks of {version} running until the weights are read back at home.", version=state.version
    )
    tell = named("Tell the channel when it is done, and by whom: this release can no longer write it down.")
    return (
        NextStep(text=now, commands=state.commands),
        NextStep(text=leave),
        NextStep(text=tell),
    )


def _afterwards(state: ReleaseState) -> tuple[NextStep, ...]:
    match state.ending:
        case Ending.SHIPPED:
            return _shipped(state)
        case Ending.REFUSED:
            return (NextStep(text=named("Cure what the failed check below names.")), *_schema(state), _again(state))
        case Ending.ROLLED_BACK:
            return _rolled_back(state)
        case Ending.REJECTED:
            ask = named("Ask whoever called it back, then try again.")
            return (NextStep(text=ask), *_schema(state), _again(state))
        case _:
            return ()


def _rolled_back(state: ReleaseState) -> tuple[NextStep, ...]:
    calm = sentence(
        "Nothing is on fire: users are on {version}. Find the cause before the next try.", version=_before(state)
    )
    cure = named("Release the cure under a new version; a version that was rolled back stays rolled back.")
    return (NextStep(text=calm), *_schema(state), NextStep(text=cure))


def _shipped(state: ReleaseState) -> tuple[NextStep, ...]:
    steps = [NextStep(text=named("Look at errors and latency again after an hour, a day and a week."))]
    if state.restore_point:
        tag = state.restore_point.git_tag
        back = sentence(
            "Should it turn out bad later, release what ran before: {version}, tag {tag}.",
            version=_before(state),
            tag=tag,
        )
        steps.append(NextStep(text=back))
    if _migrated(state):
        text = sentence(
            "Remove what only {version} needed of the schema in a later release, never in this one.",
            version=_before(state),
        )
        steps.append(NextStep(text=text))
    return tuple(steps)


def _schema(state: ReleaseState) -> tuple[NextStep, ...]:
    if not _migrated(state):
        return ()
    text = sentence(
        "Leave the schema as it is: it was only expanded, and {version} has proved that it works on it.",
        version=_before(state),
    )
    return (NextStep(text=text),)


def _again(state: ReleaseState) -> NextStep:
    argv = ["greenflow", "release", state.version, "--environment", state.environment]
    if state.environment == "rehearsal":
        argv = ["greenflow", "rehearse", "--version", state.version]
    return NextStep(text=named("Then start again."), commands=(shlex.join(argv),))


def _migrated(state: ReleaseState) -> bool:
    stage = state.stages.get(MIGRATE)
    return stage is not None and stage.status == "finished"


def _before(state: ReleaseState) -> str:
    return state.restore_point.stable_version if state.restore_point else named("the version before")
