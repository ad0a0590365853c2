"""After: compare what production costs with the week before, where that is wanted (guide, "within 24 hours")."""

from datetime import date, timedelta
from typing import TYPE_CHECKING

from tasks.clients.aws import cost_explorer, translated
from tasks.models import Check, Evidence
from tasks.retries import REPEATABLE
from tasks.sentences import sentence
from tasks.settings import Settings
from tasks.stage import stage

if TYPE_CHECKING:
    from mypy_boto3_ce.type_defs import ResultByTimeTypeDef

NAME = "cost"
METRIC = "UnblendedCost"
DAYS_BEFORE = 7


@stage("after: cost", REPEATABLE)
def compare_cost(settings: Settings, shipped_on: date, today: date) -> Evidence:
    """Check that a whole day since the release costs no more than it may against the mean of the week before."""
    if not settings.aftercare.cost:
        return Evidence(checks=(Check.skipped(NAME, "off: aftercare.cost is false; a question costs 0.01 USD"),))
    start = shipped_on - timedelta(days=DAYS_BEFORE)
    with translated("read the cost"):
        answer = cost_explorer(settings.aws).get_cost_and_usage(
            TimePeriod={"Start": f"{start:%Y-%m-%d}", "End": f"{today:%Y-%m-%d}"},
            Granularity="DAILY",
            Metrics=[METRIC],
        )
    days = dict(_day(row) for row in answer.get("ResultsByTime", []))
    return Evidence(checks=(check_cost(days, shipped_on, settings.aftercare.cost_growth_max),))


def check_cost(days: dict[date, float], shipped_on: date, growth_max: float) -> Check:
    """Check the mean day after the release against the mean day before; amounts in USD."""
    before = [amount for day, amount in days.items() if day < shipped_on]
    since = [amount for day, amount in days.items() if day > shipped_on]
    if not before or not since or not sum(before):
        why = sentence(
            "Cost Explorer knows {before} days before the release and {since} whole days since; it is up to a day late",
            before=len(before),
            since=len(since),
        )
        return Check.skipped(NAME, why)
    old, new = sum(before) / len(before), sum(since) / len(since)
    return Check.of(
        NAME,
        ok=new <= growth_max * old,
        found=sentence("{new:,.2f} USD a day since", new=new),
        expected=sentence("at most {ratio:g} x {old:,.2f} USD a day before", ratio=growth_max, old=old),
    )


def _day(row: "ResultByTimeTypeDef") -> tuple[date, float]:
    amount = row.get("Total", {}).get(METRIC, {}).get("Amount", "0")
    return date.fromisoformat(row.get("TimePeriod", {}).get("Start", "")), float(amount)
