"""Write PROOF.md from what a run of the trials has recorded."""

from collections.abc import Iterable, Iterator, Sequence

from deployments.bench.page import markdown
from deployments.prove.holds import HOME_WITHIN_S
from deployments.prove.results import TRIED_CODE, Group, Results, percentile
from deployments.prove.world import GUARD_EVERY_S, LEASE_S

INTRO = """\
# Proof

What was tried to make this product leave traffic on a bad version, and what held. Written by `make prove` from its
own record, `deployments/prove/results.json`; nothing here is typed by hand but the last two sections.
"""
LOOKED_AT = """\
After every trial the same is looked at: all traffic on one version, and on the right one (I4); the chain of events
whole and ended (I3, I26); the environment free; weights of the plan only, each above the first behind an approval of
its own, in their order (I1, I2, I5); no task definition, dump, site, message or migration made twice (I3, I18); no
task, scratch database, upload or suspended autoscaling left (I15); no button that does nothing (I28); not one failed
request of a user.
"""
DIFFERENCES = """\
## Where the twin is not AWS

* One machine, one clock, no network: partitions, slow links and clocks that differ are tried by faults alone.
* The emulator applies a change at once, or after a delay that a fault says; AWS takes seconds, and may take a signed
  request up to five minutes late. The guard's watch for such requests is tried in `tests/deployments/guard`.
* Tasks are processes of a stand-in API; nothing is pulled, no capacity runs out, no host dies.
* Vercel, Slack, Sentry and Google Analytics are stand-ins that keep the vendors' API and refuse what those are known
  to refuse.
* PostgreSQL and Valkey are real, RDS and ElastiCache around them are emulated: no failover was met.
* IAM does not refuse: a denied call is one of the faults.
"""
OPEN = """\
## What this does not show

* The releases of the crash points and broken calls run their own code by plain calls, without Prefect's engine: its
  orchestration, pause and hooks are tried by the rehearsals with real processes.
* They run with short waits and a judge that is content with little evidence; how well it judges is measured by `make
  bench-judge`.
* A process is killed by SIGKILL. Power cuts that lose what a disk had acknowledged are not tried; a release keeps
  nothing on its disk.
* Runs of Prefect that aftercare schedules are not in the list of effects: the trials have no Prefect server.
* A call is broken once. What lasts (throttling for minutes, a bucket that is gone) is tried by tests of its own.
"""


def proof(results: Results) -> str:
    """Write the whole proof."""
    parts = (
        INTRO,
        _of_what(results),
        _summary(results),
        LOOKED_AT,
        _times(results),
        _effects(results),
        _failures(results),
        DIFFERENCES,
        OPEN,
    )
    return "\n".join(part for part in parts if part)


def _of_what(results: Results) -> str:
    folders = ", ".join(f"`{folder}/`" for folder in TRIED_CODE)
    return (
        f"Tried {results.at:%Y-%m-%d %H:%M} UTC on commit `{results.commit[:12]}`; SHA-256 of {folders}: "
        f"`{results.code_sha256[:16]}`. {results.took_s / 60:.0f} minutes, {results.worlds} twins side by side on "
        f"{results.cores} cores. **{results.violations or 'No'} violated "
        f"{'invariant' if results.violations == 1 else 'invariants'}.**\n"
    )


def _summary(results: Results) -> str:
    rows = [*(_group_row(group) for group in results.groups), *_suite_rows(results), *_sweep_rows(results)]
    return "## What was tried\n\n" + markdown(("trial", "tried", "held", "ended"), rows) + "\n"


def _group_row(group: Group) -> tuple[str, ...]:
    endings = ", ".join(f"{count} {ending}" for ending, count in group.endings.items())
    return group.name, str(group.tried), str(group.held), endings


def _suite_rows(results: Results) -> Iterator[tuple[str, ...]]:
    for suite in results.suites:
        where = ", ".join(f"`{file}`" for file in suite.files)
        yield suite.name, str(suite.passed + suite.failed), str(suite.passed), where


def _sweep_rows(results: Results) -> Iterator[tuple[str, ...]]:
    if results.sweeps:
        places, size = sum(each.places for each in results.sweeps), sum(each.size for each in results.sweeps)
        secrets = max(each.secrets for each in results.sweeps)
        held = sum(not each.found for each in results.sweeps)
        what = f"{secrets} known secrets, plain and encoded, in {places:,} places ({size / 1e6:.0f} MB) of a twin"
        yield f"secrets: {what}", str(len(results.sweeps)), str(held), "none found" if held else "found"


def _times(results: Results) -> str:
    rows = [_times_row(group.name, group.home_s) for group in results.groups if group.home_s]
    measured = [value for suite in results.suites for name, value in suite.measured.items() if name.endswith("home_s")]
    if measured:
        rows.append(_times_row("real processes killed at every phase, under load (lease 10 s)", measured))
    requests, failed = (
        sum(group.requests for group in results.groups),
        sum(group.failed for group in results.groups),
    )
    return (
        "## From a death to all traffic on one version\n\n"
        + markdown(("trial", "deaths", "p50", "p99", "longest"), rows)
        + f"\n\nWith a lease of {LEASE_S:g} s and a guard that looks every {GUARD_EVERY_S:g} s; "
        f"the bound is {HOME_WITHIN_S:g} s. In production the lease is 60 s and the guard looks every 15 s.\n\n"
        f"Users made {requests:,} requests meanwhile; {failed} failed.\n"
    )


def _times_row(name: str, values: Sequence[float]) -> tuple[str, ...]:
    shown = (percentile(values, 0.5), percentile(values, 0.99), max(values))
    return name, str(len(values)), *(f"{value:.1f} s" for value in shown)


def _effects(results: Results) -> str:
    rows = [(f"`{effect}`", str(times)) for effect, times in sorted(results.deaths.items())]
    head = f"""\
## Every effect on the outside

The list is what undisturbed releases and the guard wrote into their ledgers.
As well {results.calls_broken} times a call was broken, no call twice in the same way: throttled, failed before
(500), reset before, denied, answered too late, failed after (503), answer lost, empty 200.
"""
    named = ", ".join(f"`{effect}`" for effect in results.never_died_in)
    missing = f"\n**No process was killed yet in:** {named}.\n" if named else ""
    return f"{head}\n{markdown(('effect', 'deaths in it'), rows)}\n{missing}"


def _failures(results: Results) -> str:
    lines = [*_broken_lines(results.groups), *_suite_lines(results), *_sweep_lines(results)]
    return "## What did not hold\n\n" + ("\n".join(lines) if lines else "Nothing.") + "\n"


def _broken_lines(groups: Iterable[Group]) -> Iterator[str]:
    for group in groups:
        yield from (f"* {failure.name}: {'; '.join(failure.broken)}" for failure in group.failures)
        if group.not_reached:
            yield f"* {group.name}: not come by again, and not counted: {group.not_reached}"


def _suite_lines(results: Results) -> Iterator[str]:
    for suite in results.suites:
        yield from (f"* {suite.name}: {name}" for name in suite.failures)


def _sweep_lines(results: Results) -> Iterator[str]:
    for sweep in results.sweeps:
        yield from (f"* secrets: {where}" for where in sweep.found)
