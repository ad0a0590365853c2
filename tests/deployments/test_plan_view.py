"""A plan reads like that of an infrastructure tool: a sign for each value, today's beside tomorrow's."""

from deployments.plan_view import document_of, lines_of
from flows.core.foresight import Foreseen, Foresight
from tasks.models import Check
from tests.core.test_foresight import PLAN

OLD, NEW = f"api@sha256:{'a' * 64}", f"api@sha256:{'b' * 64}"
ROWS = (
    Foreseen(area="task definition", name="image", today=OLD, tomorrow=NEW),
    Foreseen(area="task definition", name="APP_VERSION", today="", tomorrow="1.1.0"),
    Foreseen(area="task definition", name="OLD", today="x", tomorrow=""),
    Foreseen(area="alarms", name="9 alarms", today="as the settings say", tomorrow="as the settings say"),
)
FORESIGHT = Foresight(
    plan=PLAN,
    rows=ROWS,
    people=("10 % -> 50 %: 1 of U0LEE",),
    refused=(Check.of("secrets in the task definition", ok=False, found="api.KEY", expected="none in plain text"),),
)


def test_every_value_has_its_sign_and_long_digests_their_beginning() -> None:
    told = [" ".join(line.split()) for line in lines_of(FORESIGHT)]
    assert "~ image api@sha256:aaaaaaaaaaaa… -> api@sha256:bbbbbbbbbbbb…" in told
    assert "+ APP_VERSION 1.1.0" in told
    assert "- OLD x -> none" in told
    assert "= 9 alarms as the settings say" in told
    assert told[-1] == "3 of 4 would change; nothing was touched"


def test_people_and_refusals_come_after_the_values() -> None:
    *_, people, asked, refusals, refused, _ = list(lines_of(FORESIGHT))
    assert (people.strip(), asked.strip()) == ("people", "? 10 % -> 50 %: 1 of U0LEE")
    assert refusals.strip() == "would be refused"
    assert "found api.KEY, expected none in plain text" in refused


def test_the_document_keeps_the_whole_digest() -> None:
    document = document_of(FORESIGHT)
    assert (document["rows"][0]["today"], document["rows"][0]["changes"]) == (OLD, True)
    assert document["refused"][0]["found"] == "api.KEY"
