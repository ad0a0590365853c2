"""Hold a lean twin for one trial after another: real parts, short waits, and what the trials look at."""

import itertools
import json
import os
import shutil
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import psycopg
from psycopg import sql

import deployments.twin
from deployments.prove.points import Point
from deployments.prove.zygote import Order, Zygote
from deployments.twin.slack import Person
from deployments.twin.stack import Twin, Wish
from tasks.clients.node import Project
from tasks.live import observe_live
from tasks.models import Side
from tasks.scaling import read_scaling
from tasks.settings import Settings, load_settings

PARTS = Path(deployments.twin.__file__).parent
BUILD_ONCE = Path(__file__).with_name("build_once.mjs")
INSTALL = ("npm", "ci", "--prefer-offline", "--no-audit", "--no-fund")
PERSON = Person("U0TWINPERSON", decision="approve", delay_s=0.05)
FIRST_VERSION = "1.1.0"
USERS_PER_S = 20
LEASE_S, GUARD_EVERY_S = 3.0, 0.5
CANARY = "canaryKEYcanaryKEYcanaryKEYcanaryKEY0123"
"""The AWS secret key of every trial's process; the emulator takes any."""
TABLE = "trial"
MIGRATION = f"create table {TABLE} (id integer);"

LEAN = {
    "AWS__REQUEST_TIMEOUT_S": "2",
    "LEDGER__LEASE_S": f"{LEASE_S:g}",
    "LEDGER__HEARTBEAT_S": "0.5",
    "LEDGER__READ_BACK_S": "5",
    "LEDGER__POLL_S": "0.05",
    "BUILD__LINT": '["true"]',
    "BUILD__TYPECHECK": '["true"]',
    "MIGRATION__STATUS": '["node", "scripts/status.mjs"]',
    "SITE__POLL_S": "0.05",
    "SERVICE__POLL_S": "0.2",
    "ROLLOUT__POLL_S": "0.5",
    "ROLLOUT__FINAL_AFTER_S": "0.5",
    "JUDGE__MIN_PERIODS": "2",
    "JUDGE__LAST_PHASE_MIN_PERIODS": "2",
    "JUDGE__WARM_UP_PERIODS": "1",
    "JUDGE__PROOF_EVIDENCE": "1.01",
    "JUDGE__FIRST_PHASE_PROVED_ERROR_RATE": "0.5",
    "JUDGE__PROVED_ERROR_RATE": "0.5",
    "JUDGE__PROVED_SLOW_5S_RATE": "0.5",
    "JUDGE__SLOW_EVIDENCE": "1000000",
    "JUDGE__MAX_SLOW_RATIO": "10",
    "PERFORMANCE__DURATION_S": "1",
    "PERFORMANCE__LEAST_REQUESTS": "5",
    "APPROVAL__EXPIRES_S": "30",
    "GUARD__EVERY_S": f"{GUARD_EVERY_S:g}",
    "GUARD__WATCH_S": "0",
    "CHECKLIST__AUDIT__PROJECTS": "[]",
    "CHECKLIST__TOLERATE": '["monitoring", "drills", "recovery", "training", "window", "audit"]',
}
"""Seconds instead of minutes, and a judge that is content with little: what it decides is tried elsewhere."""


class LeanTwin(Twin):
    """Be a twin without a guard of its own: the trials start one when a release has died."""

    def _settings(self) -> dict[str, str]:
        return {**super()._settings(), **{f"GREENFLOW_{key}": value for key, value in LEAN.items()}}

    def start_guard(self) -> None:
        """Start none."""


