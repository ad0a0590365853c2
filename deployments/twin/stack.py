"""Start the whole twin and stop it: every part real, every port free, everything on the loopback interface."""

import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self, TypeVar

import httpx
import redis

from deployments.twin.analytics import AnalyticsStandIn
from deployments.twin.api_faults import TROUBLE_HAD_KEY
from deployments.twin.aws import AwsEmulator, FaultRule, TaskLaunch
from deployments.twin.aws_seed import push_image, seed
from deployments.twin.aws_seeded import ImageSpec, Seeded, Tokens
from deployments.twin.faults import (
    BAD_MIGRATIONS,
    DAMAGES,
    FAULTS,
    METRICS_SILENT,
    NO_TRAFFIC,
    SILENCES,
    Damage,
)
from deployments.twin.held_lock import holding
from deployments.twin.mishap import Mishap
from deployments.twin.mishaps import MISHAPS
from deployments.twin.node import node_environment
from deployments.twin.npm_registry import NpmRegistry
from deployments.twin.postgres import Postgres
from deployments.twin.postgres_replica import Replica
from deployments.twin.prefect_server import PrefectServer
from deployments.twin.processes import Child, Processes
from deployments.twin.repository import BACKEND, Repository, make_repository
from deployments.twin.roles import as_role, give_roles
from deployments.twin.sentry import SentryStandIn
from deployments.twin.slack import Person, SlackStandIn
from deployments.twin.staging import Staged, Staging
from deployments.twin.valkey import Valkey
from deployments.twin.vercel import VercelStandIn
from tasks.alarms import wanted_alarms
from tasks.settings import Settings, load_settings

T = TypeVar("T")

STABLE_VERSION = "1.0.0"
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Wish:
    """Say what the twin shall be: the candidate and its fault, who answers in Slack, how many users there are."""

    version: str = "1.1.0"
    fault: str = ""
    person: Person | None = None
    requests_per_s: float = 120
    with_prefect: bool = True
    on_duty: tuple[str, ...] = ("U0TWINPERSON", "U0TWINLEE", "U0TWINKIM")
    with_services: bool = True
    """Whether the product's own guard and approvals service run beside it; else its keeper starts them."""
    prefect_port: int = 0


