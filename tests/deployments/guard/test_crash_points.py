"""Kill a guard before and after each change it makes; the next one ends in the same place (safety I3, I14).

The guard runs in a fork that kills itself with SIGKILL at the nth change that it sends to AWS, the ledger or Slack.
"""

import os
import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.request import OpenerDirector

import pytest
from botocore.httpsession import URLLib3Session

from deployments.guard.watchman import Watchman
from flows.core.record import Ending
from tasks.chain import verify_chain
from tasks.clients import aws
from tests.deployments.guard.scene import HOME, Scene

MOST_CHANGES = 60
SAMPLE = (2, 5)


@dataclass
class Killer:
    """Count the changes a process sends, and end it at one of them."""

    at: int
    after: bool
    changes: int = 0

    def install(self) -> None:
        """Stand between this process and everything outside of it."""
        self._wrap(URLLib3Session, "send", _changes_aws)
        self._wrap(OpenerDirector, "open", lambda *_: True)  # Slack: every call of ours there is a post or a look

    def _wrap(self, owner: type, name: str, changes: Callable[[Any], bool]) -> None:
        original = getattr(owner, name)

        def sent(client: Any, request: Any, *given: Any, **named: Any) -> Any:
            dies = changes(request) and self._is_due()
            if dies and not self.after:
                os.kill(os.getpid(), signal.SIGKILL)
            answer = original(client, request, *given, **named)
            if dies:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        setattr(owner, name, sent)

    def _is_due(self) -> bool:
        self.changes += 1
        return self.changes == self.at


def _changes_aws(request: Any) -> bool:
    """Tell whether a request asks AWS for a change, by its operation."""
    if request.method == "PUT":
        return True
    body = request.body.decode() if isinstance(request.body, bytes) else str(request.body or "")
    target = request.headers.get("X-Amz-Target", "")
    target = target.decode() if isinstance(target, bytes) else target
    operation = target.rpartition(".")[2] or body.partition("Action=")[2].partition("&")[0]
    return bool(operation) and not aws.is_read(operation)


def guard_in_a_fork(scene: Scene, killer: Killer) -> int:
    """Guard until the release is over; return how the process ended: 0, or less by the signal that killed it."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            aws._made.cache_clear()  # connections are not shared with a fork
            killer.install()
            scene.end(Watchman(scene.settings))
            code = 0
        except BaseException:  # noqa: BLE001 - a fork must never return into the tests
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def hold_the_outcome(scene: Scene) -> None:
    """Compare with what an undisturbed guard leaves behind."""
    verify_chain(scene.events())
    state = scene.state()
    assert scene.weights() == HOME
    assert state.ending is Ending.ROLLED_BACK
    assert state.left_over == ()
    assert scene.lock().state == "free"
    assert scene.production.service("b")["desiredCount"] == 0
    assert len([text for text in scene.texts() if "The guard brought the traffic home" in text]) == 1


def points() -> list[Any]:
    return [
        pytest.param(
            at, after, id=f"{'after' if after else 'before'}-{at}", marks=[] if at in SAMPLE else pytest.mark.slow
        )
        for at in range(1, MOST_CHANGES + 1)
        for after in (False, True)
    ]


@pytest.mark.parametrize(("at", "after"), points())
def test_a_guard_killed_at_any_change_is_followed_by_one_that_ends_its_work(
    new_scene: Callable[..., Scene],
    at: int,
    after: bool,  # noqa: FBT001 - a point has two sides
) -> None:
    scene = new_scene(GUARD__WATCH_S="0", LEDGER__HEARTBEAT_S="60")
    scene.die(weight=50)
    code = guard_in_a_fork(scene, Killer(at, after))
    assert code in {0, -signal.SIGKILL}
    if code == 0:
        assert at > max(SAMPLE), "the guard made fewer changes than the sample has"
        hold_the_outcome(scene)
        return
    if scene.lock().state == "held":
        scene.expire()
    scene.end(Watchman(scene.settings))
    hold_the_outcome(scene)
