"""Release by the guide's own list of commands, one after the other, as a plain script: what ours is measured beside.

Written fairly: where a command of the guide cannot work, the one that was meant stands (exit codes instead of grep,
the recorded task definition instead of "revision - 1", the image by its tag as it lies in the registry). AWS and Vercel
are spoken to directly, which spares it the start of their command line tools. Its two waits of 15 minutes are there at
the twin's pace, a second for a minute, with a person who never looks away: error rate above 5 % in any one of them is
seen at once and rolled back at once. Left out, as they are set up once: domain, RDS, ElastiCache; and what ours leaves
out on the twin: Lighthouse without a browser, ZAP.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import boto3
import httpx

from tasks.clients.vercel import SiteFile, files_of
from tasks.counts import Counts
from tasks.models import Side
from tasks.series import Span, read_series
from tasks.settings import Settings, load_settings
from tasks.side_counts import count_queries, count_side
from tasks.site_values import api_base
from tasks.waits import pause

LIMIT_RATE = 0.05
"""The guide's emergency: error rate above 5 %."""
WATCHES = 2
MINUTES_A_WATCH = 15
ROLLED_BACK = 3
POLL_S = 0.5
FINAL_AFTER_S = 2


class Script:
    """Hold what a person at a keyboard holds: a checkout, the addresses, and what was there before."""

    def __init__(self, settings: Settings, version: str, side: Side, folder: Path) -> None:
        self.settings = settings
        self.version = version
        self.side = side
        self.source = folder / "source"
        self.folder = folder
        self.commands = 0
        self.watched_s = 0.0
        self._service = settings.sides[side].service
        self._before = ""
        self._site_before = ""
        token = self._secret(settings.site.token)
        self._vercel = httpx.Client(
            base_url=settings.site.api_url,
            headers={"Authorization": f"Bearer {token}"},
            params={"teamId": settings.site.team_id},
            timeout=30,
        )

    def release(self) -> bool:
        """Walk the guide from 1.1 to 5.4; returns False when it was rolled back."""
        self._build()
        self._back_up()
        self._remember()
        self._deploy_site()
        self._deploy_api()
        for _ in range(WATCHES):
            if not self._watch():
                self._roll_back()
                return False
        self._migrate()
        self._verify()
        return True

    def _build(self) -> None:
        """Guide 1.1, 1.2: the values, then the build and the lint by their exit codes."""
        website, build = self.source / self.settings.source.website_directory, self.settings.build
        repository, tag = self.settings.source.repository, f"v{self.version}"
        self._run(["git", "clone", "--quiet", "--branch", tag, repository, str(self.source)])
        values = {"VITE_API_BASE_URL": api_base(self.settings), "VITE_VERSION": self.version, **build.variables}
        (website / ".env.production").write_text("".join(f"{name}={value}\n" for name, value in values.items()))
        for command in (build.install, ["npm", "run", "build"], ["npm", "run", "lint"]):
            self._run(command, website)

    def _back_up(self) -> None:
        """Guide 1.3: dump into a file, copy it to S3, list it."""
        dump = self.folder / "backup.dump"
        tools = Path(self.settings.database.tools)
        self._run([str(tools / "pg_dump"), "-Fc", "--file", str(dump), self._database()])
        self._aws("s3").put_object(
            Bucket=self.settings.backup.bucket, Key=f"guide/{self.version}", Body=dump.read_bytes()
        )
        self._run([str(tools / "pg_restore"), "--list", str(dump)])

    def _remember(self) -> None:
        """Guide 1.4: tag the source and the image that run now."""
        self._run(["git", "tag", "-f", "prod-before"], self.source)
        self._before = self._running()["taskDefinition"]
        self._site_before = self._production()

    def _deploy_site(self) -> None:
        """Guide 2.1: straight to production, then look whether it answers."""
        website = self.source / self.settings.source.website_directory
        files = files_of(website / self.settings.build.output_directory)
        for file in files:
            self._upload(file)
        made = self._ask("POST", "/v13/deployments", json=_deployment(self.settings, files))
        self._until(lambda: self._production() == made["id"])
        httpx.get(self.settings.site.url).raise_for_status()

    def _deploy_api(self) -> None:
        """Guide 3.1 to 3.4: a task definition, the service on it, and the matcher that is called a canary."""
        ecs, before = self._aws("ecs"), self._before
        ecr = self._aws("ecr")
        named = {"repositoryName": self.settings.service.repository, "imageIds": [{"imageTag": self.version}]}
        image = ecr.batch_get_image(**named)["images"][0]["imageId"]["imageDigest"]
        definition = ecs.describe_task_definition(taskDefinition=before)["taskDefinition"]
        container = definition["containerDefinitions"][0]
        container["image"] = f"{container['image'].partition('@')[0]}@{image}"
        fields = ("family", "networkMode", "requiresCompatibilities", "cpu", "memory", "containerDefinitions")
        kept = {name: definition[name] for name in (*fields, "executionRoleArn", "taskRoleArn") if name in definition}
        arn = ecs.register_task_definition(**kept)["taskDefinition"]["taskDefinitionArn"]
        self.commands += 3
        self._serve(arn)
        target_group = self.settings.sides[self.side].target_group_arn
        self._aws("elbv2").modify_target_group(TargetGroupArn=target_group, Matcher={"HttpCode": "200-399"})

    def _watch(self) -> bool:
        """Guide 3.4: fifteen minutes with CloudWatch, each read as soon as its numbers are there."""
        began_s = time.time()
        try:
            for minute in range(MINUTES_A_WATCH):
                start = int(began_s) + minute
                while time.time() < start + 1 + FINAL_AFTER_S:
                    pause(0.1)
                if (self._counts(start).rate("failed") or 0) > LIMIT_RATE:
                    return False
            return True
        finally:
            self.watched_s += time.time() - began_s

    def _migrate(self) -> None:
        """Guide 4.3: the migration, after all traffic has met the new version."""
        backend = self.source / self.settings.source.backend_directory
        environment = {"DATABASE_URL": self._database()}
        for command in (self.settings.migration.install, ["npm", "run", "db:migrate"], ["npm", "run", "db:status"]):
            self._run(command, backend, environment)

    def _verify(self) -> None:
        """Guide 5.1 and 5.4: health of the site and of the API, then one user's way through it."""
        prefix = f"{self.settings.load_balancer.url}{self.settings.journey.api_prefix}"
        httpx.get(self.settings.site.url).raise_for_status()
        httpx.get(f"{prefix}/health").raise_for_status()
        account = {"email": f"guide-{self.version}@greenflow.dev", "password": "TestPassword123!", "role": "SHIPPER"}
        httpx.post(f"{prefix}/auth/register", json=account).raise_for_status()
        told = httpx.post(f"{prefix}/auth/login", json=account).raise_for_status().json()
        bid = {"origin": "Seoul", "destination": "Busan", "cargoWeight": 10}
        bearer = {"Authorization": f"Bearer {told['token']}"}
        httpx.post(f"{prefix}/order/bid", json=bid, headers=bearer).raise_for_status()
        self.commands += 5

    def _roll_back(self) -> None:
        """Guide, emergency rollback: the service first, then the site."""
        self._serve(self._before)
        self._ask("POST", f"/v9/projects/{self.settings.site.project_id}/rollback/{self._site_before}")
        self._until(lambda: self._production() == self._site_before)

    def _serve(self, task_definition: str) -> None:
        """Move the one service and wait until ECS calls it stable."""
        self.commands += 2
        self._aws("ecs").update_service(
            cluster=self.settings.service.cluster,
            service=self._service,
            taskDefinition=task_definition,
            forceNewDeployment=True,
        )
        self._until(lambda: len(self._running()["deployments"]) == 1)

    def _running(self) -> dict[str, Any]:
        asked = {"cluster": self.settings.service.cluster, "services": [self._service]}
        found: dict[str, Any] = self._aws("ecs").describe_services(**asked)["services"][0]
        return found

    def _counts(self, start: int) -> Counts:
        arn = self.settings.sides[self.side].target_group_arn
        return count_side(read_series(self.settings, count_queries(arn), Span(start, start + 1, 1)), arn, start)

    def _production(self) -> str:
        project = self._ask("GET", f"/v9/projects/{self.settings.site.project_id}")
        return str(((project.get("targets") or {}).get("production") or {}).get("id") or "")

    def _upload(self, file: SiteFile) -> None:
        headers = {"x-vercel-digest": file.sha1, "content-type": "application/octet-stream"}
        self._ask("POST", "/v2/files", content=file.path.read_bytes(), headers=headers)

    def _ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        self.commands += method != "GET" and "files" not in path
        answer = self._vercel.request(method, path, **options).raise_for_status()
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found

    def _secret(self, reference: str) -> str:
        name = reference.removeprefix("secretsmanager:")
        return str(self._aws("secretsmanager").get_secret_value(SecretId=name)["SecretString"])

    def _database(self) -> str:
        return self._secret(self.settings.database.url)

    def _aws(self, service: str) -> Any:
        where = {"endpoint_url": self.settings.aws.endpoint_url, "region_name": self.settings.aws.region}
        return boto3.client(service, **where)  # type: ignore[call-overload]

    def _run(self, argv: Sequence[str], folder: Path | None = None, environment: dict[str, str] | None = None) -> None:
        self.commands += 1
        path = os.pathsep.join((*self.settings.build.path, os.environ.get("PATH", "")))
        program = shutil.which(argv[0], path=path) or argv[0]
        subprocess.run(
            [program, *argv[1:]],
            check=True,
            cwd=folder,
            env={**os.environ, "PATH": path, **(environment or {})},
            stdout=subprocess.DEVNULL,
        )

    def _until(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + self.settings.service.deadline_s
        while not is_so():
            if time.monotonic() > deadline:
                msg = "the guide's script waited in vain"
                raise TimeoutError(msg)
            pause(POLL_S)


def _deployment(settings: Settings, files: Sequence[SiteFile]) -> dict[str, Any]:
    built = dict.fromkeys(("framework", "buildCommand", "installCommand", "outputDirectory"))
    return {
        "name": "greenflow",
        "project": settings.site.project_id,
        "target": "production",
        "files": [file.document for file in files],
        "projectSettings": built,
    }


def main(arguments: list[str] | None = None) -> int:
    """Release a version to the twin; the last line says how long somebody watched and how much was typed."""
    parser = argparse.ArgumentParser(prog="python -m deployments.bench.release.guide_script", description=__doc__)
    parser.add_argument("--version", required=True)
    parser.add_argument("--side", required=True, type=Side)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="greenflow-guide-") as folder:
        script = Script(load_settings("rehearsal"), given.version, given.side, Path(folder))
        shipped = script.release()
    sys.stdout.write(f"{script.watched_s:.3f} {script.commands}\n")
    return 0 if shipped else ROLLED_BACK


if __name__ == "__main__":
    sys.exit(main())