class Twin:
    """Hold a local production open; ``environment`` is what a process needs to release to it.

    Raises RuntimeError with the last words of a part that does not start. Leaving it ends every process and removes
    its folder; so does the death of this process.
    """

    emulator: AwsEmulator
    seeded: Seeded
    slack: SlackStandIn
    vercel: VercelStandIn
    sentry: SentryStandIn
    analytics: AnalyticsStandIn
    postgres: Postgres
    valkey: Valkey
    repository: Repository
    npm: NpmRegistry
    staging: Staging
    prefect: PrefectServer | None = None
    guard: Child
    environment: dict[str, str]
    _users: Child

    def __init__(self, wish: Wish | None = None, told: Callable[[str], None] = lambda _: None) -> None:
        self.wish = wish or Wish()
        self.processes = Processes()
        self._told = told
        self._parts = ExitStack()
        self._undone = ExitStack()
        self._entering = threading.Lock()

    @property
    def folder(self) -> Path:
        """Return the twin's own folder: logs and data; it goes with the twin."""
        return self.processes.folder

    @property
    def url(self) -> str:
        """Return where users reach the API: the load balancer."""
        return f"http://127.0.0.1:{self._port_of('balancer.port')}"

    @property
    def users_file(self) -> Path:
        """Return where the load client writes what users see."""
        return self.folder / "users.json"

    def __enter__(self) -> Self:
        try:
            self._parts.enter_context(self.processes)
            with ThreadPoolExecutor(max_workers=8) as pool:
                self._start(pool)
        except BaseException:
            self._parts.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._parts.close()

    def users(self) -> dict[str, Any]:
        """Return what the load client has counted so far."""
        try:
            found: dict[str, Any] = json.loads(self.users_file.read_text())
        except (OSError, ValueError):
            return {}
        return found

    def traffic(self) -> list[dict[str, Any]]:
        """Return the load balancer's own counts, one entry for every weights in force."""
        phases: list[dict[str, Any]] = httpx.get(f"{self.emulator.url}/_twin/traffic").json()["phases"]
        return phases

    def publish(self, version: str, fault: str = "", migration: str = "") -> str:
        """Make another version: a commit, its tag, its image, maybe a migration of its own; return the digest."""
        with redis.Redis.from_url(self.valkey.url) as valkey:
            valkey.delete(TROUBLE_HAD_KEY)  # trouble that comes once a rehearsal may come again
        mishap = MISHAPS.get(fault)
        commit = self.repository.add_version(version, migration, mishap.files if mishap else {})
        digest = push_image(self.emulator, ImageSpec(version, commit, "" if mishap else fault))
        self.staging.show(Staged(version, commit, digest))
        return digest

    def befall(self, mishap: Mishap, version: str) -> Mapping[str, str]:
        """Let a mishap befall a version's release; give the settings it must be started with to meet it."""
        return mishap.befall(self, version)

    def afterwards(self, undo: Callable[[], object]) -> None:
        """Remember how a mishap is undone, for ``heal``."""
        self._undone.callback(undo)

    def heal(self) -> None:
        """Undo every mishap, so that another release finds production as it should be."""
        self._undone.close()
        self.emulator.faults.clear()
        self.vercel.heal()
        self.npm.clear()

    def damage_backups(self, damage: Damage) -> None:
        """Damage every dump that is read back from now on."""
        rule = FaultRule(damage.kind, service="s3", operation="GetObject", match={"Key": "dumps/*"}, count=None)
        self.emulator.faults.add(rule)

    def fall_silent(self, name: str) -> None:
        """Let one of the silences begin with the next change of the weights: until then production is well."""
        begin = {NO_TRAFFIC.name: self.let_users_leave, METRICS_SILENT.name: self.silence_metrics}[name]
        self.emulator.once_after("ModifyRule", begin)

    def silence_metrics(self) -> None:
        """Let CloudWatch answer well, without a single datapoint, until the emulator's faults are cleared."""
        self.emulator.faults.add(FaultRule("silent", service="cloudwatch", operation="GetMetricData", count=None))

    def let_users_leave(self) -> None:
        """Send all users away, until ``let_users_come``; those whose request is under way get their answer."""
        self._users.send_signal(signal.SIGUSR1)

    def let_users_come(self) -> None:
        """Let the users come back."""
        self._users.send_signal(signal.SIGUSR2)

    def start(
        self, argv: list[str], log: str, environment: dict[str, str] | None = None, role: str = "release"
    ) -> Child:
        """Start one of the product's own processes against this twin, allowed in AWS what its shipped policy says."""
        variables = {**self.environment, **as_role(role), **(environment or {})}
        return self.processes.start(argv, env=variables, log=self.folder / log, name=log)

    def start_guard(self) -> None:
        """Let the watchman look on, as in production; nothing waits for it. Again, too, after it was killed."""
        argv = [sys.executable, "-m", "deployments.cli", "guard", "--environment", "rehearsal"]
        self.guard = self.start(argv, "guard.log", role="guard")
        self._parts.callback(self.guard.stop)

    def _start(self, pool: ThreadPoolExecutor) -> None:
        postgres = pool.submit(self._enter, lambda: Postgres(self.processes, self.folder))
        valkey = pool.submit(self._enter, lambda: Valkey(self.processes, self.folder))
        repository = pool.submit(self._make_repository)
        self.slack = self._enter(lambda: SlackStandIn(self.wish.person, self.wish.on_duty))
        self.vercel = self._enter(VercelStandIn)
        self.sentry = self._enter(SentryStandIn)
        self.analytics = self._enter(AnalyticsStandIn)
        self.npm = self._enter(NpmRegistry)
        self.emulator = self._enter(lambda: AwsEmulator(self.processes, self.folder, self._launch))
        self.postgres, self.valkey = self._got("PostgreSQL", postgres), self._got("Valkey", valkey)
        database = self.postgres.create_database("greenflow")
        replica = pool.submit(self._enter, lambda: Replica(self.postgres, self.processes, self.folder))
        prefect = pool.submit(self._start_prefect) if self.wish.with_prefect else None
        self.repository = self._got("the git repository", repository)
        schema = pool.submit(self._migrate, database)
        self._start_production(database)
        self._got("the schema of 1.0.0", schema)
        self._got("the database's read replica", replica)
        if (bad := BAD_MIGRATIONS.get(self.wish.fault)) and bad.holds:
            self._enter(lambda: holding(database, bad))
        self._open_to_users()
        if prefect:
            self.prefect = self._got("the Prefect server", prefect)
            self.prefect.deploy("aftercare", "flows.aftercare.aftercare")
            self.environment.update(self.prefect.client_environment)
        if self.wish.with_services:
            self.start_guard()
            self._start_approvals()
        if mishap := MISHAPS.get(self.wish.fault):
            self.environment.update(self.befall(mishap, self.wish.version))

    @property
    def _image_fault(self) -> str:
        return self.wish.fault if self.wish.fault in FAULTS else ""

    def _enter(self, make: Callable[[], AbstractContextManager[T]]) -> T:
        part = make()
        entered = part.__enter__()
        with self._entering:
            self._parts.push(part.__exit__)
        return entered

    def _got(self, name: str, future: Future[T]) -> T:
        part = future.result()
        self._told(f"{name} is up")
        return part

    def _make_repository(self) -> Repository:
        bad, mishap = BAD_MIGRATIONS.get(self.wish.fault), MISHAPS.get(self.wish.fault)
        files = mishap.files if mishap else {}
        return make_repository(self.folder / "source", self.wish.version, migration=bad.up if bad else "", files=files)

    def _start_prefect(self) -> PrefectServer:
        database = self.postgres.create_database("prefect")
        return self._enter(lambda: PrefectServer(self.processes, self.folder, database, port=self.wish.prefect_port))

    def _migrate(self, database: str) -> None:
        """Bring the schema to where 1.0.0 has it, by the same command production uses."""
        source = self.repository.clone(STABLE_VERSION, self.folder / "source-stable") / BACKEND
        environment = {**node_environment(self.folder / "node"), "DATABASE_URL": database}
        for argv in (["npm", "ci", "--no-audit", "--no-fund"], ["npm", "run", "--silent", "db:migrate"]):
            program = shutil.which(argv[0], path=environment["PATH"]) or argv[0]
            child = self.processes.start(
                [program, *argv[1:]], env=environment, cwd=source, log=self.folder / "schema.log", name="schema"
            )
            if child.wait(PATIENCE_S * 2) != 0:
                msg = f"could not prepare the schema: {' '.join(argv)} failed\n{child.log_tail()}"
                raise RuntimeError(msg)

    def _start_production(self, database: str) -> None:
        commits = self.repository.commits
        self.seeded = seed(
            self.emulator,
            database,
            self.valkey.url,
            Tokens(self.vercel.token, self.slack.token, self.slack.signing_secret, self.sentry.token),
            stable=ImageSpec(STABLE_VERSION, commits[STABLE_VERSION]),
            candidate=ImageSpec(self.wish.version, commits[self.wish.version], self._image_fault),
            wait_s=PATIENCE_S,
        )
        self.staging = Staging(self.emulator, self.seeded)
        version = self.wish.version
        self.staging.show(Staged(version, commits[version], self.seeded.digests[version]))
        self._told("the API's stable side is up")
        self._watch_production()
        give_roles(self.emulator, self._known())
        self._publish_first_site()
        if damage := DAMAGES.get(self.wish.fault):
            self.damage_backups(damage)
        if self.wish.fault in SILENCES:
            self.fall_silent(self.wish.fault)

    def _known(self) -> Settings:
        """Return the rehearsal's settings as far as its AWS is concerned."""
        seeded = self.seeded
        rule = {"listener_rule_arn": seeded.listener_rule_arn, "load_balancer_arn": seeded.load_balancer_arn}
        return load_settings(
            "rehearsal",
            sides={side: {"target_group_arn": arn} for side, arn in seeded.target_group_arns.items()},
            load_balancer=rule,
            monitoring={"topic_arn": seeded.topic_arn},
        )

    def _watch_production(self) -> None:
        """Have production watched before the release, by the alarms the guide asks for."""
        for alarm in wanted_alarms(self._known()):
            self.emulator.client("cloudwatch").put_metric_alarm(**alarm.parameters)

    def _publish_first_site(self) -> None:
        """Give the domain something to serve: what production ran before this rehearsal."""
        site = self.folder / "site-before"
        site.mkdir()
        (site / "index.html").write_text(f"<!doctype html><title>GreenFlow {STABLE_VERSION}</title>")
        self.vercel.publish(site, meta={"version": STABLE_VERSION})

    def _launch(self, launch: TaskLaunch) -> list[str]:
        """Start a task as its image says: version, commit and fault are the image's own."""
        notes = launch.image_annotations
        own = {
            "APP_VERSION": notes["org.opencontainers.image.version"],
            "APP_REVISION": notes["org.opencontainers.image.revision"],
            "APP_FAULT": notes.get("dev.greenflow.twin.fault", ""),
            "TWIN_CONTROL_URL": self.emulator.url,
            "PYTHONPATH": _root(),
        }
        variables = [f"{name}={value}" for name, value in own.items()]
        program = [sys.executable, "-m", "deployments.twin.api"]
        return ["env", *variables, *program, "--host", launch.address, "--port", str(launch.port)]

    def _open_to_users(self) -> None:
        balancer = [sys.executable, "-m", "deployments.twin.load_balancer", "--control", self.emulator.url]
        self._serve([*balancer, "--port-file", str(self.folder / "balancer.port")], "balancer")
        self.environment = self._settings()
        users = [sys.executable, "-m", "deployments.twin.load_client", "--url", self.url]
        rate = str(self.wish.requests_per_s)
        self._users = self.processes.start(
            [*users, "--rps", rate, "--stats", str(self.users_file)],
            env={"PYTHONPATH": _root()},
            log=self.folder / "users.log",
            name="users",
        )
        self._parts.callback(self._users.stop)  # users leave before the balancer closes

    def _start_approvals(self) -> None:
        service = [sys.executable, "-m", "deployments.approvals", "--environment", "rehearsal"]
        self._serve([*service, "--port-file", str(self.folder / "approvals.port")], "approvals", as_role("approvals"))
        self.slack.interactivity_url = f"http://127.0.0.1:{self._port_of('approvals.port')}/slack/interactivity"

    def _serve(self, argv: list[str], name: str, given: Mapping[str, str] = MappingProxyType({})) -> Child:
        """Start a server and wait until it has written its port."""
        variables = {**getattr(self, "environment", {}), **given, "PYTHONPATH": _root()}
        child = self.processes.start(argv, env=variables, log=self.folder / f"{name}.log", name=name)
        self._parts.callback(child.stop)
        child.await_ready((self.folder / f"{name}.port").exists, PATIENCE_S)
        self._told(f"{name} is up")
        return child

    def _port_of(self, file: str) -> int:
        return int((self.folder / file).read_text())

    def _settings(self) -> dict[str, str]:
        """Return the addresses that rehearsal.toml leaves to the twin, as overrides."""
        seeded = self.seeded
        overrides = {
            "AWS__ENDPOINT_URL": self.emulator.url,
            "SOURCE__REPOSITORY": str(self.repository.origin),
            "BUILD__PATH": json.dumps(node_environment(self.folder / "node")["PATH"].split(os.pathsep)),
            "SITE__API_URL": self.vercel.url,
            "SITE__PROJECT_ID": self.vercel.project_id,
            "SITE__TEAM_ID": self.vercel.team_id,
            "SITE__URL": self.vercel.site_url,
            "DATABASE__TOOLS": str(self.postgres.bin),
            "RDS__REPLICAS": "1",
            "SIDES__A__TARGET_GROUP_ARN": seeded.target_group_arns["a"],
            "SIDES__B__TARGET_GROUP_ARN": seeded.target_group_arns["b"],
            "LOAD_BALANCER__LISTENER_RULE_ARN": seeded.listener_rule_arn,
            "LOAD_BALANCER__LOAD_BALANCER_ARN": seeded.load_balancer_arn,
            "LOAD_BALANCER__URL": self.url,
            "MONITORING__TOPIC_ARN": seeded.topic_arn,
            "SENTRY__URL": self.sentry.url,
            "ANALYTICS__URL": self.analytics.url,
            "SLACK__API_URL": self.slack.url,
            "SLACK__CHANNEL": self.slack.channel,
            "CHECKLIST__AUDIT__REGISTRY": self.npm.url,
        }
        return {
            **{f"GREENFLOW_{key}": value for key, value in overrides.items()},
            "AWS_ACCESS_KEY_ID": "twin",
            "AWS_SECRET_ACCESS_KEY": "twin",
            "AWS_EC2_METADATA_DISABLED": "true",
            "PYTHONPATH": _root(),
        }


def _root() -> str:
    return str(Path(__file__).parents[2])
