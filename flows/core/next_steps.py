"""Say what people should do after a release, by how it ended; the shortest list that is enough at night."""

import shlex

from flows.core.record import Ending, ReleaseState
from tasks.models import Ask, Record

MIGRATE = "4.3 migrate the database"


class NextStep(Record):
    """Hold one thing to do, with the exact commands where there are some."""

    text: str
    commands: tuple[str, ...] = ()


def next_steps(state: ReleaseState) -> tuple[NextStep, ...]:
    """Return what to do next, first things first."""
    by_hand = tuple(NextStep(text=f"By hand, since the release could not: {what}") for what in state.left_over)
    return (*_urgent(state), *by_hand, *_afterwards(state))


def _urgent(state: ReleaseState) -> tuple[NextStep, ...]:
    if state.ending is Ending.STUCK:
        return _stuck(state)
    return (_answer(state.open_ask),) if state.open_ask else ()


def _answer(ask: Ask) -> NextStep:
    where = shlex.join(["--environment", ask.environment])
    return NextStep(
        text=f"Answer the open ask, {ask.from_weight} % -> {ask.to_weight} %, before {ask.expires_at:%H:%M:%S} UTC: "
        "silence brings the traffic home.",
        commands=(f"greenflow approve {where}", f"greenflow reject {where} --reason 'one sentence'"),
    )


def _stuck(state: ReleaseState) -> tuple[NextStep, ...]:
    home = state.restore_point.live.weights if state.restore_point else "what it was before"
    return (
        NextStep(
            text=f"Bring the traffic home now: run the first command, then the second until it shows {home}.",
            commands=state.commands,
        ),
        NextStep(text=f"Leave the tasks of {state.version} running until the weights are read back at home."),
        NextStep(text="Tell the channel when it is done, and by whom: this release can no longer write it down."),
    )


def _afterwards(state: ReleaseState) -> tuple[NextStep, ...]:
    match state.ending:
        case Ending.SHIPPED:
            return _shipped(state)
        case Ending.REFUSED:
            return (NextStep(text="Cure what the failed check below names."), *_schema(state), _again(state))
        case Ending.ROLLED_BACK:
            return (
                NextStep(
                    text=f"Nothing is on fire: users are on {_before(state)}. Find the cause before the next try."
                ),
                *_schema(state),
                NextStep(
                    text="Release the cure under a new version; a version that was rolled back stays rolled back."
                ),
            )
        case Ending.REJECTED:
            return (NextStep(text="Ask whoever called it back, then try again."), *_schema(state), _again(state))
        case _:
            return ()


def _shipped(state: ReleaseState) -> tuple[NextStep, ...]:
    steps = [NextStep(text="Look at errors and latency again after an hour, a day and a week.")]
    if state.restore_point:
        tag = state.restore_point.git_tag
        steps.append(
            NextStep(text=f"Should it turn out bad later, release what ran before: {_before(state)}, tag {tag}.")
        )
    if _migrated(state):
        text = f"Remove what only {_before(state)} needed of the schema in a later release, never in this one."
        steps.append(NextStep(text=text))
    return tuple(steps)


def _schema(state: ReleaseState) -> tuple[NextStep, ...]:
    if not _migrated(state):
        return ()
    text = f"Leave the schema as it is: it was only expanded, and {_before(state)} has proved that it works on it."
    return (NextStep(text=text),)


def _again(state: ReleaseState) -> NextStep:
    argv = ["greenflow", "release", state.version, "--environment", state.environment]
    if state.environment == "rehearsal":
        argv = ["greenflow", "rehearse", "--version", state.version]
    return NextStep(text="Then start again.", commands=(shlex.join(argv),))


def _migrated(state: ReleaseState) -> bool:
    stage = state.stages.get(MIGRATE)
    return stage is not None and stage.status == "finished"


def _before(state: ReleaseState) -> str:
    return state.restore_point.stable_version if state.restore_point else "the version before"
