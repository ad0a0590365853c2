"""What Vercel keeps of a project: its deployments, which one has the domain, its settings and variables."""

from __future__ import annotations

import secrets
import string
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployments.twin.vercel_files import Site

ReadyState = Literal["QUEUED", "BUILDING", "READY", "ERROR"]
AliasReason = Literal["build", "promote", "rollback"]

_QUEUED_SHARE = 0.3
_LETTERS = string.ascii_letters + string.digits


class VercelError(Exception):
    """An answer of the API that is an error: HTTP status, code and message, and what else is in its body."""

    def __init__(self, status: int, code: str, message: str, **more: object) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"code": code, "message": message, **more}}


@dataclass(frozen=True)
class Deployment:
    """One immutable deployment; `address` is its own `host:port`, times are epoch seconds."""

    id: str
    name: str
    target: Literal["production"] | None
    meta: dict[str, str]
    site: Site
    address: str
    created_s: float
    building_s: float
    ready_s: float
    error: str = ""

    def ready_state(self, now_s: float) -> ReadyState:
        """Tell how far it is."""
        if now_s >= self.ready_s:
            return "ERROR" if self.error else "READY"
        return "BUILDING" if now_s >= self.building_s else "QUEUED"


@dataclass
class AliasRequest:
    """A change of which deployment the production domain shows; it happens at `due_s`."""

    reason: AliasReason
    from_id: str | None
    to_id: str
    requested_s: float
    due_s: float
    done: bool = False


@dataclass
class Variable:
    """An environment variable of the project."""

    id: str
    key: str
    value: str
    type: str
    target: list[str]
    created_s: float
    updated_s: float


@dataclass(frozen=True)
class Tempo:
    """How long a build and a change of the domain take."""

    build_s: float = 1.0
    alias_s: float = 0.2


@dataclass
class Project:
    """A project's state; every reading first lets happen what has become due. May be used from several threads."""

    id: str
    name: str
    team_id: str
    tempo: Tempo
    clock: Callable[[], float]
    auto_assign_custom_domains: bool = True
    deployments: dict[str, Deployment] = field(default_factory=dict)
    variables: dict[str, Variable] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    alias_requests: list[AliasRequest] = field(default_factory=list)
    been_current: list[str] = field(default_factory=list)
    build_error: str = ""
    own_domain: str = ""
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def current(self) -> Deployment | None:
        """Give the deployment that the production domain shows."""
        with self.lock:
            self._settle()
            return self.deployments[self.been_current[-1]] if self.been_current else None

    @property
    def last_alias_request(self) -> AliasRequest | None:
        """Give the latest promotion or rollback that was asked for."""
        with self.lock:
            self._settle()
            asked = [request for request in self.alias_requests if request.reason != "build"]
            return asked[-1] if asked else None

    def add(self, deployment: Deployment, *, takes_domain: bool) -> None:
        """Add a deployment; with `takes_domain` it gets the production domain as soon as it is ready."""
        with self.lock:
            self.deployments[deployment.id] = deployment
            if takes_domain and not deployment.error:
                self._request_alias("build", deployment, deployment.ready_s)

    def make_deployment(
        self, name: str, target: Literal["production"] | None, meta: dict[str, str], site: Site, address: str
    ) -> Deployment:
        """Make a deployment that starts to build now."""
        now_s = self.clock()
        building_s = now_s + self.tempo.build_s * _QUEUED_SHARE
        ready_s = now_s + self.tempo.build_s
        return Deployment(
            new_id("dpl"), name, target, meta, site, address, now_s, building_s, ready_s, self.build_error
        )

    def make_ready_deployment(self, meta: dict[str, str], site: Site, address: str) -> Deployment:
        """Make a production deployment that was built before."""
        now_s = self.clock()
        return Deployment(new_id("dpl"), self.name, "production", meta, site, address, now_s, now_s, now_s)

    def find(self, id_or_host: str) -> Deployment:
        """Find a deployment by its id or its host; raises Vercel's 404."""
        with self.lock:
            for deployment in self.deployments.values():
                if id_or_host in {deployment.id, deployment.address}:
                    return deployment
        raise VercelError(404, "not_found", "The deployment could not be found")

    def promote(self, deployment: Deployment) -> None:
        """Give a ready production deployment the domain; from then on new ones get it by themselves again."""
        with self.lock:
            current = self.current
            if current is deployment:
                raise VercelError(409, "conflict", f"{deployment.id} is already the current production deployment")
            self._refuse_unless_ready_for_production(deployment)
            self.auto_assign_custom_domains = True
            self._request_alias("promote", deployment, self.clock() + self.tempo.alias_s)

    def roll_back(self, deployment: Deployment) -> None:
        """Give the domain back to a deployment that had it; from then on new ones do not take it by themselves."""
        with self.lock:
            current = self.current
            if current is deployment:
                raise VercelError(409, "conflict", f"{deployment.id} is already the current production deployment")
            if deployment.id not in self.been_current:
                raise VercelError(422, "unprocessable_entity", f"{deployment.id} has never been in production")
            self.auto_assign_custom_domains = False
            self._request_alias("rollback", deployment, self.clock() + self.tempo.alias_s)

    def has_been_current(self, deployment: Deployment) -> bool:
        """Tell whether it has, or once had, the production domain."""
        with self.lock:
            self._settle()
            return deployment.id in self.been_current

    def _refuse_unless_ready_for_production(self, deployment: Deployment) -> None:
        if deployment.target != "production":
            message = f"{deployment.id} is a preview: it must be built for production to be promoted"
            raise VercelError(400, "bad_request", message)
        if deployment.ready_state(self.clock()) != "READY":
            raise VercelError(400, "bad_request", f"{deployment.id} is not ready yet")

    def _request_alias(self, reason: AliasReason, to: Deployment, due_s: float) -> None:
        from_id = self.been_current[-1] if self.been_current else None
        self.alias_requests.append(AliasRequest(reason, from_id, to.id, self.clock(), due_s))

    def _settle(self) -> None:
        now_s = self.clock()
        due = [request for request in self.alias_requests if not request.done and request.due_s <= now_s]
        for request in sorted(due, key=lambda one: one.due_s):
            request.done = True
            self.been_current.append(request.to_id)


def new_id(kind: str) -> str:
    """Make an id such as `dpl_5WJWYSyB7BpgTj3EuwF37WMRBXBtPQ2iTMJHJBJyRfd`."""
    return f"{kind}_" + "".join(secrets.choice(_LETTERS) for _ in range(28))
