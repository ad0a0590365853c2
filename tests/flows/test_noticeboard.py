import threading
import time
from collections.abc import Callable
from contextvars import ContextVar

from flows.noticeboard import Noticeboard

PATIENCE_S = 5.0
LONG_S = 3600.0

RELEASE: ContextVar[str] = ContextVar("release")


def keep(posted: list[str], words: str) -> Callable[[], None]:
    return lambda: posted.append(words)


def test_what_is_posted_now_is_posted_without_a_pause() -> None:
    board, posted = Noticeboard(LONG_S), list[str]()
    board.post("a", keep(posted, "first"), now=True)
    assert board.flush(PATIENCE_S)
    board.post("a", keep(posted, "second"), now=True)
    assert board.flush(PATIENCE_S)
    assert posted == ["first", "second"]


def test_many_pictures_of_one_key_become_the_newest_one() -> None:
    board, posted = Noticeboard(LONG_S), list[str]()
    board.post("bake", keep(posted, "0"))
    assert board.flush(PATIENCE_S)
    for number in range(1, 50):
        board.post("bake", keep(posted, str(number)))
    assert posted == ["0"]  # the next one is due in an hour
    assert board.flush(PATIENCE_S)
    assert posted == ["0", "49"]


def test_a_picture_that_had_to_be_posted_now_is_not_put_off_by_a_later_one() -> None:
    board, posted, held, shown = Noticeboard(LONG_S), list[str](), threading.Event(), threading.Event()
    board.post("bake", keep(posted, "waits"), now=True)
    assert board.flush(PATIENCE_S)
    board.post("other", lambda: held.wait(PATIENCE_S), now=True)
    board.post("bake", keep(posted, "decided"), now=True)
    board.post("bake", shown.set)
    held.set()
    assert shown.wait(PATIENCE_S)  # not in an hour
    assert posted == ["waits"]


def test_a_prefect_that_hangs_holds_nobody_up() -> None:
    board, held = Noticeboard(0), threading.Event()
    begun_s = time.monotonic()
    for number in range(20):
        board.post(str(number), lambda: held.wait(PATIENCE_S), now=True)
    assert not board.flush(0.05)
    assert time.monotonic() - begun_s < 1
    held.set()
    assert board.flush(PATIENCE_S)


def test_a_prefect_that_is_away_is_forgiven_and_the_next_picture_is_posted() -> None:
    def fail() -> None:
        raise ConnectionError("no such host")

    board, posted = Noticeboard(0), list[str]()
    board.post("a", fail, now=True)
    board.post("b", keep(posted, "shown"), now=True)
    assert board.flush(PATIENCE_S)
    assert posted == ["shown"]


def test_a_picture_is_posted_in_the_context_of_its_release() -> None:
    board, posted = Noticeboard(0), list[str]()
    for release in ("1.1.0", "1.2.0"):
        token = RELEASE.set(release)
        board.post(release, lambda: posted.append(RELEASE.get()), now=True)
        RELEASE.reset(token)
    assert board.flush(PATIENCE_S)
    assert posted == ["1.1.0", "1.2.0"]
