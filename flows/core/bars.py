"""Draw numbers with letters, for places that show text only: tables of the Prefect UI, markdown, terminals."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile

from flows.core.bake import RELATIVE_KINDS
from flows.core.judge import Judgement, Verdict
from flows.core.wording import NAMES, part, percent
from tasks.counts import Counts, Kind
from tasks.judge_policy import JudgePolicy
from tasks.sentences import named, sentence, spoken

EIGHTHS = " ▏▎▍▌▋▊▉█"
LEVELS = "▁▂▃▄▅▆▇█"
VERDICT = "┃"
WIDTH = 10
LOOKS_SHOWN = 40
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


def steps(shares: Iterable[float]) -> str:
    """Draw shares from 0 to 1 over time, a letter each."""
    return "".join(LEVELS[min(len(LEVELS) - 1, int(max(0.0, share) * len(LEVELS)))] for share in shares)


def canary_table(
    looks: Sequence[Judgement], sides: tuple[Counts, Counts], policy: JudgePolicy, names: tuple[str, str]
) -> list[dict[str, str]]:
    """Write both sides, the limits and the evidence as rows: as they are at the last look, and how they came to it."""
    limits = {NAMES[kind]: f"< {percent(limit_of(kind, policy))}" for kind in SHOWN}
    rows = [_side(name, counts, policy) for name, counts in zip(names, sides, strict=True)]
    rows.append({"side": named("limit"), "requests": "", **limits})
    rows.append({"side": named("evidence of being worse"), "requests": "", **_evidence(looks[-1], policy)})
    rows += _over_time(looks[-LOOKS_SHOWN:], policy, names)
    return [{spoken(named(name)): spoken(text) for name, text in row.items()} for row in rows]


def _side(name: str, counts: Counts, policy: JudgePolicy) -> dict[str, str]:
    told = {NAMES[kind]: _rate(counts, kind, limit_of(kind, policy)) for kind in SHOWN}
    return {"side": name, "requests": f"{counts.requests:,}"} | told


def _rate(counts: Counts, kind: Kind, limit: float) -> str:
    """Draw a rate against twice its limit, so that half a bar is the limit."""
    drawn = bar((counts.rate(kind) or 0) / (2 * limit))
    return sentence("{bar} {part}", bar=drawn, part=part(counts, kind))


def _over_time(looks: Sequence[Judgement], policy: JudgePolicy, names: tuple[str, str]) -> Iterator[dict[str, str]]:
    """Draw each side and the evidence from look to look, with a line where the judge has decided."""
    limits = {kind: 2 * limit_of(kind, policy) for kind in SHOWN}
    for name, new in zip(names, (True, False), strict=True):
        sides = [look.new if new else look.old for look in looks]
        drawn = {kind: steps((counts.rate(kind) or 0) / limits[kind] for counts in sides) for kind in SHOWN}
        yield _row_over_time(sentence("{side}, over time", side=name), drawn, looks)
    bounds = {kind: bound_of(kind, policy) for kind in RELATIVE_KINDS}
    grown = {
        kind: steps(evidence_share(look.evidence.get(kind, 1.0), bound) for look in looks)
        for kind, bound in bounds.items()
    }
    yield _row_over_time(named("evidence, over time"), grown, looks)


def _row_over_time(side: str, drawn: Mapping[Kind, str], looks: Sequence[Judgement]) -> dict[str, str]:
    waited = sum(1 for _ in takewhile(lambda look: look.verdict is Verdict.WAIT, looks))
    decided = waited + 1 if waited < len(looks) else None
    told = {NAMES[kind]: _marked(drawn[kind], decided) if kind in drawn else "" for kind in SHOWN}
    return {"side": side, "requests": ""} | told


def _marked(letters: str, decided: int | None) -> str:
    return letters if decided is None else f"{letters[:decided]}{VERDICT}{letters[decided:]}"


def _evidence(judgement: Judgement, policy: JudgePolicy) -> dict[str, str]:
    told = dict.fromkeys((NAMES[kind] for kind in SHOWN), "")
    for kind in RELATIVE_KINDS:
        found, bound = judgement.evidence.get(kind, 1.0), bound_of(kind, policy)
        drawn = bar(evidence_share(found, bound))
        told[NAMES[kind]] = sentence("{bar} {found:,.1f} of {bound:,.0f}", bar=drawn, found=found, bound=bound)
    return told
