"""`greenflow audit`: whether every chain of the ledger holds, and who did what."""

import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from deployments.endpoint import settings_of

if TYPE_CHECKING:
    from flows.core.deeds import Deed
    from tasks.audit import Audited
    from tasks.drills import Drill
    from tasks.settings import Settings

BROKEN = 1
Environment = Annotated[str, Parameter(help="Name of a file in deployments/environments.")]
Json = Annotated[bool, Parameter(name="--json", help="Print everything as one JSON document on stdout.")]


def audit(*, environment: Environment, release: str = "", as_json: Json = False) -> int:
    """Verify the hash chain of every release and operation, and list who did what when.

    Nothing is touched. Ends with 0 when every link holds, with 1 when one is broken: it is named with what was found
    and expected.

    Args:
        release: The id of one release or operation; all of them without it.
    """
    from tasks.audit import audit_chains  # noqa: PLC0415 - keeps `greenflow --help` quick
    from tasks.sentences import speaking  # noqa: PLC0415

    settings = settings_of(environment)
    chains = audit_chains(settings, release)
    deeds = _deeds(settings, chains, release)
    with speaking(settings.language):
        if as_json:
            sys.stdout.write(f"{json.dumps(_document(environment, chains, deeds), ensure_ascii=False)}\n")
        else:
            sys.stdout.writelines(f"{line}\n" for line in _lines(environment, chains, deeds))
    return BROKEN if any(chain.broken for chain in chains) else 0


def _deeds(settings: "Settings", chains: Iterable["Audited"], release: str) -> list["Deed"]:
    from flows.core.deeds import deeds_of  # noqa: PLC0415 - keeps `greenflow --help` quick
    from tasks.drills import read_drills  # noqa: PLC0415

    found = [deed for chain in chains for deed in deeds_of(chain.events)]
    if not release:
        found += map(_recorded, read_drills(settings))
    return sorted(found, key=lambda deed: deed.at)


def _recorded(drill: "Drill") -> "Deed":
    from flows.core.deeds import Deed  # noqa: PLC0415 - keeps `greenflow --help` quick
    from tasks.sentences import named, sentence  # noqa: PLC0415

    told = {"version": drill.version, "fault": drill.fault, "ending": named(drill.ending)}
    what = sentence("put a drill of {version} with {fault} on record: {ending}", **told)
    return Deed(at=drill.ended_at, who=drill.recorded_by, what=what, chain=drill.release_id)


def _lines(environment: str, chains: tuple["Audited", ...], deeds: list["Deed"]) -> Iterable[str]:
    from flows.core.plain_text import one_line  # noqa: PLC0415 - keeps `greenflow --help` quick

    by_chain: dict[str, list[str]] = {}
    for deed in deeds:
        line = f"  {deed.at:%Y-%m-%d %H:%M:%S}  {one_line(deed.who)}: {one_line(deed.what)}"
        by_chain.setdefault(deed.chain, []).append(line)
    for chain, lines in by_chain.items():
        yield from (chain, *lines)
    counted = f"{environment}: {len(chains)} chains of {sum(len(each.events) for each in chains)} events"
    broken = [each for each in chains if each.broken]
    yield f"{counted}, {f'{len(broken)} BROKEN' if broken else 'every link holds'}"
    yield from (f"  {each.room}/{each.name} is broken {each.broken}" for each in broken)


def _document(environment: str, chains: Iterable["Audited"], deeds: Iterable["Deed"]) -> dict[str, Any]:
    from tasks.sentences import spoken  # noqa: PLC0415 - keeps `greenflow --help` quick

    told = [
        {"at": deed.at.isoformat(), "who": spoken(deed.who), "what": spoken(deed.what), "chain": deed.chain}
        for deed in deeds
    ]
    return {
        "environment": environment,
        "holds": not any(chain.broken for chain in chains),
        "chains": [_chain(chain) for chain in chains],
        "deeds": told,
    }


def _chain(chain: "Audited") -> dict[str, Any]:
    last = chain.events[-1] if chain.events else None
    return {
        "room": chain.room,
        "name": chain.name,
        "events": len(chain.events),
        "last_sha256": last.sha256 if last else "",
        "broken": chain.broken,
    }
