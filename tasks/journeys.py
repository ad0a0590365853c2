"""5.4 Walk as a user does: register, log in, bid, read the bid back; then remove every trace (safety I17)."""

import logging
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx
from pydantic import SecretStr

from tasks.clients.web import Web, open_web, parsed
from tasks.errors import RemoteError
from tasks.header_rules import check_cookies
from tasks.ledger import current_ledger, effect
from tasks.models import Check, Event, Evidence, ReleasePlan, Side
from tasks.probes import probe_headers, who
from tasks.retries import REPEATABLE
from tasks.sentences import named, sentence
from tasks.settings import Settings
from tasks.stage import stage

log = logging.getLogger("greenflow.journeys")

WALK, CLEAN_UP = "api.journey", "api.clean_up"
OK, CREATED = 200, 201
GONE = frozenset({401, 404})
BID = {"origin": "Seoul", "destination": "Busan", "cargoWeight": 10}


@dataclass
class Walk:
    """Be one user of one test tenant; remembers what it was told and how each step went."""

    web: Web
    prefix: str
    tenant: str
    domain: str
    version: str
    steps: list[Check] = field(default_factory=list)
    took_ms: list[float] = field(default_factory=list)
    set_cookies: list[str] = field(default_factory=list)
    token: SecretStr | None = None
    bid_id: str = ""

    def go(self) -> None:
        """Register, log in and bid; the first step that fails is the last."""
        account = {
            "email": f"user@{self.tenant}.{self.domain}",
            "password": f"Gf1!{secrets.token_urlsafe(24)}",
            "role": "SHIPPER",
        }
        if self._step("register", "POST", "/auth/register", CREATED, json=account) is None:
            return
        told = self._step("log in", "POST", "/auth/login", OK, json=account)
        if told is None or not told.get("token"):
            return
        self.token = SecretStr(str(told["token"]))
        bid = self._step("bid", "POST", "/order/bid", CREATED, json=BID)
        self.bid_id = str((bid or {}).get("id", ""))

    def read_back(self) -> None:
        """Look whether the bid is kept as it was made."""
        found = self._step("read the bid back", "GET", f"/order/bid/{self.bid_id}", OK) or {}
        kept = {name: found.get(name) for name in BID}
        self.steps.append(Check.of("bid as it was made", ok=kept == BID, found=kept, expected=BID))

    def remove(self, tenant: str) -> bool:
        """Remove a test tenant with its users and bids; returns whether the API said that it did."""
        path = f"{self.prefix}/test-tenant/{tenant}"
        answer = self.web.call(
            "DELETE", path, doing=sentence("remove the test tenant {tenant}", tenant=tenant), headers=self._signed()
        )
        return answer.status_code == OK

    def is_gone(self) -> bool:
        """Tell whether the bid cannot be found any more."""
        path = f"{self.prefix}/order/bid/{self.bid_id}"
        answer = self.web.ask("GET", path, doing="look for the bid", headers=self._signed())
        return answer.status_code in GONE

    def _step(self, name: str, method: str, path: str, expected: int, **options: Any) -> dict[str, Any] | None:
        started_s = time.monotonic()
        try:
            answer = self.web.ask(method, self.prefix + path, doing=name, headers=self._signed(), **options)
        except RemoteError as error:
            self.steps.append(Check.of(name, ok=False, found=error, expected=expected))
            return None
        self.took_ms.append((time.monotonic() - started_s) * 1000)
        self.set_cookies += answer.headers.get_list("set-cookie")
        self.steps.append(self._judge(name, answer, expected))
        body = parsed(answer)
        return body if answer.status_code == expected and isinstance(body, dict) else None

    def _judge(self, name: str, answer: httpx.Response, expected: int) -> Check:
        by = answer.headers.get("x-app-version", "")
        right = answer.status_code == expected and by in {"", self.version}
        found = sentence("{status} by {version}", status=answer.status_code, version=by or named("an unnamed version"))
        note = f"{self.took_ms[-1]:.0f} ms"
        return Check.of(
            name,
            ok=right,
            found=found,
            expected=sentence("{status} by {version}", status=expected, version=self.version),
            note=note,
        )

    def _signed(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token.get_secret_value()}"} if self.token else {}


@stage("5.4 try a user's journey", REPEATABLE)
def try_journeys(settings: Settings, plan: ReleasePlan, side: Side | None, expected_version: str) -> Evidence:
    """Walk a user's journey on one side, or as the public; what it made is removed whatever happens.

    A step that fails is a failed check. Raises UnknownOutcome or LeaseLost as every effect does.
    """
    headers = probe_headers(settings, side)
    with open_web(settings.load_balancer.url, timeout_s=settings.journey.timeout_s, headers=headers) as web:
        walk = Walk(
            web=web,
            prefix=settings.journey.api_prefix,
            tenant=f"gf-{secrets.token_hex(8)}",
            domain=settings.journey.email_domain,
            version=expected_version,
        )
        log.info("trying a user's journey on the %s", who(plan, side))
        try:
            _walk(walk)
        finally:
            removed = _clean_up(walk)
    cookies = check_cookies(who(plan, side), walk.set_cookies)
    return Evidence(checks=(*walk.steps, cookies, _slowest(settings, walk), removed))


def left_behind(events: Iterable[Event]) -> list[str]:
    """List the tenants of journeys whose removal the ledger does not know: their process died on the way."""
    said = [(event.kind, event.data.get("effect"), str(event.data.get("key"))) for event in events]
    walked = [key for kind, name, key in said if kind == "effect.intended" and name == WALK]
    removed = {key for kind, name, key in said if kind == "effect.done" and name == CLEAN_UP}
    return [tenant for tenant in walked if tenant not in removed]


def _walk(walk: Walk) -> None:
    def observe() -> Walk | None:
        if not walk.steps:
            return None
        if walk.bid_id:
            walk.read_back()
        return walk

    effect(WALK, walk.tenant, observe=observe, act=walk.go, data={"probe": True})


def _clean_up(walk: Walk) -> Check:
    """Remove this journey's tenant, and those that earlier runs of this release could not remove."""
    name = "journey removed"
    if walk.token is None:
        return Check.skipped(name, sentence("nobody could log in; {tenant} may be left behind", tenant=walk.tenant))
    try:
        for tenant in left_behind(current_ledger().events):
            _remove(walk, tenant)
    except RemoteError as error:
        return Check.of(name, ok=False, found=error, expected="nothing left")
    return Check.of(name, ok=True, found="nothing left", expected="nothing left")


def _remove(walk: Walk, tenant: str) -> None:
    done: list[bool] = []

    def observe() -> bool | None:
        own = tenant == walk.tenant and walk.bid_id
        return (walk.is_gone() if own else bool(done and done[-1])) or None

    effect(CLEAN_UP, tenant, observe=observe, act=lambda: done.append(walk.remove(tenant)))


def _slowest(settings: Settings, walk: Walk) -> Check:
    worst = max(walk.took_ms, default=0.0)
    limit = settings.journey.slow_ms
    total = sentence("{total_ms:.0f} ms in all", total_ms=sum(walk.took_ms))
    return Check.of(
        "slowest step",
        ok=worst <= limit,
        found=f"{worst:.0f} ms",
        expected=sentence("at most {bound:.0f} ms", bound=limit),
        note=total,
    )
