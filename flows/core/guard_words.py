"""Say what the guard tells people; the Korean of each sentence is in ``tasks.korean.guard``."""

from flows.core.guarding import Course
from tasks.models import Weights
from tasks.sentences import Sentence, sentence


def took_over(course: Course, *, release: str, owner: str, weights: Weights | None, resume: str, watch: str) -> str:
    """Say what became of a release whose process died, and until when it may go on."""
    about = {"release": release, "owner": owner, "weights": weights or "", "resume": resume, "watch": watch}
    match course:
        case Course.HOME:
            return sentence(
                "The process of release {release} died ({owner}). The guard brought the traffic home ({weights}) and "
                "stays with it for {watch}. To go on before that: {resume}. After that the release is over.",
                **about,
            )
        case Course.KEEP:
            return sentence(
                "The process of release {release} died ({owner}) after it had passed at 100 %. The traffic stays there "
                "({weights}); the guard changes nothing. Finish it within {watch}: {resume}.",
                **about,
            )
        case Course.UNTOUCHED:
            return sentence(
                "The process of release {release} died ({owner}) before it moved any traffic. To go on within {watch}: "
                "{resume}. After that the release is over.",
                **about,
            )


def brought_back(*, environment: str, release: str, found: Weights, expected: Weights) -> Sentence:
    """Say that traffic had left home again."""
    return sentence(
        "The traffic of {environment} had left home again: found {found}, expected {expected}. A late request of "
        "release {release} is the likely cause; the guard brought it back.",
        environment=environment,
        release=release,
        found=found,
        expected=expected,
    )


def abandoned(owner: str) -> Sentence:
    """Say why a release ended that nobody ran any more."""
    return sentence("its process died ({owner}) and nobody started it again", owner=owner)


def drift_found(environment: str, what: str) -> Sentence:
    """Say that somebody else changed something."""
    return sentence(
        "Somebody changed {environment}; nothing was overwritten. {what}", environment=environment, what=what
    )


def drift_gone(environment: str, what: str) -> Sentence:
    """Say that something is as it should be again."""
    return sentence("{environment} is as expected again. It is over: {what}", environment=environment, what=what)
