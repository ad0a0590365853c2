"""Draw numbers with letters, for places that show text only: tables of the Prefect UI, markdown, terminals."""

import math

from flows.core.bake import RELATIVE_KINDS
from flows.core.judge import Judgement
from flows.core.wording import NAMES, part, percent
from tasks.counts import Counts, Kind
from tasks.judge_policy import JudgePolicy
from tasks.sentences import named, sentence, spoken

EIGHTHS = " ▏▎▍▌▋▊▉█"
WIDTH = 10
SHOWN: tuple[Kind, ...] = ("failed", "slow_300ms", "slow_1s", "slow_5s")


def bar(share: float, width: int = WIDTH) -> str:
    """Draw a share from 0 to 1 as a bar of ``width`` letters; what is more than nothing shows at least a sliver."""
    eighths = round(min(1.0, max(0.0, share)) * width * 8)
    if share > 0:
        eighths = max(1, eighths)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (EIGHTHS[rest] if rest else "")).ljust(width, "·")


def limit_of(kind: Kind, policy: JudgePolicy) -> float:
    """Return the rate beyond which that kind keeps a candidate from going on."""
    return {
        "failed": policy.max_error_rate,
        "slow_300ms": policy.p95_slow_300ms_rate,
        "slow_1s": policy.p99_slow_1s_rate,
        "slow_5s": policy.limit_rate,
    }[kind]


def bound_of(kind: Kind, policy: JudgePolicy) -> float:
    """Return the evidence at which that kind rolls back."""
    return policy.errors_evidence if kind == "failed" else policy.slow_evidence


def evidence_share(evidence: float, bound: float) -> float:
    """Return how far an e-value has come from 1 to its bound, on the scale on which it grows."""
    return min(1.0, math.log(max(1.0, evidence)) / math.log(bound))


def canary_table(
    judgement: Judgement, sides: tuple[Counts, Counts], policy: JudgePolicy, names: tuple[str, str]
) -> list[dict[str, str]]:
    """Write the new and the old side, the limits and the evidence as rows."""
    limits = {NAMES[kind]: f"< {percent(limit_of(kind, policy))}" for kind in SHOWN}
    rows = [_side(name, counts, policy) for name, counts in zip(names, sides, strict=True)]
    rows.append({"side": named("limit"), "requests": "", **limits})
    rows.append({"side": named("evidence of being worse"), "requests": "", **_evidence(judgement, policy)})
    return [{spoken(named(name)): spoken(text) for name, text in row.items()} for row in rows]


def _side(name: str, counts: Counts, policy: JudgePolicy) -> dict[str, str]:
    told = {NAMES[kind]: _rate(counts, kind, limit_of(kind, policy)) for kind in SHOWN}
    return {"side": name, "requests": f"{counts.requests:,}"} | told


def _rate(counts: Counts, kind: Kind, limit: float) -> str:
    """Draw a rate against twice its limit, so that half a bar is the limit."""
    drawn = bar((counts.rate(kind) or 0) / (2 * limit))
    return sentence("{bar} {part}", bar=drawn, part=part(counts, kind))


def _evidence(judgement: Judgement, policy: JudgePolicy) -> dict[str, str]:
    told = dict.fromkeys((NAMES[kind] for kind in SHOWN), "")
    for kind in RELATIVE_KINDS:
        found, bound = judgement.evidence.get(kind, 1.0), bound_of(kind, policy)
        drawn = bar(evidence_share(found, bound))
        told[NAMES[kind]] = sentence("{bar} {found:,.1f} of {bound:,.0f}", bar=drawn, found=found, bound=bound)
    return told
