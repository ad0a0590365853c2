"""Say in Korean and English what became of an answer: why it does not count, or what it did."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from flows.core.answers import Refusal, Why
from tasks.sentences import Language


class Did(StrEnum):
    """Name everything an answer that counts can do."""

    APPROVED = "approved"
    REJECTED = "rejected"
    RESTORE_APPROVED = "restore_approved"
    RESTORE_REJECTED = "restore_rejected"
    COUNTED = "counted"
    PRESENT = "is_present"
    STOP_ASKED = "stop_asked"
    STOP_ASKED_BEFORE = "stop_asked_before"
    NOBODY_HEARS = "nobody_hears"


_ENGLISH: Mapping[Why | Did, str] = {
    Why.OTHER_APP: "This click was made for another app. Nothing was changed.",
    Why.OTHER_WORKSPACE: "Answers count from our own Slack workspace only. Nothing was changed.",
    Why.OTHER_CHANNEL: "Answers count in <#{channel}> only. Nothing was changed.",
    Why.UNKNOWN_BUTTON: "This button means nothing here any more. Nothing was changed.",
    Why.UNKNOWN_PERSON: "Slack does not know your account, so your answer does not count. Nothing was changed.",
    Why.GUEST: "Guests of the workspace may not decide about a release. Nothing was changed.",
    Why.BOT: "Only people may decide about a release. Nothing was changed.",
    Why.DEACTIVATED: "Your Slack account is deactivated, so your answer does not count. Nothing was changed.",
    Why.NOBODY: "Nobody may decide for {environment}: its list of approvers is empty. Nothing was changed.",
    Why.NOT_ASKED: "You were not on {environment}'s list of approvers when this was asked. Nothing was changed.",
    Why.NOT_ALLOWED: "You are not on {environment}'s list of approvers. Nothing was changed.",
    Why.REQUESTER: "You asked for this release, so somebody else has to approve it. Nothing was changed.",
    Why.UNKNOWN_ASK: "This question is not known here. Nothing was changed.",
    Why.STALE: "The release has moved on; answer its newest question. Nothing was changed.",
    Why.EXPIRED: "This question expired at {until}, and silence is a no. Nothing was changed.",
    Why.ANSWERED: "{who} has answered already: {decision}. Nothing was changed.",
    Why.OVER: "This release is over. Nothing was changed.",
    Why.SILENT: (
        "The release's process does not answer, so nobody would hear this. Nothing was changed. "
        "Bring the traffic home with: greenflow rollback --environment {environment}"
    ),
    Why.VOTED: "You have said yes already; {have} of {need} have. Somebody else has to.",
    Why.PRESENT: "You are on duty already; {have} of {need} are. Nothing was changed.",
    Why.CALLED: "This roll call is over. Nothing was changed.",
    Why.UNSURE: "This could not be checked just now ({cause}). Nothing was changed; please press again.",
    Did.APPROVED: "Approved: {version} from {before} % to {after} %.",
    Did.REJECTED: "Rejected: the traffic of {environment} comes home.",
    Did.PRESENT: "You are on duty: {have} of {need} are.",
    Did.RESTORE_APPROVED: "Approved: the database of {environment} is restored as {version}.",
    Did.RESTORE_REJECTED: "Rejected: nothing is restored.",
    Did.COUNTED: "Your yes is recorded: {have} of {need}.",
    Did.STOP_ASKED: "Rolling back: {release} was asked to bring its traffic home.",
    Did.STOP_ASKED_BEFORE: "{who} has asked for this already: {release} brings its traffic home.",
    Did.NOBODY_HEARS: (
        "Recorded, but the release's process does not answer. Bring the traffic home now with: "
        "greenflow rollback --environment {environment}"
    ),
}

_KOREAN: Mapping[Why | Did, str] = {
    Why.OTHER_APP: "다른 앱에서 온 클릭입니다. 바뀐 것은 없습니다.",
    Why.OTHER_WORKSPACE: "우리 Slack 워크스페이스에서 한 답만 인정됩니다. 바뀐 것은 없습니다.",
    Why.OTHER_CHANNEL: "<#{channel}> 채널에서 한 답만 인정됩니다. 바뀐 것은 없습니다.",
    Why.UNKNOWN_BUTTON: "더 이상 쓰이지 않는 버튼입니다. 바뀐 것은 없습니다.",
    Why.UNKNOWN_PERSON: "Slack이 이 계정을 알지 못해 답이 인정되지 않습니다. 바뀐 것은 없습니다.",
    Why.GUEST: "워크스페이스 게스트는 릴리스를 결정할 수 없습니다. 바뀐 것은 없습니다.",
    Why.BOT: "사람만 릴리스를 결정할 수 있습니다. 바뀐 것은 없습니다.",
    Why.DEACTIVATED: "비활성화된 Slack 계정이라 답이 인정되지 않습니다. 바뀐 것은 없습니다.",
    Why.NOBODY: "{environment}의 승인자 목록이 비어 있어 아무도 결정할 수 없습니다. 바뀐 것은 없습니다.",
    Why.NOT_ASKED: "질문이 올라왔을 때 {environment}의 승인자가 아니었습니다. 바뀐 것은 없습니다.",
    Why.NOT_ALLOWED: "{environment}의 승인자 목록에 없습니다. 바뀐 것은 없습니다.",
    Why.REQUESTER: "릴리스를 요청한 사람은 승인할 수 없습니다. 다른 승인자가 필요합니다. 바뀐 것은 없습니다.",
    Why.UNKNOWN_ASK: "여기서는 알 수 없는 질문입니다. 바뀐 것은 없습니다.",
    Why.STALE: "릴리스가 이미 다음 단계로 넘어갔습니다. 가장 최근 질문에 답해 주세요. 바뀐 것은 없습니다.",
    Why.EXPIRED: "이 질문은 {until}에 만료되었고, 답이 없으면 거절입니다. 바뀐 것은 없습니다.",
    Why.ANSWERED: "{who} 님이 이미 답했습니다: {decision}. 바뀐 것은 없습니다.",
    Why.OVER: "이 릴리스는 끝났습니다. 바뀐 것은 없습니다.",
    Why.SILENT: (
        "릴리스 프로세스가 응답하지 않아 답을 전할 수 없습니다. 바뀐 것은 없습니다. "
        "트래픽을 되돌리려면: greenflow rollback --environment {environment}"
    ),
    Why.VOTED: "이미 승인하셨습니다. {need}명 중 {have}명이 승인했고, 다른 사람의 승인이 필요합니다.",
    Why.PRESENT: "이미 대기 중으로 기록되었습니다. {need}명 중 {have}명이 대기 중입니다. 바뀐 것은 없습니다.",
    Why.CALLED: "이 호출은 끝났습니다. 바뀐 것은 없습니다.",
    Why.UNSURE: "지금은 확인할 수 없습니다({cause}). 바뀐 것은 없습니다. 다시 눌러 주세요.",
    Did.APPROVED: "승인됨: {version}, {before} %에서 {after} %로.",
    Did.REJECTED: "거절됨: {environment}의 트래픽을 되돌립니다.",
    Did.PRESENT: "대기 중으로 기록되었습니다: {need}명 중 {have}명.",
    Did.RESTORE_APPROVED: "승인됨: {environment}의 데이터베이스를 {version}(으)로 복원합니다.",
    Did.RESTORE_REJECTED: "거절됨: 아무것도 복원하지 않습니다.",
    Did.COUNTED: "승인이 기록되었습니다: {need}명 중 {have}명.",
    Did.STOP_ASKED: "롤백: {release}에 트래픽을 되돌리도록 요청했습니다.",
    Did.STOP_ASKED_BEFORE: "{who} 님이 이미 요청했습니다: {release}의 트래픽을 되돌립니다.",
    Did.NOBODY_HEARS: (
        "기록했지만 릴리스 프로세스가 응답하지 않습니다. 지금 트래픽을 되돌리려면: "
        "greenflow rollback --environment {environment}"
    ),
}

WORDS: Mapping[Language, Mapping[Why | Did, str]] = MappingProxyType({"en": _ENGLISH, "ko": _KOREAN})


def say(what: Did, language: Language, **about: object) -> str:
    """Return the sentence for what an answer did."""
    return WORDS[language][what].format(**about)


def say_refusal(refusal: Refusal, language: Language) -> str:
    """Return the sentence for why something does not count."""
    return WORDS[language][refusal.why].format(**refusal.found)