class World:
    """Hold a twin, and let releases and guards be born, die and be looked at in it."""

    def __init__(self, zygote: Zygote) -> None:
        self.zygote = zygote
        self.twin = LeanTwin(Wish(FIRST_VERSION, person=PERSON, requests_per_s=USERS_PER_S, with_prefect=False))
        self._numbers = itertools.count(1)
        self._files = itertools.count(1)

    def __enter__(self) -> Self:
        self.twin.__enter__()
        self.environment = {**self.twin.environment, **self._installed(), "AWS_SECRET_ACCESS_KEY": CANARY}
        os.environ.update(self.environment)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.twin.__exit__(kind, error, trace)

    @property
    def settings(self) -> Settings:
        """Return the settings of the twin's environment."""
        return load_settings("rehearsal")

    def new_version(self, fault: str = "") -> str:
        """Publish the next version, whose one migration was never applied."""
        version = f"2.{next(self._numbers)}.0"
        self.twin.publish(version, fault, MIGRATION)
        with psycopg.connect(self.database, autocommit=True) as connection:
            connection.execute(f"drop table if exists {TABLE}")
            connection.execute("delete from pgmigrations where name like '003%'")
            connection.execute("delete from bids where user_id in (select id from users where email like '%gf-%')")
            connection.execute("delete from users where email like '%gf-%'")
            for name in self.scratch_databases():  # what one trial left is not the next one's
                connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
        return version

    def start(
        self,
        be: Literal["release", "guard"],
        version: str = "",
        deadly: Point | None = None,
        broken: frozenset[str] = frozenset(),
        kind: str = "",
    ) -> tuple[int, Path, Path]:
        """Start a release or a guard; returns its process id, its log and where it writes the points it passes."""
        log = self.twin.folder / f"trial-{next(self._files)}.log"
        passed = log.with_suffix(".points")
        order = Order(
            be=be,
            environment=self.environment,
            log=str(log),
            passed=str(passed),
            version=version,
            deadly=asdict(deadly) if deadly else None,
            kind=kind,
            calls=sorted(broken),
        )
        return self.zygote.start(order), log, passed

    def wait(self) -> int:
        """Wait for the end of what was started last."""
        return self.zygote.wait()

    @property
    def database(self) -> str:
        """Return the address of production's database."""
        return self.twin.postgres.url("greenflow")

    def running(self) -> dict[str, int]:
        """Return how many tasks each side is to have."""
        live = observe_live(self.settings)
        return {str(side): live.of(side).desired_count for side in Side}

    def held_back(self) -> list[str]:
        """List the services whose autoscaling is suspended."""
        return [name for name, found in read_scaling(self.settings).items() if found.scale_in_suspended]

    def scratch_databases(self) -> list[str]:
        """List the databases that were made to try a dump."""
        with psycopg.connect(self.database) as connection:
            found = connection.execute("select datname from pg_database where datname like 'greenflow_restore_%'")
            return [name for (name,) in found.fetchall()]

    def tenants(self) -> list[str]:
        """List the tenants that a user's journey made and nobody removed."""
        with psycopg.connect(self.database) as connection:
            found = connection.execute(
                "select substring(email from 'gf-[0-9a-f]+') from users where email like '%gf-%'"
            )
            return sorted({name for (name,) in found.fetchall()})

    def unfinished_uploads(self) -> list[str]:
        """List the dumps that are neither stored nor given up."""
        found = self.twin.emulator.client("s3").list_multipart_uploads(Bucket=self.settings.backup.bucket)
        return [upload["Key"] for upload in found.get("Uploads", [])]

    def _installed(self) -> dict[str, str]:
        """Install once what the site and the backend need, for all releases."""
        commands = {}
        for project, section in (("website", "BUILD"), ("backend", "MIGRATION")):
            folder = self.twin.folder / f"installed-{project}"
            folder.mkdir()
            for name in ("package.json", "package-lock.json"):
                shutil.copy(PARTS / project / name, folder)
            path = json.loads(self.twin.environment["GREENFLOW_BUILD__PATH"])
            Project(folder, path).run(INSTALL, timeout_s=120, on_line=lambda _: None)
            commands[f"GREENFLOW_{section}__INSTALL"] = json.dumps(["ln", "-s", str(folder / "node_modules"), "."])
        build = ["node", str(BUILD_ONCE), str(self.twin.folder / "built")]
        return {**commands, "GREENFLOW_BUILD__BUILD": json.dumps(build)}
